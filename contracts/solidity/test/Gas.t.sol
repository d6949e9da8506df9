// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../interfaces/ICreditScoringOracle.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title What a loan costs, held to its budget
/// @notice Run with --isolate, or base fee and cold slots are not counted. Budgets are gas of a whole transaction.
contract GasTest is LoanCase {
    string private constant GROUP = "Loan";

    function test_a_loan_over_a_rail_with_one_approval_costs_at_most_190k_to_originate() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        aggregator.originate(LOAN, terms, "", approvals);

        _within("originate, rail, 1 approval", 190_000);
    }

    function test_a_loan_over_a_rail_with_two_approvals_costs_at_most_190k_to_originate() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.principal = SECOND;
        bytes[] memory approvals = _approvals(LOAN, terms, 2);

        aggregator.originate(LOAN, terms, "", approvals);

        _within("originate, rail, 2 approvals", 190_000);
    }

    function test_a_loan_over_a_rail_with_a_score_costs_at_most_190k_to_originate() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.minScore = 600;
        bytes[] memory approvals = _approvals(LOAN, terms, 1);
        _publish(700);

        aggregator.originate(LOAN, terms, "", approvals);

        _within("originate, rail, 1 approval, score", 190_000);
    }

    function test_a_secured_loan_over_a_rail_costs_at_most_190k_to_originate() public {
        ICreditAggregator.Terms memory terms = _securedTerms();
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        aggregator.originate(LOAN, terms, "", approvals);

        _within("originate, secured, 1 approval", 190_000);
    }

    function test_a_secured_loan_in_tokens_that_its_lender_offers_costs_at_most_190k_to_originate() public {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.secured = true;
        bytes memory offer = _offer(LOAN, terms);
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        aggregator.originate(LOAN, terms, offer, approvals);

        _within("originate, tokens, 1 approval", 190_000);
    }

    function test_recording_a_payout_over_a_rail_costs_at_most_45k() public {
        _originate(LOAN, _railTerms());

        aggregator.fund(LOAN, OP, 1);

        _within("fund, rail", 45_000);
    }

    function test_a_payout_in_tokens_costs_at_most_100k() public {
        _originate(LOAN, _tokenTerms());
        _fillEscrow(PRINCIPAL);

        aggregator.fund(LOAN, OP, 1);

        _within("fund, tokens", 100_000);
    }

    function test_a_repayment_over_a_rail_costs_at_most_55k() public {
        _start(LOAN, _railTerms());

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        _within("repay, rail", 55_000);
    }

    function test_the_last_repayment_over_a_rail_costs_at_most_55k() public {
        _start(LOAN, _railTerms());

        aggregator.repay(LOAN, OP, 2, PRINCIPAL, 1_000);

        _within("repay, rail, last", 55_000);
    }

    function test_a_repayment_in_tokens_costs_at_most_80k() public {
        _start(LOAN, _tokenTerms());
        _fillEscrow(1);
        token.mint(address(this), 20_000);

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        _within("repay, tokens, caller pays", 80_000);
    }

    function test_a_repayment_in_tokens_into_an_empty_escrow_costs_at_most_110k() public {
        _start(LOAN, _tokenTerms());
        token.mint(address(this), 20_000);

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);

        _within("repay, tokens, caller pays, empty escrow", 110_000);
    }

    function test_paying_first_and_allocating_later_costs_at_most_80k_each() public {
        _start(LOAN, _tokenTerms());
        _fillEscrow(1);
        token.mint(address(this), 20_000);

        aggregator.pay(LOAN, 9_000);
        _within("pay", 80_000);

        aggregator.repay(LOAN, OP, 2, 8_000, 1_000);
        _within("repay, tokens, from credit", 80_000);
    }

    function test_a_transition_costs_at_most_45k() public {
        _start(LOAN, _railTerms());

        aggregator.transition(LOAN, OP, 2, ICreditAggregator.State.Delinquent, REASON);

        _within("transition", 45_000);
    }

    function test_a_score_costs_at_most_75k() public {
        ICreditScoringOracle.Score memory score = ICreditScoringOracle.Score(700, uint40(NOW), uint40(NOW + 30 days), 7);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(SIGNER_KEY, _digest(address(oracle), "CreditScoringOracle", _scoreHash(SUBJECT, score)));

        oracle.publish(SUBJECT, score, signatures);

        _within("publish", 75_000);
    }

    function test_a_loan_of_twelve_installments_over_a_rail_costs_at_most_950k() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.minScore = 600;
        ICreditScoringOracle.Score memory score = ICreditScoringOracle.Score(700, uint40(NOW), uint40(NOW + 30 days), 7);
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signed(SIGNER_KEY, _digest(address(oracle), "CreditScoringOracle", _scoreHash(SUBJECT, score)));
        bytes[] memory approvals = _approvals(LOAN, terms, 1);

        oracle.publish(SUBJECT, score, signatures);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        aggregator.originate(LOAN, terms, "", approvals);
        gas += vm.lastCallGas().gasTotalUsed;
        aggregator.fund(LOAN, OP, 1);
        gas += vm.lastCallGas().gasTotalUsed;
        for (uint24 i = 0; i < 12; ++i) {
            aggregator.repay(LOAN, OP, i + 2, i == 11 ? 12_000 : 8_000, 1_000);
            gas += vm.lastCallGas().gasTotalUsed;
        }

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Closed);
        vm.snapshotValue(GROUP, "a loan of 12 installments, rail", gas);
        vm.assertLe(gas, 950_000, "12 installments");
    }

    function _within(string memory name, uint256 budget) private {
        vm.assertLe(vm.snapshotGasLastCall(GROUP, name), budget, name);
    }
}
