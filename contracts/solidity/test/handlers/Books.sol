// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../../mocks/MockERC20.sol";
import {Fixture} from "../Fixture.sol";
import {vm} from "../Vm.sol";

/// @notice What should be true of every loan, kept beside the contracts and without asking them: each action that
/// succeeds is entered here by the rules of the interface, and the invariants compare.
abstract contract Books is Fixture {
    struct Book {
        ICreditAggregator.State state;
        uint24 writes; // that were accepted
        bool onChainFunds;
        bool secured;
        bool reopened; // by a reversal that left principal as it was
        address lender;
        address asset;
        uint128 principal;
        uint128 repaid;
        uint128 forgiven;
        uint128 credit;
        uint256 interest;
        uint256 interestDue;
        uint256 cap;
        uint40 cureBy;
        bytes32 identity; // what no write may change
    }

    uint256 internal constant MAX_LOANS = 8;

    bytes32[] public ids;
    bytes32 public touched; // by the last action
    mapping(bytes32 loanId => Book) internal _books;
    mapping(bytes32 loanId => mapping(address token => uint256)) public pledged;
    mapping(bytes32 loanId => bytes32) public seen; // digest of the record after the last write to it

    uint256 public lenderEscrow;
    uint256 public treasuryEscrow;
    uint256 public credits; // of all loans
    uint256 public fees; // of auctions
    uint256 public proceeds; // of auctions
    uint256 public shared; // of them: to lenders and treasury
    uint256 public surplus; // of them: to borrowers
    uint256 public strayEdges;
    uint256 public uncovered; // withdrawals and payouts that left a loan without cover
    mapping(address token => uint256) public pledges; // of all loans
    mapping(address token => uint256) public taken; // by buyers
    mapping(address token => uint256) public returned; // to borrowers
    mapping(address token => uint256) public brought; // by borrowers
    mapping(bytes32 subject => uint40) public scoredAt;

    function loans() external view returns (uint256) {
        return ids.length;
    }

    function book(bytes32 loanId) external view returns (Book memory) {
        return _books[loanId];
    }

    function tokens() public view returns (MockERC20[3] memory) {
        return [weth, wbtc, usdc];
    }

    // ------------------------------------------------------------------------------------------------ choosing a loan

    /// @dev The first loan from a random one on that the action can be done to; none: the call does not count.
    function _choose(uint256 seed, function(bytes32) view returns (bool) fits) internal returns (bytes32 loanId) {
        uint256 count = ids.length;
        for (uint256 i = 0; i < count; ++i) {
            loanId = ids[(seed % count + i) % count];
            if (fits(loanId)) return _touch(loanId);
        }
        vm.assume(false);
    }

    function _touch(bytes32 loanId) internal returns (bytes32) {
        touched = loanId;
        return loanId;
    }

    function _isServiced(bytes32 loanId) internal view returns (bool) {
        ICreditAggregator.State state = _books[loanId].state;
        return state == ICreditAggregator.State.Active || state == ICreditAggregator.State.Delinquent
            || state == ICreditAggregator.State.Defaulted;
    }

    function _isOwing(bytes32 loanId) internal view returns (bool) {
        return _isServiced(loanId) && _outstanding(loanId) > 0;
    }

    function _isLiquidating(bytes32 loanId) internal view returns (bool) {
        return _books[loanId].state == ICreditAggregator.State.Liquidating;
    }

    function _isAny(bytes32) internal pure returns (bool) {
        return true;
    }

    function _outstanding(bytes32 loanId) internal view returns (uint128) {
        Book storage entry = _books[loanId];
        return entry.principal - entry.repaid - entry.forgiven;
    }

    function _interestLeft(bytes32 loanId) internal view returns (uint256) {
        return _books[loanId].cap - _books[loanId].interest;
    }

    function _debt(bytes32 loanId) internal view returns (uint256) {
        return _outstanding(loanId) + _books[loanId].interestDue;
    }

    // ------------------------------------------------------------------------------------------------------- entering

    /// @dev A write that was accepted, and where it has taken the loan.
    function _write(bytes32 loanId, ICreditAggregator.State to) internal {
        _books[loanId].writes += 1;
        _enter(loanId, to);
    }

    function _enter(bytes32 loanId, ICreditAggregator.State to) internal {
        ICreditAggregator.State from = _books[loanId].state;
        if (from != to && !mayFollow(from, to)) ++strayEdges;
        _books[loanId].state = to;
        seen[loanId] = digest(loanId);
    }

    function digest(bytes32 loanId) public view returns (bytes32) {
        return keccak256(abi.encode(aggregator.loan(loanId), aggregator.creditOf(loanId)));
    }

    /// @notice The table of the interface, written down a second time.
    function mayFollow(ICreditAggregator.State from, ICreditAggregator.State to) public pure returns (bool) {
        // A bit for each state, from None on: Originated 2, Active 4, Delinquent 8, Defaulted 16, Liquidating 32,
        // Closed 64, WrittenOff 128, Cancelled 256.
        uint16[9] memory edges = [
            2, // None
            4 + 256, // Originated
            8 + 32 + 64 + 128 + 256, // Active
            4 + 16 + 32 + 64 + 128 + 256, // Delinquent
            4 + 32 + 64 + 128, // Defaulted
            16 + 64 + 128, // Liquidating
            4, // Closed
            4, // WrittenOff
            0 // Cancelled
        ];
        return edges[uint256(from)] & (uint256(1) << uint256(to)) != 0;
    }

    function _credit(bytes32 loanId, uint256 amount) internal {
        _books[loanId].credit += uint128(amount);
        credits += amount;
    }

    function _use(bytes32 loanId, uint256 amount) internal {
        _books[loanId].credit -= uint128(amount);
        credits -= amount;
    }

    function _pledge(bytes32 loanId, address token, uint256 amount) internal {
        pledged[loanId][token] += amount;
        pledges[token] += amount;
    }

    function _unpledge(bytes32 loanId, address token, uint256 amount) internal {
        pledged[loanId][token] -= amount;
        pledges[token] -= amount;
    }

    function _earn(address lender_, uint256 amount) internal {
        if (lender_ == address(0)) treasuryEscrow += amount;
        else lenderEscrow += amount;
    }
}
