// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title Every edge of the state machine, the allowed and the refused ones
/// @notice A table says for each operation what state a loan of each state is in afterwards; a dot is a refusal. Letters
/// are None, Originated, Active, Delinquent, deFaulted, Liquidating, Closed, Written off, cancelled (X).
contract CreditAggregatorStatesTest is LoanCase {
    bytes private constant STATES = "NOADFLCWX";
    uint128 private constant REPAID = 10_000; // by every loan that is funded, and 500 of interest
    uint96 private constant INTEREST = 500;

    // -------------------------------------------------------------------------------------------------- by word alone

    function test_only_a_delinquent_defaulted_or_written_off_loan_is_cured() public {
        _holds(_transitionTo(ICreditAggregator.State.Active), "...AA..A.");
    }

    function test_only_an_active_loan_turns_delinquent() public {
        _holds(_transitionTo(ICreditAggregator.State.Delinquent), "..D......");
    }

    function test_only_a_delinquent_loan_defaults() public {
        _holds(_transitionTo(ICreditAggregator.State.Defaulted), "...F.....");
    }

    function test_a_loan_that_repaid_is_not_cancelled() public {
        _holds(_transitionTo(ICreditAggregator.State.Cancelled), ".X.......");
    }

    function test_no_word_leads_anywhere_else() public {
        _holds(_transitionTo(ICreditAggregator.State.None), ".........");
        _holds(_transitionTo(ICreditAggregator.State.Originated), ".........");
        _holds(_transitionTo(ICreditAggregator.State.Liquidating), ".........");
        _holds(_transitionTo(ICreditAggregator.State.Closed), ".........");
        _holds(_transitionTo(ICreditAggregator.State.WrittenOff), ".........");
    }

    function test_a_payout_that_came_back_is_cancelled_and_nothing_is_owed() public {
        ICreditAggregator.State[2] memory from = [ICreditAggregator.State.Active, ICreditAggregator.State.Delinquent];
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 loanId = keccak256(abi.encode("cancelled", i));
            _start(loanId, _railTerms());
            if (from[i] == ICreditAggregator.State.Delinquent) aggregator.transition(loanId, OP, 2, from[i], REASON);

            aggregator.transition(loanId, OP, _seq(loanId), ICreditAggregator.State.Cancelled, REASON);

            vm.assertTrue(aggregator.stateOf(loanId) == ICreditAggregator.State.Cancelled);
            vm.assertEq(_outstanding(loanId), 0);
        }
    }

    function test_a_loan_that_was_paid_interest_alone_is_not_cancelled() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 0, 1);

        _refuses(
            abi.encodeCall(aggregator.transition, (LOAN, OP, 3, ICreditAggregator.State.Cancelled, REASON)),
            abi.encodeWithSelector(
                ICreditAggregator.BadTransition.selector,
                LOAN,
                ICreditAggregator.State.Active,
                ICreditAggregator.State.Cancelled
            )
        );
    }

    function test_a_loan_whose_repayment_was_reversed_whole_is_cancelled() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, 10, 1);
        aggregator.reverseRepayment(LOAN, OP, 3, 10, 1);

        aggregator.transition(LOAN, OP, 4, ICreditAggregator.State.Cancelled, REASON);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Cancelled);
    }

    // ----------------------------------------------------------------------------------------------------- by money

    function test_only_an_originated_loan_is_funded() public {
        _holds(abi.encodeCall(aggregator.fund, (LOAN, OP, 0)), ".A.......");
    }

    function test_a_part_of_the_principal_leaves_the_state_alone() public {
        _holds(abi.encodeCall(aggregator.repay, (LOAN, OP, 0, 1, 1)), "..ADF....");
    }

    function test_the_last_of_the_principal_closes() public {
        _holds(abi.encodeCall(aggregator.repay, (LOAN, OP, 0, PRINCIPAL - REPAID, 0)), "..CCC....");
    }

    function test_interest_may_come_after_the_principal() public {
        _holds(abi.encodeCall(aggregator.repay, (LOAN, OP, 0, 0, 1)), "..ADF.C..");
    }

    function test_a_reversed_repayment_reopens_a_closed_loan() public {
        _holds(abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, 0, 1, 0)), "..ADF.AW.");
    }

    function test_a_reversed_payment_of_interest_reopens_a_closed_loan() public {
        _holds(abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, 0, 0, 1)), "..ADF.AW.");
    }

    function test_a_loan_that_owes_interest_alone_closes_when_it_comes() public {
        _start(LOAN, _railTerms());
        aggregator.repay(LOAN, OP, 2, PRINCIPAL, INTEREST);
        aggregator.reverseRepayment(LOAN, OP, 3, 0, INTEREST);
        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Active);

        aggregator.repay(LOAN, OP, 4, 0, 1);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Closed);
        aggregator.repay(LOAN, OP, 5, 0, INTEREST - 1);
        vm.assertEq(aggregator.loan(LOAN).interestPaid, INTEREST);
    }

    function test_forgiving_a_part_leaves_the_state_alone() public {
        _holds(abi.encodeCall(aggregator.forgive, (LOAN, OP, 0, 1, REASON)), "..ADF....");
    }

    function test_forgiving_the_rest_closes() public {
        _holds(abi.encodeCall(aggregator.forgive, (LOAN, OP, 0, PRINCIPAL - REPAID, REASON)), "..CCC....");
    }

    function test_a_restructuring_leaves_the_state_alone() public {
        _holds(abi.encodeCall(aggregator.restructure, (LOAN, OP, 0, _newTerms(), "", "")), "..ADF....");
    }

    // ------------------------------------------------------------------------------------------------- by losing money

    function test_a_loan_is_written_off_from_wherever_it_is_owed() public {
        _holds(abi.encodeCall(aggregator.writeOff, (LOAN, OP, 0, REASON)), "..WWWW...");
    }

    function test_collateral_is_auctioned_below_the_thresholds_or_in_default() public {
        _holds(abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, 0, 0)), "..LLL....");
    }

    function test_healthy_collateral_is_auctioned_in_default_alone() public {
        collateral.setBelowThresholds(false);

        _holds(abi.encodeCall(aggregator.startLiquidation, (LOAN, OP, 0, 0)), "....L....");
    }

    function test_an_auction_that_left_collateral_and_debt_goes_back_to_default() public {
        _holds(abi.encodeCall(aggregator.settleLiquidation, (LOAN, OP, 0)), ".....F...");
    }

    function test_an_auction_that_left_debt_alone_is_written_off() public {
        collateral.setLeft(false);

        _holds(abi.encodeCall(aggregator.settleLiquidation, (LOAN, OP, 0)), ".....W...");
    }

    function test_an_auction_that_left_no_debt_closes() public {
        bytes32 loanId = _reach(5, "paid by auction");
        collateral.sell(aggregator, loanId, token, PRINCIPAL * 2);

        aggregator.settleLiquidation(loanId, OP, _seq(loanId));

        vm.assertTrue(aggregator.stateOf(loanId) == ICreditAggregator.State.Closed);
    }

    function test_proceeds_come_in_an_auction_alone() public {
        for (uint256 i = 0; i < STATES.length; ++i) {
            if (STATES[i] == "L") continue;
            bytes32 loanId = _reach(i, "proceeds");
            _refusesFrom(
                address(collateral),
                abi.encodeCall(aggregator.auctionProceeds, (loanId, 1)),
                abi.encodeWithSelector(ICreditAggregator.BadState.selector, loanId, aggregator.stateOf(loanId))
            );
        }
    }

    function test_a_change_of_state_is_an_event_with_both_states() public {
        _start(LOAN, _railTerms());

        vm.expectEmit(address(aggregator));
        emit ICreditAggregator.StateChanged(
            LOAN, OP, 2, ICreditAggregator.State.Active, ICreditAggregator.State.Delinquent, REASON
        );
        aggregator.transition(LOAN, OP, 2, ICreditAggregator.State.Delinquent, REASON);
    }

    // -------------------------------------------------------------------------------------------------------- the table

    function _transitionTo(ICreditAggregator.State to) private view returns (bytes memory) {
        return abi.encodeCall(aggregator.transition, (LOAN, OP, 0, to, REASON));
    }

    /// @dev The call is made for a fresh loan in each state, with that loan's id and next number in it.
    function _holds(bytes memory call, bytes memory expected) private {
        for (uint256 i = 0; i < STATES.length; ++i) {
            bytes32 loanId = _reach(i, call);
            bytes memory made = _for(loanId, i == 0 ? 1 : _seq(loanId), call);
            (bool succeeded, bytes memory answer) = address(aggregator).call(made);
            string memory row = string.concat("from ", string(abi.encodePacked(STATES[i])));
            vm.assertEq(succeeded, expected[i] != ".", row);
            if (succeeded) vm.assertEq(_letter(loanId), uint256(uint8(expected[i])), row);
            else vm.assertTrue(_isRefusalOfState(bytes4(answer), i), row);
        }
    }

    function _letter(bytes32 loanId) private view returns (uint256) {
        return uint8(STATES[uint256(aggregator.stateOf(loanId))]);
    }

    function _isRefusalOfState(bytes4 refusal, uint256 state) private pure returns (bool) {
        if (state == 0) return refusal == ICreditAggregator.LoanUnknown.selector;
        return refusal == ICreditAggregator.BadState.selector || refusal == ICreditAggregator.BadTransition.selector
            || refusal == ICreditAggregator.LiquidationNotAllowed.selector;
    }

    /// @dev Loan id and sequence number are the first and the third word of every write.
    function _for(bytes32 loanId, uint24 seq, bytes memory call) private pure returns (bytes memory made) {
        made = bytes.concat(call);
        assembly ("memory-safe") {
            mstore(add(made, 0x24), loanId)
            mstore(add(made, 0x64), seq)
        }
    }

    /// @dev A secured loan over a rail, brought to the state by the shortest way. An auction is at its end.
    function _reach(uint256 state, bytes memory salt) private returns (bytes32 loanId) {
        loanId = keccak256(abi.encode(state, salt, collateral.isBelowThresholds(), collateral.isLeft()));
        if (state == 0) return loanId;
        vm.warp(NOW);
        _originate(loanId, _securedTerms());
        if (state == 1) return loanId;
        if (state == 8) {
            aggregator.transition(loanId, OP, 1, ICreditAggregator.State.Cancelled, REASON);
            return loanId;
        }
        aggregator.fund(loanId, OP, 1);
        aggregator.repay(loanId, OP, 2, REPAID, INTEREST);
        if (state == 6) aggregator.repay(loanId, OP, 3, PRINCIPAL - REPAID, 0);
        if (state == 7) aggregator.writeOff(loanId, OP, 3, REASON);
        if (state < 3 || state > 5) return loanId;
        aggregator.transition(loanId, OP, 3, ICreditAggregator.State.Delinquent, REASON);
        if (state == 3) return loanId;
        aggregator.transition(loanId, OP, 4, ICreditAggregator.State.Defaulted, REASON);
        if (state == 4) return loanId;
        aggregator.startLiquidation(loanId, OP, 5, INTEREST);
        (, uint40 endsAt) = collateral.auctionOf(loanId);
        vm.warp(endsAt + 1);
    }
}
