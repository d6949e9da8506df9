"""Public holidays of the world, as calendars that a loan's due dates can keep to."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import holidays

from models.errors import Refused


class UnknownCalendar(Refused):
    """Nobody publishes the holidays of this country, or of this part of it."""


def holiday_calendar(country: str, subdivision: str | None, years: Iterable[int]) -> frozenset[date]:
    """The public holidays of a country (ISO 3166), or of a part of it, in these years."""
    return _calendar(country, subdivision, frozenset(years))


@lru_cache(256)
def _calendar(country: str, subdivision: str | None, years: frozenset[int]) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=years))
    except NotImplementedError:
        named = f"{subdivision} of {country}" if subdivision else country
        field = "businessDays.subdivision" if subdivision else "businessDays.country"
        raise UnknownCalendar(f"There is no holiday calendar of {named}.", field) from None
