// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {TypedData} from "../../libraries/TypedData.sol";
import {vm} from "../Vm.sol";
import {Origination} from "./Origination.sol";

/// @notice What the ledger tells the chain of a loan that was paid out, and what payers do.
abstract contract Servicing is Origination {
    function repayLoan(uint256 pick, uint256 principal, uint256 interest) external {
        _begin();
        bytes32 loanId = _choose(pick, _isRepayable);
        Book storage entry = _books[loanId];
        uint128 owed = _outstanding(loanId);
        bool late = entry.state == ICreditAggregator.State.Closed;
        principal = late ? 0 : principal % 8 == 0 ? owed : principal % (uint256(owed) + 1);
        interest = interest % (_interestLeft(loanId) / 4 + 1);
        if (principal + interest == 0) vm.assume(false);
        _repay(loanId, uint128(principal), uint96(interest));

        entry.repaid += uint128(principal);
        entry.interest += interest;
        entry.reopened = false;
        if (entry.onChainFunds) {
            uint256 fromCredit = entry.credit < principal + interest ? entry.credit : principal + interest;
            _use(loanId, fromCredit);
            lenderEscrow += principal + interest;
        }
        _write(loanId, _outstanding(loanId) == 0 ? ICreditAggregator.State.Closed : entry.state);
    }

    function reverseLoan(uint256 pick, uint256 principal, uint256 interest) external {
        _begin();
        bytes32 loanId = _choose(pick, _isReversible);
        Book storage entry = _books[loanId];
        principal = principal % (uint256(entry.repaid) + 1);
        interest = interest % (entry.interest + 1);
        if (principal + interest == 0) vm.assume(false);
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.reverseRepayment(loanId, OP, seq, uint128(principal), uint96(interest));

        entry.repaid -= uint128(principal);
        entry.interest -= interest;
        bool closed = entry.state == ICreditAggregator.State.Closed;
        if (closed) entry.reopened = true;
        _write(loanId, closed ? ICreditAggregator.State.Active : entry.state);
    }

    function forgiveLoan(uint256 pick, uint256 principal) external {
        _begin();
        bytes32 loanId = _choose(pick, _isOwing);
        Book storage entry = _books[loanId];
        uint128 owed = _outstanding(loanId);
        principal = principal % 16 == 0 ? owed : 1 + principal % owed;
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.forgive(loanId, OP, seq, uint128(principal), REASON);

        entry.forgiven += uint128(principal);
        _write(loanId, _outstanding(loanId) == 0 ? ICreditAggregator.State.Closed : entry.state);
    }

    function moveLoan(uint256 pick, uint256 to) external {
        _begin();
        bytes32 loanId = _choose(pick, _isMovable);
        ICreditAggregator.State next_ = _wordFor(loanId, to);
        if (_books[loanId].state == ICreditAggregator.State.Originated && to % 8 != 0) vm.assume(false);
        move(loanId, next_);

        Book storage entry = _books[loanId];
        if (next_ == ICreditAggregator.State.Cancelled) entry.repaid = entry.principal; // the payout came back whole
        _write(loanId, next_);
    }

    function writeOffLoan(uint256 pick) external {
        _begin();
        if (pick % 4 != 0) vm.assume(false); // it ends a loan's way: not too often
        bytes32 loanId = _choose(pick, _isLosable);
        Book storage entry = _books[loanId];
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.writeOff(loanId, OP, seq, REASON);

        entry.interestDue = 0;
        _write(loanId, ICreditAggregator.State.WrittenOff);
    }

    function restructureLoan(uint256 pick, uint256 capitalized, uint256 cap) external {
        _begin();
        bytes32 loanId = _choose(pick, _isServiced);
        Book storage entry = _books[loanId];
        uint16 capBps = uint16(5_000 + cap % 5_000);
        uint128 principal = entry.principal + uint128(capitalized % (entry.principal / 10 + 1));
        // A cap below what was paid is possible and would only stop interest; the books keep to caps that leave room.
        if (uint256(principal) * capBps / 10_000 < entry.interest) vm.assume(false);
        ICreditAggregator.NewTerms memory terms = ICreditAggregator.NewTerms({
            agreementHash: keccak256(abi.encode(loanId, entry.writes)),
            capitalized: principal - entry.principal,
            aprBps: 900,
            interestCapBps: capBps,
            maturity: uint40(block.timestamp + 700 days),
            signedUntil: uint40(block.timestamp + 1 hours)
        });
        _restructure(loanId, terms);

        entry.principal = principal;
        entry.cap = uint256(principal) * capBps / 10_000;
        _write(loanId, entry.state);
    }

    function payLoan(uint256 pick, uint256 amount) external {
        _begin();
        bytes32 loanId = _choose(pick, _isPayable);
        amount = 1 + amount % 20_000e6;
        give(usdc, stranger, amount, address(aggregator));
        vm.prank(stranger);
        aggregator.pay(loanId, uint128(amount));

        _credit(loanId, amount);
        _enter(loanId, _books[loanId].state);
    }

    function returnCredit(uint256 pick) external {
        _begin();
        bytes32 loanId = _choose(pick, _isCredited);
        Book storage entry = _books[loanId];
        uint256 before = usdc.balanceOf(borrower);
        vm.prank(stranger);
        aggregator.returnCredit(loanId);

        vm.assertEq(usdc.balanceOf(borrower) - before, entry.credit, "credit went back whole, to the borrower");
        _use(loanId, entry.credit);
        _enter(loanId, entry.state);
    }

    // -------------------------------------------------------------------------------------------------------- deciding

    function _isRepayable(bytes32 loanId) private view returns (bool) {
        return _isServiced(loanId)
            || (_books[loanId].state == ICreditAggregator.State.Closed && _interestLeft(loanId) > 0);
    }

    function _isReversible(bytes32 loanId) private view returns (bool) {
        Book storage entry = _books[loanId];
        if (entry.onChainFunds || entry.repaid + entry.interest == 0) return false;
        return _isServiced(loanId) || entry.state == ICreditAggregator.State.Closed
            || entry.state == ICreditAggregator.State.WrittenOff;
    }

    function _isMovable(bytes32 loanId) private view returns (bool) {
        return _isServiced(loanId) || _books[loanId].state == ICreditAggregator.State.Originated
            || _books[loanId].state == ICreditAggregator.State.WrittenOff;
    }

    function _isLosable(bytes32 loanId) private view returns (bool) {
        if (!_isLiquidating(loanId)) return _isServiced(loanId);
        (, uint40 endsAt) = manager.auctionOf(loanId);
        return block.timestamp > endsAt;
    }

    function _isPayable(bytes32 loanId) private view returns (bool) {
        if (!_books[loanId].onChainFunds) return false;
        return _isServiced(loanId) || _isLiquidating(loanId)
            || _books[loanId].state == ICreditAggregator.State.WrittenOff;
    }

    function _isCredited(bytes32 loanId) private view returns (bool) {
        ICreditAggregator.State state = _books[loanId].state;
        return (state == ICreditAggregator.State.Closed || state == ICreditAggregator.State.Cancelled)
            && _books[loanId].credit > 0;
    }

    /// @dev What may be said of a loan, weighted towards what keeps it alive.
    function _wordFor(bytes32 loanId, uint256 to) private view returns (ICreditAggregator.State) {
        Book storage entry = _books[loanId];
        bool untouched = entry.repaid + entry.forgiven == 0 && entry.interest == 0;
        if (entry.state == ICreditAggregator.State.Originated) return ICreditAggregator.State.Cancelled;
        if (entry.state == ICreditAggregator.State.Defaulted || entry.state == ICreditAggregator.State.WrittenOff) {
            return ICreditAggregator.State.Active;
        }
        if (to % 8 == 0 && untouched && !entry.onChainFunds) return ICreditAggregator.State.Cancelled;
        if (entry.state == ICreditAggregator.State.Active) return ICreditAggregator.State.Delinquent;
        return to % 2 == 0 ? ICreditAggregator.State.Active : ICreditAggregator.State.Defaulted;
    }

    function _repay(bytes32 loanId, uint128 principal, uint96 interest) private {
        Book storage entry = _books[loanId];
        uint256 amount = uint256(principal) + interest;
        if (entry.onChainFunds && amount > entry.credit) {
            give(usdc, operator, amount - entry.credit, address(aggregator));
        }
        uint24 seq = next(loanId);
        vm.prank(operator);
        aggregator.repay(loanId, OP, seq, principal, interest);
    }

    function _restructure(bytes32 loanId, ICreditAggregator.NewTerms memory terms) private {
        Book storage entry = _books[loanId];
        uint24 seq = next(loanId);
        bytes32 structHash =
            keccak256(abi.encode(TypedData.RESTRUCTURING_TYPE, loanId, seq, _hashOf(terms)));
        bytes memory byLender =
            entry.lender == address(0) ? bytes("") : signed(LENDER_KEY, "CreditAggregator", address(aggregator), structHash);
        bytes memory byBorrower =
            entry.onChainFunds ? signed(BORROWER_KEY, "CreditAggregator", address(aggregator), structHash) : bytes("");
        vm.prank(operator);
        aggregator.restructure(loanId, OP, seq, terms, byBorrower, byLender);
    }

    function _hashOf(ICreditAggregator.NewTerms memory terms) private pure returns (bytes32) {
        return keccak256(abi.encode(TypedData.NEW_TERMS_TYPE, terms));
    }
}
