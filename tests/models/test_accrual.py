"""Income is earned by the day, booked as a difference, and taken back when it will not come."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from models.accrual import Accrued, accrual_journal, accrued_target, earned_minor
from models.amortization import NegativeAmortization, schedule_for
from models.chart import Account
from models.ledger import Entry, Journal
from models.terms import Installment, LoanTerms

LENT_ON = date(2026, 1, 15)
ROWS = (
    Installment(1, date(2026, 2, 15), 1000, 310, fee_minor=5),
    Installment(2, date(2026, 3, 15), 1000, 280, fee_minor=5),
)


@pytest.mark.parametrize(
    ("on", "earned"),
    [
        (date(2026, 1, 14), 0),
        (LENT_ON, 0),
        (date(2026, 1, 16), 10),
        (date(2026, 2, 14), 300),
        (date(2026, 2, 15), 310),
        (date(2026, 2, 16), 320),
        (date(2026, 3, 15), 590),
        (date(2026, 9, 1), 590),
    ],
)
def test_a_month_of_31_days_earns_a_31st_of_its_interest_each_day(on: date, earned: int) -> None:
    assert earned_minor(ROWS, on, LENT_ON) == earned


def test_a_fraction_of_a_cent_is_not_earned_yet() -> None:
    assert earned_minor([Installment(1, date(2026, 2, 15), 0, 10)], date(2026, 1, 18), LENT_ON) == 0


def test_two_rows_of_one_day_are_earned_on_it() -> None:
    rows = [Installment(1, date(2026, 2, 15), 0, 31), Installment(2, date(2026, 2, 15), 0, 7)]

    assert [earned_minor(rows, day, LENT_ON) for day in (date(2026, 2, 14), date(2026, 2, 15))] == [30, 38]


def test_fees_are_earned_when_they_are_due() -> None:
    assert [accrued_target(ROWS, row.due_on - timedelta(days=1), LENT_ON).fees_minor for row in ROWS] == [0, 5]


def test_what_is_paid_early_is_earned() -> None:
    paid = [Installment(1, date(2026, 2, 15), 1000, 310, fee_minor=5, interest_paid_minor=200, fee_paid_minor=3)]

    assert accrued_target(paid, date(2026, 1, 16), LENT_ON) == Accrued(200, 3)


def test_on_non_accrual_only_the_interest_that_is_paid_is_income() -> None:
    paid = [Installment(1, date(2026, 2, 15), 1000, 310, fee_minor=5, interest_paid_minor=200)]

    assert accrued_target(paid, date(2026, 6, 1), LENT_ON, is_non_accrual=True) == Accrued(200, 5)


def test_of_a_loan_charged_off_only_what_is_paid_is_income() -> None:
    paid = [Installment(1, date(2026, 2, 15), 1000, 310, fee_minor=5, interest_paid_minor=200, fee_paid_minor=2)]

    assert accrued_target(paid, date(2026, 6, 1), LENT_ON, is_charged_off=True) == Accrued(200, 2)


def test_a_journal_books_the_difference() -> None:
    journal = accrual_journal("loan_1", Accrued(100, 5), Accrued(130, 10), currency="USD", on=LENT_ON)

    assert journal == Journal(
        "cob:loan_1:2026-01-15",
        LENT_ON,
        "USD",
        "Accrual of loan_1",
        (
            Entry(Account.INTEREST_RECEIVABLE, 30),
            Entry(Account.FEES_RECEIVABLE, 5),
            Entry(Account.INTEREST_INCOME, -30),
            Entry(Account.FEE_INCOME, -5),
        ),
    )


def test_what_will_not_come_is_taken_back_and_the_cause_is_named() -> None:
    journal = accrual_journal("loan_1", Accrued(100, 5), Accrued(40, 5), currency="USD", on=LENT_ON, cause="txn_7")

    assert journal is not None
    assert journal.key == "accrual:loan_1:2026-01-15:txn_7"
    assert journal.entries == (Entry(Account.INTEREST_RECEIVABLE, -60), Entry(Account.INTEREST_INCOME, 60))


def test_nothing_is_booked_when_nothing_is_missing() -> None:
    assert accrual_journal("loan_1", Accrued(100, 5), Accrued(100, 5), currency="USD", on=LENT_ON) is None


@given(st.integers(100, 10**9), st.integers(1, 60), st.decimals(0, 60, places=2), st.lists(st.integers(0, 2000)))
def test_earnings_never_fall_and_end_at_the_whole_interest(
    principal_minor: int, installments: int, percent: Decimal, days: list[int]
) -> None:
    try:
        rows = schedule_for(LoanTerms(principal_minor, "USD", percent, installments), disbursed_on=LENT_ON)
    except NegativeAmortization:
        reject()
    whole = sum(row.interest_minor for row in rows)

    earned = [earned_minor(rows, LENT_ON + timedelta(days=day), LENT_ON) for day in sorted(days)]

    assert earned == sorted(earned)
    assert all(0 <= each <= whole for each in earned)
    assert earned_minor(rows, rows[-1].due_on, LENT_ON) == whole
