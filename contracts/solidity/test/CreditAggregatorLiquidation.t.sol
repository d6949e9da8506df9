// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title Where the proceeds of an auction go, and how it ends
contract CreditAggregatorLiquidationTest is LoanCase {
    uint96 private constant DUE = 2_000;

    function test_a_liquidation_asks_for_principal_and_the_interest_due() public {
        _start(LOAN, _securedTerms());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.LiquidationStarted(LOAN, OP, 2, PRINCIPAL + DUE);
        aggregator.startLiquidation(LOAN, OP, 2, DUE);

        (address asset, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(asset, address(token));
        vm.assertEq(owed, PRINCIPAL + DUE);
        (uint40 startedAt,) = collateral.auctionOf(LOAN);
        vm.assertEq(startedAt, NOW);
    }

    function test_NotSecured_when_there_is_nothing_to_auction() public {
        _start(LOAN, _railTerms());

        _refuses(
            abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, 2, 0)),
            abi.encodeWithSelector(ICreditAggregator.NotSecured.selector, LOAN)
        );
    }

    function test_LiquidationNotAllowed_when_the_loan_is_healthy_and_not_in_default() public {
        _start(LOAN, _securedTerms());
        collateral.setBelowThresholds(false);

        _refuses(
            abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, 2, 0)),
            abi.encodeWithSelector(ICreditAggregator.LiquidationNotAllowed.selector, LOAN)
        );
    }

    function test_InterestAboveCap_when_more_interest_would_be_due_than_may_be_paid() public {
        _start(LOAN, _securedTerms());
        aggregator.repay(LOAN, OP, 2, 0, 1_000);

        _refuses(
            abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, 3, 49_001)),
            abi.encodeWithSelector(ICreditAggregator.InterestAboveCap.selector, LOAN, 50_001, 50_000)
        );
    }

    // ------------------------------------------------------------------------------------------------------- proceeds

    function test_proceeds_pay_the_fee_then_interest_then_principal() public {
        _liquidate(_securedLoan());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.LiquidationProceeds(LOAN, 500, DUE, 7_500, 0);
        collateral.sell(aggregator, LOAN, token, 10_000);

        vm.assertEq(aggregator.escrowOf(TREASURY, address(token)), 500);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), 9_500);
        vm.assertEq(_outstanding(LOAN), PRINCIPAL - 7_500);
        vm.assertEq(aggregator.loan(LOAN).interestPaid, DUE);
        (, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(owed, PRINCIPAL - 7_500);
    }

    function test_small_proceeds_pay_interest_alone() public {
        _liquidate(_securedLoan());

        collateral.sell(aggregator, LOAN, token, 1_000);

        vm.assertEq(aggregator.loan(LOAN).interestPaid, 950);
        vm.assertEq(_outstanding(LOAN), PRINCIPAL);
        (, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(owed, PRINCIPAL + DUE - 950);
    }

    function test_what_is_left_of_the_proceeds_is_the_borrowers() public {
        _liquidate(_securedLoan());

        collateral.sell(aggregator, LOAN, token, 200_000);

        uint128 surplus = 190_000 - PRINCIPAL - DUE;
        vm.assertEq(aggregator.creditOf(LOAN), surplus);
        aggregator.settleLiquidation(LOAN, OP, 3);
        aggregator.returnCredit(LOAN);
        vm.assertEq(token.balanceOf(borrower), PRINCIPAL + surplus);
    }

    function test_the_surplus_of_a_loan_that_is_cancelled_later_is_the_borrowers() public {
        _liquidate(_securedTerms());
        collateral.sell(aggregator, LOAN, token, 200_000);
        aggregator.settleLiquidation(LOAN, OP, 3);
        aggregator.reverseRepayment(LOAN, OP, 4, PRINCIPAL, DUE);
        aggregator.transition(LOAN, OP, 5, ICreditAggregator.State.Cancelled, REASON);

        aggregator.returnCredit(LOAN);

        vm.assertEq(token.balanceOf(borrower), 190_000 - PRINCIPAL - DUE);
        vm.assertEq(aggregator.creditOf(LOAN), 0);
    }

    function test_proceeds_of_a_loan_without_a_lender_are_the_treasurys() public {
        _liquidate(_securedTerms());

        collateral.sell(aggregator, LOAN, token, 10_000);

        vm.assertEq(aggregator.escrowOf(TREASURY, address(token)), 10_000);
    }

    function test_NotCollateralManager_when_somebody_else_brings_proceeds() public {
        _liquidate(_securedLoan());

        _refuses(
            abi.encodeCall(aggregator.auctionProceeds, (LOAN, 1)),
            abi.encodeWithSelector(ICreditAggregator.NotCollateralManager.selector, address(this))
        );
    }

    // ------------------------------------------------------------------------------------------------------ settlement

    function test_AuctionRunning_until_the_last_second_has_passed() public {
        _liquidate(_securedLoan());
        bytes memory refusal = abi.encodeWithSelector(ICreditAggregator.AuctionRunning.selector, LOAN);
        vm.warp(NOW + 6 hours);

        _refuses(abi.encodeCall(aggregator.settleLiquidation, (LOAN, OP, 3)), refusal);
        _refuses(abi.encodeCall(aggregator.writeOff, (LOAN, OP, 3, REASON)), refusal);

        vm.warp(NOW + 6 hours + 1);
        aggregator.settleLiquidation(LOAN, OP, 3);
        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Defaulted);
    }

    function test_a_debt_that_is_paid_ends_the_auction_at_once() public {
        _liquidate(_securedLoan());
        collateral.sell(aggregator, LOAN, token, 200_000);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.LiquidationSettled(LOAN, OP, 3, 0);
        aggregator.settleLiquidation(LOAN, OP, 3);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Closed);
        (uint40 startedAt,) = collateral.auctionOf(LOAN);
        vm.assertEq(startedAt, 0);
    }

    function test_collateral_that_is_gone_ends_the_auction_at_once_with_the_deficit() public {
        _liquidate(_securedLoan());
        collateral.sell(aggregator, LOAN, token, 10_000);
        collateral.setLeft(false);

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.LiquidationSettled(LOAN, OP, 3, PRINCIPAL - 7_500);
        aggregator.settleLiquidation(LOAN, OP, 3);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.WrittenOff);
        vm.assertEq(_outstanding(LOAN), PRINCIPAL - 7_500);
    }

    function test_interest_that_is_due_alone_is_still_a_debt() public {
        _start(LOAN, _securedTerms());
        aggregator.repay(LOAN, OP, 2, PRINCIPAL, 1_000);
        aggregator.reverseRepayment(LOAN, OP, 3, 0, 1_000);
        aggregator.startLiquidation(LOAN, OP, 4, 1_000);
        collateral.setLeft(false);

        aggregator.settleLiquidation(LOAN, OP, 5);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.WrittenOff);
    }

    function test_a_loan_back_in_default_owes_its_interest_off_chain_again() public {
        _liquidate(_securedLoan());
        vm.warp(NOW + 7 hours);

        aggregator.settleLiquidation(LOAN, OP, 3);

        (, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(owed, PRINCIPAL);
    }

    function test_an_auction_is_written_off_when_it_is_over() public {
        _liquidate(_securedLoan());
        vm.warp(NOW + 7 hours);

        aggregator.writeOff(LOAN, OP, 3, REASON);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.WrittenOff);
        (, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(owed, PRINCIPAL);
        (uint40 startedAt,) = collateral.auctionOf(LOAN);
        vm.assertEq(startedAt, 0);
    }

    function _securedLoan() private view returns (ICreditAggregator.Terms memory terms) {
        terms = _tokenTerms();
        terms.secured = true;
    }

    function _liquidate(ICreditAggregator.Terms memory terms) private {
        _start(LOAN, terms);
        aggregator.startLiquidation(LOAN, OP, 2, DUE);
    }
}
