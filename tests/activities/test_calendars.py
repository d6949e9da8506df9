"""Holidays of the world."""

from datetime import date

import pytest

from activities.calendars import UnknownCalendar, holiday_calendar


def test_a_country_has_its_holidays_in_each_of_the_years() -> None:
    calendar = holiday_calendar("NG", None, range(2026, 2028))

    assert {date(2026, 10, 1), date(2027, 10, 1)} <= calendar
    assert date(2025, 10, 1) not in calendar


def test_a_part_of_a_country_has_more_of_them() -> None:
    assert date(2026, 1, 6) in holiday_calendar("DE", "BY", [2026]) - holiday_calendar("DE", None, [2026])


@pytest.mark.parametrize(
    ("country", "subdivision", "field"),
    [("XX", None, "businessDays.country"), ("US", "ZZ", "businessDays.subdivision")],
)
def test_a_place_without_a_calendar_is_refused(country: str, subdivision: str | None, field: str) -> None:
    with pytest.raises(UnknownCalendar) as refusal:
        holiday_calendar(country, subdivision, [2026])

    assert refusal.value.field == field
