"""A date that is no business day goes where it was agreed to go."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.business_days import BusinessDayRule, BusinessDays, Moves

SATURDAY_AT_MONTH_END = date(2026, 1, 31)
MONDAY_HOLIDAY = frozenset({date(2026, 2, 2)})


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        (BusinessDayRule.SAME_DAY, date(2026, 1, 31)),
        (BusinessDayRule.FOLLOWING, date(2026, 2, 3)),
        (BusinessDayRule.MODIFIED_FOLLOWING, date(2026, 1, 30)),
        (BusinessDayRule.PRECEDING, date(2026, 1, 30)),
    ],
)
def test_a_saturday_at_the_end_of_a_month_before_a_holiday(rule: BusinessDayRule, day: date) -> None:
    assert BusinessDays(rule, holidays=MONDAY_HOLIDAY).adjusted(SATURDAY_AT_MONTH_END) == day


def test_modified_following_follows_within_the_month() -> None:
    assert BusinessDays(BusinessDayRule.MODIFIED_FOLLOWING).adjusted(date(2026, 1, 24)) == date(2026, 1, 26)


def test_a_weekend_is_whatever_a_country_rests_on() -> None:
    friday_and_saturday = BusinessDays(weekend=frozenset({4, 5}))

    assert friday_and_saturday.adjusted(date(2026, 1, 30)) == date(2026, 2, 1)


def test_the_due_date_stays_where_only_the_deadline_moves() -> None:
    calendar = BusinessDays(moves=Moves.DEADLINE)

    assert calendar.due_on(SATURDAY_AT_MONTH_END) == SATURDAY_AT_MONTH_END
    assert calendar.adjusted(SATURDAY_AT_MONTH_END) == date(2026, 2, 2)


def test_a_week_without_a_business_day_is_impossible() -> None:
    with pytest.raises(AssertionError, match="a week without a business day"):
        BusinessDays(weekend=frozenset(range(7)))


@given(
    day=st.dates(date(2000, 1, 1), date(2060, 1, 1)),
    rule=st.sampled_from([rule for rule in BusinessDayRule if rule is not BusinessDayRule.SAME_DAY]),
    weekend=st.frozensets(st.integers(0, 6), max_size=6),
    holidays=st.frozensets(st.dates(date(2000, 1, 1), date(2060, 1, 1)), max_size=20),
)
def test_the_day_is_a_business_day(
    day: date, rule: BusinessDayRule, weekend: frozenset[int], holidays: frozenset[date]
) -> None:
    calendar = BusinessDays(rule, weekend, holidays)

    assert calendar.is_business_day(calendar.adjusted(day))
    assert not calendar.is_business_day(day) or calendar.adjusted(day) == day
