"""A loan product as a JSON document: amounts in major units of its currency, and what it leaves out as is standard."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from models.allocation import InAdvance, LateCountsFrom, Processing
from models.business_days import BusinessDayRule, BusinessDays, InterestAdjustment, Moves
from models.chain import ChainFunds
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.delinquency import BucketBound, DelinquencyRules
from models.document import (
    AMOUNT,
    COUNT,
    CURRENCY,
    DAY,
    FLAG,
    NUMBER,
    TEXT,
    InvalidDocument,
    Kind,
    ListOf,
    Plain,
    Record,
    Setting,
    word,
)
from models.fees import Fee, FeeBase, FeeTiming
from models.jurisdictions import Jurisdiction, License
from models.money import Rounding
from models.product import CoolingOffPeriod, LoanProduct
from models.product_allocation import AllocationRules
from models.product_chain import ChainRules
from models.product_schedule import ScheduleRules
from models.ranges import Range
from models.servicing_plan import PenaltyInterest, ServicingPlan
from models.terms import DeferredInterest, Method, Residual


class Weekday(StrEnum):
    """The days of a week, as Python counts them."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(Weekday)
_WEEKDAY = Plain("a day of the week", lambda given: _WEEK.index(Weekday(given)), lambda place: str(_WEEK[place]))


def _weekend(days: Iterable[int]) -> frozenset[int]:
    weekend = frozenset(days)
    if len(weekend) == len(_WEEK):
        raise InvalidDocument("A week without a business day would move a date forever.")
    return weekend


def _range(kind: Kind) -> Record:
    return Record(Range, tuple(Setting(name, kind) for name in ("minimum", "default", "maximum")))


_BUSINESS_DAYS = Record(
    BusinessDays,
    (
        Setting("rule", word(BusinessDayRule)),
        Setting("weekend", ListOf(_WEEKDAY, _weekend)),
        Setting("holidays", ListOf(DAY, frozenset)),
        Setting("moves", word(Moves)),
        Setting("interest", word(InterestAdjustment)),
    ),
)
_FEE = Record(
    Fee,
    (
        Setting("name", TEXT),
        Setting("timing", word(FeeTiming)),
        Setting("amount", AMOUNT, "amount_minor"),
        Setting("percent", NUMBER),
        Setting("base", word(FeeBase)),
        Setting("on", DAY),
    ),
    names=(("fees", ""),),
)
_SCHEDULE = Record(
    ScheduleRules,
    (
        Setting("method", word(Method)),
        Setting("frequency", word(Frequency)),
        Setting("every", COUNT),
        Setting("customDays", ListOf(COUNT)),
        Setting("dayCount", word(DayCount)),
        Setting("calculationPeriod", word(CalculationPeriod)),
        Setting("rounding", word(Rounding)),
        Setting("roundingUnit", AMOUNT, "rounding_unit_minor"),
        Setting("installmentMultiple", AMOUNT, "installment_multiple_minor"),
        Setting("isSmoothed", FLAG),
        Setting("residual", word(Residual)),
        Setting("monthEnd", word(MonthEnd)),
        Setting("principalGrace", COUNT),
        Setting("interestGrace", COUNT),
        Setting("interestGraceTreatment", word(DeferredInterest)),
        Setting("moratorium", COUNT),
        Setting("moratoriumInterest", word(DeferredInterest)),
        Setting("downPaymentPercent", NUMBER),
        Setting("balloonPercent", NUMBER),
        Setting("businessDays", _BUSINESS_DAYS),
        Setting("fees", ListOf(_FEE)),
    ),
)
_ALLOCATION = Record(
    AllocationRules,
    (
        Setting("strategy", TEXT),
        Setting("order", ListOf(TEXT)),
        Setting("processing", word(Processing)),
        Setting("inAdvance", word(InAdvance)),
        Setting("recalculatesInterest", FLAG),
        Setting("lateCountsFrom", word(LateCountsFrom)),
    ),
)
_SERVICING = Record(
    ServicingPlan,
    (
        Setting("remindDays", ListOf(COUNT)),
        Setting("remindHour", COUNT),
        Setting("missedDay", COUNT),
        Setting("lateFeeDay", COUNT),
        Setting("lateFeePercent", NUMBER),
        Setting("lateFeeAmount", AMOUNT, "late_fee_flat_minor"),
        Setting("dunningDays", ListOf(COUNT)),
    ),
)
_PENALTY_INTEREST = Record(
    PenaltyInterest,
    (Setting("annualPercent", NUMBER), Setting("graceDays", COUNT), Setting("everyDays", COUNT)),
)
_DELINQUENCY = Record(
    DelinquencyRules,
    (
        Setting("buckets", ListOf(Record(BucketBound, (Setting("name", TEXT), Setting("upToDays", COUNT))))),
        Setting("stage2FromDays", COUNT, "stage_2_from_days"),
        Setting("stage3FromDays", COUNT, "stage_3_from_days"),
        Setting("nonAccrualFromDays", COUNT),
        Setting("chargeOffDays", COUNT),
        Setting("agingGraceDays", COUNT),
    ),
)
_CHAIN = Record(
    ChainRules,
    (
        Setting("funds", word(ChainFunds)),
        Setting("secured", FLAG),
        Setting("minimumScore", COUNT),
        Setting("interestCapPercent", COUNT),
        Setting("asset", TEXT),
        Setting("lender", TEXT),
    ),
)
_PRODUCT = Record(
    LoanProduct,
    (
        Setting("name", TEXT),
        Setting("currency", CURRENCY),
        Setting("jurisdiction", word(Jurisdiction)),
        Setting("license", word(License)),
        Setting("principal", _range(AMOUNT)),
        Setting("annualRate", _range(NUMBER), "annual_rate_percent"),
        Setting("installments", _range(COUNT)),
        Setting("schedule", _SCHEDULE),
        Setting("allocation", _ALLOCATION),
        Setting("servicing", _SERVICING),
        Setting(
            "penaltyInterest",
            _PENALTY_INTEREST,
        ),
        Setting("delinquency", _DELINQUENCY),
        Setting("coolingOff", Record(CoolingOffPeriod, (Setting("days", COUNT), Setting("workingDays", FLAG)))),
        Setting("biddingWindowHours", COUNT),
        Setting("chain", _CHAIN),
    ),
)


def product_from(document: object) -> LoanProduct:
    """The product that a document describes."""
    given = document.get("currency") if isinstance(document, Mapping) else None
    if given is None and isinstance(document, Mapping):
        raise InvalidDocument("This is missing.", "currency")
    currency = given if given is None else CURRENCY.read(given, currency="", path="currency")
    product: LoanProduct = _PRODUCT.read(document, currency=currency or "")
    return product


def document_of(product: LoanProduct) -> dict[str, Any]:
    """The product as a document, from which `product_from` makes the same product."""
    assert product.currency is not None, "the standard product is code, and never a document"
    return _PRODUCT.write(product, currency=product.currency)
