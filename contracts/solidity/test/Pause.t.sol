// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

interface Pauses {
    function pause() external;
    function unpause() external;
    function paused() external view returns (bool);
    function defaultAdmin() external view returns (address);
    function beginDefaultAdminTransfer(address newAdmin) external;
    function acceptDefaultAdminTransfer() external;
    function grantRole(bytes32 role, address account) external;
}

/// @notice A pause is instant and stops what puts money at risk; ending it takes the admin, and that takes two days.
contract PauseTest is Fixture {
    // --------------------------------------------------------------------------------------------------- who may pause

    function test_only_a_pauser_pauses() external {
        for (uint256 i = 0; i < 2; ++i) {
            Pauses paused = contracts()[i];
            refuseRole(paused, stranger, keccak256("PAUSER_ROLE"), Pauses.pause.selector);
            refuseRole(paused, admin, keccak256("PAUSER_ROLE"), Pauses.pause.selector);

            vm.prank(pauser);
            paused.pause();

            vm.assertTrue(paused.paused());
        }
    }

    function test_only_the_admin_ends_a_pause() external {
        pauseAll();
        for (uint256 i = 0; i < 2; ++i) {
            Pauses paused = contracts()[i];
            refuseRole(paused, pauser, bytes32(0), Pauses.unpause.selector);
            refuseRole(paused, stranger, bytes32(0), Pauses.unpause.selector);

            vm.prank(admin);
            paused.unpause();

            vm.assertFalse(paused.paused());
        }
    }

    // -------------------------------------------------------------------------------------------------- what it stops

    function test_while_paused_no_loan_is_originated() external {
        ICreditAggregator.Terms memory terms = termsOf(address(usdc), PRINCIPAL, true);
        bytes memory lenderSignature = offer(LOAN, terms);
        bytes[] memory signatures = approvals(LOAN, terms);
        pauseAll();

        vm.prank(operator);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        aggregator.originate(LOAN, terms, lenderSignature, signatures);
    }

    function test_while_paused_no_loan_is_funded() external {
        originate();
        deposit(LOAN, weth, COLLATERAL);
        nextBlock();
        pauseAll();

        vm.prank(operator);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        aggregator.fund(LOAN, OP, 1);
    }

    function test_while_paused_no_liquidation_starts() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        pauseAll();

        vm.prank(operator);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        aggregator.startLiquidation(LOAN, OP, 2, 0);
    }

    function test_while_the_collateral_manager_alone_is_paused_no_auction_starts() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        vm.prank(pauser);
        manager.pause();

        vm.prank(operator);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        aggregator.startLiquidation(LOAN, OP, 2, 0);
    }

    function test_while_paused_no_collateral_is_sold() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        liquidate(LOAN, 0);
        pauseAll();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        take(LOAN, weth, 1e18);
    }

    function test_while_paused_no_margin_call_is_made() external {
        lend();
        wethFeed.setAnswer(1_300e8);
        pauseAll();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        manager.marginCall(LOAN);
    }

    function test_while_paused_no_collateral_is_withdrawn() external {
        lend();
        pauseAll();

        vm.prank(borrower);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        manager.withdrawExcess(LOAN, address(weth), 1);
    }

    function test_while_paused_no_escrow_is_withdrawn() external {
        pauseAll();

        vm.prank(lender);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        aggregator.withdrawEscrow(address(usdc), 1, lender);
    }

    // ------------------------------------------------------------------------------------------------ what stays open

    function test_while_paused_a_loan_is_repaid_and_its_collateral_goes_back() external {
        lend();
        pauseAll();

        repay(LOAN, usdc, PRINCIPAL, 100e6);
        manager.release(LOAN);

        assertState(LOAN, ICreditAggregator.State.Closed);
        vm.assertEq(weth.balanceOf(borrower), 1_000e18);
    }

    function test_while_paused_anybody_pays() external {
        lend();
        pauseAll();
        give(usdc, stranger, 500e6, address(aggregator));

        vm.prank(stranger);
        aggregator.pay(LOAN, 500e6);

        vm.assertEq(aggregator.creditOf(LOAN), 500e6);
    }

    function test_while_paused_collateral_is_topped_up_and_a_margin_call_cleared() external {
        lend();
        wethFeed.setAnswer(1_300e8);
        manager.marginCall(LOAN);
        pauseAll();

        deposit(LOAN, weth, 2e18);
        manager.clearMarginCall(LOAN);

        vm.assertEq(manager.marginCallOf(LOAN), 0);
    }

    function test_while_paused_an_auction_that_has_run_out_is_settled() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        liquidate(LOAN, 0);
        later(7 hours);
        pauseAll();

        settle(LOAN);

        assertState(LOAN, ICreditAggregator.State.Defaulted);
    }

    function test_after_a_pause_all_goes_on() external {
        lend();
        pauseAll();
        vm.startPrank(admin);
        aggregator.unpause();
        manager.unpause();
        vm.stopPrank();

        vm.prank(borrower);
        manager.withdrawExcess(LOAN, address(weth), 1e18);
        wethFeed.setAnswer(1_000e8);
        liquidate(LOAN, 0);
        take(LOAN, weth, 1e18);

        vm.assertEq(weth.balanceOf(buyer), 1e18);
    }

    // --------------------------------------------------------------------------------------------- how slowly it ends

    function test_under_a_timelock_the_end_of_a_pause_takes_two_days() external {
        TimelockController timelock = underTimelock();
        vm.prank(pauser);
        manager.pause();
        bytes memory call = abi.encodeCall(manager.unpause, ());
        vm.prank(stranger);
        timelock.schedule(address(manager), 0, call, 0, 0, 48 hours);

        later(48 hours - 1);
        vm.prank(stranger);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.execute(address(manager), 0, call, 0, 0);
        vm.assertTrue(manager.paused());
        later(1);
        vm.prank(stranger);
        timelock.execute(address(manager), 0, call, 0, 0);

        vm.assertFalse(manager.paused());
    }

    function test_under_a_timelock_nothing_is_scheduled_for_sooner() external {
        TimelockController timelock = underTimelock();

        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, 48 hours - 1, 48 hours)
        );
        timelock.schedule(address(manager), 0, abi.encodeCall(manager.unpause, ()), 0, 0, 48 hours - 1);
    }

    function test_under_a_timelock_what_is_scheduled_can_be_cancelled() external {
        TimelockController timelock = underTimelock();
        vm.prank(pauser);
        manager.pause();
        bytes memory call = abi.encodeCall(manager.unpause, ());
        vm.startPrank(stranger);
        timelock.schedule(address(manager), 0, call, 0, 0, 48 hours);
        timelock.cancel(timelock.hashOperation(address(manager), 0, call, 0, 0));
        later(3 days);

        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        timelock.execute(address(manager), 0, call, 0, 0);
        vm.stopPrank();
    }

    function test_a_new_admin_waits_for_its_delay_and_has_to_accept() external {
        deploy(admin, 48 hours);
        for (uint256 i = 0; i < 2; ++i) {
            Pauses contract_ = contracts()[i];
            vm.prank(admin);
            contract_.beginDefaultAdminTransfer(stranger);
            uint48 schedule = uint48(vm.getBlockTimestamp() + 48 hours);

            later(48 hours);
            vm.prank(stranger);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector, schedule
                )
            );
            contract_.acceptDefaultAdminTransfer();
            vm.assertEq(contract_.defaultAdmin(), admin);
            later(1);
            vm.prank(stranger);
            contract_.acceptDefaultAdminTransfer();

            vm.assertEq(contract_.defaultAdmin(), stranger);
        }
    }

    function test_there_is_never_a_second_admin() external {
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(admin);
            vm.expectRevert(IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminRules.selector);
            contracts()[i].grantRole(bytes32(0), stranger);
        }
    }

    // --------------------------------------------------------------------------------------------------------- helpers

    function contracts() private view returns (Pauses[2] memory) {
        return [Pauses(address(aggregator)), Pauses(address(manager))];
    }

    function pauseAll() private {
        vm.startPrank(pauser);
        aggregator.pause();
        manager.pause();
        vm.stopPrank();
    }

    /// @dev Everything anew, with the stranger as the one who proposes and executes.
    function underTimelock() private returns (TimelockController timelock) {
        timelock = new TimelockController(48 hours, one(stranger), one(stranger), address(0));
        deploy(address(timelock), 48 hours);
    }

    function refuseRole(Pauses contract_, address account, bytes32 role, bytes4 selector) private {
        vm.prank(account);
        (bool succeeded, bytes memory answer) = address(contract_).call(abi.encodeWithSelector(selector));
        vm.assertFalse(succeeded);
        vm.assertEq(
            answer, abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role)
        );
    }
}
