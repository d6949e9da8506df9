// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What is read of a push price feed, in the shape that Chainlink gave it
interface IPriceFeed {
    function decimals() external view returns (uint8);

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
