"""The end of a business day, from sums over the schedule alone."""

from dataclasses import replace
from datetime import date, timedelta

from models.accrual import Accrued, Income
from models.aging import Known
from models.business_day import BookedLoan, ScheduleSums, closing_journals, standing_on
from models.delinquency import Pause

DUE = date(2026, 3, 1)
LOAN = BookedLoan("loan_1", "USD", Accrued(100, 0), allowance_minor=1_000, known=Known())


def sums(oldest: date | None = None) -> ScheduleSums:
    return ScheduleSums(100_000, Income(300, 40, 20, 5), oldest)


def test_a_loan_that_pays_earns_and_keeps_its_allowance() -> None:
    standing = standing_on(LOAN, sums(), on=DUE)

    assert (standing.aging.days_past_due, standing.aging.bucket, standing.aging.ifrs_stage) == (0, "current", 1)
    assert standing.accrued == Accrued(300, 20)
    assert standing.allowance_minor == 1_000
    assert not standing.is_charge_off_due
    assert [j.key for j in closing_journals(LOAN, standing, on=DUE, booked_on=DUE)] == ["cob:loan_1:2026-03-01"]


def test_after_ninety_days_only_what_is_paid_stays_earned() -> None:
    on = DUE + timedelta(days=90)
    standing = standing_on(LOAN, sums(DUE), on=on)

    assert standing.aging.non_accrual_since == on
    assert standing.accrued == Accrued(40, 20)
    assert standing.allowance_minor == 50_000


def test_after_a_hundred_and_twenty_days_it_should_be_charged_off_unless_it_is() -> None:
    on = DUE + timedelta(days=120)
    charged_off = replace(LOAN, is_charged_off=True)

    assert standing_on(LOAN, sums(DUE), on=on).is_charge_off_due
    after = standing_on(charged_off, sums(DUE), on=on)
    assert not after.is_charge_off_due
    assert (after.accrued, after.allowance_minor) == (Accrued(40, 5), 0)


def test_forbearance_stops_the_days() -> None:
    on = DUE + timedelta(days=40)
    forborne = replace(LOAN, known=Known(pauses=(Pause(DUE, DUE + timedelta(days=30)),)))

    assert standing_on(forborne, sums(DUE), on=on).aging.days_past_due == 10


def test_of_a_loan_that_was_cancelled_nothing_was_earned() -> None:
    cancelled = replace(LOAN, is_cancelled=True)

    assert standing_on(cancelled, sums(), on=DUE).accrued == Accrued()


def test_a_day_whose_books_are_closed_is_booked_on_the_first_open_one_under_its_own_name() -> None:
    standing = standing_on(LOAN, sums(), on=DUE)

    (journal,) = closing_journals(LOAN, standing, on=DUE, booked_on=DUE + timedelta(days=1))

    assert (journal.key, journal.booked_on) == ("cob:loan_1:2026-03-01", date(2026, 3, 2))
