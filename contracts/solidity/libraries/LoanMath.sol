// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The arithmetic of a loan on chain
/// @notice Amounts are base units, shares are basis points. What a division leaves over has a home: fees are rounded
/// down, so the rest stays with who is owed.
library LoanMath {
    uint256 internal constant BPS = 1e4;

    /// @dev Where the proceeds of an auction go. The four add up to the amount that was split.
    struct Split {
        uint128 fee;
        uint96 interest;
        uint128 principal;
        uint128 surplus;
    }

    /// @notice The most that may ever be paid beside the principal; never more than its counter holds.
    function interestCap(uint128 principal, uint16 capBps) internal pure returns (uint256) {
        return Math.min(uint256(principal) * capBps / BPS, type(uint96).max);
    }

    /// @notice Proceeds pay the fee first, then the interest due, then principal; what is left is the borrower's.
    function split(uint128 amount, uint256 feeBps, uint96 interestDue, uint128 outstanding)
        internal
        pure
        returns (Split memory parts)
    {
        // Every cast is of a value that is at most the amount, the interest due or the outstanding principal.
        uint256 fee = uint256(amount) * feeBps / BPS;
        uint256 left = amount - fee;
        uint256 interest = Math.min(left, interestDue);
        uint256 principal = Math.min(left - interest, outstanding);
        parts.fee = uint128(fee);
        parts.interest = uint96(interest);
        parts.principal = uint128(principal);
        parts.surplus = uint128(left - interest - principal);
    }
}
