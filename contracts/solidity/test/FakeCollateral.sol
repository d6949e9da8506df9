// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {MockERC20} from "../mocks/MockERC20.sol";

/// @title A collateral manager that says what a test wants to hear, and remembers what it was told
contract FakeCollateral {
    bool public isCovered = true;
    bool public isBelowThresholds = true;
    bool public isLeft = true;
    mapping(bytes32 loanId => uint40) public endsAt;

    error SameBlock(bytes32 loanId);

    bool public isSameBlock;

    function setCovered(bool value) external {
        isCovered = value;
    }

    function setSameBlock(bool value) external {
        isSameBlock = value;
    }

    function setBelowThresholds(bool value) external {
        isBelowThresholds = value;
    }

    function setLeft(bool value) external {
        isLeft = value;
    }

    /// @notice What a buyer does: his tokens arrive first, then the aggregator hears of them.
    function sell(ICreditAggregator aggregator, bytes32 loanId, MockERC20 token, uint128 amount) external {
        token.mint(address(aggregator), amount);
        aggregator.auctionProceeds(loanId, amount);
    }

    function startAuction(bytes32 loanId) external {
        endsAt[loanId] = uint40(block.timestamp) + 6 hours;
    }

    function closeAuction(bytes32 loanId) external {
        require(endsAt[loanId] != 0, "no auction");
        endsAt[loanId] = 0;
    }

    function covers(bytes32 loanId, address, uint256 principal) external view returns (bool, uint256, uint256) {
        if (isSameBlock) revert SameBlock(loanId);
        return (isCovered, principal, isCovered ? principal : principal - 1);
    }

    function isLiquidatable(bytes32) external view returns (bool) {
        return isBelowThresholds;
    }

    function hasCollateral(bytes32) external view returns (bool) {
        return isLeft;
    }

    function auctionOf(bytes32 loanId) external view returns (uint40 startedAt, uint40 until) {
        until = endsAt[loanId];
        startedAt = until == 0 ? 0 : until - 6 hours;
    }
}
