// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICreditAggregator} from "../interfaces/ICreditAggregator.sol";
import {LoanMath} from "../libraries/LoanMath.sol";
import {LoanCase} from "./LoanCase.sol";
import {vm} from "./Vm.sol";

/// @title What holds whatever the numbers are
contract CreditAggregatorFuzzTest is LoanCase {
    /// @dev What the test has seen applied, by the events' own meaning.
    struct Seen {
        uint256 funded;
        uint256 capitalized;
        uint256 repaid;
        uint256 forgiven;
        uint256 interest;
        uint24 seq;
    }

    uint128 private constant LARGEST = SECOND - 1; // one approval is enough
    uint256 private constant STEPS = 24;

    /// @dev Any mix of writes with any amounts, refused ones included: after each, principal = outstanding + repaid +
    /// forgiven, interest is what came less what went back, and only applied writes have a number.
    function testFuzz_every_unit_of_principal_is_outstanding_repaid_or_forgiven(uint128 principal, uint256 seed)
        public
    {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.principal = 1 + principal % LARGEST;
        _start(LOAN, terms);
        Seen memory seen;
        seen.funded = terms.principal;
        seen.seq = 1;

        for (uint256 i = 0; i < STEPS; ++i) {
            _step(uint256(keccak256(abi.encode(seed, i))), terms.principal, seen);
            _adds(seen);
        }
    }

    /// @dev Tokens here are always escrow and credit, to the unit, and the lender gets exactly what was repaid.
    function testFuzz_tokens_here_are_escrow_and_credit(uint128 principal, uint128 paid, uint128 part, uint96 interest)
        public
    {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.principal = 1 + principal % LARGEST;
        terms.interestCapBps = type(uint16).max;
        part = part % (terms.principal + 1);
        interest = uint96(1 + interest % terms.principal);
        paid = 1 + paid % (2 * terms.principal);
        _start(LOAN, terms);
        token.mint(address(this), uint256(paid) + part + interest);

        aggregator.pay(LOAN, paid);
        _isCovered();
        aggregator.repay(LOAN, OP, 2, part, interest);
        _isCovered();

        uint256 due = uint256(part) + interest;
        vm.assertEq(aggregator.escrowOf(lender, address(token)), due);
        vm.assertEq(aggregator.creditOf(LOAN), paid > due ? paid - due : 0);
        vm.assertEq(token.balanceOf(address(this)), paid > due ? due : paid);
    }

    function testFuzz_proceeds_are_split_without_loss(uint128 amount, uint96 interestDue, uint128 outstanding)
        public
        pure
    {
        LoanMath.Split memory parts = LoanMath.split(amount, 500, interestDue, outstanding);

        vm.assertEq(uint256(parts.fee) + parts.interest + parts.principal + parts.surplus, amount);
        vm.assertEq(parts.fee, uint256(amount) * 500 / 10_000);
        vm.assertLe(parts.interest, interestDue);
        vm.assertLe(parts.principal, outstanding);
        if (parts.principal > 0) vm.assertEq(parts.interest, interestDue);
        if (parts.surplus > 0) vm.assertEq(parts.principal, outstanding);
    }

    function testFuzz_proceeds_arrive_where_the_split_says(uint128 amount, uint96 interestDue, uint128 principal)
        public
    {
        ICreditAggregator.Terms memory terms = _tokenTerms();
        terms.secured = true;
        terms.principal = 1 + principal % LARGEST;
        interestDue = uint96(interestDue % (uint256(terms.principal) / 2 + 1));
        amount = 1 + amount % (3 * terms.principal);
        _start(LOAN, terms);
        aggregator.startLiquidation(LOAN, OP, 2, interestDue);
        LoanMath.Split memory parts = LoanMath.split(amount, 500, interestDue, terms.principal);

        collateral.sell(aggregator, LOAN, token, amount);

        vm.assertEq(aggregator.escrowOf(TREASURY, address(token)), parts.fee);
        vm.assertEq(aggregator.escrowOf(lender, address(token)), uint256(parts.interest) + parts.principal);
        vm.assertEq(aggregator.creditOf(LOAN), parts.surplus);
        (, uint256 owed) = aggregator.debtOf(LOAN);
        vm.assertEq(owed, uint256(terms.principal) + interestDue - parts.interest - parts.principal);
    }

    function testFuzz_interest_never_exceeds_its_share(uint128 principal, uint16 capBps, uint96 first, uint96 second)
        public
    {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.principal = 1 + principal % LARGEST;
        terms.aprBps = 0;
        terms.interestCapBps = capBps;
        uint256 cap = uint256(terms.principal) * capBps / 10_000;
        first = uint96(first % (2 * cap + 2));
        second = uint96(second % (2 * cap + 2));
        _start(LOAN, terms);

        bool isFirst = _try(abi.encodeCall(aggregator.repay, (LOAN, OP, 2, 0, first)));
        vm.assertEq(isFirst, first > 0 && first <= cap);
        uint256 paid = isFirst ? first : 0;
        bool isSecond = _try(abi.encodeCall(aggregator.repay, (LOAN, OP, isFirst ? 3 : 2, 0, second)));
        vm.assertEq(isSecond, second > 0 && paid + second <= cap);

        vm.assertLe(aggregator.loan(LOAN).interestPaid, cap);
    }

    /// @dev Of all numbers there are, a loan takes one.
    function testFuzz_only_the_next_number_is_taken(uint24 seq, uint8 before) public {
        _start(LOAN, _railTerms());
        uint256 applied = before % 8;
        for (uint24 i = 0; i < applied; ++i) {
            aggregator.repay(LOAN, OP, i + 2, 1, 0);
        }

        bool succeeded = _try(abi.encodeCall(aggregator.repay, (LOAN, OP, seq, 1, 0)));

        vm.assertEq(succeeded, seq == applied + 2);
        vm.assertEq(aggregator.loan(LOAN).seq, succeeded ? applied + 2 : applied + 1);
    }

    /// @dev The cap of a principal too large for its counter is what the counter holds, and nothing overflows.
    function testFuzz_the_cap_fits_its_counter(uint128 principal, uint16 capBps) public pure {
        uint256 cap = LoanMath.interestCap(principal, capBps);
        uint256 exact = uint256(principal) * capBps / 10_000;

        vm.assertEq(cap, exact < type(uint96).max ? exact : type(uint96).max);
    }

    function testFuzz_approvals_grow_with_the_principal(uint128 second, uint128 third, uint128 less, uint128 more)
        public
    {
        if (less > more) (less, more) = (more, less);
        aggregator.setAsset(USD, ICreditAggregator.AssetConfig(second, third, true));

        uint256 forLess = aggregator.approvalsNeeded(USD, less);
        uint256 forMore = aggregator.approvalsNeeded(USD, more);

        vm.assertGe(forLess, 1);
        vm.assertLe(forLess, forMore);
        vm.assertLe(forMore, 3);
    }

    function test_the_largest_loan_there_can_be_is_repaid_and_closed() public {
        ICreditAggregator.Terms memory terms = _railTerms();
        terms.principal = type(uint128).max;
        terms.interestCapBps = type(uint16).max;
        aggregator.originate(LOAN, terms, "", _approvals(LOAN, terms, 3));
        aggregator.fund(LOAN, OP, 1);

        aggregator.repay(LOAN, OP, 2, type(uint128).max, type(uint96).max);

        vm.assertTrue(aggregator.stateOf(LOAN) == ICreditAggregator.State.Closed);
        vm.assertEq(aggregator.loan(LOAN).interestPaid, type(uint96).max);
        _refuses(
            abi.encodeCall(aggregator.repay, (LOAN, OP, 3, 0, 1)),
            abi.encodeWithSelector(
                ICreditAggregator.InterestAboveCap.selector,
                LOAN,
                uint256(type(uint96).max) + 1,
                uint256(type(uint96).max)
            )
        );
    }

    // ---------------------------------------------------------------------------------------------------------- phrases

    function _step(uint256 dice, uint128 principal, Seen memory seen) private {
        uint24 seq = seen.seq + 1;
        uint128 amount = uint128((dice >> 8) % (uint256(principal) / 2 + 2));
        uint96 interest = uint96((dice >> 136) % 50);
        uint256 kind = dice % 4;
        if (kind == 0 && _try(abi.encodeCall(aggregator.repay, (LOAN, OP, seq, amount, interest)))) {
            seen.repaid += amount;
            seen.interest += interest;
            seen.seq = seq;
        }
        if (kind == 1 && _try(abi.encodeCall(aggregator.reverseRepayment, (LOAN, OP, seq, amount, interest)))) {
            seen.repaid -= amount;
            seen.interest -= interest;
            seen.seq = seq;
        }
        if (kind == 2 && _try(abi.encodeCall(aggregator.forgive, (LOAN, OP, seq, amount / 4, REASON)))) {
            seen.forgiven += amount / 4;
            seen.seq = seq;
        }
        if (kind == 3 && _restructured(seq, amount)) {
            seen.capitalized += amount;
            seen.seq = seq;
        }
    }

    function _restructured(uint24 seq, uint128 capitalized) private returns (bool) {
        ICreditAggregator.NewTerms memory newTerms = _newTerms();
        newTerms.capitalized = capitalized;
        return _try(abi.encodeCall(aggregator.restructure, (LOAN, OP, seq, newTerms, "", "")));
    }

    function _adds(Seen memory seen) private view {
        ICreditAggregator.Loan memory loan = aggregator.loan(LOAN);
        vm.assertEq(loan.principal, seen.funded + seen.capitalized, "principal");
        vm.assertEq(loan.principal, loan.outstanding + seen.repaid + seen.forgiven, "conservation");
        vm.assertEq(loan.interestPaid, seen.interest, "interest");
        vm.assertEq(loan.seq, seen.seq, "seq");
        if (loan.state == ICreditAggregator.State.Closed) vm.assertEq(loan.outstanding, 0, "closed");
    }

    function _isCovered() private view {
        vm.assertEq(
            token.balanceOf(address(aggregator)),
            aggregator.escrowOf(lender, address(token)) + aggregator.creditOf(LOAN)
        );
    }

    function _try(bytes memory call) private returns (bool succeeded) {
        (succeeded,) = address(aggregator).call(call);
    }
}
