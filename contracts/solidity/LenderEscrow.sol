// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Assets} from "./Assets.sol";
import {ICreditAggregator} from "./interfaces/ICreditAggregator.sol";

/// @title Tokens that lenders and the treasury keep here
/// @notice What leaves by withdrawal or to a borrower counts against the outflow limit of its asset.
/// @dev Tokens are pulled from the caller alone, and money moves last.
abstract contract LenderEscrow is Assets, ReentrancyGuardTransient {
    using RateLimiter for RateLimiter.RefillingBucket;
    using SafeERC20 for IERC20;

    mapping(address lender => mapping(address asset => uint256)) private _escrow;
    mapping(address asset => RateLimiter.RefillingBucket) private _outflow;

    /// @inheritdoc ICreditAggregator
    function depositEscrow(address asset, uint256 amount) external nonReentrant {
        _requireSupported(asset);
        if (amount == 0) revert AmountZero();
        _escrow[msg.sender][asset] += amount;
        emit EscrowDeposited(msg.sender, asset, amount);
        _pull(asset, amount);
    }

    /// @inheritdoc ICreditAggregator
    function withdrawEscrow(address asset, uint256 amount, address to) external whenNotPaused nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        if (amount == 0) revert AmountZero();
        _takeEscrow(msg.sender, asset, amount);
        emit EscrowWithdrawn(msg.sender, asset, to, amount);
        IERC20(asset).safeTransfer(to, amount);
    }

    /// @notice Limit what leaves escrow, by withdrawal or to borrowers; only the admin.
    /// @param asset the token
    /// @param capacity base units that may leave at once; they refill evenly
    /// @param window seconds in which an empty allowance is full again; 0 lifts the limit, and a window without
    /// capacity keeps everything here
    function limitOutflow(address asset, uint208 capacity, uint48 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _outflow[asset].sync(bytes32(0));
        _outflow[asset].updateSettings(window, capacity);
        emit OutflowLimited(asset, capacity, window);
    }

    /// @notice Base units of an asset that may leave escrow now; the greatest number when nothing limits it.
    function outflowAvailable(address asset) external view returns (uint256) {
        return _isLimited(asset) ? _outflow[asset].available(bytes32(0)) : type(uint256).max;
    }

    /// @inheritdoc ICreditAggregator
    function escrowOf(address lender, address asset) external view returns (uint256) {
        return _escrow[lender][asset];
    }

    function _giveEscrow(address lender, address asset, uint256 amount) internal {
        _escrow[lender][asset] += amount;
    }

    function _takeEscrow(address lender, address asset, uint256 amount) internal {
        uint256 available = _escrow[lender][asset];
        if (amount > available) revert EscrowTooLow(lender, asset, amount, available);
        _escrow[lender][asset] = available - amount;
        if (_isLimited(asset)) _outflow[asset].consume(bytes32(0), amount);
    }

    /// @dev From the caller, last of all. A token that keeps a part for itself would leave balances here uncovered.
    function _pull(address asset, uint256 amount) internal {
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(asset).balanceOf(address(this)) != before + amount) revert AssetNotSupported(asset);
    }

    function _isLimited(address asset) private view returns (bool) {
        return _outflow[asset]._window != 0;
    }
}
