// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What collateral costs in an auction
/// @notice From 105 to 80 percent of the price in six hours. A buyer's payment is rounded up.
library DutchAuction {
    uint40 internal constant DURATION = 6 hours;
    uint256 internal constant FIRST_BPS = 10_500;
    uint256 internal constant LAST_BPS = 8_000;
    uint256 internal constant BPS = 10_000;

    /// @dev An amount costs `amount * tokenPrice / tokenUnit` in the base currency, and that times
    /// `assetUnit / assetPrice` in the loan's asset. `tokenPrice` is the auction's, so it and `tokenUnit` carry the
    /// basis points. Prices have 18 decimals.
    struct Sale {
        IERC20 asset;
        uint256 owed; // with the fee on it
        uint256 tokenPrice;
        uint256 tokenUnit;
        uint256 assetPrice;
        uint256 assetUnit;
    }

    /// @dev The share of its price that collateral is offered for.
    function shareBps(uint256 elapsed) internal pure returns (uint256) {
        return FIRST_BPS - (FIRST_BPS - LAST_BPS) * elapsed / DURATION;
    }

    /// @dev Proceeds that pay a debt when a share of them is a fee.
    function withFee(uint256 debt, uint256 feeBps) internal pure returns (uint256) {
        return Math.mulDiv(debt, BPS, BPS - feeBps, Math.Rounding.Ceil);
    }

    function costOf(Sale memory sale, uint256 amount) internal pure returns (uint256) {
        uint256 value = Math.mulDiv(amount, sale.tokenPrice, sale.tokenUnit, Math.Rounding.Ceil);
        return Math.mulDiv(value, sale.assetUnit, sale.assetPrice, Math.Rounding.Ceil);
    }

    /// @dev An amount that costs so much; a base unit more where the division leaves something over that has a price.
    function amountFor(Sale memory sale, uint256 cost) internal pure returns (uint256 amount) {
        uint256 value = Math.mulDiv(cost, sale.assetPrice, sale.assetUnit);
        amount = Math.mulDiv(value, sale.tokenUnit, sale.tokenPrice);
        if (costOf(sale, amount) < cost) ++amount;
    }
}
