"""What becomes of the installments when money comes that nothing due is waiting for, by the product's choice."""

from datetime import date
from decimal import Decimal
from itertools import product

import pytest

from models.account import LoanAccount
from models.allocation import InAdvance, RepaymentPolicy
from models.loan import LoanStatus
from models.replay import payoff, replay
from models.terms import InstallmentStatus, LoanTerms, Method
from models.transactions import Transaction, TransactionKind

K = TransactionKind
LENT_ON = date(2026, 1, 1)
MID_JANUARY = date(2026, 1, 16)
EXTRA = 500_000
# One per cent a month: 12 installments of 1,066.19.
INSTALLMENT = 106_619
EARLY = Transaction("early", K.REPAYMENT, MID_JANUARY, INSTALLMENT + EXTRA)


def terms(method: Method = Method.EQUAL_INSTALLMENT) -> LoanTerms:
    return LoanTerms(1_200_000, "USD", Decimal(12), 12, method=method)


def account(
    in_advance: InAdvance, *paid: Transaction, recalculates: bool = False, method: Method = Method.EQUAL_INSTALLMENT
) -> LoanAccount:
    lent = Transaction("lent", K.DISBURSEMENT, LENT_ON, 1_200_000)
    policy = RepaymentPolicy(in_advance=in_advance, recalculates_interest=recalculates)
    return replay(terms(method), policy, [lent, *paid], on=MID_JANUARY)


def open_installments(loan: LoanAccount) -> list[int]:
    return [row.outstanding_minor for row in loan.installments if row.outstanding_minor]


@pytest.mark.parametrize("recalculates", [False, True])
def test_a_shorter_term_keeps_the_installment(*, recalculates: bool) -> None:
    loan = account(InAdvance.REDUCE_TERM, EARLY, recalculates=recalculates)

    *usual, last = open_installments(loan)
    assert usual == [INSTALLMENT] * 5
    assert 0 < last < INSTALLMENT
    assert [row.status_on(MID_JANUARY) for row in loan.installments[-4:]].count(InstallmentStatus.WAIVED) == (
        0 if recalculates else 4
    )


@pytest.mark.parametrize("recalculates", [False, True])
def test_a_smaller_installment_keeps_the_term(*, recalculates: bool) -> None:
    loan = account(InAdvance.REDUCE_INSTALLMENT, EARLY, recalculates=recalculates)

    *usual, last = open_installments(loan)
    assert len(usual) == 10
    assert max(usual) - min(usual) <= 1
    assert abs(last - usual[-1]) <= INSTALLMENT // 10
    assert usual[0] < INSTALLMENT * 6 // 10


def test_the_shorter_term_costs_less_interest_than_the_smaller_installment() -> None:
    interest = {
        rule: sum(row.interest_minor for row in account(rule, EARLY).installments)
        for rule in (InAdvance.REDUCE_TERM, InAdvance.REDUCE_INSTALLMENT, InAdvance.NEXT_INSTALLMENT)
    }

    assert (
        interest[InAdvance.REDUCE_TERM] < interest[InAdvance.REDUCE_INSTALLMENT] < interest[InAdvance.NEXT_INSTALLMENT]
    )


@pytest.mark.parametrize(
    ("rule", "method"),
    [
        *product(
            (InAdvance.REDUCE_TERM, InAdvance.REDUCE_INSTALLMENT),
            (Method.EQUAL_INSTALLMENT, Method.EQUAL_PRINCIPAL, Method.FLAT, Method.INTEREST_ONLY),
        )
    ],
)
@pytest.mark.parametrize("recalculates", [False, True])
def test_whatever_the_method_principal_is_repaid_and_the_payoff_settles(
    rule: InAdvance, method: Method, *, recalculates: bool
) -> None:
    loan = account(rule, EARLY, recalculates=recalculates, method=method)
    assert sum(row.principal_minor for row in loan.installments) == 1_200_000

    lent = Transaction("lent", K.DISBURSEMENT, LENT_ON, 1_200_000)
    policy = RepaymentPolicy(in_advance=rule, recalculates_interest=recalculates)
    settling = payoff(terms(method), policy, [lent, EARLY], on=MID_JANUARY)
    rest = Transaction("rest", K.REPAYMENT, MID_JANUARY, settling.total_minor)
    closed = account(rule, EARLY, rest, recalculates=recalculates, method=method)

    assert (closed.status, closed.overpaid_minor) == (LoanStatus.CLOSED_OBLIGATIONS_MET, 0)


def test_a_second_prepayment_takes_more_of_the_last_installments() -> None:
    again = Transaction("again", K.REPAYMENT, MID_JANUARY, 200_000)

    once, twice = account(InAdvance.REDUCE_TERM, EARLY), account(InAdvance.REDUCE_TERM, EARLY, again)

    assert len(open_installments(twice)) < len(open_installments(once))
    assert open_installments(twice)[1] == INSTALLMENT


def test_a_flat_loan_keeps_its_principal_parts_when_its_term_shrinks() -> None:
    loan = account(InAdvance.REDUCE_TERM, EARLY, method=Method.FLAT)

    whole = [row for row in loan.installments[1:] if row.principal_outstanding_minor]
    assert {row.principal_minor for row in whole[:-1]} == {100_000}
    assert all(row.interest_minor == 12_000 for row in whole)
    assert sum(row.interest_minor for row in loan.installments) == 12_000 * (1 + len(whole))


def test_recalculated_installments_become_smaller_in_the_way_of_their_method() -> None:
    interest_only = account(InAdvance.REDUCE_INSTALLMENT, EARLY, recalculates=True, method=Method.INTEREST_ONLY)
    equal_principal = account(InAdvance.REDUCE_INSTALLMENT, EARLY, recalculates=True, method=Method.EQUAL_PRINCIPAL)

    assert {row.principal_outstanding_minor for row in interest_only.installments[2:-1]} == {0}
    later = [row.principal_outstanding_minor for row in equal_principal.installments[2:-1]]
    assert max(later) - min(later) <= 5


def test_money_for_all_principal_but_not_all_interest_leaves_no_credit_beside_a_debt() -> None:
    first = Transaction("first", K.REPAYMENT, MID_JANUARY, INSTALLMENT)
    left_minor = 1_200_000 - (INSTALLMENT - 5_806)
    rest = Transaction("rest", K.REPAYMENT, date(2026, 1, 31), left_minor + 1)

    loan = account(InAdvance.REDUCE_INSTALLMENT, first, rest, recalculates=True)

    assert (loan.splits["rest"].principal_minor, loan.splits["rest"].interest_minor) == (left_minor, 1)
    assert loan.overpaid_minor == 0
    assert loan.outstanding_minor > 0


def test_a_charge_ahead_does_not_become_an_installment() -> None:
    late_fee = Transaction("fee", K.FEE, LENT_ON, 700, due_on=date(2027, 3, 1))

    loan = account(InAdvance.REDUCE_INSTALLMENT, late_fee, EARLY, recalculates=True)

    assert (loan.installments[-1].principal_minor, loan.installments[-1].fee_outstanding_minor) == (0, 700)
