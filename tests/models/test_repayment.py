"""Every cent of a payment is somewhere, and debt is paid in the order that was agreed."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from models.allocation import InAdvance, InvalidAllocationOrder, Part
from models.amortization import NegativeAmortization, schedule_for
from models.dates import DayCount, Frequency
from models.money import InvalidAmount
from models.repayment import (
    Allocation,
    AllocationPolicy,
    InstallmentSettled,
    UnknownInstallment,
    allocate,
    charge_late_fee,
    payoff_quote,
)
from models.terms import Installment, LoanTerms, Method

DISBURSED_ON = date(2026, 1, 15)
TERMS = LoanTerms(2_500_000, "USD", Decimal("8.2"), 12)
SCHEDULE = schedule_for(TERMS, disbursed_on=DISBURSED_ON)
FIRST_DUE = date(2026, 2, 15)


def pay(
    amount_minor: int,
    on: date,
    installments: tuple[Installment, ...] = SCHEDULE,
    policy: AllocationPolicy | None = None,
) -> Allocation:
    return allocate(
        amount_minor,
        installments,
        on=on,
        terms=TERMS,
        disbursed_on=DISBURSED_ON,
        policy=policy or AllocationPolicy(),
    )


def outstanding(installments: tuple[Installment, ...]) -> list[int]:
    return [row.outstanding_minor for row in installments]


# ---------------------------------------------------------------- what is due


def test_an_installment_paid_on_its_due_date_is_settled_that_day() -> None:
    paid = pay(217_702, FIRST_DUE)

    assert paid.installments[0].settled_on == FIRST_DUE
    assert paid.installments[1:] == SCHEDULE[1:]
    assert (paid.principal_minor, paid.interest_minor, paid.overpaid_minor) == (200_619, 17_083, 0)


def test_a_late_payment_settles_the_late_fee_before_principal() -> None:
    fined = charge_late_fee(SCHEDULE, 1, 5_443)

    paid = pay(20_000, date(2026, 2, 20), fined)

    assert (paid.penalty_minor, paid.interest_minor, paid.principal_minor) == (5_443, 14_557, 0)
    assert paid.installments[0].outstanding_minor == 217_702 + 5_443 - 20_000


def test_the_oldest_installment_is_paid_before_the_next_one() -> None:
    paid = pay(300_000, date(2026, 3, 15))

    assert outstanding(paid.installments)[:2] == [0, 2 * 217_702 - 300_000]


@pytest.mark.parametrize("order", list(permutations(Part)), ids="-".join)
def test_the_parts_of_an_installment_are_paid_in_the_order_agreed(order: tuple[Part, ...]) -> None:
    row = replace(SCHEDULE[0], fee_minor=1_000, penalty_minor=2_000)
    due = {Part.PENALTY: 2_000, Part.FEE: 1_000, Part.INTEREST: 17_083, Part.PRINCIPAL: 200_619}

    paid = pay(due[order[0]] + 1, FIRST_DUE, (row, *SCHEDULE[1:]), AllocationPolicy(order=order))

    parts = {
        Part.PENALTY: paid.penalty_minor,
        Part.FEE: paid.fee_minor,
        Part.INTEREST: paid.interest_minor,
        Part.PRINCIPAL: paid.principal_minor,
    }
    assert parts == dict.fromkeys(Part, 0) | {order[0]: due[order[0]], order[1]: 1}


@pytest.mark.parametrize("order", [(), (Part.FEE,), (Part.FEE, Part.FEE, Part.INTEREST, Part.PRINCIPAL)])
def test_an_order_that_leaves_a_part_out_is_refused(order: tuple[Part, ...]) -> None:
    with pytest.raises(InvalidAllocationOrder, match="penalty, fee, interest, principal") as refusal:
        AllocationPolicy(order=order)

    assert refusal.value.field == "order"


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_a_payment_of_nothing_is_refused(amount_minor: int) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        pay(amount_minor, FIRST_DUE)

    assert (refusal.value.field, refusal.value.detail) == ("amount", "A payment is more than nothing.")


# ---------------------------------------------------------------- ahead of the schedule


def test_the_next_installment_paid_some_days_early_is_that_installment() -> None:
    paid = pay(217_702, date(2026, 2, 12))

    assert paid.installments[0].settled_on == date(2026, 2, 12)
    assert paid.installments[1:] == SCHEDULE[1:]


def test_part_of_the_next_installment_leaves_the_schedule_as_it_is() -> None:
    paid = pay(100_000, date(2026, 2, 12))

    assert outstanding(paid.installments)[:2] == [117_702, 217_702]
    assert paid.installments[0].settled_on is None


def test_money_on_a_due_date_beyond_what_is_due_is_a_prepayment() -> None:
    paid = pay(2 * 217_702, FIRST_DUE)

    assert paid.installments[0].outstanding_minor == 0
    assert set(outstanding(paid.installments[1:-1])) == {197_091}
    assert paid.principal_minor == 200_619 + 217_702


def test_money_in_advance_may_go_to_the_next_installments() -> None:
    paid = pay(300_000, date(2026, 2, 12), policy=AllocationPolicy(in_advance=InAdvance.NEXT_INSTALLMENT))

    assert outstanding(paid.installments) == [0, 135_404, *outstanding(SCHEDULE[2:])]


def test_money_in_advance_may_go_to_the_last_installment() -> None:
    paid = pay(300_000, date(2026, 2, 12), policy=AllocationPolicy(in_advance=InAdvance.LAST_INSTALLMENT))

    assert outstanding(paid.installments) == [*outstanding(SCHEDULE[:10]), 135_407, 0]


def test_the_last_installment_paid_in_full_some_days_early_leaves_nothing_to_return() -> None:
    *earlier, last = SCHEDULE
    settled = [
        replace(row, principal_paid_minor=row.principal_minor, interest_paid_minor=row.interest_minor)
        for row in earlier
    ]

    paid = pay(217_705, date(2027, 1, 10), (*settled, last))

    assert paid.overpaid_minor == 0
    assert sum(outstanding(paid.installments)) == 0


def test_after_the_last_due_date_what_is_beyond_the_debt_is_overpaid() -> None:
    paid = pay(3_000_000, date(2027, 2, 1))

    assert sum(outstanding(paid.installments)) == 0
    assert paid.applied_minor == sum(outstanding(SCHEDULE))
    assert paid.overpaid_minor == 3_000_000 - paid.applied_minor


def test_a_loan_already_settled_returns_the_whole_payment() -> None:
    settled = pay(3_000_000, date(2026, 6, 20)).installments

    again = pay(100, date(2026, 6, 21), settled)

    assert again.installments == settled
    assert (again.applied_minor, again.overpaid_minor) == (0, 100)


# ---------------------------------------------------------------- late fees


def test_a_late_fee_becomes_part_of_its_installment() -> None:
    fined = charge_late_fee(charge_late_fee(SCHEDULE, 2, 500), 2, 20)

    assert fined[1] == replace(SCHEDULE[1], penalty_minor=520)
    assert fined[:1] + fined[2:] == SCHEDULE[:1] + SCHEDULE[2:]


def test_a_settled_installment_bears_no_late_fee() -> None:
    settled = pay(217_702, FIRST_DUE).installments

    with pytest.raises(InstallmentSettled, match="Installment 1 is settled"):
        charge_late_fee(settled, 1, 500)


def test_a_late_fee_needs_an_installment() -> None:
    with pytest.raises(UnknownInstallment, match="There is no installment 13"):
        charge_late_fee(SCHEDULE, 13, 500)


# ---------------------------------------------------------------- properties


@st.composite
def loans(draw: st.DrawFn) -> tuple[LoanTerms, date, tuple[Installment, ...]]:
    installments = draw(st.integers(1, 15))
    method = draw(st.sampled_from([Method.EQUAL_INSTALLMENT, Method.FLAT, Method.FLAT_TOTAL_SPREAD]))
    most_grace = min(2, installments - 1) if method is Method.EQUAL_INSTALLMENT else 0
    terms = LoanTerms(
        principal_minor=draw(st.integers(1, 20_000_000)),
        currency="USD",
        annual_rate_percent=draw(st.decimals(0, 90, places=2)),
        installments=installments,
        frequency=draw(st.sampled_from([Frequency.DAYS, Frequency.WEEKS, Frequency.MONTHS])),
        every=draw(st.integers(1, 3)),
        method=method,
        day_count=draw(st.sampled_from(DayCount)),
        installment_multiple_minor=draw(st.none() | st.just(1000)),
        principal_grace_installments=draw(st.integers(0, most_grace)),
    )
    disbursed_on = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
    try:
        schedule = schedule_for(terms, disbursed_on=disbursed_on)
    except NegativeAmortization:
        reject()
    extras = draw(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), max_size=installments))
    charged = [replace(row, fee_minor=f, penalty_minor=p) for row, (f, p) in zip(schedule, extras, strict=False)]
    return terms, disbursed_on, (*charged, *schedule[len(charged) :])


policies = st.builds(
    AllocationPolicy, order=st.permutations(tuple(Part)).map(tuple), in_advance=st.sampled_from(InAdvance)
)
# days since the last payment, and the amount as a share of what is outstanding
payments = st.lists(st.tuples(st.integers(0, 45), st.integers(1, 130)), max_size=6)


@given(loan=loans(), payments=payments, policy=policies, payoff_after=st.integers(-3, 400))
def test_however_a_loan_was_paid_its_payoff_settles_it_to_the_cent(
    loan: tuple[LoanTerms, date, tuple[Installment, ...]],
    payments: list[tuple[int, int]],
    policy: AllocationPolicy,
    payoff_after: int,
) -> None:
    terms, disbursed_on, installments = loan
    on, paid_minor, overpaid_minor = disbursed_on, 0, 0
    for days, percent in payments:
        on += timedelta(days=days)
        amount_minor = max(1, sum(outstanding(installments)) * percent // 100)
        allocation = allocate(amount_minor, installments, on=on, terms=terms, disbursed_on=disbursed_on, policy=policy)
        installments = allocation.installments
        assert allocation.amount_minor == amount_minor
        assert sum(row.principal_minor for row in installments) == terms.principal_minor
        paid_minor += amount_minor
        overpaid_minor += allocation.overpaid_minor

    on += timedelta(days=payoff_after)
    quote = payoff_quote(installments, on=on, terms=terms, disbursed_on=disbursed_on)
    assert quote.good_through == on
    assert sum(row.paid_minor for row in installments) == paid_minor - overpaid_minor
    if quote.total_minor > 0:
        final = allocate(quote.total_minor, installments, on=on, terms=terms, disbursed_on=disbursed_on, policy=policy)
        assert (final.principal_minor, final.interest_minor) == (quote.principal_minor, quote.interest_minor)
        assert (final.fee_minor, final.penalty_minor) == (quote.fee_minor, quote.penalty_minor)
        assert final.overpaid_minor == 0
        assert sum(outstanding(final.installments)) == 0
        assert all(row.settled_on is not None for row in final.installments)
    else:
        assert sum(outstanding(installments)) == 0


@given(loan=loans(), policy=policies, more_minor=st.integers(1, 10_000), days=st.integers(0, 400))
def test_money_beyond_the_payoff_is_overpaid(
    loan: tuple[LoanTerms, date, tuple[Installment, ...]], policy: AllocationPolicy, more_minor: int, days: int
) -> None:
    terms, disbursed_on, installments = loan
    on = disbursed_on + timedelta(days=days)
    quote = payoff_quote(installments, on=on, terms=terms, disbursed_on=disbursed_on)
    assume(quote.total_minor + more_minor != sum(outstanding(installments)))

    paid = allocate(
        quote.total_minor + more_minor, installments, on=on, terms=terms, disbursed_on=disbursed_on, policy=policy
    )

    assert paid.overpaid_minor == more_minor
    assert sum(outstanding(paid.installments)) == 0


@given(loan=loans(), days_early=st.integers(0, 2), policy=policies)
def test_who_pays_each_installment_in_its_time_pays_the_schedule_and_nothing_else(
    loan: tuple[LoanTerms, date, tuple[Installment, ...]], days_early: int, policy: AllocationPolicy
) -> None:
    terms, disbursed_on, agreed = loan
    assume(terms.frequency is not Frequency.DAYS)
    installments = agreed
    for number in range(terms.installments):
        row = installments[number]
        on = row.due_on - timedelta(days=days_early)
        if row.outstanding_minor > 0:
            settling = payoff_quote(installments, on=on, terms=terms, disbursed_on=disbursed_on)
            assume(row.outstanding_minor < settling.total_minor or row is installments[-1])
            allocation = allocate(
                row.outstanding_minor, installments, on=on, terms=terms, disbursed_on=disbursed_on, policy=policy
            )
            assert allocation.overpaid_minor == 0
            installments = allocation.installments

    assert [row.total_minor for row in installments] == [row.total_minor for row in agreed]
    assert sum(outstanding(installments)) == 0
