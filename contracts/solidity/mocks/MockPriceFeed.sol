// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPriceFeed} from "../interfaces/IPriceFeed.sol";

/// @title A price feed that anybody may set, for development and tests
/// @notice Without a time of update the answer is always as old as the block, so that feeds do not go stale on a chain
/// that stands still.
contract MockPriceFeed is IPriceFeed {
    uint8 public immutable decimals;
    int192 public answer;
    uint64 public updatedAt;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(uint8 decimals_, int192 answer_) {
        decimals = decimals_;
        answer = answer_;
    }

    function setAnswer(int192 answer_) external {
        answer = answer_;
        emit AnswerUpdated(answer_, 1, block.timestamp);
    }

    /// @param updatedAt_ zero: always now
    function setUpdatedAt(uint64 updatedAt_) external {
        updatedAt = updatedAt_;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        uint256 moment = updatedAt == 0 ? block.timestamp : updatedAt;
        return (1, answer, moment, moment, 1);
    }
}
