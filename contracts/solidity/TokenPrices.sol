// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICollateralManager} from "./interfaces/ICollateralManager.sol";
import {IPriceFeed} from "./interfaces/IPriceFeed.sol";

/// @title What tokens are worth, and on what terms they are taken as collateral
/// @notice Prices inside are in the base currency with 18 decimals, so that nothing is lost of feeds that say more than
/// eight; values are in the base currency with 8 decimals. A price that is old, impossible or disputed by the second
/// feed stops whatever needs it.
abstract contract TokenPrices is ICollateralManager, AccessControlDefaultAdminRules {
    struct SecondFeed {
        address feed;
        uint32 maxAge;
        uint8 decimals;
    }

    uint256 internal constant BPS = 10_000;
    uint256 internal constant WAD = 1e18;
    uint256 public constant MAX_DEVIATION_BPS = 500;
    uint256 public constant MIN_THRESHOLD_GAP_BPS = 500;
    uint256 public constant MAX_THRESHOLD_BPS = 9_500;
    uint256 public constant MAX_AGE_LIMIT = 7 days;
    uint256 private constant MAX_DECIMALS = 18;
    uint256 private constant DECIMALS_OF_PRICE_BEYOND_VALUE = 10; // 18 of a price, 8 of a value

    mapping(address token => TokenConfig) private _configs;
    mapping(address token => SecondFeed) private _secondFeeds;

    event SecondMaxAgeSet(address indexed token, uint32 maxAge);

    /// @notice Configure a token. A token that is not `enabled` any more is not taken as new collateral and carries no
    /// new borrowing, but what is there of it keeps its worth: disabling a token makes nobody's loan liquidatable.
    /// The second feed starts with the greatest age of the first.
    function setToken(address token, TokenConfig calldata config, address secondFeed)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (token == address(0)) revert ZeroAddress();
        _checkThresholds(token, config);
        if (config.feed == address(0)) _checkBaseCurrency(token, config, secondFeed);
        else _checkFeed(token, config);
        _checkDecimals(token, config);
        _configs[token] = config;
        _secondFeeds[token] = _secondFeedOf(token, config, secondFeed);
        emit TokenConfigured(token, config, secondFeed);
    }

    /// @notice Two feeds seldom have one heartbeat: the greatest age of the second one.
    function setSecondMaxAge(address token, uint32 maxAge) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_secondFeeds[token].feed == address(0)) revert BadConfig(token, "secondFeed");
        _checkAge(token, maxAge);
        _secondFeeds[token].maxAge = maxAge;
        emit SecondMaxAgeSet(token, maxAge);
    }

    function tokenConfig(address token) external view returns (TokenConfig memory config, address secondFeed) {
        return (_configs[token], _secondFeeds[token].feed);
    }

    /// @notice The price of a whole token in the base currency, 8 decimals.
    function price(address token) external view returns (uint256) {
        return _price(token, _known(token)) / 10 ** DECIMALS_OF_PRICE_BEYOND_VALUE;
    }

    /// @notice What an amount is worth, and what it would let one borrow, if it were deposited now.
    function quote(address token, uint256 amount) external view returns (uint256 value, uint256 borrowable) {
        TokenConfig memory config = _accepted(token);
        value = _value(amount, _price(token, config), config.decimals, Math.Rounding.Floor);
        borrowable = _share(value, config.ltvBps);
    }

    function _accepted(address token) internal view returns (TokenConfig memory config) {
        config = _configs[token];
        if (!config.enabled || config.ltvBps == 0) revert TokenNotSupported(token);
    }

    function _known(address token) internal view returns (TokenConfig memory config) {
        config = _configs[token];
        if (config.feed == address(0) && !config.enabled) revert TokenNotSupported(token);
    }

    function _price(address token, TokenConfig memory config) internal view returns (uint256 first) {
        if (config.feed == address(0)) return WAD;
        first = _answer(token, config.feed, config.maxAge, config.feedDecimals);
        SecondFeed memory other = _secondFeeds[token];
        if (other.feed == address(0)) return first;
        uint256 second = _answer(token, other.feed, other.maxAge, other.decimals);
        uint256 low = Math.min(first, second);
        if ((Math.max(first, second) - low) * BPS > low * MAX_DEVIATION_BPS) {
            revert PriceDeviates(token, first, second);
        }
    }

    function _value(uint256 amount, uint256 unitPrice, uint8 decimals, Math.Rounding rounding)
        internal
        pure
        returns (uint256)
    {
        return Math.mulDiv(amount, unitPrice, 10 ** (decimals + DECIMALS_OF_PRICE_BEYOND_VALUE), rounding);
    }

    function _share(uint256 value, uint256 shareBps) internal pure returns (uint256) {
        return Math.mulDiv(value, shareBps, BPS);
    }

    function _answer(address token, address feed, uint256 maxAge, uint8 decimals) private view returns (uint256) {
        // The round ids say nothing on feeds of today; age and sign are what counts.
        // slither-disable-next-line unused-return
        (, int256 answer,, uint256 updatedAt,) = IPriceFeed(feed).latestRoundData();
        if (answer <= 0 || answer > type(int128).max || updatedAt > block.timestamp) {
            revert PriceInvalid(token, answer);
        }
        if (block.timestamp - updatedAt > maxAge) revert PriceStale(token, updatedAt, maxAge);
        return uint256(answer) * 10 ** (MAX_DECIMALS - decimals);
    }

    function _checkThresholds(address token, TokenConfig calldata config) private pure {
        if (config.liquidationThresholdBps > MAX_THRESHOLD_BPS) revert BadConfig(token, "liquidationThresholdBps");
        if (config.ltvBps == 0) return;
        if (uint256(config.ltvBps) + MIN_THRESHOLD_GAP_BPS > config.liquidationThresholdBps) {
            revert BadConfig(token, "ltvBps");
        }
    }

    /// @dev The base currency has the price of one by definition. A token never has, however stable it is called.
    function _checkBaseCurrency(address token, TokenConfig calldata config, address secondFeed) private view {
        if (token.code.length != 0) revert BadConfig(token, "feed");
        if (config.liquidationThresholdBps != 0) revert BadConfig(token, "liquidationThresholdBps");
        if (secondFeed != address(0)) revert BadConfig(token, "secondFeed");
    }

    function _checkFeed(address token, TokenConfig calldata config) private view {
        _checkAge(token, config.maxAge);
        (bool known, uint256 decimals) = _decimalsOf(config.feed);
        if (!known) revert BadConfig(token, "feed");
        if (decimals > MAX_DECIMALS || decimals != config.feedDecimals) revert BadConfig(token, "feedDecimals");
    }

    function _checkAge(address token, uint32 maxAge) private pure {
        if (maxAge == 0 || maxAge > MAX_AGE_LIMIT) revert BadConfig(token, "maxAge");
    }

    /// @dev A currency without a token has the decimals one says it has; collateral has to be a token.
    function _checkDecimals(address token, TokenConfig calldata config) private view {
        if (config.decimals > MAX_DECIMALS) revert BadConfig(token, "decimals");
        if (token.code.length == 0) {
            if (config.liquidationThresholdBps != 0) revert BadConfig(token, "liquidationThresholdBps");
            return;
        }
        (bool known, uint256 decimals) = _decimalsOf(token);
        if (!known || decimals != config.decimals) revert BadConfig(token, "decimals");
    }

    function _secondFeedOf(address token, TokenConfig calldata config, address feed)
        private
        view
        returns (SecondFeed memory)
    {
        if (feed == address(0)) return SecondFeed(address(0), 0, 0);
        (bool known, uint256 decimals) = _decimalsOf(feed);
        if (!known || decimals > MAX_DECIMALS || feed == config.feed) revert BadConfig(token, "secondFeed");
        return SecondFeed(feed, config.maxAge, uint8(decimals));
    }

    /// @dev Asked by hand, because an address that is no contract would fail without saying which field was wrong.
    function _decimalsOf(address source) private view returns (bool known, uint256 decimals) {
        (bool success, bytes memory answer) = source.staticcall(abi.encodeCall(IPriceFeed.decimals, ()));
        if (!success || answer.length != 32) return (false, 0);
        return (true, abi.decode(answer, (uint256)));
    }
}
