"""Due dates, and the fraction of a year that lies between them."""

from calendar import isleap
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

_ONE_DAY = timedelta(days=1)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 1  # counted from nought, as in `_DAYS`
_IN_EVERY_MONTH = 28
REMEMBERED = 512  # loans made on one day under one product share their dates


class Frequency(StrEnum):
    """The unit in which repayments recur."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    CUSTOM = "custom"  # on agreed dates, measured in months


class MonthEnd(StrEnum):
    """Where a due date goes when its month is too short for it."""

    LAST_DAY = "last_day"
    FIRST_DAY_OF_NEXT = "first_day_of_next"


class CalculationPeriod(StrEnum):
    """Whether a period bears interest for its days, or simply as one twelfth (or fifty-second) of a year."""

    DAILY = "daily"
    SAME_AS_REPAYMENT_PERIOD = "same_as_repayment_period"


class DayCount(StrEnum):
    """How days become a fraction of a year: days in the month / days in the year.

    The three `actual/actual` conventions differ only where a period meets a leap year:
    ISDA counts the days before 1 January in the old year; Fineract counts those up to 31 December, so the period's
    last day instead of its first; FEB_29 takes 366 for the one period that holds 29 February and splits nothing.
    """

    THIRTY_360 = "30/360"
    THIRTY_364 = "30/364"
    THIRTY_365 = "30/365"
    THIRTY_ACTUAL = "30/actual"  # but a period that crosses a year end counts its days, in each year's
    ACTUAL_360 = "actual/360"
    ACTUAL_364 = "actual/364"
    ACTUAL_365 = "actual/365"
    ACTUAL_ACTUAL_ISDA = "actual/actual"
    ACTUAL_ACTUAL_DEC_31 = "actual/actual_split_31_december"
    ACTUAL_ACTUAL_FEB_29 = "actual/actual_29_february_period"


@lru_cache(REMEMBERED)
def due_dates(
    start: date, *, frequency: Frequency, every: int, count: int, month_end: MonthEnd = MonthEnd.LAST_DAY
) -> tuple[date, ...]:
    """The dates at `every` step after `start`, each reckoned from `start`: 31 Jan, 28 Feb, 31 Mar never drifts."""
    steps = range(every, every * count + 1, every)
    if frequency is Frequency.MONTHS:
        return tuple(months_after(start, step, month_end) for step in steps)
    return tuple(start + timedelta(days=step * _nominal_days(frequency)) for step in steps)


def months_after(start: date, months: int, month_end: MonthEnd = MonthEnd.LAST_DAY) -> date:
    """The same day some months later (or earlier), or what `month_end` puts in its place."""
    years, month = divmod(start.month - 1 + months, 12)
    year, day = start.year + years, start.day
    if day <= _IN_EVERY_MONTH:
        return date(year, month + 1, day)
    last = _DAYS[month] if month != _FEBRUARY or not isleap(year) else 29
    if day > last and month_end is MonthEnd.FIRST_DAY_OF_NEXT:
        return date(year, month + 1, last) + _ONE_DAY
    return date(year, month + 1, min(day, last))


def year_fractions(
    start: date,
    due: Sequence[date],
    *,
    frequency: Frequency,
    every: int,
    day_count: DayCount,
    regular: int | None = None,
) -> tuple[Decimal, ...]:
    """The year fraction of each period, from the day after one due date to the next due date inclusive.

    The first `regular` periods, all if not said, have `every` days, weeks or months where a convention reckons by
    these; the others have what their dates say.
    """
    return tuple(
        _year_fraction(a, b, units * _nominal_days(frequency), day_count)
        for a, b, units in periods(start, due, frequency=frequency, every=every, regular=regular)
    )


def units_between(start: date, end: date, frequency: Frequency) -> Decimal:
    """Days, weeks or months between two dates; odd days are a part of the month they lie in."""
    if frequency in {Frequency.DAYS, Frequency.WEEKS}:
        return Decimal((end - start).days) / _nominal_days(frequency)
    months = 12 * (end.year - start.year) + end.month - start.month
    months -= months_after(start, months) > end
    whole = months_after(start, months)
    return months + Decimal((end - whole).days) / (months_after(start, months + 1) - whole).days


def periods(
    start: date, due: Sequence[date], *, frequency: Frequency, every: int, regular: int | None = None
) -> Iterator[tuple[date, date, Decimal]]:
    """Each period with its days, weeks or months: as many as agreed for the first `regular`, all if not said."""
    for index, (a, b) in enumerate(pairwise((start, *due))):
        is_regular = regular is None or index < regular
        yield a, b, Decimal(every) if is_regular else units_between(a, b, frequency)


def installments_for(tenure_days: int) -> int:
    """The monthly installments of a tenure, to the nearest and at least one: 365 -> 12, 90 -> 3, 30 -> 1."""
    return max(1, (24 * tenure_days + 365) // 730)


def _nominal_days(frequency: Frequency) -> int:
    return {Frequency.DAYS: 1, Frequency.WEEKS: 7}.get(frequency, 30)


def units_per_year(frequency: Frequency) -> int:
    """How many days, weeks or months make a year."""
    return {Frequency.DAYS: 365, Frequency.WEEKS: 52}.get(frequency, 12)


def _year_fraction(start: date, end: date, nominal_days: Decimal, day_count: DayCount) -> Decimal:
    days = (end - start).days
    match day_count:
        case DayCount.THIRTY_360 | DayCount.THIRTY_364 | DayCount.THIRTY_365:
            return nominal_days / int(day_count.removeprefix("30/"))
        case DayCount.THIRTY_ACTUAL if start.year == end.year:
            return nominal_days / (366 if isleap(start.year) else 365)
        case DayCount.ACTUAL_360 | DayCount.ACTUAL_364 | DayCount.ACTUAL_365:
            return Decimal(days) / int(day_count.removeprefix("actual/"))
        case DayCount.ACTUAL_ACTUAL_ISDA:
            return _by_calendar_year(start, end)
        case DayCount.ACTUAL_ACTUAL_DEC_31 | DayCount.THIRTY_ACTUAL:
            return _by_calendar_year(start + _ONE_DAY, end + _ONE_DAY)
        case _:  # ACTUAL_ACTUAL_FEB_29
            return Decimal(days) / (366 if _holds_29_february(start, end) else 365)


def _by_calendar_year(start: date, end: date) -> Decimal:
    """Each year's days over that year's length, counting the first day and not the last."""
    fraction = Decimal(0)
    while start < end:
        until = min(end, date(start.year + 1, 1, 1))
        fraction += Decimal((until - start).days) / (366 if isleap(start.year) else 365)
        start = until
    return fraction


def _holds_29_february(start: date, end: date) -> bool:
    return any(isleap(year) and start < date(year, 2, 29) <= end for year in range(start.year, end.year + 1))
