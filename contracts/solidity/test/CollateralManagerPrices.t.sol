// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

import {ICollateralManager} from "../interfaces/ICollateralManager.sol";
import {MockERC20} from "../mocks/MockERC20.sol";
import {MockPriceFeed} from "../mocks/MockPriceFeed.sol";
import {TokenPrices} from "../TokenPrices.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice What tokens are worth, how they are configured, and which way every division rounds.
contract CollateralManagerPricesTest is Fixture {
    // --------------------------------------------------------------------------------------------------- configuration

    function test_a_configuration_is_what_was_set() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        MockPriceFeed second = new MockPriceFeed(18, 2_000e18);

        vm.expectEmit(address(manager));
        emit ICollateralManager.TokenConfigured(address(weth), config, address(second));
        set(address(weth), config, address(second));

        (ICollateralManager.TokenConfig memory known, address secondFeed) = manager.tokenConfig(address(weth));
        vm.assertEq(abi.encode(known), abi.encode(config));
        vm.assertEq(secondFeed, address(second));
    }

    function test_only_the_admin_configures() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        bytes memory refusal =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, operator, bytes32(0));

        vm.startPrank(operator);
        vm.expectRevert(refusal);
        manager.setToken(address(weth), config, address(0));
        vm.expectRevert(refusal);
        manager.setSecondMaxAge(address(weth), 1);
        vm.stopPrank();
    }

    function test_the_token_zero_reverts_ZeroAddress() external {
        vm.prank(admin);
        vm.expectRevert(ICollateralManager.ZeroAddress.selector);
        manager.setToken(address(0), wethConfig(), address(0));
    }

    function test_a_threshold_above_95_percent_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.liquidationThresholdBps = 9_501;

        refuse(address(weth), config, address(0), "liquidationThresholdBps");

        config.liquidationThresholdBps = 9_500;
        set(address(weth), config, address(0));
    }

    function test_a_gap_below_500_between_loan_to_value_and_threshold_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.ltvBps = 7_501;

        refuse(address(weth), config, address(0), "ltvBps");

        config.ltvBps = 7_500;
        set(address(weth), config, address(0));
    }

    function test_a_token_without_a_feed_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.feed = address(0);

        refuse(address(weth), config, address(0), "feed");
    }

    function test_a_feed_that_is_no_contract_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.feed = stranger;

        refuse(address(weth), config, address(0), "feed");
    }

    function test_a_feed_that_does_not_say_its_decimals_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.feed = address(aggregator);

        refuse(address(weth), config, address(0), "feed");
    }

    function test_feed_decimals_that_are_not_the_feeds_revert_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.feedDecimals = 18;

        refuse(address(weth), config, address(0), "feedDecimals");
    }

    function test_a_feed_of_more_than_18_decimals_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.feed = address(new MockPriceFeed(19, 1));
        config.feedDecimals = 19;

        refuse(address(weth), config, address(0), "feedDecimals");
    }

    function test_an_age_of_zero_or_more_than_a_week_reverts_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();

        config.maxAge = 0;
        refuse(address(weth), config, address(0), "maxAge");
        config.maxAge = 7 days + 1;
        refuse(address(weth), config, address(0), "maxAge");

        config.maxAge = 7 days;
        set(address(weth), config, address(0));
    }

    function test_decimals_that_are_not_the_tokens_revert_BadConfig() external {
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.decimals = 6;

        refuse(address(weth), config, address(0), "decimals");
    }

    function test_a_token_that_does_not_say_its_decimals_reverts_BadConfig() external {
        refuse(address(aggregator), wethConfig(), address(0), "decimals");
    }

    function test_a_token_of_more_than_18_decimals_reverts_BadConfig() external {
        MockERC20 token = new MockERC20("Fine", "FINE", 19);
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.decimals = 19;

        refuse(address(token), config, address(0), "decimals");
    }

    function test_a_second_feed_that_cannot_serve_reverts_BadConfig() external {
        address fine = address(new MockPriceFeed(19, 1));

        refuse(address(weth), wethConfig(), stranger, "secondFeed");
        refuse(address(weth), wethConfig(), address(wethFeed), "secondFeed");
        refuse(address(weth), wethConfig(), fine, "secondFeed");
    }

    function test_a_currency_is_no_collateral_and_reverts_BadConfig() external {
        refuse(USD, tokenConfig(address(0), 7_000, 8_000, 2, 8), address(0), "liquidationThresholdBps");
        refuse(USD, tokenConfig(address(usdcFeed), 7_000, 8_000, 2, 8), address(0), "liquidationThresholdBps");
        refuse(USD, tokenConfig(address(0), 0, 0, 19, 8), address(0), "decimals");
        refuse(USD, tokenConfig(address(0), 0, 0, 2, 8), address(usdcFeed), "secondFeed");
    }

    function test_a_currency_may_have_a_feed() external {
        address eur = address(978);
        MockPriceFeed feed = new MockPriceFeed(8, 1.1e8);

        set(eur, tokenConfig(address(feed), 0, 0, 2, 8), address(0));

        vm.assertEq(manager.price(eur), 1.1e8);
    }

    function test_the_base_currency_is_worth_one_of_itself_and_takes_no_deposit() external {
        vm.assertEq(manager.price(USD), 1e8);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TokenNotSupported.selector, USD));
        manager.quote(USD, 1);
    }

    function test_debt_in_the_base_currency_is_its_amount() external {
        originate();

        (, uint256 needed,) = manager.covers(LOAN, USD, 1_234_56);

        vm.assertEq(needed, 1_234.56e8);
    }

    // ---------------------------------------------------------------------------------------------------------- prices

    function test_a_quote_is_value_and_loan_to_value() external view {
        (uint256 value, uint256 borrowable) = manager.quote(address(weth), 1.5e18);

        vm.assertEq(value, 3_000e8);
        vm.assertEq(borrowable, 2_100e8);
    }

    function test_an_unknown_token_has_no_price_and_reverts_TokenNotSupported() external {
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.TokenNotSupported.selector, stranger));
        manager.price(stranger);
    }

    function test_a_price_is_good_until_its_greatest_age_and_then_reverts_PriceStale() external {
        uint64 updatedAt = uint64(block.timestamp);
        wethFeed.setUpdatedAt(updatedAt);
        later(1 days);
        vm.assertEq(manager.price(address(weth)), 2_000e8);
        later(1);

        vm.expectRevert(
            abi.encodeWithSelector(ICollateralManager.PriceStale.selector, address(weth), updatedAt, 1 days)
        );
        manager.price(address(weth));
    }

    function test_each_feed_has_its_own_greatest_age() external {
        MockPriceFeed second = new MockPriceFeed(8, 2_000e8);
        ICollateralManager.TokenConfig memory config = wethConfig();
        config.maxAge = 1 hours;
        set(address(weth), config, address(second));
        second.setUpdatedAt(uint64(block.timestamp));
        later(2 hours);
        bytes memory stale = abi.encodeWithSelector(
            ICollateralManager.PriceStale.selector, address(weth), block.timestamp - 2 hours, 1 hours
        );
        vm.expectRevert(stale);
        manager.price(address(weth));

        vm.expectEmit(address(manager));
        emit TokenPrices.SecondMaxAgeSet(address(weth), 1 days);
        vm.prank(admin);
        manager.setSecondMaxAge(address(weth), 1 days);

        vm.assertEq(manager.price(address(weth)), 2_000e8);
    }

    function test_the_age_of_a_second_feed_that_is_not_there_reverts_BadConfig() external {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadConfig.selector, address(weth), "secondFeed"));
        manager.setSecondMaxAge(address(weth), 1 days);
    }

    function test_the_age_of_a_second_feed_has_bounds_and_reverts_BadConfig() external {
        set(address(weth), wethConfig(), address(new MockPriceFeed(8, 2_000e8)));

        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadConfig.selector, address(weth), "maxAge"));
        manager.setSecondMaxAge(address(weth), 0);
    }

    function test_a_price_of_zero_or_less_reverts_PriceInvalid() external {
        wethFeed.setAnswer(0);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceInvalid.selector, address(weth), int256(0)));
        manager.price(address(weth));

        wethFeed.setAnswer(-1);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceInvalid.selector, address(weth), int256(-1)));
        manager.price(address(weth));
    }

    function test_a_price_beyond_reason_reverts_PriceInvalid() external {
        int192 beyond = int192(type(int128).max) + 1;
        wethFeed.setAnswer(beyond);

        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceInvalid.selector, address(weth), int256(beyond)));
        manager.price(address(weth));
    }

    function test_a_price_from_the_future_reverts_PriceInvalid() external {
        wethFeed.setUpdatedAt(uint64(block.timestamp + 1));

        vm.expectRevert(
            abi.encodeWithSelector(ICollateralManager.PriceInvalid.selector, address(weth), int256(2_000e8))
        );
        manager.price(address(weth));
    }

    function test_two_feeds_may_differ_by_five_percent_and_no_more_or_it_reverts_PriceDeviates() external {
        MockPriceFeed second = new MockPriceFeed(8, 2_100e8);
        set(address(weth), wethConfig(), address(second));
        vm.assertEq(manager.price(address(weth)), 2_000e8);

        second.setAnswer(2_100e8 + 1);
        refuseDeviation(2_000e18, 2_100e18 + 1e10);

        wethFeed.setAnswer(2_100e8);
        second.setAnswer(2_000e8);
        vm.assertEq(manager.price(address(weth)), 2_100e8);

        second.setAnswer(2_000e8 - 1);
        refuseDeviation(2_100e18, 2_000e18 - 1e10);
    }

    function test_a_disputed_price_stops_what_needs_it() external {
        lend();
        set(address(weth), wethConfig(), address(new MockPriceFeed(8, 1_000e8)));
        bytes memory refusal =
            abi.encodeWithSelector(ICollateralManager.PriceDeviates.selector, address(weth), 2_000e18, 1_000e18);

        vm.expectRevert(refusal);
        manager.marginCall(LOAN);
        vm.expectRevert(refusal);
        manager.isLiquidatable(LOAN);
        vm.prank(borrower);
        vm.expectRevert(refusal);
        manager.withdrawExcess(LOAN, address(weth), 1);
        deposit(LOAN, weth, 1); // and a top-up needs none
    }

    // -------------------------------------------------------------------------------------------------------- rounding

    function test_a_feed_of_18_decimals_loses_nothing() external {
        daiFeed.setAnswer(1e9); // a billionth: zero with 8 decimals

        (uint256 value,) = manager.quote(address(dai), 1e27);

        vm.assertEq(manager.price(address(dai)), 0);
        vm.assertEq(value, 1e8);
    }

    function test_fuzz_collateral_rounds_down_and_debt_up(uint128 amount, uint128 answer, uint8 feedDecimals) external {
        feedDecimals = uint8(feedDecimals % 19);
        int192 price = int192(uint192(within(answer, 1, 1e26)));
        uint128 whole = uint128(within(amount, 1, 1e30));
        setPrice(usdc, 6, feedDecimals, price);
        originate();

        (uint256 value,) = manager.quote(address(usdc), whole);
        (, uint256 debt,) = manager.covers(LOAN, address(usdc), whole);

        // Exact value: whole * price * 1e8 / 1e6 / 10 ** feedDecimals.
        uint256 numerator = uint256(whole) * uint256(int256(price)) * 100;
        uint256 denominator = 10 ** uint256(feedDecimals);
        vm.assertEq(value, numerator / denominator);
        vm.assertEq(debt, (numerator + denominator - 1) / denominator);
    }

    function test_fuzz_decimals_of_a_token_do_not_change_what_a_whole_one_is_worth(uint8 decimals, uint64 wholes)
        external
    {
        decimals = uint8(decimals % 19);
        MockERC20 token = new MockERC20("Token", "TKN", decimals);
        set(address(token), tokenConfig(address(wethFeed), 7_000, 8_000, decimals, 8), address(0));

        (uint256 value, uint256 borrowable) = manager.quote(address(token), uint256(wholes) * 10 ** decimals);

        vm.assertEq(value, uint256(wholes) * 2_000e8);
        vm.assertEq(borrowable, uint256(wholes) * 1_400e8);
    }

    function test_fuzz_splitting_collateral_never_adds_value(uint96 one_, uint96 other) external view {
        (uint256 first,) = manager.quote(address(weth), one_);
        (uint256 second,) = manager.quote(address(weth), other);
        (uint256 together,) = manager.quote(address(weth), uint256(one_) + other);

        vm.assertLe(first + second, together);
        vm.assertLe(together, first + second + 1);
    }

    function test_fuzz_the_health_factor_follows_the_price(uint64 answer) external {
        uint256 price = within(answer, 1, 1_000_000e8);
        lend();
        wethFeed.setAnswer(int192(uint192(price)));

        // 10 ETH at 80 %, over 10,000: a price of 1,250 is health 1.
        uint256 expected = price * 8 * 1e18 / 10_000e8;
        vm.assertEq(manager.healthFactor(LOAN), expected);
        vm.assertEq(manager.isLiquidatable(LOAN), expected < 0.95e18);
    }

    function test_fuzz_the_health_factor_follows_collateral_and_debt(uint96 collateral, uint96 principal) external {
        uint256 posted = within(collateral, 5e16, 1_000e18);
        uint128 lent = uint128(within(principal, 1e6, 1_000_000e6));
        originate(LOAN, termsOf(address(usdc), lent, true));
        deposit(LOAN, weth, posted);

        uint256 secured = posted * 2_000e8 / 1e18 * 8_000 / 10_000;
        vm.assertEq(manager.healthFactor(LOAN), secured * 1e18 / (uint256(lent) * 100));
        vm.assertEq(manager.maxBorrow(LOAN), posted * 2_000e8 / 1e18 * 7_000 / 10_000);
    }

    function test_fuzz_what_one_may_withdraw_leaves_a_loan_that_is_covered(uint96 amount) external {
        lend();
        uint256 taken = within(amount, 1, COLLATERAL);

        vm.prank(borrower);
        (bool withdrawn,) = address(manager).call(abi.encodeCall(manager.withdrawExcess, (LOAN, address(weth), taken)));

        vm.assertGe(manager.maxBorrow(LOAN), manager.debtValue(LOAN));
        // 10,000 at 70 % of 2,000 need seven and a seventh.
        vm.assertEq(withdrawn, (COLLATERAL - taken) * 2_000e8 / 1e18 * 7_000 / 10_000 >= 10_000e8);
    }

    // --------------------------------------------------------------------------------------------------------- helpers

    function wethConfig() private view returns (ICollateralManager.TokenConfig memory) {
        return tokenConfig(address(wethFeed), 7_000, 8_000, 18, 8);
    }

    function set(address token, ICollateralManager.TokenConfig memory config, address secondFeed) private {
        vm.prank(admin);
        manager.setToken(token, config, secondFeed);
    }

    function refuse(
        address token,
        ICollateralManager.TokenConfig memory config,
        address secondFeed,
        string memory field
    ) private {
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.BadConfig.selector, token, field));
        manager.setToken(token, config, secondFeed);
    }

    function refuseDeviation(uint256 first, uint256 second) private {
        vm.expectRevert(abi.encodeWithSelector(ICollateralManager.PriceDeviates.selector, address(weth), first, second));
        manager.price(address(weth));
    }

    function setPrice(MockERC20 token, uint8 decimals, uint8 feedDecimals, int192 answer) private {
        MockPriceFeed feed = new MockPriceFeed(feedDecimals, answer);
        set(address(token), tokenConfig(address(feed), 9_000, 9_500, decimals, feedDecimals), address(0));
    }

    function within(uint256 value, uint256 least, uint256 most) private pure returns (uint256) {
        return least + value % (most - least + 1);
    }
}
