// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fixture} from "./Fixture.sol";
import {vm} from "./Vm.sol";

/// @notice What collateral costs, held to its budget. Run with --isolate, as the loans' own budget.
contract GasCollateralTest is Fixture {
    string private constant GROUP = "Collateral";

    function test_a_first_deposit_costs_at_most_215k() external {
        originate();

        deposit(LOAN, weth, COLLATERAL);

        within("deposit, first", 215_000);
    }

    function test_a_top_up_costs_at_most_90k() external {
        lend();

        deposit(LOAN, weth, 1e18);

        within("deposit, top-up", 90_000);
    }

    function test_a_margin_call_costs_at_most_90k() external {
        lend();
        wethFeed.setAnswer(1_300e8);

        manager.marginCall(LOAN);

        within("margin call", 90_000);
    }

    function test_starting_a_liquidation_costs_at_most_120k() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        uint24 seq = next(LOAN);

        vm.prank(operator);
        aggregator.startLiquidation(LOAN, OP, seq, 100e6);

        within("startLiquidation, 1 token", 120_000);
    }

    function test_a_take_costs_at_most_150k() external {
        lend();
        wethFeed.setAnswer(1_000e8);
        liquidate(LOAN, 100e6);
        take(LOAN, weth, 1e18);

        take(LOAN, weth, 1e18);

        within("take, partial", 150_000);
    }

    function test_a_release_costs_at_most_75k() external {
        lend();
        repay(LOAN, usdc, PRINCIPAL, 0);

        manager.release(LOAN);

        within("release, 1 token", 75_000);
    }

    function within(string memory name, uint256 budget) private {
        uint256 spent = vm.snapshotGasLastCall(GROUP, name);
        vm.assertLe(spent, budget, name);
    }
}
