"""New installments for what is still owed: the principal stays, and interest that has arisen is asked for once."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.allocation import InAdvance, Part, RepaymentPolicy
from models.annuity import equal_installment
from models.business_days import BusinessDays
from models.dates import Frequency
from models.errors import Refusal
from models.replay import LoanAccount, check, payoff
from models.terms import LoanTerms, Method
from models.transactions import NewTerms, Transaction
from tests.models.histories import (
    APRIL,
    FEBRUARY,
    INSTALLMENT,
    LENT_ON,
    MARCH,
    POLICY,
    RECALCULATING,
    TERMS,
    K,
    Life,
    event,
    history,
    left,
    lives,
    new_terms,
    paid,
    posted,
    principal_left,
)

MID_FEBRUARY = date(2026, 2, 15)
FIRST = paid(INSTALLMENT, FEBRUARY, "first")
BALANCE = 1_200_000 - 94_619
BOTH = pytest.mark.parametrize("policy", [POLICY, RECALCULATING], ids=["as scheduled", "recalculated"])


def new(kind: K, on: date, **terms: object) -> Transaction:
    return event(kind, on, id="new", terms=NewTerms(**terms))  # type: ignore[arg-type]


def open_rows(account: LoanAccount) -> list[tuple[date, int, int]]:
    return [
        (row.due_on, row.principal_outstanding_minor, row.interest_outstanding_minor)
        for row in account.installments
        if row.outstanding_minor
    ]


# ---------------------------------------------------------------- reschedule


@BOTH
def test_a_new_rate_counts_from_its_day(policy: RepaymentPolicy) -> None:
    account = posted(FIRST, new(K.RESCHEDULE, FEBRUARY, annual_rate_percent=Decimal(6)), policy=policy)

    rows = account.installments[1:]
    assert account.terms.annual_rate_percent == 6
    assert [row.due_on for row in rows] == [row.due_on for row in history().installments[1:]]
    assert rows[0].interest_minor == round(BALANCE * Decimal("0.005"))
    assert {row.total_minor for row in rows[:-1]} == {round(equal_installment(BALANCE, [Decimal("0.005")] * 11))}


@BOTH
def test_a_new_rate_within_a_period_leaves_the_old_one_its_days(policy: RepaymentPolicy) -> None:
    account = posted(FIRST, new(K.RESCHEDULE, MID_FEBRUARY, annual_rate_percent=Decimal(6)), policy=policy)

    # 14 of 28 days at one per cent a month, and the other 14 at half of it
    assert account.installments[1].interest_minor == 5_527 + 2_763
    assert principal_left(account) == BALANCE


def test_a_longer_term_makes_smaller_installments() -> None:
    account = posted(FIRST, new(K.RESCHEDULE, FEBRUARY, installments=23))

    assert len(open_rows(account)) == 23
    assert set(left(account)[1:-1]) == {round(equal_installment(BALANCE, [Decimal("0.01")] * 23))}
    assert open_rows(account)[-1][0] == date(2028, 1, 1)


@BOTH
def test_a_later_first_due_date_costs_the_days_in_between(policy: RepaymentPolicy) -> None:
    account = posted(FIRST, new(K.RESCHEDULE, FEBRUARY, first_due_on=APRIL, installments=1), policy=policy)

    assert open_rows(account) == [(APRIL, BALANCE, round(BALANCE * Decimal("0.02")))]


def test_what_is_overdue_stays_due_when_the_rest_is_rescheduled() -> None:
    account = posted(new(K.RESCHEDULE, MID_FEBRUARY, installments=3))

    assert open_rows(account)[0] == (FEBRUARY, 94_619, 12_000)
    assert principal_left(account) == 1_200_000
    assert [row.number for row in account.installments] == [1, 13, 14, 15]


def test_an_installment_paid_in_part_keeps_what_was_paid_and_its_number() -> None:
    account = posted(FIRST, paid(30_000, MID_FEBRUARY), new(K.RESCHEDULE, date(2026, 2, 20), installments=2))

    kept = account.installments[1]
    assert (kept.number, kept.total_minor, kept.outstanding_minor) == (2, 30_000, 0)
    assert principal_left(account) == BALANCE - (30_000 - 11_054)


def test_charges_go_to_the_first_of_the_new_installments() -> None:
    fees = event(K.FEE, FEBRUARY, 700, installment=5), event(K.PENALTY, FEBRUARY, 300, installment=9)

    account = posted(FIRST, *fees, new(K.RESCHEDULE, FEBRUARY, installments=4))

    assert [(row.fee_minor, row.penalty_minor) for row in account.installments[1:]] == [(700, 300)] + [(0, 0)] * 3


def test_a_partly_paid_fee_asks_for_what_is_left_of_it() -> None:
    fee = event(K.FEE, FEBRUARY, 700, installment=2)
    fees_first = RepaymentPolicy(in_advance=InAdvance.NEXT_INSTALLMENT)

    account = posted(FIRST, fee, paid(200, FEBRUARY), new(K.RESCHEDULE, FEBRUARY, installments=4), policy=fees_first)

    assert [row.fee_minor for row in account.installments[:3]] == [0, 200, 500]
    assert [row.outstanding_minor for row in account.installments[:2]] == [0, 0]


# ---------------------------------------------------------------- re-age, re-amortize


@BOTH
def test_a_re_aged_loan_owes_everything_anew_from_a_first_due_date(policy: RepaymentPolicy) -> None:
    account = posted(new(K.RE_AGE, date(2026, 3, 15), first_due_on=date(2026, 4, 15), installments=10), policy=policy)

    assert [due for due, _, _ in open_rows(account)][:2] == [date(2026, 4, 15), date(2026, 5, 15)]
    assert len(open_rows(account)) == 10
    assert principal_left(account) == 1_200_000
    assert account.installments[0].due_on == date(2026, 4, 15)


def test_interest_that_has_arisen_is_asked_for_with_the_first_new_installment() -> None:
    overdue = new(K.RE_AGE, MID_FEBRUARY, first_due_on=date(2026, 3, 15), installments=1)

    as_scheduled, recalculated = posted(overdue), posted(overdue, policy=RECALCULATING)

    assert open_rows(as_scheduled) == [(date(2026, 3, 15), 1_200_000, 12_000 + 5_527 + 12_000)]
    assert open_rows(recalculated) == [(date(2026, 3, 15), 1_200_000, 12_000 + 6_000 + 12_000)]


def test_without_a_date_a_re_aged_loan_goes_on_in_its_own_rhythm() -> None:
    weekly = LoanTerms(100_000, "USD", Decimal(12), 10, Frequency.WEEKS)

    account = posted(event(K.RE_AGE, date(2026, 1, 20), id="new"), terms=weekly)

    assert [due for due, _, _ in open_rows(account)][:2] == [date(2026, 1, 27), date(2026, 2, 3)]
    assert len(open_rows(account)) == 8


def test_after_the_last_due_date_a_loan_is_re_aged_into_one_installment_unless_more_are_agreed() -> None:
    late = date(2027, 2, 1)

    assert len(open_rows(posted(event(K.RE_AGE, late, id="new")))) == 1
    assert len(open_rows(posted(new(K.RE_AGE, late, installments=6)))) == 6


@BOTH
def test_re_amortizing_spreads_what_is_overdue_over_the_same_dates(policy: RepaymentPolicy) -> None:
    account = posted(event(K.RE_AMORTIZE, FEBRUARY, id="new"), policy=policy)

    assert [due for due, _, _ in open_rows(account)] == [row.due_on for row in history().installments[1:]]
    level_minor = round(equal_installment(1_200_000, [Decimal("0.01")] * 11))
    # January's interest comes with the first one
    assert left(account)[0] == level_minor + 12_000
    assert set(left(account)[1:-1]) == {level_minor}


def test_a_loan_may_be_restructured_again_and_again() -> None:
    account = posted(
        FIRST,
        new(K.RESCHEDULE, MID_FEBRUARY, installments=20),
        paid(100_000, MARCH),
        event(K.RE_AMORTIZE, date(2026, 3, 20)),
        event(K.RE_AGE, date(2026, 4, 20), terms=NewTerms(installments=5)),
        policy=RECALCULATING,
    )

    assert principal_left(account) == 1_200_000 - sum(row.principal_paid_minor for row in account.installments)
    assert len(open_rows(account)) == 5


@pytest.mark.parametrize("kind", [K.RESCHEDULE, K.RE_AGE, K.RE_AMORTIZE])
@pytest.mark.parametrize("method", Method)
@BOTH
def test_every_method_can_be_restructured(method: Method, kind: K, policy: RepaymentPolicy) -> None:
    terms = LoanTerms(
        600_000, "USD", Decimal(12), 6, method=method, balloon_minor=200_000 if method is Method.BALLOON else 0
    )

    account = posted(
        event(kind, MID_FEBRUARY if method is not Method.BULLET else LENT_ON, id="new"), terms=terms, policy=policy
    )

    assert principal_left(account) == 600_000
    assert account.terms.method is method


def test_a_balloon_that_is_no_smaller_than_the_rest_is_the_last_installment() -> None:
    terms = LoanTerms(600_000, "USD", Decimal(12), 6, method=Method.BALLOON, balloon_minor=400_000)

    account = posted(paid(300_000, LENT_ON), event(K.RE_AMORTIZE, LENT_ON, id="new"), terms=terms)

    assert [minor for _, minor, _ in open_rows(account)] == [0] * 5 + [300_000]


def test_on_business_days_the_new_dates_are_business_days_too() -> None:
    terms = LoanTerms(600_000, "USD", Decimal(12), 6, business_days=BusinessDays())

    account = posted(new(K.RE_AGE, MID_FEBRUARY, first_due_on=date(2026, 3, 14), installments=3), terms=terms)

    assert all(due.weekday() < 5 for due, _, _ in open_rows(account))


def test_custom_dates_go_on_by_the_month() -> None:
    dates = (date(2026, 2, 10), date(2026, 2, 28), date(2026, 6, 1))
    terms = LoanTerms(600_000, "USD", Decimal(12), 3, Frequency.CUSTOM, custom_due_dates=dates)

    account = posted(new(K.RE_AGE, MID_FEBRUARY, first_due_on=APRIL, installments=2), terms=terms)

    assert [due for due, _, _ in open_rows(account)] == [APRIL, date(2026, 5, 1)]


def test_new_installments_are_paid_and_charged_like_the_old_ones() -> None:
    rescheduled = new(K.RESCHEDULE, MID_FEBRUARY, installments=2)
    fee, back = event(K.FEE, date(2026, 2, 20), 500, "fee"), event(K.CHARGEBACK, date(2026, 2, 20), 1_000)

    account = posted(FIRST, paid(30_000, date(2026, 2, 10)), rescheduled, fee, back, paid(2_000_000, date(2026, 2, 20)))

    rows = account.installments
    assert [row.fee_minor for row in rows] == [0, 0, 500, 0]
    assert rows[1].total_minor == 30_000
    assert account.outstanding_minor == 0


# ---------------------------------------------------------------- properties

kinds = st.sampled_from((K.RESCHEDULE, K.RE_AGE, K.RE_AMORTIZE))


def restructured(life: Life, data: st.DataObject) -> Transaction:
    each = event(data.draw(kinds), life.today, id="new", terms=data.draw(new_terms(life.today)))
    try:
        check(life.account(), each)
        life.account(each)
    except Refusal:
        assume(False)  # noqa: FBT003 - its parameter has no name
    return each


@given(life=lives(), data=st.data())
def test_a_restructure_keeps_the_principal_and_the_charges(life: Life, data: st.DataObject) -> None:
    before, after = life.account(), life.account(restructured(life, data))

    for part in (Part.PRINCIPAL, Part.FEE, Part.PENALTY):
        name = f"{part}_outstanding_minor"
        assert sum(getattr(row, name) for row in after.installments) == sum(
            getattr(row, name) for row in before.installments
        )
    assert after.overpaid_minor == before.overpaid_minor


@given(life=lives(), data=st.data())
def test_a_restructure_costs_nothing_on_its_day(life: Life, data: st.DataObject) -> None:
    assume((life.policy.recalculates_interest or life.policy.prepays) and not life.account().forgiven)
    each = restructured(life, data)

    before = payoff(life.terms, life.policy, life.transactions, on=life.today)
    after = payoff(life.terms, life.policy, [*life.transactions, each], on=life.today)

    assert abs(before.total_minor - after.total_minor) <= (0 if life.policy.recalculates_interest else 1)


def test_a_schedule_is_the_same_as_before_when_nothing_new_is_agreed_on_a_due_date() -> None:
    before, after = posted(FIRST), posted(FIRST, event(K.RESCHEDULE, FEBRUARY, id="new"))

    assert left(after) == left(before)
    assert TERMS.annual_rate_percent == after.terms.annual_rate_percent
