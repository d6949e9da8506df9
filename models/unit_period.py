"""The unit-period of Regulation Z: the interval at which payments recur, and time counted in it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from models.dates import months_after


class Unit(StrEnum):
    """What unit-periods are made of."""

    DAY = "day"
    WEEK = "week"
    SEMIMONTH = "semimonth"
    MONTH = "month"
    YEAR = "year"

    @property
    def per_year(self) -> int:
        """How many make a year."""
        return _PER_YEAR[self]


_PER_YEAR = {Unit.DAY: 365, Unit.WEEK: 52, Unit.SEMIMONTH: 24, Unit.MONTH: 12, Unit.YEAR: 1}


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """The interval at which payments recur: two weeks, one month. Never longer than a year."""

    unit: Unit
    multiple: int = 1

    @classmethod
    def of(cls, start: date, dates: Sequence[date]) -> "UnitPeriod":
        """The interval that occurs most often, a year at most; of those that occur equally often the shortest.

        A single payment has its whole term, in months where these are whole. Source: Appendix J, (b)(4), (b)(5)(vii).
        """
        often = Counter(_interval(earlier, later) for earlier, later in pairwise((start, *dates)) if later > earlier)
        if not often:
            return cls(Unit.DAY)
        return max(often, key=lambda period: (often[period], period.per_year))

    @property
    def per_year(self) -> Decimal:
        """How many make a year."""
        return Decimal(self.unit.per_year) / self.multiple

    def between(self, earlier: date, later: date) -> tuple[int, Decimal]:
        """Whole unit-periods and the fraction of one between two dates. Source: Appendix J, (b)(5)(ii) to (v).

        Months are measured back from the later date, so the odd days lie at the beginning; a month has 30 of them.
        """
        months = _whole_months(earlier, later)
        odd_days = (months_after(later, -months) - earlier).days
        match self.unit:
            case Unit.DAY:
                return whole_and_fraction((later - earlier).days, self.multiple)
            case Unit.WEEK:
                return whole_and_fraction((later - earlier).days, 7 * self.multiple)
            case Unit.SEMIMONTH:
                return whole_and_fraction(30 * months + odd_days, 15 * self.multiple)
            case Unit.MONTH:
                return whole_and_fraction(30 * months + odd_days, 30 * self.multiple)
            case _:  # YEAR
                years, odd_months = divmod(months, 12)
                if odd_days == 0:
                    return years, Decimal(odd_months) / 12
                return years, Decimal((months_after(later, -12 * years) - earlier).days) / 365


def _interval(earlier: date, later: date) -> UnitPeriod:
    months = _whole_months(earlier, later)
    if months >= _PER_YEAR[Unit.MONTH] or (later - earlier).days >= _PER_YEAR[Unit.DAY]:
        return UnitPeriod(Unit.YEAR)
    if months and months_after(earlier, months) == later:
        return UnitPeriod(Unit.MONTH, months)
    weeks, odd_days = divmod((later - earlier).days, 7)
    return UnitPeriod(Unit.DAY, (later - earlier).days) if odd_days else UnitPeriod(Unit.WEEK, weeks)


def _whole_months(earlier: date, later: date) -> int:
    months = 12 * (later.year - earlier.year) + later.month - earlier.month
    return months if months_after(later, -months) >= earlier else months - 1


def whole_and_fraction(units: int, length: int) -> tuple[int, Decimal]:
    """How many times a length goes into some units, and the part of one that is left."""
    return units // length, Decimal(units % length) / length
