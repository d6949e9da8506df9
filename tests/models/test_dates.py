"""Due dates never drift, and a year fraction counts every day once."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dates import (
    DayCount,
    Frequency,
    MonthEnd,
    due_dates,
    installments_for,
    months_after,
    year_fractions,
)

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
ACTUAL = [
    DayCount.ACTUAL_360,
    DayCount.ACTUAL_364,
    DayCount.ACTUAL_365,
    DayCount.ACTUAL_ACTUAL_ISDA,
    DayCount.ACTUAL_ACTUAL_DEC_31,
]


def fraction(
    start: date, end: date, day_count: DayCount, *, frequency: Frequency = Frequency.MONTHS, every: int = 1
) -> Decimal:
    (only,) = year_fractions(start, [end], frequency=frequency, every=every, day_count=day_count)
    return only


def test_a_month_end_is_clamped_and_comes_back() -> None:
    assert due_dates(date(2025, 1, 31), frequency=Frequency.MONTHS, every=1, count=3) == (
        date(2025, 2, 28),
        date(2025, 3, 31),
        date(2025, 4, 30),
    )


def test_a_month_end_may_roll_to_the_first_instead() -> None:
    rolled = due_dates(
        date(2024, 12, 31), frequency=Frequency.MONTHS, every=2, count=2, month_end=MonthEnd.FIRST_DAY_OF_NEXT
    )

    assert rolled == (date(2025, 3, 1), date(2025, 5, 1))
    assert months_after(date(2025, 1, 31), 2, MonthEnd.FIRST_DAY_OF_NEXT) == date(2025, 3, 31)


def test_months_are_counted_back_across_a_year() -> None:
    assert months_after(date(2025, 3, 31), -13) == date(2024, 2, 29)


def test_weeks_and_days_are_plain_steps() -> None:
    assert due_dates(date(2024, 2, 27), frequency=Frequency.WEEKS, every=2, count=2) == (
        date(2024, 3, 12),
        date(2024, 3, 26),
    )
    assert due_dates(date(2024, 2, 27), frequency=Frequency.DAYS, every=3, count=1) == (date(2024, 3, 1),)


@pytest.mark.parametrize(
    ("day_count", "expected"),
    [
        (DayCount.THIRTY_360, Decimal(30) / 360),
        (DayCount.THIRTY_365, Decimal(30) / 365),
        (DayCount.ACTUAL_360, Decimal(31) / 360),
        (DayCount.ACTUAL_364, Decimal(31) / 364),
        (DayCount.ACTUAL_365, Decimal(31) / 365),
        # 12 December to 1 January is 20 days of 2023, and 11 of leap year 2024 follow
        (DayCount.ACTUAL_ACTUAL_ISDA, Decimal(20) / 365 + Decimal(11) / 366),
        # Fineract counts 31 December into the new year
        (DayCount.ACTUAL_ACTUAL_DEC_31, Decimal(19) / 365 + Decimal(12) / 366),
        (DayCount.ACTUAL_ACTUAL_FEB_29, Decimal(31) / 365),
    ],
)
def test_a_period_into_a_leap_year_by_every_day_count(day_count: DayCount, expected: Decimal) -> None:
    assert fraction(date(2023, 12, 12), date(2024, 1, 12), day_count) == expected


@pytest.mark.parametrize(
    ("start", "end", "year_days"),
    [
        (date(2024, 1, 29), date(2024, 2, 29), 366),
        (date(2024, 2, 29), date(2024, 3, 29), 365),
        (date(2024, 2, 12), date(2024, 3, 12), 366),
        (date(2023, 2, 12), date(2023, 3, 12), 365),
    ],
)
def test_29_february_belongs_to_the_period_that_ends_with_it(start: date, end: date, year_days: int) -> None:
    assert fraction(start, end, DayCount.ACTUAL_ACTUAL_FEB_29) == Decimal((end - start).days) / year_days


def test_thirty_360_takes_weeks_and_days_as_they_are() -> None:
    assert (
        fraction(date(2024, 1, 1), date(2024, 1, 22), DayCount.THIRTY_360, frequency=Frequency.WEEKS, every=3)
        == Decimal(21) / 360
    )
    assert (
        fraction(date(2024, 1, 1), date(2024, 1, 11), DayCount.THIRTY_360, frequency=Frequency.DAYS, every=10)
        == Decimal(10) / 360
    )


@pytest.mark.parametrize(
    ("tenure_days", "installments"), [(1, 1), (30, 1), (45, 1), (46, 2), (90, 3), (365, 12), (730, 24), (1095, 36)]
)
def test_a_tenure_in_days_is_the_nearest_number_of_months(tenure_days: int, installments: int) -> None:
    assert installments_for(tenure_days) == installments


@given(start=DAYS, count=st.integers(1, 60), frequency=st.sampled_from(Frequency), every=st.integers(1, 6))
def test_due_dates_only_ever_go_forward(start: date, count: int, frequency: Frequency, every: int) -> None:
    due = due_dates(start, frequency=frequency, every=every, count=count)

    assert len(due) == count
    assert list(due) == sorted({start, *due} - {start})


@given(start=DAYS, lengths=st.lists(st.integers(1, 500), min_size=1, max_size=5), day_count=st.sampled_from(ACTUAL))
def test_counting_days_in_parts_or_at_once_is_the_same(start: date, lengths: list[int], day_count: DayCount) -> None:
    due = [start + timedelta(days=sum(lengths[: n + 1])) for n in range(len(lengths))]

    parts = year_fractions(start, due, frequency=Frequency.MONTHS, every=1, day_count=day_count)

    assert abs(sum(parts) - fraction(start, due[-1], day_count)) < Decimal("1e-24")


@given(start=DAYS, years=st.integers(1, 20))
def test_a_whole_number_of_years_from_new_year_is_that_number(start: date, years: int) -> None:
    new_year = date(start.year, 1, 1)

    counted = fraction(new_year, date(start.year + years, 1, 1), DayCount.ACTUAL_ACTUAL_ISDA)

    assert abs(counted - years) < Decimal("1e-24")
