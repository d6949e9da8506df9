// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RateLimiter} from "@openzeppelin/contracts/utils/RateLimiter.sol";

import {TokenPrices} from "./TokenPrices.sol";

/// @title Whose collateral is held, and how fast it may leave
/// @notice The total of a token is the sum of what the loans have of it, and never more than is held.
abstract contract CollateralLedger is TokenPrices {
    using RateLimiter for RateLimiter.RefillingBucket;

    uint256 public constant MAX_TOKENS = 8;

    mapping(bytes32 loanId => address[]) private _tokens;
    mapping(bytes32 loanId => mapping(address token => uint256)) private _balances;
    mapping(address token => uint256) private _totals;
    mapping(address token => RateLimiter.RefillingBucket) private _outflows;

    /// @notice How much of a token may leave by withdrawal and release: `capacity` at once, refilled within `window`
    /// seconds. A window of zero ends the limit; a capacity of zero would hold collateral for ever and is refused.
    function limitOutflow(address token, uint208 capacity, uint48 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (token == address(0)) revert ZeroAddress();
        if (window != 0 && capacity == 0) revert BadConfig(token, "capacity");
        _outflows[token].sync(0); // what was used by the old rate is no business of the new one
        _outflows[token].updateSettings(window, capacity);
        emit OutflowLimited(token, capacity, window);
    }

    function totalOf(address token) external view returns (uint256) {
        return _totals[token];
    }

    function hasCollateral(bytes32 loanId) external view returns (bool) {
        return _tokens[loanId].length != 0;
    }

    function tokensOf(bytes32 loanId) public view returns (address[] memory) {
        return _tokens[loanId];
    }

    function balanceOf(bytes32 loanId, address token) public view returns (uint256) {
        return _balances[loanId][token];
    }

    /// @notice What is left to consume of the outflow limit now; the greatest number there is without a limit.
    function outflowAvailable(address token) public view returns (uint256) {
        return _isLimited(token) ? _outflows[token].available(0) : type(uint256).max;
    }

    function _credit(bytes32 loanId, address token, uint256 amount) internal {
        if (_balances[loanId][token] == 0) {
            if (_tokens[loanId].length == MAX_TOKENS) revert TooManyTokens(loanId);
            _tokens[loanId].push(token);
        }
        _balances[loanId][token] += amount;
        _totals[token] += amount;
    }

    function _debit(bytes32 loanId, address token, uint256 amount) internal {
        uint256 balance = _balances[loanId][token];
        if (amount > balance) revert BalanceTooLow(loanId, token, amount, balance);
        _balances[loanId][token] = balance - amount;
        _totals[token] -= amount;
        if (amount >= balance) _forget(_tokens[loanId], token);
    }

    function _consumeOutflow(address token, uint256 amount) internal {
        if (_isLimited(token)) _outflows[token].consume(0, amount);
    }

    function _forget(address[] storage tokens, address token) private {
        uint256 last = tokens.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (tokens[i] == token) tokens[i] = tokens[last];
        }
        tokens.pop();
    }

    function _isLimited(address token) private view returns (bool) {
        return _outflows[token]._window != 0;
    }
}
