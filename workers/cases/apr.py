"""`caas apr`: the annual percentage rate of each case, by the law of its jurisdiction."""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from models.apr import Transfer, Unit, UnitPeriod, YearlyTransfer, eu_apr_percent, us_apr_percent
from models.dates import Frequency, due_dates, months_after
from workers.cases.files import Answer, Case, InvalidCase, as_number, day, needed, number, one_of, whole

_JURISDICTIONS = {
    "US": "US",
    "EU": "EU",
    "UK": "EU",
    "EU/UK": "EU",
    "IN": "INDIA",
    "INDIA": "INDIA",
}
_UNITS = {unit.upper(): unit for unit in Unit}
_FREQUENCIES = {Unit.DAY: Frequency.DAYS, Unit.WEEK: Frequency.WEEKS, Unit.MONTH: Frequency.MONTHS}
_MOST_PAYMENTS = 10_000
_MONTHS = Decimal(12)
_DAYS = Decimal(365)
_HALF_MONTH = 15
_PRINTED_DIGITS = Decimal("1e-6")


class Dated(NamedTuple):
    """Money that changes hands on a date."""

    amount: Decimal
    on: date


def apr_percent(case: Case) -> Answer:
    """The rate to as many decimal places as the case asks for."""
    law = one_of(needed(case, "jurisdiction"), _JURISDICTIONS, "jurisdiction")
    percent = {"US": _us_percent, "EU": _eu_percent, "INDIA": _india_percent}[law](case)
    decimals = whole(case, "decimals", 2)
    if not 0 <= decimals <= 10:  # noqa: PLR2004 - nobody publishes more
        raise InvalidCase(f"decimals {decimals} is no number of decimal places.", "decimals")
    # Adding nothing turns -0.0 into 0.0.
    return {"apr_percent": f"{round(percent, decimals) + 0:f}"}


def _us_percent(case: Case) -> Decimal:
    advances, payments = _dated(case, "advances"), _dated(case, _payments_field(case))
    start = min(advance.on for advance in advances)
    period = _unit_period(case, start, payments)
    return us_apr_percent(
        [Transfer(advance.amount, *period.between(start, advance.on)) for advance in advances],
        _timed(case, start, payments, period),
        per_year=_per_year(case, period),
    )


def _per_year(case: Case, period: UnitPeriod) -> Decimal:
    stated = case.get("unit_period")
    if stated is None or stated.get("per_year") is None:
        return period.per_year
    per_year = number(stated, "per_year")
    if abs(per_year - period.per_year) > _PRINTED_DIGITS:
        raise InvalidCase(f"per_year {per_year} contradicts {period.multiple} {period.unit}.", "per_year")
    return period.per_year


def _timed(case: Case, start: date, payments: list[Dated], period: UnitPeriod) -> list[Transfer]:
    """The payments in unit-periods, the first after what the case says, and those that recur with it likewise."""
    times = [period.between(start, payment.on) for payment in payments]
    whole_first, fraction_first = min(times)
    if case.get("first_payment_whole_unit_periods") is not None:
        stated_whole = whole(case, "first_payment_whole_unit_periods")
        stated_fraction = as_number(case.get("first_payment_fraction") or 0, "first_payment_fraction")
        if abs(stated_whole + stated_fraction - whole_first - fraction_first) > _PRINTED_DIGITS:
            moved = stated_whole - whole_first
            times = [(w + moved, stated_fraction) if f == fraction_first else (w, f) for w, f in times]
    return [Transfer(payment.amount, *time) for payment, time in zip(payments, times, strict=True)]


def _unit_period(case: Case, start: date, payments: list[Dated]) -> UnitPeriod:
    stated = case.get("unit_period")
    if stated is None:
        return UnitPeriod.of(start, sorted(payment.on for payment in payments))
    if not isinstance(stated, dict):
        raise InvalidCase(f"unit_period {stated!r} is not understood.", "unit_period")
    multiple = whole(stated, "multiple", 1)
    if multiple < 1:
        raise InvalidCase(f"multiple {multiple} makes no unit-period.", "unit_period")
    return UnitPeriod(one_of(stated.get("unit"), _UNITS, "unit"), multiple)


def _eu_percent(case: Case) -> Decimal:
    advances, payments = _yearly(case)
    return eu_apr_percent(advances, payments)


def _india_percent(case: Case) -> Decimal:
    """The monthly rate of return on the net amount, twelve times."""
    advances, payments = _yearly(case)
    if case.get("charges") is not None:
        advances.append(YearlyTransfer(-number(case, "charges"), Decimal(0)))
    return us_apr_percent(_monthly(advances), _monthly(payments), per_year=_MONTHS)


def _monthly(flows: list[YearlyTransfer]) -> list[Transfer]:
    # Years come with ten digits; a month is still a whole one.
    months = [round(flow.years * _MONTHS, 6) for flow in flows]
    return [Transfer(flow.amount, int(m), m % 1) for flow, m in zip(flows, months, strict=True)]


def _yearly(case: Case) -> tuple[list[YearlyTransfer], list[YearlyTransfer]]:
    fields = ("advances", _payments_field(case))
    if not any("date" in flow or "first_date" in flow for field in fields for flow in _flows(case, field)):
        return _in_years(case, fields[0]), _in_years(case, fields[1])
    advances, payments = _dated(case, fields[0]), _dated(case, fields[1])
    start = min(advance.on for advance in advances)

    def years(flows: list[Dated]) -> list[YearlyTransfer]:
        return [YearlyTransfer(flow.amount, Decimal((flow.on - start).days) / _DAYS) for flow in flows]

    return years(advances), years(payments)


def _in_years(case: Case, field: str) -> list[YearlyTransfer]:
    transfers = []
    for flow in _flows(case, field):
        amount, count = number(flow, "amount"), _count(flow)
        first = as_number(flow.get("first_years") or 0, "first_years")
        every = as_number(flow.get("every_years") or 0, "every_years")
        transfers += [YearlyTransfer(amount, first + index * every) for index in range(count)]
    return transfers


def _dated(case: Case, field: str) -> list[Dated]:
    return [Dated(number(flow, "amount"), on) for flow in _flows(case, field) for on in _dates(flow)]


def _dates(flow: Case) -> list[date]:
    if flow.get("date") is not None:
        return [day(flow["date"], "date")] * _count(flow)
    first = day(needed(flow, "first_date"), "first_date")
    unit, every, count = one_of(flow.get("unit"), _UNITS, "unit"), whole(flow, "every", 1), _count(flow)
    if every < 1:
        raise InvalidCase(f"every {every} is no interval.", "every")
    try:
        if unit is Unit.SEMIMONTH:
            return [_half_months_after(first, index * every) for index in range(count)]
        if unit is Unit.YEAR:
            unit, every = Unit.MONTH, every * 12
        return [first, *due_dates(first, frequency=_FREQUENCIES[unit], every=every, count=count - 1)]
    except (OverflowError, ValueError):
        raise InvalidCase("The last payment would be made after the year 9999.", "count") from None


def _half_months_after(first: date, halves: int) -> date:
    """The same day every other time, and half a month from it in between."""
    months, odd = divmod(halves, 2)
    if not odd:
        return months_after(first, months)
    if first.day > _HALF_MONTH:
        return months_after(first - timedelta(days=_HALF_MONTH), months + 1)
    return months_after(first, months) + timedelta(days=_HALF_MONTH)


def _payments_field(case: Case) -> str:
    return "payment_streams" if "payment_streams" in case else "payments"


def _flows(case: Case, field: str) -> list[Case]:
    flows = needed(case, field)
    if not isinstance(flows, list) or not flows or not all(isinstance(flow, dict) for flow in flows):
        raise InvalidCase(f"{field} is no list of money that changes hands.", field)
    return flows


def _count(flow: Case) -> int:
    count = whole(flow, "count", 1)
    if not 0 < count <= _MOST_PAYMENTS:
        raise InvalidCase(f"count {count} is no number of payments.", "count")
    return count
