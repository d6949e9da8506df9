// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CreditAggregator} from "../../CreditAggregator.sol";
import {ICollateralManager} from "../../interfaces/ICollateralManager.sol";
import {ICreditAggregator} from "../../interfaces/ICreditAggregator.sol";
import {ICreditScoringOracle} from "../../interfaces/ICreditScoringOracle.sol";
import {LoanMath} from "../../libraries/LoanMath.sol";
import {LoanStates} from "../../libraries/LoanStates.sol";

/// @notice What halmos understands of the cheat codes.
interface SymbolicVm {
    function assume(bool condition) external pure;
    function prank(address sender) external;
    function setArbitraryStorage(address target) external;
}

/// @notice Proofs for every input and, where a contract is asked, for every content of its storage: whatever happened
/// to a loan before, an accepted write does this. Tokens are left out: loans whose money moves over a rail.
contract Proofs {
    SymbolicVm private constant vm = SymbolicVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    address private constant OPERATOR = address(0xa1);
    bytes32 private constant OP = "operation";

    CreditAggregator private aggregator;

    function setUp() public {
        address[] memory nobody = new address[](0);
        aggregator = new CreditAggregator(
            0,
            address(0xad),
            ICreditScoringOracle(address(0xa3)),
            ICollateralManager(address(0xa2)),
            address(0xa4),
            nobody,
            nobody,
            nobody
        );
    }

    // ---------------------------------------------------------------------------------------------- writes, any storage

    function check_a_repayment_lowers_the_debt_by_itself_and_closes_at_zero(
        bytes32 loanId,
        uint24 seq,
        uint128 principal,
        uint96 interest
    ) public {
        ICreditAggregator.Loan memory before = anyRailLoan(loanId);
        if (!write(abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, principal, interest)))) return;
        ICreditAggregator.Loan memory later = aggregator.loan(loanId);

        assert(uint256(later.outstanding) + principal == before.outstanding);
        assert(later.interestPaid == uint256(before.interestPaid) + interest);
        assert((later.outstanding == 0) == (later.state == ICreditAggregator.State.Closed));
    }

    function check_a_reversal_undoes_a_repayment(bytes32 loanId, uint24 seq, uint128 principal, uint96 interest)
        public
    {
        ICreditAggregator.Loan memory before = anyRailLoan(loanId);
        if (!write(abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, principal, interest)))) return;
        bytes memory back =
            abi.encodeCall(ICreditAggregator.reverseRepayment, (loanId, OP, seq + 1, principal, interest));
        if (!write(back)) return;
        ICreditAggregator.Loan memory later = aggregator.loan(loanId);

        assert(later.outstanding == before.outstanding);
        assert(later.interestPaid == before.interestPaid);
        assert(later.principal == before.principal);
    }

    function check_interest_never_exceeds_its_cap(bytes32 loanId, uint24 seq, uint128 principal, uint96 interest)
        public
    {
        anyRailLoan(loanId);
        if (!write(abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, principal, interest)))) return;
        ICreditAggregator.Loan memory later = aggregator.loan(loanId);

        assert(interest == 0 || later.interestPaid <= LoanMath.interestCap(later.principal, later.interestCapBps));
    }

    function check_an_accepted_write_takes_the_next_number(bytes32 loanId, uint24 seq, uint128 principal) public {
        ICreditAggregator.Loan memory before = anyRailLoan(loanId);
        if (!write(abi.encodeCall(ICreditAggregator.forgive, (loanId, OP, seq, principal, OP)))) return;
        ICreditAggregator.Loan memory later = aggregator.loan(loanId);

        assert(seq == uint256(before.seq) + 1);
        assert(later.seq == seq);
        assert(uint256(later.outstanding) + principal == before.outstanding);
        assert(later.interestPaid == before.interestPaid);
    }

    function check_a_write_leaves_every_other_loan_alone(bytes32 loanId, bytes32 other, uint24 seq, uint128 principal)
        public
    {
        vm.assume(loanId != other);
        anyRailLoan(loanId);
        bytes32 before = keccak256(abi.encode(aggregator.loan(other)));
        if (!write(abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, principal, 0)))) return;

        assert(keccak256(abi.encode(aggregator.loan(other))) == before);
    }

    function check_a_word_moves_no_money_and_closes_nothing(bytes32 loanId, uint24 seq, uint8 to) public {
        vm.assume(to < 9);
        ICreditAggregator.Loan memory before = anyRailLoan(loanId);
        ICreditAggregator.State next = ICreditAggregator.State(to);
        if (!write(abi.encodeCall(ICreditAggregator.transition, (loanId, OP, seq, next, OP)))) return;
        ICreditAggregator.Loan memory later = aggregator.loan(loanId);

        assert(later.state == next);
        assert(next != ICreditAggregator.State.Closed && next != ICreditAggregator.State.WrittenOff);
        assert(later.interestPaid == before.interestPaid);
        // A cancellation is the one exception: the payout came back whole, and nothing had been paid.
        bool undone = next == ICreditAggregator.State.Cancelled && later.outstanding == 0 && before.interestPaid == 0;
        assert(later.outstanding == before.outstanding || undone);
    }

    function check_without_the_role_nothing_is_written(
        address caller,
        bytes32 loanId,
        uint24 seq,
        uint128 principal,
        uint96 interest
    ) public {
        anyRailLoan(loanId);
        vm.assume(!aggregator.hasRole(keccak256("OPERATOR_ROLE"), caller));
        vm.prank(caller);
        (bool accepted,) = address(aggregator).call(
            abi.encodeCall(ICreditAggregator.repay, (loanId, OP, seq, principal, interest))
        );

        assert(!accepted);
    }

    function check_more_principal_never_needs_fewer_approvals(address asset, uint128 less, uint128 more) public {
        vm.setArbitraryStorage(address(aggregator));
        vm.assume(less <= more);
        uint256 few = aggregator.approvalsNeeded(asset, less);
        uint256 many = aggregator.approvalsNeeded(asset, more);

        assert(few >= 1 && few <= many && many <= 3);
    }

    // ------------------------------------------------------------------------------------------------------- the table

    function check_no_word_pays_out_closes_or_revives(uint8 from, uint8 to) public pure {
        vm.assume(from < 9 && to < 9);
        if (!LoanStates.mayFollow(ICreditAggregator.State(from), ICreditAggregator.State(to))) return;
        ICreditAggregator.State before = ICreditAggregator.State(from);
        ICreditAggregator.State later = ICreditAggregator.State(to);

        assert(before != later);
        assert(before != ICreditAggregator.State.None && before != ICreditAggregator.State.Liquidating);
        assert(before != ICreditAggregator.State.Closed && before != ICreditAggregator.State.Cancelled);
        assert(before != ICreditAggregator.State.Originated || later == ICreditAggregator.State.Cancelled);
        assert(before != ICreditAggregator.State.WrittenOff || later == ICreditAggregator.State.Active);
    }

    // --------------------------------------------------------------------------------------------------------- the world

    /// @dev Whatever storage holds, as long as the loan's money moves over a rail and closed means that nothing is owed,
    /// which the writes are shown to keep so.
    function anyRailLoan(bytes32 loanId) private returns (ICreditAggregator.Loan memory loan) {
        vm.setArbitraryStorage(address(aggregator));
        loan = aggregator.loan(loanId);
        vm.assume(!loan.onChainFunds);
        vm.assume(loan.state != ICreditAggregator.State.Closed || loan.outstanding == 0);
    }

    function write(bytes memory call) private returns (bool accepted) {
        vm.prank(OPERATOR);
        (accepted,) = address(aggregator).call(call);
    }
}
