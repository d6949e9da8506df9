// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockERC20} from "./MockERC20.sol";

/// @title A token that calls somebody in the middle of a transfer, and can refuse an account
/// @notice What the call answered is kept and not raised: a test sees whether it was refused and why.
contract MockReentrantERC20 is MockERC20 {
    address public target;
    bytes public call;
    bool public succeeded;
    bytes public answer;
    address public refused;

    error Refused(address account);

    constructor(string memory name_, string memory symbol_, uint8 decimals_) MockERC20(name_, symbol_, decimals_) {}

    function attack(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
        succeeded = false;
        answer = "";
    }

    function refuse(address account) external {
        refused = account;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (to != address(0) && to == refused) revert Refused(to);
        super._update(from, to, amount);
        address attacked = target;
        if (attacked == address(0)) return;
        target = address(0); // once, so that it does not call itself for ever
        (succeeded, answer) = attacked.call(call);
    }
}
