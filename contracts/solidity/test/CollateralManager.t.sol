// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {CollateralManager} from "../CollateralManager.sol";
import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {MockFeeERC20} from "../mocks/MockFeeERC20.sol";
import {MockPriceFeed} from "../mocks/MockPriceFeed.sol";
import {MockReentrantERC20} from "../mocks/MockReentrantERC20.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice Collateral in and out, margin calls, and what a loan may borrow.
contract CollateralManagerTest is Fixture {
    // ---------------------------------------------------------------------------------------------------- construction

    function test_it_is_not_made_without_an_aggregator() external {
        vm.expectRevert(ICollateralManager.ZeroAddress.selector);
        new CollateralManager(0, admin, ICreditAggregator(address(0)), one(pauser));
    }

    function test_it_is_not_made_with_a_pauser_that_is_nobody() external {
        vm.expectRevert(ICollateralManager.ZeroAddress.selector);
        new CollateralManager(0, admin, aggregator, one(address(0)));
    }

    function test_it_knows_its_version_and_its_aggregator() external view {
        vm.assertEq(manager.version(), "1");
        vm.assertEq(address(manager.aggregator()), address(aggregator));
        vm.assertTrue(manager.hasRole(manager.PAUSER_ROLE(), pauser));
    }

    // --------------------------------------------------------------------------------------------------------- deposit

    function test_a_deposit_is_the_collateral_of_its_loan() external {
        originate();

        vm.expectEmit(address(manager));
        emit ICollateralManager.Deposited(LOAN, address(weth), borrower, COLLATERAL);
        deposit(LOAN, weth, COLLATERAL);

        vm.assertEq(manager.balanceOf(LOAN, address(weth)), COLLATERAL);
        vm.assertEq(manager.totalOf(address(weth)), COLLATERAL);
        vm.assertEq(weth.balanceOf(address(manager)), COLLATERAL);
        vm.assertEq(manager.tokensOf(LOAN), one(address(weth)));
        vm.assertTrue(manager.hasCollateral(LOAN));
        vm.assertEq(manager.collateralValue(LOAN), 20_000e8);
    }

    function test_anybody_may_post_collateral_for_a_loan() external {
        originate();
        give(weth, stranger, 1e18, address(manager));

        vm.prank(stranger);
        manager.deposit(LOAN, address(weth), 1e18);

        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 1e18);
    }

    function test_a_second_deposit_adds_to_the_first() external {
        originate();

        deposit(LOAN, weth, 1e18);
        deposit(LOAN, weth, 2e18);

        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 3e18);
        vm.assertEq(manager.tokensOf(LOAN).length, 1);
    }

    function test_two_loans_keep_their_collateral_apart() external {
        originate();
        bytes32 other = keccak256("another loan");
        originate(other, termsOf(address(usdc), PRINCIPAL, true));

        deposit(LOAN, weth, 1e18);
        deposit(other, weth, 2e18);

        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 1e18);
        vm.assertEq(manager.balanceOf(other, address(weth)), 2e18);
        vm.assertEq(manager.totalOf(address(weth)), 3e18);
    }

    function test_what_arrives_of_a_token_with_a_fee_is_what_counts() external {
        MockFeeERC20 token = new MockFeeERC20("Fee", "FEE", 18, 100);
        accept(address(token), 18);
        give(token, borrower, 100e18, address(manager));
        originate();

        deposit(LOAN, token, 100e18);

        vm.assertEq(manager.balanceOf(LOAN, address(token)), 99e18);
        vm.assertEq(token.balanceOf(address(manager)), manager.totalOf(address(token)));
    }

    function test_a_deposit_of_nothing_reverts_AmountZero() external {
        originate();

        vm.prank(borrower);
        vm.expectRevert(ICollateralManager.AmountZero.selector);
        manager.deposit(LOAN, address(weth), 0);
    }

    function test_a_deposit_of_which_nothing_arrives_reverts_AmountZero() external {
        MockFeeERC20 token = new MockFeeERC20("All fee", "ALL", 18, 10_000);
        accept(address(token), 18);
        give(token, borrower, 1e18, address(manager));
        originate();

        vm.prank(borrower);
        vm.expectRevert(ICollateralManager.AmountZero.selector);
        manager.deposit(LOAN, address(token), 1e18);
    }

    function test_a_deposit_for_an_unsecured_loan_reverts_NotSecured() external {
        originate(LOAN, termsOf(address(usdc), PRINCIPAL, false));

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NotSecured.selector, LOAN));
        manager.deposit(LOAN, address(weth), 1e18);
    }

    function test_a_deposit_for_a_loan_that_ended_reverts_BadState() external {
        originate();
        move(LOAN, ICreditAggregator.State.Cancelled);

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadState.selector, LOAN));
        manager.deposit(LOAN, address(weth), 1e18);
    }

    function test_a_loan_in_arrears_or_default_may_be_topped_up() external {
        lend();

        move(LOAN, ICreditAggregator.State.Delinquent);
        deposit(LOAN, weth, 1e18);
        move(LOAN, ICreditAggregator.State.Defaulted);
        deposit(LOAN, weth, 1e18);

        vm.assertEq(manager.balanceOf(LOAN, address(weth)), COLLATERAL + 2e18);
    }

    function test_a_deposit_of_an_unknown_token_reverts_TokenNotSupported() external {
        originate();

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TokenNotSupported.selector, stranger));
        manager.deposit(LOAN, stranger, 1e18);
    }

    function test_a_deposit_of_a_disabled_token_reverts_TokenNotSupported() external {
        originate();
        disable(weth, wethFeed);

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TokenNotSupported.selector, address(weth)));
        manager.deposit(LOAN, address(weth), 1e18);
    }

    function test_a_deposit_of_a_token_that_is_for_debt_only_reverts_TokenNotSupported() external {
        originate();
        vm.prank(admin);
        manager.setToken(address(usdc), tokenConfig(address(usdcFeed), 0, 0, 6, 8), address(0));

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TokenNotSupported.selector, address(usdc)));
        manager.deposit(LOAN, address(usdc), 1e6);
    }

    function test_a_first_deposit_of_a_token_below_100_reverts_LotTooSmall() external {
        originate();

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.LotTooSmall.selector, 99.999999e8, 100e8));
        manager.deposit(LOAN, address(usdc), 99.999999e6);
        deposit(LOAN, usdc, 100e6);
        deposit(LOAN, usdc, 1); // and then whatever the borrower likes
    }

    function test_a_stranger_does_not_hold_up_a_loan_by_base_units_and_reverts_LotTooSmall() external {
        lend();
        give(weth, stranger, 1e18, address(manager));

        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.LotTooSmall.selector, 0, 100e8));
        manager.deposit(LOAN, address(weth), 1);

        withdraw(weth, 1e18);
    }

    function test_the_ninth_token_reverts_TooManyTokens() external {
        originate();
        for (uint256 i = 0; i < 8; ++i) {
            MockERC20 token = newToken();
            deposit(LOAN, token, 1e18);
        }
        MockERC20 ninth = newToken();

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TooManyTokens.selector, LOAN));
        manager.deposit(LOAN, address(ninth), 1e18);

        vm.assertEq(manager.tokensOf(LOAN).length, 8);
    }

    // ------------------------------------------------------------------------------------------------ what it may borrow

    function test_collateral_covers_a_principal_up_to_its_loan_to_value() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();

        (bool covered, uint256 needed, uint256 available) = manager.covers(LOAN, address(usdc), 14_000e6);
        (bool more,,) = manager.covers(LOAN, address(usdc), 14_000e6 + 1);

        vm.assertTrue(covered);
        vm.assertEq(needed, 14_000e8);
        vm.assertEq(available, 14_000e8);
        vm.assertFalse(more);
        vm.assertEq(manager.maxBorrow(LOAN), 14_000e8);
    }

    function test_collateral_of_this_block_covers_nothing_and_reverts_SameBlock() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.SameBlock.selector, LOAN));
        manager.covers(LOAN, address(usdc), PRINCIPAL);
    }

    function test_collateral_that_is_borrowed_for_one_block_gets_no_loan() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        uint24 seq = next(LOAN);

        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.SameBlock.selector, LOAN));
        aggregator.fund(LOAN, OP, seq);
    }

    function test_too_little_collateral_gets_no_loan() external {
        originate();
        deposit(LOAN, weth, 7e18);
        nextBlock();
        uint24 seq = next(LOAN);

        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ICreditAggregator.CollateralTooLow.selector, LOAN, 10_000e8, 9_800e8));
        aggregator.fund(LOAN, OP, seq);
    }

    function test_several_tokens_add_up() external {
        originate();
        deposit(LOAN, weth, 1e18); // 2,000 at 70 % and 80 %
        deposit(LOAN, wbtc, 1e7); // 6,000 at 70 % and 80 %
        deposit(LOAN, usdc, 1_000e6); // at 90 % and 95 %

        vm.assertEq(manager.collateralValue(LOAN), 9_000e8);
        vm.assertEq(manager.maxBorrow(LOAN), 6_500e8);
        vm.assertEq(manager.healthFactor(LOAN), 0.735e18);
    }

    function test_before_funding_the_principal_counts_as_debt() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);

        vm.assertEq(manager.debtValue(LOAN), 10_000e8);
        vm.assertEq(manager.healthFactor(LOAN), 1.6e18);
    }

    function test_without_debt_the_health_factor_is_the_greatest_number() external {
        lend();
        repay(LOAN, usdc, PRINCIPAL, 0);

        vm.assertEq(manager.debtValue(LOAN), 0);
        vm.assertEq(manager.healthFactor(LOAN), type(uint256).max);
    }

    function test_a_disabled_token_keeps_its_worth_and_carries_no_new_borrowing() external {
        lend();
        disable(weth, wethFeed);

        vm.assertEq(manager.healthFactor(LOAN), 1.6e18);
        vm.assertEq(manager.collateralValue(LOAN), 20_000e8);
        vm.assertEq(manager.maxBorrow(LOAN), 0);
    }

    // ------------------------------------------------------------------------------------------------------ withdrawal

    function test_the_borrower_takes_back_what_the_loan_does_not_need() external {
        lend();

        vm.expectEmit(address(manager));
        emit ICollateralManager.Withdrawn(LOAN, address(weth), borrower, 2.5e18);
        withdraw(weth, 2.5e18);

        vm.assertEq(weth.balanceOf(borrower), 992.5e18);
        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 7.5e18);
        vm.assertEq(manager.totalOf(address(weth)), 7.5e18);
    }

    function test_a_withdrawal_to_below_the_loan_to_value_reverts_HealthTooLow() external {
        lend();

        // 7.1 ETH are 14,200: they let one borrow 9,940.
        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.HealthTooLow.selector, LOAN, 1.136e18));
        manager.withdrawExcess(LOAN, address(weth), 2.9e18);
    }

    function test_before_funding_the_principal_holds_the_collateral_as_well() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.HealthTooLow.selector, LOAN, 0));
        manager.withdrawExcess(LOAN, address(weth), COLLATERAL);
    }

    function test_a_token_that_is_withdrawn_whole_is_forgotten_and_the_others_stay() external {
        lend();
        deposit(LOAN, usdc, 100e6);
        deposit(LOAN, wbtc, 1e8);
        nextBlock();

        withdraw(weth, COLLATERAL);
        withdraw(usdc, 100e6);

        vm.assertEq(manager.tokensOf(LOAN), one(address(wbtc)));
    }

    function test_a_withdrawal_of_nothing_reverts_AmountZero() external {
        lend();

        vm.prank(borrower);
        vm.expectRevert(ICollateralManager.AmountZero.selector);
        manager.withdrawExcess(LOAN, address(weth), 0);
    }

    function test_a_withdrawal_by_another_reverts_NotBorrower() external {
        lend();

        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NotBorrower.selector, stranger));
        manager.withdrawExcess(LOAN, address(weth), 1);
    }

    function test_a_withdrawal_in_the_block_of_a_deposit_reverts_SameBlock() external {
        lend();
        deposit(LOAN, weth, 1e18);

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.SameBlock.selector, LOAN));
        manager.withdrawExcess(LOAN, address(weth), 1e18);
    }

    function test_a_withdrawal_of_more_than_there_is_reverts_BalanceTooLow() external {
        lend();

        vm.prank(borrower);
        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralManager.BalanceTooLow.selector, LOAN, address(weth), COLLATERAL + 1, COLLATERAL
            )
        );
        manager.withdrawExcess(LOAN, address(weth), COLLATERAL + 1);
    }

    function test_a_withdrawal_from_a_loan_in_arrears_reverts_BadState() external {
        lend();
        move(LOAN, ICreditAggregator.State.Delinquent);

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadState.selector, LOAN));
        manager.withdrawExcess(LOAN, address(weth), 1);
    }

    function test_a_withdrawal_during_an_auction_reverts_AuctionRunning() external {
        lend();
        move(LOAN, ICreditAggregator.State.Delinquent);
        move(LOAN, ICreditAggregator.State.Defaulted);
        liquidate(LOAN, 0);

        vm.prank(borrower);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.AuctionRunning.selector, LOAN));
        manager.withdrawExcess(LOAN, address(weth), 1);
    }

    // --------------------------------------------------------------------------------------------------------- release

    function test_all_collateral_of_a_closed_loan_goes_back_to_its_borrower() external {
        lend();
        deposit(LOAN, wbtc, 1e8);
        repay(LOAN, usdc, PRINCIPAL, 0);

        vm.expectEmit(address(manager));
        emit ICollateralManager.Released(LOAN, address(weth), borrower, COLLATERAL);
        vm.expectEmit(address(manager));
        emit ICollateralManager.Released(LOAN, address(wbtc), borrower, 1e8);
        vm.prank(stranger);
        manager.release(LOAN);

        vm.assertEq(weth.balanceOf(borrower), 1_000e18);
        vm.assertEq(wbtc.balanceOf(borrower), 100e8);
        vm.assertFalse(manager.hasCollateral(LOAN));
        vm.assertEq(manager.totalOf(address(weth)), 0);
    }

    function test_a_cancelled_loan_gives_its_collateral_back() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        move(LOAN, ICreditAggregator.State.Cancelled);

        manager.release(LOAN);

        vm.assertEq(weth.balanceOf(borrower), 1_000e18);
    }

    function test_the_release_of_a_running_loan_reverts_BadState() external {
        lend();

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadState.selector, LOAN));
        manager.release(LOAN);
    }

    function test_a_second_release_reverts_NothingToRelease() external {
        lend();
        repay(LOAN, usdc, PRINCIPAL, 0);
        manager.release(LOAN);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NothingToRelease.selector, LOAN));
        manager.release(LOAN);
    }

    function test_a_release_asks_for_no_price() external {
        lend();
        repay(LOAN, usdc, PRINCIPAL, 0);
        wethFeed.setAnswer(0);

        manager.release(LOAN);

        vm.assertFalse(manager.hasCollateral(LOAN));
    }

    function test_a_token_that_refuses_the_borrower_does_not_hold_up_the_others() external {
        MockReentrantERC20 token = hostileToken();
        lend();
        deposit(LOAN, token, 5e18);
        repay(LOAN, usdc, PRINCIPAL, 0);
        token.refuse(borrower);

        manager.release(LOAN);

        vm.assertEq(weth.balanceOf(borrower), 1_000e18);
        vm.assertEq(manager.balanceOf(LOAN, address(token)), 5e18);
        vm.assertEq(manager.totalOf(address(token)), 5e18);

        token.refuse(address(0));
        manager.release(LOAN);

        vm.assertEq(token.balanceOf(borrower), 100e18);
        vm.assertFalse(manager.hasCollateral(LOAN));
    }

    // --------------------------------------------------------------------------------------------------- outflow limit

    function test_a_withdrawal_beyond_the_outflow_limit_is_refused_until_it_refills() external {
        lend();
        limit(weth, 1e18, 1 hours);
        withdraw(weth, 1e18);

        vm.prank(borrower);
        vm.expectRevert(RateLimiter.RateLimitExceeded.selector);
        manager.withdrawExcess(LOAN, address(weth), 0.5e18);

        later(30 minutes);
        vm.assertEq(manager.outflowAvailable(address(weth)), 0.5e18);
        withdraw(weth, 0.5e18);
        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 8.5e18);
    }

    function test_one_limit_is_shared_by_all_loans_of_a_token() external {
        lend();
        bytes32 other = keccak256("another loan");
        originate(other, termsOf(address(usdc), PRINCIPAL, true));
        deposit(other, weth, COLLATERAL);
        nextBlock();
        limit(weth, 1e18, 1 hours);
        withdraw(weth, 1e18);

        vm.prank(borrower);
        vm.expectRevert(RateLimiter.RateLimitExceeded.selector);
        manager.withdrawExcess(other, address(weth), 1);
    }

    function test_a_release_larger_than_the_outflow_limit_leaves_in_parts() external {
        lend();
        repay(LOAN, usdc, PRINCIPAL, 0);
        limit(weth, 4e18, 1 hours);

        manager.release(LOAN);
        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 6e18);
        vm.expectRevert(RateLimiter.RateLimitExceeded.selector);
        manager.release(LOAN);
        later(1 hours);
        manager.release(LOAN);
        later(1 hours);
        manager.release(LOAN);

        vm.assertFalse(manager.hasCollateral(LOAN));
        vm.assertEq(weth.balanceOf(borrower), 1_000e18);
    }

    function test_a_token_at_its_limit_does_not_hold_up_the_release_of_others() external {
        lend();
        deposit(LOAN, wbtc, 1e8);
        repay(LOAN, usdc, PRINCIPAL, 0);
        limit(weth, 1e18, 1 hours);
        manager.release(LOAN);

        vm.assertEq(wbtc.balanceOf(borrower), 100e8);
        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 9e18);
        vm.assertEq(manager.tokensOf(LOAN), one(address(weth)));
    }

    function test_a_window_of_zero_ends_the_limit() external {
        lend();
        limit(weth, 1, 1 hours);
        limit(weth, 0, 0);

        withdraw(weth, 1e18);

        vm.assertEq(manager.outflowAvailable(address(weth)), type(uint256).max);
    }

    function test_a_limit_that_would_hold_collateral_for_ever_reverts_BadConfig() external {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadConfig.selector, address(weth), "capacity"));
        manager.limitOutflow(address(weth), 0, 1 hours);
    }

    function test_a_limit_of_no_token_reverts_ZeroAddress() external {
        vm.prank(admin);
        vm.expectRevert(ICollateralManager.ZeroAddress.selector);
        manager.limitOutflow(address(0), 1, 1);
    }

    function test_a_new_limit_keeps_what_has_refilled_by_the_old_one() external {
        lend();
        limit(weth, 2e18, 2 hours);
        withdraw(weth, 2e18);
        later(1 hours);

        limit(weth, 2e18, 2 days);

        vm.assertEq(manager.outflowAvailable(address(weth)), 1e18);
    }

    function test_only_the_admin_limits_outflows() external {
        vm.prank(pauser);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, pauser, bytes32(0))
        );
        manager.limitOutflow(address(weth), 1, 1);
    }

    // ------------------------------------------------------------------------------------------------------ margin call

    function test_below_the_margin_call_factor_anybody_may_call_for_more() external {
        lend();
        wethFeed.setAnswer(1_370e8); // health factor 1.096

        vm.expectEmit(address(manager));
        emit ICollateralManager.MarginCalled(LOAN, 1.096e18, uint40(block.timestamp + 24 hours));
        vm.prank(stranger);
        manager.marginCall(LOAN);

        vm.assertEq(manager.marginCallOf(LOAN), block.timestamp + 24 hours);
    }

    function test_a_margin_call_at_the_factor_reverts_Healthy() external {
        lend();
        wethFeed.setAnswer(1_375e8);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.Healthy.selector, LOAN, 1.1e18));
        manager.marginCall(LOAN);
    }

    function test_a_second_margin_call_reverts_MarginCallRunning() external {
        lend();
        wethFeed.setAnswer(1_370e8);
        manager.marginCall(LOAN);
        uint40 cureBy = manager.marginCallOf(LOAN);
        later(2 days);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.MarginCallRunning.selector, LOAN, cureBy));
        manager.marginCall(LOAN);
    }

    function test_a_margin_call_of_an_unsecured_loan_reverts_NotSecured() external {
        originate(LOAN, termsOf(address(usdc), PRINCIPAL, false));
        fund(LOAN);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NotSecured.selector, LOAN));
        manager.marginCall(LOAN);
        vm.assertFalse(manager.isLiquidatable(LOAN));
    }

    function test_a_margin_call_before_funding_reverts_BadState() external {
        originate();

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadState.selector, LOAN));
        manager.marginCall(LOAN);
        vm.assertFalse(manager.isLiquidatable(LOAN));
    }

    function test_a_margin_call_is_cleared_when_collateral_came() external {
        lend();
        wethFeed.setAnswer(1_370e8);
        manager.marginCall(LOAN);
        deposit(LOAN, weth, 1e18);

        vm.expectEmit(address(manager));
        emit ICollateralManager.MarginCallCured(LOAN, 1.2056e18);
        vm.prank(stranger);
        manager.clearMarginCall(LOAN);

        vm.assertEq(manager.marginCallOf(LOAN), 0);
    }

    function test_a_margin_call_that_is_not_cured_is_not_cleared_and_reverts_HealthTooLow() external {
        lend();
        wethFeed.setAnswer(1_370e8);
        manager.marginCall(LOAN);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.HealthTooLow.selector, LOAN, 1.096e18));
        manager.clearMarginCall(LOAN);
    }

    function test_clearing_without_a_margin_call_reverts_NoMarginCall() external {
        lend();

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NoMarginCall.selector, LOAN));
        manager.clearMarginCall(LOAN);
    }

    // ------------------------------------------------------------------------------------------------------ reentrancy

    function test_a_token_that_comes_back_during_a_deposit_is_refused() external {
        MockReentrantERC20 token = hostileToken();
        originate();
        token.attack(address(manager), abi.encodeCall(manager.deposit, (LOAN, address(token), 1)));

        deposit(LOAN, token, 5e18);

        assertReentryRefused(token);
        vm.assertEq(manager.balanceOf(LOAN, address(token)), 5e18);
    }

    function test_a_token_that_comes_back_during_a_withdrawal_is_refused() external {
        MockReentrantERC20 token = hostileToken();
        lend();
        deposit(LOAN, token, 5e18);
        nextBlock();
        token.attack(address(manager), abi.encodeCall(manager.withdrawExcess, (LOAN, address(token), 5e18)));

        withdraw(token, 5e18);

        assertReentryRefused(token);
        vm.assertEq(token.balanceOf(borrower), 100e18);
    }

    function test_a_token_that_comes_back_during_a_release_is_refused() external {
        MockReentrantERC20 token = hostileToken();
        lend();
        deposit(LOAN, token, 5e18);
        repay(LOAN, usdc, PRINCIPAL, 0);
        token.attack(address(manager), abi.encodeCall(manager.release, (LOAN)));

        manager.release(LOAN);

        assertReentryRefused(token);
        vm.assertEq(token.balanceOf(borrower), 100e18);
        vm.assertEq(token.balanceOf(address(manager)), 0);
    }

    function test_a_token_that_comes_back_during_a_take_is_refused() external {
        MockReentrantERC20 token = hostileToken();
        lend();
        deposit(LOAN, token, 5e18);
        wethFeed.setAnswer(1_000e8);
        liquidate(LOAN, 0);
        token.attack(address(manager), abi.encodeCall(manager.take, (LOAN, address(weth), 1e18, type(uint256).max)));

        take(LOAN, token, 1e18);

        assertReentryRefused(token);
        vm.assertEq(token.balanceOf(buyer), 1e18);
        vm.assertEq(manager.balanceOf(LOAN, address(token)), 4e18);
    }

    // --------------------------------------------------------------------------------------------------------- helpers

    function accept(address token, uint8 decimals) private {
        MockPriceFeed feed = new MockPriceFeed(8, 100e8);
        vm.prank(admin);
        manager.setToken(token, tokenConfig(address(feed), 7_000, 8_000, decimals, 8), address(0));
    }

    function newToken() private returns (MockERC20 token) {
        token = new MockERC20("Token", "TKN", 18);
        accept(address(token), 18);
        give(token, borrower, 1e18, address(manager));
    }

    function hostileToken() private returns (MockReentrantERC20 token) {
        token = new MockReentrantERC20("Hostile", "HOST", 18);
        accept(address(token), 18);
        give(token, borrower, 100e18, address(manager));
    }

    function disable(MockERC20 token, MockPriceFeed feed) private {
        ICollateralManager.TokenConfig memory config =
            tokenConfig(address(feed), 7_000, 8_000, token.decimals(), feed.decimals());
        config.enabled = false;
        vm.prank(admin);
        manager.setToken(address(token), config, address(0));
    }

    function limit(MockERC20 token, uint208 capacity, uint48 window) private {
        vm.prank(admin);
        manager.limitOutflow(address(token), capacity, window);
    }

    function withdraw(MockERC20 token, uint256 amount) private {
        vm.prank(borrower);
        manager.withdrawExcess(LOAN, address(token), amount);
    }

    function assertReentryRefused(MockReentrantERC20 token) private view {
        vm.assertEq(token.target(), address(0)); // it did try
        vm.assertFalse(token.succeeded());
        vm.assertEq(
            token.answer(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
    }
}
