// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../../interfaces/ICreditScoringOracle.sol";
import {TypedData} from "../../libraries/TypedData.sol";
import {vm} from "../Vm.sol";
import {Books} from "./Books.sol";

/// @notice Scores, terms, escrow and the payout.
abstract contract Origination is Books {
    uint256 internal constant SUBJECTS = 3;

    function publishScore(uint256 subject, uint256 points) external {
        _begin();
        bytes32 about = _subject(subject);
        ICreditScoringOracle.Score memory score = ICreditScoringOracle.Score({
            score: uint16(300 + points % 551),
            issuedAt: uint40(block.timestamp),
            expiresAt: uint40(block.timestamp + 30 days),
            modelVersion: 1
        });
        bytes32 structHash = keccak256(
            abi.encode(TypedData.SCORE_TYPE, about, score.score, score.issuedAt, score.expiresAt, score.modelVersion)
        );
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = signed(SCORE_KEY, "CreditScoringOracle", address(oracle), structHash);
        oracle.publish(about, score, signatures);
        scoredAt[about] = score.issuedAt;
    }

    function originateLoan(uint256 kind, uint256 size) external {
        _begin();
        _awake();
        if (ids.length == MAX_LOANS) vm.assume(false);
        bytes32 loanId = keccak256(abi.encode("loan", ids.length));
        ICreditAggregator.Terms memory terms = _terms(kind % 6, size);
        terms.agreementHash = loanId;
        bytes memory lenderSignature = terms.lender == address(0) ? bytes("") : offer(loanId, terms);
        bytes[] memory signatures = approvals(loanId, terms);
        vm.prank(operator);
        aggregator.originate(loanId, terms, lenderSignature, signatures);

        ids.push(_touch(loanId));
        _open(loanId, terms);
        _enter(loanId, ICreditAggregator.State.Originated);
    }

    function fundLoan(uint256 pick) external {
        _begin();
        _awake();
        bytes32 loanId = _choose(pick, _isFundable);
        Book storage entry = _books[loanId];
        fund(loanId);

        entry.repaid = 0;
        if (entry.secured && manager.debtValue(loanId) > manager.maxBorrow(loanId)) ++uncovered;
        if (entry.onChainFunds) lenderEscrow -= entry.principal;
        _write(loanId, ICreditAggregator.State.Active);
    }

    function depositEscrow(uint256 amount) external {
        _begin();
        amount = 1 + amount % 200_000e6;
        give(usdc, lender, amount, address(aggregator));
        vm.prank(lender);
        aggregator.depositEscrow(address(usdc), amount);
        lenderEscrow += amount;
    }

    function withdrawEscrow(uint256 amount) external {
        _begin();
        _awake();
        if (lenderEscrow == 0) vm.assume(false);
        amount = 1 + amount % lenderEscrow;
        if (amount > 50_000e6) amount = 50_000e6; // or no loan would be funded for long
        uint256 before = usdc.balanceOf(stranger);
        vm.prank(lender);
        aggregator.withdrawEscrow(address(usdc), amount, stranger);
        lenderEscrow -= amount;
        vm.assertEq(usdc.balanceOf(stranger) - before, amount, "escrow was paid out whole");
    }

    // ------------------------------------------------------------------------------------------------------- the world

    /// @dev Each action has a block of its own, or the guard against deposit and use in one block would refuse it.
    function _begin() internal {
        nextBlock();
        touched = bytes32(0);
    }

    /// @dev A pause lasts until something is wanted that it forbids.
    function _awake() internal {
        if (!aggregator.paused()) return;
        vm.startPrank(admin);
        aggregator.unpause();
        manager.unpause();
        vm.stopPrank();
    }

    function _subject(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("subject", number % SUBJECTS));
    }

    /// @dev Over a rail (0), with tokens (1), over a rail with collateral (2), with tokens and collateral (3 to 5).
    function _terms(uint256 kind, uint256 size) private view returns (ICreditAggregator.Terms memory terms) {
        uint128 whole = uint128(500 + size % 40_000);
        if (size % 7 == 0) whole += 230_000; // of three approvals
        terms = termsOf(kind == 0 ? USD : address(usdc), kind == 0 ? whole * 1e2 : whole * 1e6, kind >= 2);
        terms.onChainFunds = kind == 1 || kind > 2;
        if (!terms.onChainFunds) terms.lender = address(0);
        if (kind == 0) terms.borrower = address(0);
        terms.subject = _subject(size);
        terms.minScore = scoredAt[terms.subject] + 30 days > block.timestamp ? oracle.latest(terms.subject).score : 0;
    }

    function _open(bytes32 loanId, ICreditAggregator.Terms memory terms) private {
        Book storage entry = _books[loanId];
        entry.onChainFunds = terms.onChainFunds;
        entry.secured = terms.secured;
        entry.lender = terms.lender;
        entry.asset = terms.onChainFunds || terms.secured ? terms.asset : address(0);
        entry.principal = terms.principal;
        entry.repaid = terms.principal; // nothing is owed before the payout
        entry.cap = uint256(terms.principal) * terms.interestCapBps / 10_000;
        entry.identity = identityOf(loanId);
    }

    function identityOf(bytes32 loanId) public view returns (bytes32) {
        ICreditAggregator.Loan memory loan = aggregator.loan(loanId);
        return keccak256(
            abi.encode(loan.termsHash, loan.borrower, loan.lender, loan.asset, loan.onChainFunds, loan.secured)
        );
    }

    function _isFundable(bytes32 loanId) private view returns (bool) {
        Book storage entry = _books[loanId];
        if (entry.state != ICreditAggregator.State.Originated) return false;
        if (entry.onChainFunds && lenderEscrow < entry.principal) return false;
        return !entry.secured || manager.debtValue(loanId) <= manager.maxBorrow(loanId);
    }
}
