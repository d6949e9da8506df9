"""The terms of a case, in the words of whoever published it, as the terms of a loan."""

import re
from decimal import Decimal

from models.business_days import BusinessDayRule, BusinessDays, InterestAdjustment
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.money import Rounding, exponent_of, minor_units
from models.terms import DeferredInterest, LoanTerms, Method, Residual
from workers.cases.files import Case, InvalidCase, as_number, day, needed, number, one_of, whole

_ENGINES = {word: word for word in ("PROGRESSIVE", "CUMULATIVE", "OPENCBS")}
_FREQUENCIES = {"DAYS": Frequency.DAYS, "WEEKS": Frequency.WEEKS, "MONTHS": Frequency.MONTHS}
_PERIODS = {period.upper(): period for period in CalculationPeriod}
_PER_YEAR = {"DAY": 365, "WEEK": 52, "MONTH": 12, "YEAR": 1}
_MONTH_ENDS = {"LAST_DAY_OF_MONTH": MonthEnd.LAST_DAY, "FIRST_DAY_OF_NEXT_MONTH": MonthEnd.FIRST_DAY_OF_NEXT}
_RESIDUALS = {
    "LAST_INSTALLMENT": Residual.LAST,
    "FIRST_INSTALLMENT": Residual.FIRST,
    "APPROXIMATE": Residual.SPREAD,
}
_ROUNDINGS = {
    "HALF_EVEN": Rounding.HALF_EVEN,
    "HALF_UP": Rounding.HALF_UP,
    "HALF_DOWN": Rounding.HALF_DOWN,
    "TRUNCATE": Rounding.DOWN,
    "TRUNCATED": Rounding.DOWN,
    "TRUNCATION": Rounding.DOWN,
    "DOWN": Rounding.DOWN,
    "FLOOR": Rounding.DOWN,
    "CEILING": Rounding.UP,
    "UP": Rounding.UP,
    "UNROUNDED": Rounding.HALF_EVEN,
    "NONE": Rounding.HALF_EVEN,
}
_EXACT = re.compile("unrounded|none", re.IGNORECASE)
_WEEKDAYS = {"MON": 0, "TUE": 1, "WED": 2, "THU": 3, "FRI": 4, "SAT": 5, "SUN": 6}


def terms_of(case: Case) -> LoanTerms:
    """The loan a case describes."""
    engine = one_of(case.get("engine") or "PROGRESSIVE", _ENGINES, "engine")
    currency = case.get("currency") or "EUR"
    multiple = case.get("installment_multiples_of")
    forgiven = _forgiven(case, engine)
    return LoanTerms(
        principal_minor=minor_units(number(case, "principal"), currency, field="principal"),
        currency=currency,
        annual_rate_percent=_annual_rate(case),
        installments=whole(case, "number_of_repayments"),
        frequency=_frequency(case),
        every=whole(case, "repay_every", 1),
        method=_method(case, engine),
        day_count=_day_count(case, engine),
        calculation_period=_calculation_period(case),
        rounding=_rounding(case, engine),
        installment_multiple_minor=None
        if multiple is None
        else minor_units(as_number(multiple, "installment_multiples_of"), currency, field="installment_multiples_of"),
        month_end=one_of(case.get("month_end_strategy") or "LAST_DAY_OF_MONTH", _MONTH_ENDS, "month_end_strategy"),
        principal_grace_installments=whole(case, "grace_on_principal_payment", 0),
        smoothed=engine == "PROGRESSIVE",
        interest_grace_installments=forgiven or whole(case, "grace_on_interest_payment", 0),
        interest_grace=_interest_grace(engine, is_forgiven=forgiven > 0),
        down_payment_percent=as_number(case.get("down_payment_percent") or 0, "down_payment_percent"),
        fixed_length=whole(case, "fixed_length") if case.get("fixed_length") is not None else None,
        business_days=_business_days(case),
        residual=_residual(case, engine),
        rounding_unit_minor=_rounding_unit(case, currency),
    )


def _annual_rate(case: Case) -> Decimal:
    """The nominal annual rate; rates stated for another period must agree with it."""
    stated = {}
    if case.get("annual_rate_percent") is not None:
        stated["annual_rate_percent"] = number(case, "annual_rate_percent")
    if case.get("period_rate_percent") is not None:
        unit = one_of(needed(case, "frequency"), {f"{unit}S": unit for unit in _PER_YEAR}, "frequency")
        per_year = Decimal(_PER_YEAR[unit]) / whole(case, "repay_every", 1)
        stated["period_rate_percent"] = number(case, "period_rate_percent") * per_year
    if (given := case.get("rate_as_given")) is not None:
        if not isinstance(given, dict):
            raise InvalidCase(f"rate_as_given {given!r} is no rate.", "rate_as_given")
        stated["rate_as_given"] = number(given, "value") * one_of(given.get("per"), _PER_YEAR, "per")
    if not stated:
        raise InvalidCase("annual_rate_percent is missing.", "annual_rate_percent")
    first, *others = stated
    for other in others:
        if abs(stated[other] - stated[first]) > Decimal("0.01"):
            raise InvalidCase(f"{other} contradicts {first}: {stated[other]} and {stated[first]} a year.", other)
    return stated[first]


def _frequency(case: Case) -> Frequency:
    return one_of(needed(case, "frequency"), _FREQUENCIES, "frequency")


def _method(case: Case, engine: str) -> Method:
    flat = one_of(
        case.get("interest_type") or "DECLINING_BALANCE", {"DECLINING_BALANCE": False, "FLAT": True}, "interest_type"
    )
    amortization = case.get("amortization") or "EQUAL_INSTALLMENTS"
    equal_principal = one_of(amortization, {"EQUAL_INSTALLMENTS": False, "EQUAL_PRINCIPAL": True}, "amortization")
    if flat:
        return {"PROGRESSIVE": Method.FLAT, "OPENCBS": Method.FLAT_EQUAL_PARTS}.get(engine, Method.FLAT_TOTAL_SPREAD)
    return Method.EQUAL_PRINCIPAL if equal_principal else Method.EQUAL_INSTALLMENT


def _forgiven(case: Case, engine: str) -> int:
    """The installments whose interest is never charged; OpenCBS knows no other grace on interest."""
    field = "grace_on_interest_payment" if engine == "OPENCBS" else "grace_on_interest_charged"
    return whole(case, field, 0)


def _interest_grace(engine: str, *, is_forgiven: bool) -> DeferredInterest:
    """The progressive engine keeps the installment; the older one asks for free interest on top of it."""
    if is_forgiven:
        return DeferredInterest.FORGIVEN
    return DeferredInterest.ADDED if engine == "PROGRESSIVE" else DeferredInterest.ON_TOP


def _day_count(case: Case, engine: str) -> DayCount:
    """Written "days in year / days in month" by the sources, the other way round by us."""
    in_year, in_month = _days(case)
    if in_year != "ACTUAL":
        return DayCount(f"{in_month}/{in_year}".lower())
    if engine == "CUMULATIVE":  # which ignores leap years
        return DayCount.ACTUAL_365 if in_month == "ACTUAL" else DayCount.THIRTY_365
    if in_month == "30":
        return DayCount.THIRTY_ACTUAL
    strategies = {"FEB_29_PERIOD_ONLY": True, "FULL_LEAP_YEAR": False}
    custom = case.get("days_in_year_custom_strategy")
    if one_of(custom or "FULL_LEAP_YEAR", strategies, "days_in_year_custom_strategy"):
        return DayCount.ACTUAL_ACTUAL_FEB_29
    if _yes(case, "interest_recognition_on_disbursement_date"):
        return DayCount.ACTUAL_ACTUAL_ISDA
    return DayCount.ACTUAL_ACTUAL_DEC_31


def _days(case: Case) -> tuple[str, str]:
    stated = re.fullmatch(r"(\w+)/(\w+)", str(case.get("day_count") or ""))
    year, month = stated.groups() if stated else (None, None)
    in_year = str(case.get("days_in_year") or year or "360").upper()
    in_month = str(case.get("days_in_month") or month or "30").upper()
    for field, value, choices in (
        ("days_in_year", in_year, ("360", "364", "365", "ACTUAL")),
        ("days_in_month", in_month, ("30", "ACTUAL")),
    ):
        one_of(value, {choice: choice for choice in choices}, field)
    if stated and (in_year, in_month) != (str(year).upper(), str(month).upper()):
        raise InvalidCase(f"day_count {case['day_count']!r} contradicts {in_year} / {in_month}.", "day_count")
    return in_year, in_month


def _calculation_period(case: Case) -> CalculationPeriod:
    return one_of(case.get("interest_calculation_period") or "DAILY", _PERIODS, "interest_calculation_period")


def _rounding(case: Case, engine: str) -> Rounding:
    text = case.get("rounding")
    if text is None:
        # OpenCBS rounds its installments half up, and equal principal half to even.
        half_up = engine == "OPENCBS" and case.get("amortization") != "EQUAL_PRINCIPAL"
        return Rounding.HALF_UP if half_up else Rounding.HALF_EVEN
    for word in re.findall(r"\w+", str(text).upper()):
        if word in _ROUNDINGS:
            return _ROUNDINGS[word]
    raise InvalidCase(f"rounding {text!r} is not understood.", "rounding")


def _rounding_unit(case: Case, currency: str) -> int:
    """The minor units money is rounded to, where it is coarser than the currency."""
    exponent = exponent_of(currency)
    decimals = whole(case, "currency_decimals", exponent)
    text = str(case.get("rounding") or "")
    if _EXACT.search(text):
        return 1
    if not 0 <= decimals <= exponent:
        raise InvalidCase(f"currency_decimals {decimals} is not what {currency} has.", "currency_decimals")
    said = re.search(r"multiple of (\d+)", text)
    multiple = whole(case, "currency_multiples_of", int(said[1]) if said else 1)
    if multiple < 1 or (said and int(said[1]) != multiple):
        raise InvalidCase(f"currency_multiples_of {multiple} contradicts {text!r}.", "currency_multiples_of")
    return int(multiple * 10 ** (exponent - decimals))


def _residual(case: Case, engine: str) -> Residual:
    if engine == "OPENCBS" and case.get("amortization") == "EQUAL_PRINCIPAL":
        return Residual.SPREAD  # whatever the case says: it divides anew what is left
    return one_of(case.get("rounding_residual") or "LAST_INSTALLMENT", _RESIDUALS, "rounding_residual")


def _business_days(case: Case) -> BusinessDays | None:
    text = case.get("business_day_convention")
    if text is None:
        return None
    rules = {rule.upper(): rule for rule in BusinessDayRule}
    said = re.match(r"[A-Z_]+", str(text).upper())
    rule = one_of(said[0] if said else text, rules, "business_day_convention")
    if "FIRST PERIOD" in str(text).upper():
        interest = InterestAdjustment.FIRST_PERIOD
    elif "INTEREST ADJUSTED" in str(text).upper():
        interest = InterestAdjustment.ADJUSTED
    else:
        interest = InterestAdjustment.UNADJUSTED
    weekend, holidays = case.get("weekend"), case.get("holidays") or []
    free = frozenset(one_of(word, _WEEKDAYS, "weekend") for word in (["SAT", "SUN"] if weekend is None else weekend))
    if len(free) == len(_WEEKDAYS):
        raise InvalidCase("weekend leaves no day to pay on.", "weekend")
    return BusinessDays(
        rule=rule, weekend=free, holidays=frozenset(day(on, "holidays") for on in holidays), interest=interest
    )


def _yes(case: Case, field: str) -> bool:
    value = case.get(field)
    if value not in (True, False, None):
        raise InvalidCase(f"{field} {value!r} is neither true nor false.", field)
    return bool(value)
