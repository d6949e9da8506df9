// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";

/// @title Which state may follow which by word alone
/// @notice Money (`fund`, `repay`, `reverseRepayment`, `forgive`), an auction and a write-off have edges of their own;
/// this is the table of `transition`.
///
///     Originated, Active, Delinquent -> Cancelled
///     Delinquent, Defaulted, WrittenOff -> Active      Active -> Delinquent -> Defaulted
library LoanStates {
    /// @notice Whether `to` may follow `from` because the operator says so.
    function mayFollow(ICreditAggregator.State from, ICreditAggregator.State to) internal pure returns (bool) {
        if (to == ICreditAggregator.State.Active) {
            return from == ICreditAggregator.State.Delinquent || from == ICreditAggregator.State.Defaulted
                || from == ICreditAggregator.State.WrittenOff;
        }
        if (to == ICreditAggregator.State.Delinquent) return from == ICreditAggregator.State.Active;
        if (to == ICreditAggregator.State.Defaulted) return from == ICreditAggregator.State.Delinquent;
        if (to == ICreditAggregator.State.Cancelled) {
            return from == ICreditAggregator.State.Originated || from == ICreditAggregator.State.Active
                || from == ICreditAggregator.State.Delinquent;
        }
        return false;
    }

    /// @notice Paid out, not ended, and not in an auction's hands.
    function isServiced(ICreditAggregator.State state) internal pure returns (bool) {
        return state == ICreditAggregator.State.Active || state == ICreditAggregator.State.Delinquent
            || state == ICreditAggregator.State.Defaulted;
    }

    /// @notice Whether a repayment may be taken back.
    function isReversible(ICreditAggregator.State state) internal pure returns (bool) {
        return
            isServiced(state) || state == ICreditAggregator.State.Closed || state == ICreditAggregator.State.WrittenOff;
    }

    /// @notice Whether anybody may pay towards it.
    function isOwed(ICreditAggregator.State state) internal pure returns (bool) {
        return isServiced(state) || state == ICreditAggregator.State.Liquidating
            || state == ICreditAggregator.State.WrittenOff;
    }
}
