// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {MockFeeERC20} from "../mocks/MockFeeERC20.sol";
import {MockReentrantERC20} from "../mocks/MockReentrantERC20.sol";
import {FakeCollateral} from "./FakeCollateral.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title Money: what is owed, what moves, who may move it, and what is refused
contract CreditAggregatorMoneyTest is LoanCase {
    // --------------------------------------------------------------------------------------------------- every write

    function test_LoanUnknown_when_there_is_no_such_loan() public {
        bytes memory refusal = abi.encodeWithSelector(ICreditAggregator.LoanUnknown.selector, LOAN);

        bytes[] memory writes = _writes(1);
        for (uint256 i = 0; i < writes.length; ++i) {
            _refuses(writes[i], refusal);
        }
        _refuses(abi.encodeCall(aggregator.pay, (LOAN, 1)), refusal);
        _refuses(abi.encodeCall(aggregator.returnCredit, (LOAN)), refusal);
    }

    function test_BadSequence_when_a_write_is_not_the_next() public {
        _start(LOAN, _securedTerms());
        uint24[4] memory wrong = [0, 1, 3, type(uint24).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes[] memory writes = _writes(wrong[i]);
            bytes memory refusal =
                abi.encodeWithSelector(ICreditAggregator.BadSequence.selector, LOAN, wrong[i], uint24(1));
            for (uint256 j = 0; j < writes.length; ++j) {
                _refuses(writes[j], refusal);
            }
        }
    }

    function test_a_write_is_the_operators() public {
        _start(LOAN, _securedTerms());
        bytes memory refusal = _unauthorized(STRANGER, aggregator.OPERATOR_ROLE());
        ICreditAggregator.Terms memory terms = _railTerms();

        bytes[] memory writes = _writes(2);
        for (uint256 i = 0; i < writes.length; ++i) {
            _refusesFrom(STRANGER, writes[i], refusal);
        }
        _refusesFrom(
            STRANGER,
            abi.encodeCall(aggregator.originate, (keccak256("new"), terms, "", _approvals(LOAN, terms, 1))),
            refusal
        );
    }

    function test_a_pause_stops_what_puts_money_at_risk() public {
        bytes32 second = keccak256("a second loan");
        _originate(LOAN, _securedTerms());
        _start(second, _securedTerms());
        _fillEscrow(1);
        vm.prank(PAUSER);
        aggregator.pause();
        bytes memory refusal = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        ICreditAggregator.Terms memory terms = _railTerms();

        _refuses(abi.encodeCall(aggregator.originate, (OP, terms, "", _approvals(OP, terms, 1))), refusal);
        _refuses(abi.encodeCall(aggregator.fund, (LOAN, OP, 1)), refusal);
        _refuses(abi.encodeCall(aggregator.startLiquidation, (second, OP, 2, 0)), refusal);
        _refusesFrom(lender, abi.encodeCall(aggregator.withdrawEscrow, (address(token), 1, lender)), refusal);
    }

    function test_a_pause_leaves_paying_and_bookkeeping_open() public {
        _start(LOAN, _tokenTerms());
        _start(OP, _railTerms());
        token.mint(address(this), 1_000);
        vm.prank(PAUSER);
        aggregator.pause();

        aggregator.pay(LOAN, 100);
        aggregator.repay(LOAN, OP, 2, 500, 0);
        aggregator.depositEscrow(address(token), 100);
        aggregator.repay(OP, OP, 2, 10, 0);
        aggregator.reverseRepayment(OP, OP, 3, 10, 0);
        aggregator.forgive(OP, OP, 4, 10, REASON);
        aggregator.restructure(OP, OP, 5, _newTerms(), "", "");
        aggregator.transition(OP, OP, 6, ICreditAggregator.State.Delinquent, REASON);
        aggregator.writeOff(OP, OP, 7, REASON);

        vm.assertEq(_outstanding(LOAN), PRINCIPAL - 500);
        vm.assertTrue(aggregator.stateOf(OP) == ICreditAggregator.State.WrittenOff);
    }

    function test_pausing_is_quick_and_unpausing_is_the_admins() public {
        _refuses(abi.encodeCall(aggregator.pause, ()), _unauthorized(address(this), aggregator.PAUSER_ROLE()));
        vm.prank(PAUSER);
        aggregator.pause();
        _refusesFrom(
            PAUSER, abi.encodeCall(aggregator.unpause, ()), _unauthorized(PAUSER, aggregator.DEFAULT_ADMIN_ROLE())
        );

        aggregator.unpause();

        vm.assertFalse(aggregator.paused());
    }

    // --------------------------------------------------------------------------------------------------------- escrow

    function test_escrow_is_the_lenders_to_fill_and_to_empty() public {
        _fillEscrow(1_000);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), 1_000);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.EscrowWithdrawn(lender, address(token), STRANGER, 400);
        vm.prank(lender);
        aggregator.withdrawEscrow(address(token), 400, STRANGER);

        vm.assertEq(aggregator.escrowOf(lender, address(token)), 600);
        vm.assertEq(token.balanceOf(STRANGER), 400);
        vm.assertEq(token.balanceOf(address(aggregator)), 600);
    }

    function test_EscrowTooLow_when_more_is_withdrawn_than_there_is() public {
        _fillEscrow(1_000);

        _refusesFrom(
            lender,
            abi.encodeCall(aggregator.withdrawEscrow, (address(token), 1_001, lender)),
            abi.encodeWithSelector(ICreditAggregator.EscrowTooLow.selector, lender, address(token), 1_001, 1_000)
        );
    }

    function test_EscrowTooLow_when_the_lender_cannot_fund() public {
        _originate(LOAN, _tokenTerms());
        _fillEscrow(PRINCIPAL - 1);

        _refuses(
            abi.encodeCall(aggregator.fund, (LOAN, OP, 1)),
            abi.encodeWithSelector(
                ICreditAggregator.EscrowTooLow.selector, lender, address(token), PRINCIPAL, PRINCIPAL - 1
            )
        );
    }

    function test_AmountZero_when_nothing_moves() public {
        _start(LOAN, _tokenTerms());
        _start(OP, _railTerms());
        bytes memory refusal = abi.encodeWithSelector(ICreditAggregator.AmountZero.selector);

        _refuses(abi.encodeCall(aggregator.depositEscrow, (address(token), 0)), refusal);
        _refuses(abi.encodeCall(aggregator.withdrawEscrow, (address(token), 0, lender)), refusal);
        _refuses(abi.encodeCall(aggregator.pay, (LOAN, 0)), refusal);
        _refuses(abi.encodeCall(aggregator.repay, (LOAN, OP, 2, 0, 0)), refusal);
        _refuses(abi.encodeCall(aggregator.reverseRepayment, (OP, OP, 2, 0, 0)), refusal);
        _refuses(abi.encodeCall(aggregator.forgive, (LOAN, OP, 2, 0, REASON)), refusal);
        _refusesFrom(address(collateral), abi.encodeCall(aggregator.auctionProceeds, (LOAN, 0)), refusal);
    }

    function test_ZeroAddress_when_escrow_would_go_to_nobody() public {
        _refuses(
            abi.encodeCall(aggregator.withdrawEscrow, (address(token), 1, address(0))),
            abi.encodeWithSelector(ICreditAggregator.ZeroAddress.selector)
        );
    }

    function test_AssetNotSupported_when_escrow_comes_in_an_unknown_token() public {
        MockERC20 other = new MockERC20("Other", "OTH", 18);

        _refuses(
            abi.encodeCall(aggregator.depositEscrow, (address(other), 1)),
            abi.encodeWithSelector(ICreditAggregator.AssetNotSupported.selector, address(other))
        );
    }

    function test_AssetNotSupported_when_a_token_keeps_a_part_of_what_is_sent() public {
        MockFeeERC20 greedy = new MockFeeERC20("Greedy", "GRD", 6, 100);
        aggregator.setAsset(address(greedy), ICreditAggregator.AssetConfig(1, 2, true));
        greedy.mint(address(this), 1_000);
        greedy.approve(address(aggregator), 1_000);

        _refuses(
            abi.encodeCall(aggregator.depositEscrow, (address(greedy), 1_000)),
            abi.encodeWithSelector(ICreditAggregator.AssetNotSupported.selector, address(greedy))
        );
        vm.assertEq(aggregator.escrowOf(address(this), address(greedy)), 0);
    }

    function test_a_token_that_calls_back_gets_nothing_twice() public {
        MockReentrantERC20 hostile = new MockReentrantERC20("Hostile", "HST", 6);
        aggregator.setAsset(address(hostile), ICreditAggregator.AssetConfig(1, 2, true));
        hostile.mint(address(this), 1_000);
        hostile.approve(address(aggregator), 1_000);
        aggregator.depositEscrow(address(hostile), 1_000);
        hostile.attack(address(aggregator), abi.encodeCall(aggregator.withdrawEscrow, (address(hostile), 1, STRANGER)));

        aggregator.withdrawEscrow(address(hostile), 600, address(this));

        vm.assertFalse(hostile.succeeded());
        vm.assertEq(
            hostile.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        vm.assertEq(hostile.balanceOf(address(aggregator)), 400);
    }

    // -------------------------------------------------------------------------------------------------------- outflow

    function test_without_a_limit_anything_may_leave() public view {
        vm.assertEq(aggregator.outflowAvailable(address(token)), type(uint256).max);
    }

    function test_withdrawals_and_payouts_count_against_one_limit() public {
        aggregator.limitOutflow(address(token), PRINCIPAL + 10, 1 hours);
        _start(LOAN, _tokenTerms());
        _fillEscrow(100);
        vm.assertEq(aggregator.outflowAvailable(address(token)), 10);

        _refusesFrom(
            lender,
            abi.encodeCall(aggregator.withdrawEscrow, (address(token), 11, lender)),
            abi.encodeWithSelector(RateLimiter.RateLimitExceeded.selector)
        );
        vm.prank(lender);
        aggregator.withdrawEscrow(address(token), 10, lender);

        vm.warp(NOW + 1 hours);
        vm.assertEq(aggregator.outflowAvailable(address(token)), PRINCIPAL + 10);
    }

    function test_a_limit_is_lifted_by_a_window_of_zero() public {
        aggregator.limitOutflow(address(token), 1, 1 hours);
        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.OutflowLimited(address(token), 0, 0);
        aggregator.limitOutflow(address(token), 0, 0);

        _start(LOAN, _tokenTerms());

        vm.assertEq(token.balanceOf(borrower), PRINCIPAL);
    }

    function test_a_new_limit_remembers_what_has_left() public {
        aggregator.limitOutflow(address(token), PRINCIPAL, 1 hours);
        _start(LOAN, _tokenTerms());
        vm.warp(NOW + 30 minutes);

        aggregator.limitOutflow(address(token), PRINCIPAL, 1_000 hours);

        vm.assertEq(aggregator.outflowAvailable(address(token)), PRINCIPAL / 2);
    }

    function test_a_limit_is_the_admins() public {
        _refusesFrom(
            STRANGER,
            abi.encodeCall(aggregator.limitOutflow, (address(token), 1, 1)),
            _unauthorized(STRANGER, aggregator.DEFAULT_ADMIN_ROLE())
        );
    }

    // -------------------------------------------------------------------------------------------------------- funding

    function test_a_payout_over_a_rail_is_recorded_and_moves_nothing() public {
        _originate(LOAN, _railTerms());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Funded(LOAN, OP, 1, PRINCIPAL);
        aggregator.fund(LOAN, OP, 1);

        vm.assertEq(_outstanding(LOAN), PRINCIPAL);
    }

    function test_a_payout_in_tokens_goes_from_escrow_to_the_borrower() public {
        _originate(LOAN, _tokenTerms());
        _fillEscrow(PRINCIPAL + 7);

        aggregator.fund(LOAN, OP, 1);

        vm.assertEq(token.balanceOf(borrower), PRINCIPAL);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), 7);
        vm.assertEq(token.balanceOf(address(aggregator)), 7);
    }

    function test_CollateralTooLow_when_the_collateral_does_not_cover() public {
        _originate(LOAN, _securedTerms());
        collateral.setCovered(false);

        _refuses(
            abi.encodeCall(aggregator.fund, (LOAN, OP, 1)),
            abi.encodeWithSelector(ICreditAggregator.CollateralTooLow.selector, LOAN, PRINCIPAL, PRINCIPAL - 1)
        );
    }

    function test_the_collateral_manager_refuses_what_came_in_this_block() public {
        _originate(LOAN, _securedTerms());
        collateral.setSameBlock(true);

        _refuses(
            abi.encodeCall(aggregator.fund, (LOAN, OP, 1)),
            abi.encodeWithSelector(FakeCollateral.SameBlock.selector, LOAN)
        );
    }

    // ------------------------------------------------------------------------------------------------------ repayments

    function test_a_repayment_says_what_is_left() public {
        _start(LOAN, _railTerms());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Repaid(LOAN, OP, 2, 8_000, 1_000, PRINCIPAL - 8_000);
        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        vm.assertEq(_outstanding(LOAN), PRINCIPAL - 8_000);
        vm.assertEq(aggregator.loan(LOAN).interestPaid, 1_000);
    }

    function test_AmountExceedsOutstanding_when_more_is_repaid_or_forgiven_than_is_owed() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 40_000, 0);
        bytes memory refusal = abi.encodeWithSelector(
            ICreditAggregator.AmountExceedsOutstanding.selector, LOAN, uint128(60_001), uint128(60_000)
        );

        _refuses(abi.encodeCall(aggregator.repay, (LOAN, OP, 3, 60_001, 0)), refusal);
        _refuses(abi.encodeCall(aggregator.forgive, (LOAN, OP, 3, 60_001, REASON)), refusal);
    }

    function test_InterestAboveCap_when_more_than_the_share_of_the_principal_would_be_paid() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 0, 50_000);

        _refuses(
            abi.encodeCall(aggregator.repay, (LOAN, OP, 3, 1, 1)),
            abi.encodeWithSelector(ICreditAggregator.InterestAboveCap.selector, LOAN, 50_001, 50_000)
        );
        aggregator.repay(LOAN, OP, 3, 1, 0);
    }

    function test_a_cap_that_fell_below_what_was_paid_stops_no_principal() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 0, 50_000);
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        newTerms.interestCapBps = 1;
        aggregator.restructure(LOAN, OP, 3, newTerms, "", "");

        aggregator.repay(LOAN, OP, 4, PRINCIPAL + 1_000, 0);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Closed);
    }

    function test_a_repayment_in_tokens_becomes_the_lenders_escrow() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), 9_000);

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        vm.assertEq(aggregator.escrowOf(lender, address(token)), 9_000);
        vm.assertEq(token.balanceOf(address(this)), 0);
        vm.assertEq(token.balanceOf(address(aggregator)), 9_000);
    }

    function test_what_was_paid_before_is_used_first() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), 9_000);
        aggregator.pay(LOAN, 5_000);

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        vm.assertEq(aggregator.creditOf(LOAN), 0);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), 9_000);
        vm.assertEq(token.balanceOf(address(this)), 0);
    }

    function test_anybody_pays_towards_a_loan() public {
        _start(LOAN, _tokenTerms());
        token.mint(STRANGER, 300);
        vm.startPrank(STRANGER);
        token.approve(address(aggregator), 300);
        aggregator.pay(LOAN, 100);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Paid(LOAN, STRANGER, 200, 300);
        aggregator.pay(LOAN, 200);
        vm.stopPrank();

        vm.assertEq(aggregator.creditOf(LOAN), 300);
        vm.assertEq(_outstanding(LOAN), PRINCIPAL);
    }

    function test_a_payment_is_taken_for_every_loan_that_is_owed() public {
        token.mint(address(this), 10);
        _start(LOAN, _tokenTerms());
        aggregator.pay(LOAN, 1);
        aggregator.writeOff(LOAN, OP, 2, REASON);
        aggregator.pay(LOAN, 1);
        vm.assertEq(aggregator.creditOf(LOAN), 2);

        bytes32 secured = keccak256("secured");
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.secured = true;
        _start(secured, terms);
        aggregator.startLiquidation(secured, OP, 2, 0);
        aggregator.pay(secured, 1);
        vm.assertEq(aggregator.creditOf(secured), 1);
    }

    function test_BadState_when_a_payment_comes_before_the_payout_or_after_the_end() public {
        _originate(LOAN, _tokenTerms());
        _refuses(
            abi.encodeCall(aggregator.pay, (LOAN, 1)),
            abi.encodeWithSelector(ICreditAggregator.BadState.selector, LOAN, ICreditAggregator.State.Originated)
        );

        _fillEscrow(PRINCIPAL);
        aggregator.fund(LOAN, OP, 1);
        aggregator.forgive(LOAN, OP, 2, PRINCIPAL, REASON);
        _refuses(
            abi.encodeCall(aggregator.pay, (LOAN, 1)),
            abi.encodeWithSelector(ICreditAggregator.BadState.selector, LOAN, ICreditAggregator.State.Closed)
        );
    }

    function test_NotOnChainFunds_when_a_loan_over_a_rail_is_paid_here() public {
        _start(LOAN, _railTerms());

        _refuses(
            abi.encodeCall(aggregator.pay, (LOAN, 1)),
            abi.encodeWithSelector(ICreditAggregator.NotOnChainFunds.selector, LOAN)
        );
    }

    // ---------------------------------------------------------------------------------------------------------- credit

    function test_what_was_paid_too_much_goes_back_to_the_borrower() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), PRINCIPAL + 500);
        aggregator.pay(LOAN, PRINCIPAL + 500);
        aggregator.repay(LOAN, OP, 2, PRINCIPAL, 100);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.CreditReturned(LOAN, borrower, 400);
        vm.prank(STRANGER);
        aggregator.returnCredit(LOAN);

        vm.assertEq(token.balanceOf(borrower), PRINCIPAL + 400);
        vm.assertEq(aggregator.creditOf(LOAN), 0);
        vm.assertEq(token.balanceOf(address(aggregator)), PRINCIPAL + 100);
    }

    function test_NothingToReturn_when_nothing_was_paid_too_much() public {
        _start(LOAN, _tokenTerms());
        aggregator.forgive(LOAN, OP, 2, PRINCIPAL, REASON);

        _refuses(
            abi.encodeCall(aggregator.returnCredit, (LOAN)),
            abi.encodeWithSelector(ICreditAggregator.NothingToReturn.selector, LOAN)
        );
    }

    function test_BadState_when_credit_is_asked_back_while_the_loan_is_owed() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), 100);
        aggregator.pay(LOAN, 100);
        _refuses(
            abi.encodeCall(aggregator.returnCredit, (LOAN)),
            abi.encodeWithSelector(ICreditAggregator.BadState.selector, LOAN, ICreditAggregator.State.Active)
        );

        aggregator.writeOff(LOAN, OP, 2, REASON);
        _refuses(
            abi.encodeCall(aggregator.returnCredit, (LOAN)),
            abi.encodeWithSelector(ICreditAggregator.BadState.selector, LOAN, ICreditAggregator.State.WrittenOff)
        );
    }

    function test_credit_of_a_loan_that_is_written_off_becomes_the_lenders_when_it_is_allocated() public {
        _start(LOAN, _tokenTerms());
        aggregator.writeOff(LOAN, OP, 2, REASON);
        token.mint(address(this), 100);
        aggregator.pay(LOAN, 100);

        aggregator.transition(LOAN, OP, 3, ICreditAggregator.State.Active, REASON);
        aggregator.repay(LOAN, OP, 4, 100, 0);
        aggregator.writeOff(LOAN, OP, 5, REASON);

        vm.assertEq(aggregator.creditOf(LOAN), 0);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), 100);
    }

    // ------------------------------------------------------------------------------------------------------- reversals

    function test_a_reversal_says_what_is_owed_again() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, PRINCIPAL, 900);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.RepaymentReversed(LOAN, OP, 3, 8_000, 900, 8_000);
        aggregator.reverseRepayment(LOAN, OP, 3, 8_000, 900);

        vm.assertEq(_outstanding(LOAN), 8_000);
        vm.assertEq(aggregator.loan(LOAN).interestPaid, 0);
        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Active);
    }

    function test_AmountExceedsRepaid_when_more_is_reversed_than_was_repaid() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 8_000, 900);
        aggregator.forgive(LOAN, OP, 3, 20_000, REASON); // no repayment, and so not to be reversed

        _refuses(
            abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, 4, 8_001, 0)),
            abi.encodeWithSelector(ICreditAggregator.AmountExceedsRepaid.selector, LOAN, uint128(8_001), uint128(8_000))
        );
        _refuses(
            abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, 4, 0, 901)),
            abi.encodeWithSelector(ICreditAggregator.AmountExceedsRepaid.selector, LOAN, uint128(901), uint128(900))
        );
    }

    function test_MoneyMovedOnChain_when_tokens_would_be_taken_back_by_word() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), 1);
        bytes memory refusal = abi.encodeWithSelector(ICreditAggregator.MoneyMovedOnChain.selector, LOAN);

        _refuses(
            abi.encodeCall(aggregator.transition, (LOAN, OP, 2, ICreditAggregator.State.Cancelled, REASON)), refusal
        );
        aggregator.repay(LOAN, OP, 2, 1, 0);
        _refuses(abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, 3, 1, 0)), refusal);
    }

    function test_forgiving_says_why() public {
        _start(LOAN, _railTerms());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.Forgiven(LOAN, OP, 2, 1_000, PRINCIPAL - 1_000, REASON);
        aggregator.forgive(LOAN, OP, 2, 1_000, REASON);

        vm.assertEq(_outstanding(LOAN), PRINCIPAL - 1_000);
    }

    // ---------------------------------------------------------------------------------------------- refused by state

    function test_BadState_names_the_state() public {
        _originate(LOAN, _railTerms());

        _refuses(
            abi.encodeCall(aggregator.repay, (LOAN, OP, 1, 1, 0)),
            abi.encodeWithSelector(ICreditAggregator.BadState.selector, LOAN, ICreditAggregator.State.Originated)
        );
    }

    function test_BadTransition_names_both_states() public {
        _originate(LOAN, _railTerms());

        _refuses(
            abi.encodeCall(aggregator.transition, (LOAN, OP, 1, ICreditAggregator.State.Active, REASON)),
            abi.encodeWithSelector(
                ICreditAggregator.BadTransition.selector,
                LOAN,
                ICreditAggregator.State.Originated,
                ICreditAggregator.State.Active
            )
        );
    }

    /// @dev Every write that carries a number, as the loan's write of that number.
    function _writes(uint24 seq) private view returns (bytes[] memory writes) {
        writes = new bytes[](9);
        writes[0] = abi.encodeCall(aggregator.fund, (LOAN, OP, seq));
        writes[1] = abi.encodeCall(aggregator.repay, (LOAN, OP, seq, 1, 1));
        writes[2] = abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, seq, 1, 1));
        writes[3] = abi.encodeCall(aggregator.forgive, (LOAN, OP, seq, 1, REASON));
        writes[4] = abi.encodeCall(aggregator.transition, (LOAN, OP, seq, ICreditAggregator.State.Delinquent, REASON));
        writes[5] = abi.encodeCall(aggregator.writeOff, (LOAN, OP, seq, REASON));
        writes[6] = abi.encodeCall(aggregator.restructure, (LOAN, OP, seq, _newTerms(), "", ""));
        writes[7] = abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, seq, 0));
        writes[8] = abi.encodeCall(aggregator.settleLiquidation, (LOAN, OP, seq));
    }
}
