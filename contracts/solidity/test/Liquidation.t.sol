// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {MockFeeERC20} from "../mocks/MockFeeERC20.sol";
import {MockPriceFeed} from "../mocks/MockPriceFeed.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice From the margin call to the last of the proceeds, with the aggregator as it is.
/// The usual loan at 1,100 per ETH has a health factor of 0.88, and an ETH is offered at 1,155 first and 880 last.
contract LiquidationTest is Fixture {
    uint96 private constant INTEREST_DUE = 100e6;

    // ------------------------------------------------------------------------------------------------- when it may start

    function test_a_margin_call_that_is_cured_ends_in_no_auction() external {
        lend();
        wethFeed.setAnswer(1_210e8); // 0.968
        manager.marginCall(LOAN);
        later(23 hours);
        deposit(LOAN, weth, 2e18); // 1.1616
        manager.clearMarginCall(LOAN);
        later(2 hours);

        vm.assertFalse(manager.isLiquidatable(LOAN));
        refuseLiquidation();
        assertState(LOAN, ICreditAggregator.State.Active);
    }

    function test_below_one_a_loan_is_liquidatable_when_its_margin_call_has_run_out() external {
        lend();
        wethFeed.setAnswer(1_210e8);

        vm.assertFalse(manager.isLiquidatable(LOAN)); // nobody called
        manager.marginCall(LOAN);
        later(24 hours);
        vm.assertFalse(manager.isLiquidatable(LOAN)); // the last second of the window
        later(1);
        vm.assertTrue(manager.isLiquidatable(LOAN));
        wethFeed.setAnswer(1_250e8);
        vm.assertFalse(manager.isLiquidatable(LOAN)); // one again
    }

    function test_below_95_percent_no_margin_call_is_waited_for() external {
        lend();

        wethFeed.setAnswer(1_187.5e8);
        vm.assertFalse(manager.isLiquidatable(LOAN));
        wethFeed.setAnswer(1_187.5e8 - 1);
        vm.assertTrue(manager.isLiquidatable(LOAN));
    }

    function test_a_loan_in_default_is_auctioned_however_healthy() external {
        lend();
        move(LOAN, ICreditAggregator.State.Delinquent);
        move(LOAN, ICreditAggregator.State.Defaulted);

        liquidate(LOAN, INTEREST_DUE);

        assertState(LOAN, ICreditAggregator.State.Liquidating);
    }

    function test_an_auction_lasts_six_hours_and_ends_the_margin_call() external {
        lend();
        wethFeed.setAnswer(1_210e8);
        manager.marginCall(LOAN);
        later(25 hours);

        vm.expectEmit(address(manager));
        emit ICollateralManager.AuctionStarted(LOAN, uint40(block.timestamp), uint40(block.timestamp + 6 hours));
        liquidate(LOAN, INTEREST_DUE);

        (uint40 startedAt, uint40 endsAt) = manager.auctionOf(LOAN);
        vm.assertEq(startedAt, block.timestamp);
        vm.assertEq(endsAt, block.timestamp + 6 hours);
        vm.assertEq(manager.marginCallOf(LOAN), 0);
    }

    function test_no_margin_call_is_made_during_an_auction_and_it_reverts_BadState() external {
        startAuction();

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadState.selector, LOAN));
        manager.marginCall(LOAN);
        vm.assertFalse(manager.isLiquidatable(LOAN)); // it is being liquidated
    }

    function test_only_the_aggregator_starts_and_closes_auctions_and_others_revert_NotAggregator() external {
        startAuction();
        bytes memory refusal = abi.encodeWithSelector(ICollateralManager.NotAggregator.selector, operator);

        vm.startPrank(operator);
        vm.expectRevert(refusal);
        manager.startAuction(LOAN);
        vm.expectRevert(refusal);
        manager.closeAuction(LOAN);
        vm.stopPrank();
    }

    function test_a_second_auction_of_a_loan_reverts_AuctionRunning() external {
        startAuction();

        vm.prank(address(aggregator));
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.AuctionRunning.selector, LOAN));
        manager.startAuction(LOAN);
    }

    function test_closing_an_auction_that_is_not_there_reverts_NoAuction() external {
        lend();

        vm.prank(address(aggregator));
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NoAuction.selector, LOAN));
        manager.closeAuction(LOAN);
    }

    // ----------------------------------------------------------------------------------------------------------- prices

    function test_the_price_falls_from_105_to_80_percent_in_six_hours() external {
        startAuction();

        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 1_155e6);
        later(3 hours);
        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 1_017.5e6);
        later(3 hours);
        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 880e6);
    }

    function test_the_price_follows_the_feeds_of_token_and_asset() external {
        startAuction();

        wethFeed.setAnswer(2_200e8);
        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 2_310e6);
        usdcFeed.setAnswer(1.05e8);
        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 2_200e6);
    }

    function test_fuzz_the_auction_price_never_rises_and_stays_between_80_and_105_percent(
        uint16 first,
        uint16 second,
        uint96 amount
    ) external {
        startAuction();
        uint256 early = uint256(first) % 21_601;
        uint256 late = early + uint256(second) % (21_601 - early);
        uint256 wei_ = 1e12 + uint256(amount) % 1_000e18;

        uint256 start = vm.getBlockTimestamp();
        vm.warp(start + early);
        uint256 before = manager.auctionPrice(LOAN, address(weth), wei_);
        vm.warp(start + late);
        uint256 afterwards = manager.auctionPrice(LOAN, address(weth), wei_);

        vm.assertGe(before, afterwards);
        vm.assertGe(afterwards, wei_ * 880 / 1e12);
        vm.assertLe(before, wei_ * 1_155 / 1e12 + 1);
    }

    function test_fuzz_buying_in_two_lots_never_costs_less_than_in_one(uint96 one_, uint96 other, uint16 elapsed)
        external
    {
        startAuction();
        later(uint256(elapsed) % 21_601);

        uint256 apart =
            manager.auctionPrice(LOAN, address(weth), one_) + manager.auctionPrice(LOAN, address(weth), other);
        uint256 together = manager.auctionPrice(LOAN, address(weth), uint256(one_) + other);

        vm.assertGe(apart, together);
        vm.assertLe(apart, together + 1);
    }

    // -------------------------------------------------------------------------------------------------------------- take

    function test_a_buyer_pays_and_gets_a_part_of_the_collateral() external {
        startAuction();

        vm.expectEmit(address(manager));
        emit ICollateralManager.Taken(LOAN, address(weth), buyer, 2e18, 2_310e6);
        uint256 paid = take(LOAN, weth, 2e18);

        vm.assertEq(paid, 2_310e6);
        vm.assertEq(weth.balanceOf(buyer), 2e18);
        vm.assertEq(manager.balanceOf(LOAN, address(weth)), 8e18);
        vm.assertEq(manager.totalOf(address(weth)), 8e18);
        // 5 % fee, 100 interest, the rest principal
        vm.assertEq(aggregator.escrowOf(treasury, address(usdc)), 115.5e6);
        vm.assertEq(aggregator.escrowOf(lender, address(usdc)), 990_000e6 + 2_194.5e6);
        vm.assertEq(aggregator.loan(LOAN).outstanding, 10_000e6 - 2_094.5e6);
    }

    function test_partial_takes_close_the_loan_and_what_is_left_goes_back() external {
        startAuction();
        take(LOAN, weth, 4e18); // 4,620.00
        later(3 hours);
        take(LOAN, weth, 2e18); // 2,035.00
        take(LOAN, weth, 4e18); // more than is owed

        vm.assertEq(aggregator.loan(LOAN).outstanding, 0);
        settle(LOAN);
        assertState(LOAN, ICreditAggregator.State.Closed);
        manager.release(LOAN);

        // 10,100 and 5 % of the proceeds are 10,631.578948: 3,976.578948 of them at 1,017.50 an ETH.
        uint256 last = 3_908_185_698_280_098_280;
        vm.assertEq(weth.balanceOf(buyer), 6e18 + last);
        vm.assertEq(weth.balanceOf(borrower), 1_000e18 - 6e18 - last);
        vm.assertEq(usdc.balanceOf(buyer), 1_000_000e6 - 10_631.578948e6);
        vm.assertEq(aggregator.escrowOf(lender, address(usdc)), 990_000e6 + 10_100e6);
        assertNothingLost();
    }

    function test_a_surplus_is_less_than_a_base_unit_costs_and_the_borrower_gets_it_back() external {
        originate();
        deposit(LOAN, wbtc, 0.5e8);
        nextBlock();
        fund(LOAN);
        wbtcFeed.setAnswer(22_222e8); // health factor 0.88888
        liquidate(LOAN, INTEREST_DUE);

        uint256 paid = take(LOAN, wbtc, 0.5e8);

        // 10,631.578948 are asked for; a base unit costs 0.000233331, and 45,564,366 of them are the first to reach it.
        vm.assertEq(paid, 10_631.579084e6);
        uint256 surplus = aggregator.creditOf(LOAN);
        vm.assertEq(surplus, 0.00013e6);
        settle(LOAN);
        uint256 before = usdc.balanceOf(borrower);
        aggregator.returnCredit(LOAN);
        vm.assertEq(usdc.balanceOf(borrower), before + surplus);
        assertNothingLost();
    }

    function test_collateral_that_does_not_pay_for_the_loan_leaves_a_deficit() external {
        startAuction();
        wethFeed.setAnswer(900e8);
        later(6 hours);
        vm.assertEq(take(LOAN, weth, COLLATERAL), 7_200e6);
        uint24 seq = next(LOAN);

        // 7,200 less 360 of fee and 100 of interest
        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.LiquidationSettled(LOAN, OP, seq, 3_260e6);
        vm.expectEmit(address(manager));
        emit ICollateralManager.AuctionClosed(LOAN);
        settle(LOAN);

        assertState(LOAN, ICreditAggregator.State.WrittenOff);
        vm.assertFalse(manager.hasCollateral(LOAN));
        assertNothingLost();
    }

    function test_an_auction_without_buyers_ends_and_the_next_one_starts_at_the_top() external {
        startAuction();
        later(6 hours + 1);
        settle(LOAN);
        assertState(LOAN, ICreditAggregator.State.Defaulted);
        (uint40 startedAt, uint40 endsAt) = manager.auctionOf(LOAN);
        vm.assertEq(startedAt + endsAt, 0);

        later(1 hours);
        liquidate(LOAN, INTEREST_DUE);

        vm.assertEq(manager.auctionPrice(LOAN, address(weth), 1e18), 1_155e6);
        take(LOAN, weth, COLLATERAL);
        settle(LOAN);
        assertState(LOAN, ICreditAggregator.State.Closed);
    }

    function test_the_least_collateral_that_pays_everything_is_what_is_sold() external {
        startAuction();

        uint256 paid = take(LOAN, weth, COLLATERAL);

        vm.assertEq(paid, 10_631.578948e6);
        vm.assertEq(aggregator.loan(LOAN).outstanding, 0);
        vm.assertEq(aggregator.creditOf(LOAN), 1); // the base unit that rounding up costs
        vm.assertGt(manager.balanceOf(LOAN, address(weth)), 0);
    }

    function test_fuzz_a_take_sells_no_more_than_is_owed_and_loses_nothing(
        uint96 amount,
        uint64 answer,
        uint16 elapsed,
        uint64 due
    ) external {
        lend();
        move(LOAN, ICreditAggregator.State.Delinquent);
        move(LOAN, ICreditAggregator.State.Defaulted);
        liquidate(LOAN, uint96(uint256(due) % 4_000e6));
        wethFeed.setAnswer(int192(uint192(200e8 + uint256(answer) % 10_000e8)));
        later(uint256(elapsed) % 21_601);
        uint256 lot = 1e18 + uint256(amount) % 8e18;
        (, uint256 debt) = aggregator.debtOf(LOAN);

        uint256 paid = take(LOAN, weth, lot);

        (, uint256 left) = aggregator.debtOf(LOAN);
        uint256 sold = weth.balanceOf(buyer);
        vm.assertLe(sold, lot);
        vm.assertEq(left == 0, paid >= (debt * 10_000 + 9_499) / 9_500);
        if (left == 0) {
            vm.assertEq(paid, (debt * 10_000 + 9_499) / 9_500); // a unit of ETH costs less than a unit of USDC
        } else {
            vm.assertEq(sold, lot);
            vm.assertEq(left, debt - (paid - paid * 500 / 10_000));
        }
        vm.assertEq(sold + manager.balanceOf(LOAN, address(weth)), COLLATERAL);
        assertNothingLost();
    }

    function test_fuzz_a_loan_in_a_token_of_18_decimals_is_sold_as_exactly(uint16 elapsed, uint96 amount) external {
        originate(LOAN, termsOf(address(dai), 10_000e18, true));
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();
        fund(LOAN);
        wethFeed.setAnswer(1_100e8);
        liquidate(LOAN, 0);
        later(uint256(elapsed) % 21_601);
        uint256 lot = 1e18 + uint256(amount) % 8e18;

        uint256 paid = take(LOAN, weth, lot);

        uint256 sold = weth.balanceOf(buyer);
        uint256 shareBps = 10_500 - 2_500 * (uint256(elapsed) % 21_601) / 21_600;
        vm.assertEq(paid, (sold * 1_100 * shareBps + 9_999) / 10_000);
        vm.assertLe(paid, (10_000e18 * uint256(10_000) + 9_499) / 9_500 + 1_155);
    }

    function test_a_loan_over_a_rail_pays_the_treasury() external {
        ICreditAggregator.Terms memory terms = termsOf(address(usdc), PRINCIPAL, true);
        terms.onChainFunds = false;
        terms.lender = address(0);
        originate(LOAN, terms);
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();
        fund(LOAN);
        wethFeed.setAnswer(1_100e8);
        liquidate(LOAN, 0);

        uint256 paid = take(LOAN, weth, 2e18);

        vm.assertEq(aggregator.escrowOf(treasury, address(usdc)), paid);
    }

    function test_proceeds_in_a_token_with_a_fee_are_what_arrived() external {
        MockFeeERC20 token = new MockFeeERC20("Fee", "FEE", 6, 100);
        startAuctionOfLoanIn(token);
        give(token, buyer, 10_000e6, address(manager));

        uint256 paid = take(LOAN, weth, 2e18);

        vm.assertEq(paid, 2_310e6);
        vm.assertEq(token.balanceOf(address(aggregator)), 2_286.9e6);
        vm.assertEq(aggregator.escrowOf(treasury, address(token)), 2_286.9e6);
    }

    function test_a_take_without_an_auction_reverts_NoAuction() external {
        lend();

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NoAuction.selector, LOAN));
        take(LOAN, weth, 1e18);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.NoAuction.selector, LOAN));
        manager.auctionPrice(LOAN, address(weth), 1e18);
    }

    function test_a_take_after_the_end_reverts_AuctionOver() external {
        startAuction();
        later(6 hours + 1);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.AuctionOver.selector, LOAN));
        take(LOAN, weth, 1e18);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.AuctionOver.selector, LOAN));
        manager.auctionPrice(LOAN, address(weth), 1e18);
    }

    function test_a_take_when_nothing_is_owed_any_more_reverts_AuctionOver() external {
        startAuction();
        take(LOAN, weth, COLLATERAL);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.AuctionOver.selector, LOAN));
        take(LOAN, weth, 1);
    }

    function test_a_take_of_nothing_reverts_AmountZero() external {
        startAuction();

        vm.expectRevert(ICollateralManager.AmountZero.selector);
        take(LOAN, weth, 0);
    }

    function test_a_take_of_more_than_there_is_reverts_BalanceTooLow() external {
        startAuction();

        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralManager.BalanceTooLow.selector, LOAN, address(weth), COLLATERAL + 1, COLLATERAL
            )
        );
        take(LOAN, weth, COLLATERAL + 1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BalanceTooLow.selector, LOAN, address(wbtc), 1e8, 0));
        take(LOAN, wbtc, 1e8);
    }

    function test_a_price_above_the_buyers_limit_reverts_PriceAboveLimit() external {
        startAuction();

        vm.startPrank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceAboveLimit.selector, 1_155e6, 1_155e6 - 1));
        manager.take(LOAN, address(weth), 1e18, 1_155e6 - 1);
        manager.take(LOAN, address(weth), 1e18, 1_155e6);
        vm.stopPrank();
    }

    function test_the_buyers_limit_holds_for_the_whole_amount_even_if_less_is_sold() external {
        startAuction();

        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceAboveLimit.selector, 11_550e6, 11_000e6));
        manager.take(LOAN, address(weth), COLLATERAL, 11_000e6);
    }

    function test_a_lot_below_100_reverts_LotTooSmall() external {
        startAuction();
        uint256 lot = 90_909_090_909_090_909; // 99.99999999 at 1,100

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.LotTooSmall.selector, 99.99999999e8, 100e8));
        take(LOAN, weth, lot);
        take(LOAN, weth, lot + 1e10);
    }

    function test_a_rest_below_100_reverts_LotTooSmall() external {
        startAuction();
        wethFeed.setAnswer(900e8); // too little for the debt

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.LotTooSmall.selector, 90e8, 100e8));
        take(LOAN, weth, 9.9e18);
        take(LOAN, weth, COLLATERAL);
    }

    function test_the_last_of_a_token_may_be_taken_however_small() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        deposit(LOAN, wbtc, 1e6); // 600
        nextBlock();
        fund(LOAN);
        wethFeed.setAnswer(1_100e8);
        wbtcFeed.setAnswer(300e8); // 3
        liquidate(LOAN, 0);

        vm.assertEq(take(LOAN, wbtc, 1e6), 3.15e6);

        vm.assertEq(manager.tokensOf(LOAN), one(address(weth)));
    }

    function test_both_contracts_know_one_fee() external view {
        vm.assertEq(manager.LIQUIDATION_FEE_BPS(), aggregator.LIQUIDATION_FEE_BPS());
    }

    function test_the_last_of_a_debt_may_be_paid_however_small() external {
        startAuction();
        take(LOAN, weth, 9.19e18); // leaves 17.13 to pay

        take(LOAN, weth, 0.02e18);

        settle(LOAN);
        assertState(LOAN, ICreditAggregator.State.Closed);
    }

    function test_a_stale_price_stops_the_sale() external {
        startAuction();
        wethFeed.setUpdatedAt(uint64(block.timestamp));
        later(1);
        wethFeed.setUpdatedAt(uint64(block.timestamp - 1 days - 1));

        vm.expectRevert(
            abi.encodeWithSelector(
                ICollateralManager.PriceStale.selector, address(weth), block.timestamp - 1 days - 1, 1 days
            )
        );
        take(LOAN, weth, 1e18);
    }

    function test_a_token_is_sold_though_another_has_no_price() external {
        originate();
        deposit(LOAN, weth, 5e18);
        deposit(LOAN, wbtc, 0.2e8);
        nextBlock();
        fund(LOAN);
        move(LOAN, ICreditAggregator.State.Delinquent);
        move(LOAN, ICreditAggregator.State.Defaulted);
        liquidate(LOAN, 0);
        wbtcFeed.setAnswer(0);

        vm.assertEq(take(LOAN, weth, 1e18), 2_100e6);
    }

    function test_an_asset_without_a_price_stops_the_sale() external {
        startAuction();
        usdcFeed.setAnswer(0);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceInvalid.selector, address(usdc), int256(0)));
        take(LOAN, weth, 1e18);
    }

    // ----------------------------------------------------------------------------------------------------------- helpers

    function startAuction() private {
        lend();
        wethFeed.setAnswer(1_100e8);
        liquidate(LOAN, INTEREST_DUE);
    }

    function startAuctionOfLoanIn(MockERC20 asset) private {
        MockPriceFeed feed = new MockPriceFeed(8, 1e8);
        vm.startPrank(admin);
        manager.setToken(address(asset), tokenConfig(address(feed), 0, 0, 6, 8), address(0));
        aggregator.setAsset(address(asset), ICreditAggregator.AssetConfig(25_000e6, 250_000e6, true));
        vm.stopPrank();
        ICreditAggregator.Terms memory terms = termsOf(address(asset), PRINCIPAL, true);
        terms.onChainFunds = false;
        terms.lender = address(0);
        originate(LOAN, terms);
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();
        fund(LOAN);
        wethFeed.setAnswer(1_100e8);
        liquidate(LOAN, 0);
    }

    function refuseLiquidation() private {
        uint24 seq = next(LOAN);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(ICreditAggregator.LiquidationNotAllowed.selector, LOAN));
        aggregator.startLiquidation(LOAN, OP, seq, 0);
    }

    /// @dev Every token the contracts hold is somebody's.
    function assertNothingLost() private view {
        uint256 owned = aggregator.escrowOf(lender, address(usdc)) + aggregator.escrowOf(treasury, address(usdc))
            + aggregator.creditOf(LOAN);
        vm.assertEq(usdc.balanceOf(address(aggregator)), owned);
        vm.assertEq(weth.balanceOf(address(manager)), manager.totalOf(address(weth)));
        vm.assertEq(wbtc.balanceOf(address(manager)), manager.totalOf(address(wbtc)));
    }
}
