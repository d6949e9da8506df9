"""The rate of a period: what interest a year, in which convention, makes of the days between two due dates."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from models.dates import REMEMBERED, CalculationPeriod, DayCount, Frequency, periods, units_per_year, year_fractions

_BY_UNIT = (DayCount.THIRTY_360, DayCount.THIRTY_364, DayCount.THIRTY_365)
_A_DAY = date(2000, 1, 1)


class Basis(NamedTuple):
    """How interest is reckoned, for periods of `every` days, weeks or months."""

    annual_percent: Decimal
    frequency: Frequency
    every: int
    day_count: DayCount
    calculation_period: CalculationPeriod

    @property
    def is_even(self) -> bool:
        """Whether a period is simply its part of a year."""
        return self.calculation_period is CalculationPeriod.SAME_AS_REPAYMENT_PERIOD

    @property
    def is_by_unit(self) -> bool:
        """Whether periods of one length cost the same whatever their days."""
        return self.is_even or self.day_count in _BY_UNIT


@lru_cache(REMEMBERED)
def unit_rate(basis: Basis) -> Decimal:
    """The rate of a period whose days do not matter."""
    (rate,) = period_rates(basis, _A_DAY, (_A_DAY,), 1)
    return rate


@lru_cache(REMEMBERED)
def period_rates(basis: Basis, start: date, due: Sequence[date], regular: int) -> tuple[Decimal, ...]:
    """The rate of each period, of which the first `regular` have the agreed length.

    SAME_AS_REPAYMENT_PERIOD    r = annual . every / periods in a year: of a month a twelfth, of a week a fifty-second
    DAILY                       r = annual . year fraction
    """
    annual, frequency, every, day_count, _ = basis
    if basis.is_even:
        of_percent = 100 * units_per_year(frequency)
        lengths = periods(start, due, frequency=frequency, every=every, regular=regular)
        return tuple(annual * units / of_percent for _, _, units in lengths)
    fractions = year_fractions(start, due, frequency=frequency, every=every, day_count=day_count, regular=regular)
    return tuple(annual / 100 * fraction for fraction in fractions)
