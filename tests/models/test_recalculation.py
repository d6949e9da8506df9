"""Interest by the day on what is really owed: less after early money, more while principal is overdue."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.allocation import InAdvance, LateCountsFrom, Part, RepaymentPolicy, by_bucket
from models.business_days import BusinessDays
from models.dates import DayCount, Frequency
from models.loan import LoanStatus
from models.money import rounded
from models.replay import payoff
from models.terms import LoanTerms
from models.transactions import Split, Transaction
from tests.models.histories import (
    APRIL,
    FEBRUARY,
    INSTALLMENT,
    LENT_ON,
    MARCH,
    RECALCULATING,
    TERMS,
    K,
    event,
    history,
    left,
    paid,
    principal_left,
)

FROM_DUE_DATE = RepaymentPolicy(
    by_bucket(), InAdvance.NEXT_INSTALLMENT, recalculates_interest=True, late_counts_from=LateCountsFrom.DUE_DATE
)
LATE, EARLY = date(2026, 2, 15), date(2026, 1, 16)


def interest(*events: Transaction, on: date | None = None, policy: RepaymentPolicy = RECALCULATING) -> list[int]:
    return [row.interest_minor for row in history(*events, on=on, policy=policy).installments]


def test_who_pays_in_time_pays_what_was_agreed() -> None:
    assert history(policy=RECALCULATING).installments == history().installments
    rows = history(paid(INSTALLMENT, FEBRUARY), paid(INSTALLMENT, MARCH), policy=RECALCULATING).installments
    assert [row.total_minor for row in rows] == [row.total_minor for row in history().installments]


def test_principal_paid_late_bears_interest_until_it_is_paid() -> None:
    # 12,000.00 for 14 of the 28 days, 11,053.81 for the other 14
    assert interest(paid(INSTALLMENT, LATE), on=MARCH)[:2] == [12_000, 6_000 + 5_527]


def test_principal_that_is_overdue_bears_interest_until_the_business_date() -> None:
    assert interest(on=LATE)[:3] == [12_000, 11_527, 10_103]
    assert interest(on=FEBRUARY)[:2] == [12_000, 11_054]


def test_late_principal_may_count_as_paid_when_it_was_due() -> None:
    assert interest(paid(INSTALLMENT, LATE), policy=FROM_DUE_DATE)[:2] == [12_000, 11_054]


def test_what_is_overdue_is_added_to_the_last_installment_and_the_others_stay_as_agreed() -> None:
    rows = history(paid(INSTALLMENT, LATE), on=LATE, policy=RECALCULATING).installments

    assert {row.total_minor for row in rows[:-1]} == {INSTALLMENT}
    assert rows[-1].total_minor > history().installments[-1].total_minor


def test_the_running_installment_paid_early_costs_its_days_and_the_rest_moves_on() -> None:
    account = history(paid(INSTALLMENT, EARLY, "early"), policy=RECALCULATING)

    # 15 of 31 days of 120.00; then 16 of 31 days on what was left, in the next installment
    principal_minor = INSTALLMENT - 5_806
    assert account.splits["early"].interest_minor == 5_806
    assert account.installments[0].settled_on == EARLY
    left_minor = Decimal(1_200_000 - principal_minor)
    moved_minor = rounded(Decimal(12_000) * 15 / 31 + left_minor / 100 * 16 / 31, TERMS.rounding) - 5_806
    assert account.installments[1].interest_minor == moved_minor + rounded(left_minor / 100, TERMS.rounding)


def test_money_beyond_it_is_principal_of_the_next_installments() -> None:
    account = history(paid(600_000, EARLY, "early"), policy=RECALCULATING)

    assert account.splits["early"].principal_minor == 600_000 - 5_806
    assert [row.interest_paid_minor for row in account.installments][:5] == [5_806, 0, 0, 0, 0]
    assert sum(interest(paid(600_000, EARLY))) < sum(interest())


def test_the_last_installment_paid_first_leaves_the_running_one_its_interest() -> None:
    last_first = RepaymentPolicy(by_bucket(), InAdvance.LAST_INSTALLMENT, recalculates_interest=True)

    account = history(paid(INSTALLMENT, EARLY), policy=last_first)

    assert account.installments[-1].principal_paid_minor == INSTALLMENT
    # 12,000.00 for 15 of the 31 days, 1,066.19 less for the other 16
    assert account.installments[0].interest_minor == 12_000 - 550


def test_principal_paid_ahead_that_leaves_no_room_for_the_interest_moves_it_on() -> None:
    principal_first = RepaymentPolicy(
        by_bucket((Part.PRINCIPAL, Part.INTEREST, Part.FEE, Part.PENALTY)),
        InAdvance.NEXT_INSTALLMENT,
        recalculates_interest=True,
    )

    first, second = history(paid(INSTALLMENT - 5_806, EARLY), policy=principal_first).installments[:2]

    assert (first.principal_minor, first.interest_minor) == (INSTALLMENT, 0)
    # 12,000.00 for 15 of the 31 days and 10,991.87 for the other 16, and February's on what is then left
    assert second.interest_minor == 11_480 + 10_934


def test_what_is_overdue_bears_interest_even_when_all_later_installments_were_paid() -> None:
    last_first = RepaymentPolicy(by_bucket(), InAdvance.LAST_INSTALLMENT, recalculates_interest=True)
    all_but_one = paid(1_150_000, LENT_ON)

    soon = history(all_but_one, on=MARCH, policy=last_first)
    late = history(all_but_one, on=date(2026, 5, 1), policy=last_first)

    assert principal_left(soon) == principal_left(late) == 50_000
    # one per cent a month on 500.00
    assert sum(row.interest_outstanding_minor for row in late.installments) == 4 * 500
    assert sum(row.interest_outstanding_minor for row in soon.installments) == 2 * 500


def test_interest_of_later_periods_is_asked_for_once_by_the_installment_that_is_still_open() -> None:
    last_first = RepaymentPolicy(by_bucket(), InAdvance.LAST_INSTALLMENT, recalculates_interest=True)
    life = (paid(11 * INSTALLMENT, LENT_ON), paid(20_000, date(2026, 5, 1), "some"))

    account = history(*life, on=date(2026, 8, 1), policy=last_first)

    # 271.91 is left of the first installment: 2.72 for each of four months, then 0.83 for each of three on 82.79
    assert account.splits["some"] == Split(principal_minor=20_000 - 4 * 272, interest_minor=4 * 272)
    assert left(account) == [8_279 + 3 * 83] + [0] * 11


def test_looking_at_a_loan_in_between_changes_no_interest() -> None:
    before, after = (paid(50_000, EARLY), paid(60_000, LATE)), paid(70_000, date(2026, 3, 20))

    looked_at = interest(*before, event(K.CHARGE_OFF, date(2026, 3, 10)), after, on=APRIL)

    assert looked_at == interest(*before, after, on=APRIL)


@pytest.mark.parametrize(
    "terms",
    [
        LoanTerms(1_200_000, "USD", Decimal(12), 12, business_days=BusinessDays()),
        LoanTerms(
            1_200_000,
            "USD",
            Decimal(12),
            3,
            Frequency.CUSTOM,
            custom_due_dates=(date(2026, 2, 10), date(2026, 2, 28), date(2026, 6, 1)),
        ),
        LoanTerms(1_200_000, "USD", Decimal(12), 12, Frequency.WEEKS, day_count=DayCount.ACTUAL_365),
        LoanTerms(1_200_000, "USD", Decimal(12), 30, Frequency.DAYS, day_count=DayCount.ACTUAL_ACTUAL_ISDA),
    ],
    ids=["business days", "custom dates", "weeks", "days"],
)
def test_who_pays_in_time_pays_what_was_agreed_whatever_the_dates(terms: LoanTerms) -> None:
    agreed = history(terms=terms).installments
    events = [paid(row.total_minor, row.due_on) for row in agreed]

    account = history(*events, terms=terms, policy=RECALCULATING)

    assert account.status is LoanStatus.CLOSED_OBLIGATIONS_MET
    assert [row.total_minor for row in account.installments] == [row.total_minor for row in agreed]


# ---------------------------------------------------------------- properties

days = st.integers(0, 360)
amounts = st.integers(1, 400_000)


@given(amount_minor=amounts, day=st.integers(0, 330))
def test_the_same_money_a_day_later_is_never_cheaper(amount_minor: int, day: int) -> None:
    end = date(2027, 1, 1)
    sooner, later = (
        sum(interest(paid(amount_minor, LENT_ON + timedelta(days=each)), on=end)) for each in (day, day + 1)
    )

    assert sooner <= later + 12  # cents of rounding, one for each installment


@given(payments=st.lists(st.tuples(days, amounts), max_size=6), on=days)
def test_a_payoff_costs_the_balance_of_each_day(payments: list[tuple[int, int]], on: int) -> None:
    """Against a second reckoning, day by day, of what a loan that pays principal first really owes."""
    day = LENT_ON + timedelta(days=on)
    events = [paid(minor, LENT_ON + timedelta(days=each), f"t{place}") for place, (each, minor) in enumerate(payments)]
    events = [each for each in events if each.on <= day]
    account = history(*events, policy=RECALCULATING, on=day)
    settling = payoff(TERMS, RECALCULATING, [event(K.DISBURSEMENT, LENT_ON, 1_200_000, "lent"), *events], on=day)

    paid_principal = {each.id: account.splits[each.id].principal_minor for each in events}
    owed, interest_minor, due = 1_200_000, Decimal(0), [row.due_on for row in account.installments]
    starts = [LENT_ON, *due[:-1]]
    for start, end in zip(starts, due, strict=True):
        for each in (start + timedelta(days=n) for n in range((end - start).days)):
            if each >= day:
                break
            repaid = sum(paid_principal[one.id] for one in events if one.on <= each)
            interest_minor += Decimal(owed - repaid) / 100 / (end - start).days
    paid_interest = sum(split.interest_minor for split in account.splits.values())

    assert abs(settling.interest_minor + paid_interest - interest_minor) <= 12
