"""A product as a document: exact both ways, and named where it is wrong."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.allocation import STRATEGIES, DueBucket, InAdvance, LateCountsFrom, Part, Processing
from models.business_days import BusinessDayRule, BusinessDays, InterestAdjustment, Moves
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.delinquency import BucketBound, DelinquencyRules
from models.errors import Refusal
from models.fees import Fee, FeeBase, FeeTiming
from models.jurisdictions import Jurisdiction, License
from models.money import Rounding
from models.product import STANDARD, CoolingOffPeriod, LoanProduct
from models.product_allocation import AllocationRules
from models.product_document import document_of, product_from
from models.product_schedule import ScheduleRules
from models.ranges import Range
from models.servicing_plan import PLAN, PenaltyInterest, ServicingPlan
from models.terms import DeferredInterest, Method, Residual
from tests.models.products import WEEKLY, weekly

percents = st.decimals(0, 99, places=4)


def test_a_document_becomes_the_product_it_describes() -> None:
    product = product_from(WEEKLY)

    assert product.name == "Market trader"
    assert product.principal == Range(100_00, 5_000_00, 25_000_00)
    assert product.annual_rate_percent == Range(Decimal(5), Decimal("12.5"), Decimal(36))
    assert product.schedule.method is Method.EQUAL_PRINCIPAL
    assert product.schedule.frequency is Frequency.WEEKS
    assert product.schedule.fees == (Fee("Origination", FeeTiming.DISBURSEMENT, percent=Decimal("1.5")),)
    assert product.servicing.late_fee_minor(50_00) == 7_50
    assert product.delinquency.charge_off_days == 60
    assert product.delinquency.buckets[-1] == BucketBound("lost")


def test_what_a_document_leaves_out_is_as_in_the_standard_product() -> None:
    bare = {name: WEEKLY[name] for name in ("name", "currency", "principal", "annualRate", "installments")}

    product = product_from(bare)

    assert (product.schedule, product.servicing, product.delinquency) == (
        STANDARD.schedule,
        STANDARD.servicing,
        STANDARD.delinquency,
    )
    assert (product.cooling_off, product.penalty_interest, product.jurisdiction) == (None, None, None)


def test_yen_have_no_cents() -> None:
    product = product_from(weekly(currency="JPY", servicing={"lateFeeAmount": 500}))

    assert product.principal.minimum == 100
    assert document_of(product)["principal"] == WEEKLY["principal"]


def ranges(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Range[Any]]:
    return st.lists(numbers, min_size=3, max_size=3).map(lambda three: Range(*sorted(three)))


@st.composite
def calendars(draw: st.DrawFn) -> BusinessDays:
    return BusinessDays(
        draw(st.sampled_from(BusinessDayRule)),
        draw(st.frozensets(st.integers(0, 6), max_size=6)),
        draw(st.frozensets(st.dates(), max_size=3)),
        draw(st.sampled_from(Moves)),
        draw(st.sampled_from(InterestAdjustment)),
    )


@st.composite
def fees(draw: st.DrawFn) -> Fee:
    timing = draw(st.sampled_from(FeeTiming))
    is_amount = draw(st.booleans())
    return Fee(
        draw(st.sampled_from(["Origination", "Insurance"])),
        timing,
        amount_minor=draw(st.integers(0, 10**6)) if is_amount else None,
        percent=None if is_amount else draw(percents),
        base=FeeBase.PRINCIPAL if timing is FeeTiming.DISBURSEMENT else draw(st.sampled_from(FeeBase)),
        on=draw(st.dates()) if timing is FeeTiming.DATE else None,
    )


@st.composite
def schedules(draw: st.DrawFn) -> ScheduleRules:
    method, frequency = draw(st.sampled_from(Method)), draw(st.sampled_from(Frequency))
    days = draw(st.lists(st.integers(1, 900), min_size=1, max_size=4, unique=True))
    return ScheduleRules(
        method=method,
        frequency=frequency,
        every=draw(st.integers(1, 6)),
        custom_days=tuple(sorted(days)) if frequency is Frequency.CUSTOM else (),
        day_count=draw(st.sampled_from(DayCount)),
        calculation_period=draw(st.sampled_from(CalculationPeriod)),
        rounding=draw(st.sampled_from(Rounding)),
        rounding_unit_minor=draw(st.sampled_from([1, 5, 100])),
        installment_multiple_minor=draw(st.none() | st.integers(1, 10_000)),
        is_smoothed=draw(st.booleans()),
        residual=draw(st.sampled_from(Residual)),
        month_end=draw(st.sampled_from(MonthEnd)),
        principal_grace=draw(st.integers(0, 5)),
        interest_grace=draw(st.integers(0, 5)),
        interest_grace_treatment=draw(st.sampled_from(DeferredInterest)),
        moratorium=draw(st.integers(0, 5)),
        moratorium_interest=draw(st.sampled_from(DeferredInterest)),
        down_payment_percent=draw(percents),
        balloon_percent=draw(st.decimals(1, 99, places=2)) if method is Method.BALLOON else Decimal(0),
        business_days=draw(st.none() | calendars()),
        fees=tuple(draw(st.lists(fees(), max_size=2))),
    )


@st.composite
def allocations(draw: st.DrawFn) -> AllocationRules:
    strategy = draw(st.none() | st.sampled_from(sorted(STRATEGIES)))
    in_advance = draw(st.sampled_from(InAdvance))
    if strategy is not None:
        return AllocationRules(strategy, in_advance=in_advance, recalculates_interest=draw(st.booleans()))
    short = draw(st.permutations([str(part) for part in Part]))
    whole = [f"{bucket}.{part}" for bucket in DueBucket for part in short]
    order = draw(st.sampled_from([short, whole]))
    return AllocationRules(
        order=tuple(order),
        processing=draw(st.sampled_from(Processing)),
        in_advance=in_advance,
        late_counts_from=draw(st.sampled_from(LateCountsFrom)),
    )


@st.composite
def products(draw: st.DrawFn) -> LoanProduct:
    plan = ServicingPlan(
        remind_days=tuple(draw(st.lists(st.integers(-30, 0), max_size=3))),
        remind_hour=draw(st.integers(0, 23)),
        late_fee_percent=draw(percents),
        late_fee_flat_minor=draw(st.none() | st.integers(0, 10_000)),
        dunning_days=tuple(draw(st.lists(st.integers(1, 90), max_size=3))),
    )
    days = sorted(draw(st.lists(st.integers(1, 400), min_size=2, max_size=2, unique=True)))
    return LoanProduct(
        name=draw(st.sampled_from(["Market trader", "Kiosk"])),
        currency=draw(st.sampled_from(["USD", "JPY", "KWD"])),
        jurisdiction=draw(st.none() | st.sampled_from(Jurisdiction)),
        license=draw(st.none() | st.sampled_from(License)),
        principal=draw(ranges(st.integers(1, 10**12))),
        annual_rate_percent=draw(ranges(percents)),
        installments=draw(ranges(st.integers(1, 360))),
        schedule=draw(schedules()),
        allocation=draw(allocations()),
        servicing=plan,
        penalty_interest=draw(st.none() | st.builds(PenaltyInterest, percents, st.integers(0, 30), st.integers(1, 30))),
        delinquency=DelinquencyRules(stage_2_from_days=days[0], stage_3_from_days=days[1], aging_grace_days=3),
        cooling_off=draw(st.none() | st.builds(CoolingOffPeriod, st.integers(0, 30), st.booleans())),
    )


@given(products())
def test_a_product_comes_back_from_its_document_as_it_was(product: LoanProduct) -> None:
    kept = json.loads(json.dumps(document_of(product)))

    assert product_from(kept) == product
    assert document_of(product_from(kept)) == kept


def changed(path: str, value: object) -> dict[str, Any]:
    document = weekly()
    inner: Any = document
    *parents, last = path.split(".")
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return document


BAD: list[tuple[str, object, str, str]] = [
    ("name", "", "name", "invalid_document"),
    ("name", None, "name", "invalid_document"),
    ("currency", "ZZZ", "currency", "invalid_document"),
    ("currency", None, "currency", "invalid_document"),
    ("currency", 7, "currency", "invalid_document"),
    ("jurisdiction", "XX", "jurisdiction", "invalid_document"),
    ("principal", [1], "principal", "invalid_document"),
    ("principal", {"minimum": 1, "maximum": 2}, "principal.default", "invalid_document"),
    ("principal", {"minimum": 3, "default": 2, "maximum": 2}, "principal.minimum", "invalid_range"),
    ("principal", {"minimum": 1, "default": 3, "maximum": 2}, "principal.default", "invalid_range"),
    ("principal", {"minimum": 0.001, "default": 1, "maximum": 2}, "principal.minimum", "invalid_amount"),
    ("annualRate.default", "many", "annualRate.default", "invalid_document"),
    ("annualRate.default", True, "annualRate.default", "invalid_document"),
    ("annualRate.default", "NaN", "annualRate.default", "invalid_document"),
    ("annualRate.default", "5.0000000000000001", "annualRate.default", "invalid_document"),
    ("annualRate.maximum", 1e300, "annualRate.maximum", "invalid_document"),
    ("installments.default", 5.5, "installments.default", "invalid_document"),
    ("installments.default", True, "installments.default", "invalid_document"),
    ("schedule.method", "magic", "schedule.method", "invalid_document"),
    ("schedule.every", 0, "schedule.every", "invalid_schedule"),
    ("schedule.customDays", [30], "schedule.customDays", "invalid_schedule"),
    ("schedule.balloonPercent", 20, "schedule.balloonPercent", "invalid_schedule"),
    ("schedule.isSmoothed", 1, "schedule.isSmoothed", "invalid_document"),
    ("schedule.businessDays", {"weekend": ["caturday"]}, "schedule.businessDays.weekend[0]", "invalid_document"),
    ("schedule.businessDays", {"holidays": ["soon"]}, "schedule.businessDays.holidays[0]", "invalid_document"),
    ("schedule.businessDays", {"holidays": "soon"}, "schedule.businessDays.holidays", "invalid_document"),
    (
        "schedule.businessDays",
        {"weekend": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]},
        "schedule.businessDays.weekend",
        "invalid_document",
    ),
    ("schedule.fees", [{"name": "x", "timing": "disbursement"}], "schedule.fees[0]", "invalid_fee"),
    ("schedule.fees", [{"name": "x", "timing": "later", "amount": 1}], "schedule.fees[0].timing", "invalid_document"),
    ("allocation.strategy", "mine", "allocation.strategy", "invalid_allocation_order"),
    ("allocation.order", ["penalty", "fee"], "allocation.order", "invalid_allocation_order"),
    ("allocation.order", ["penalty", "fee", "interest", "fee"], "allocation.order", "invalid_allocation_order"),
    ("allocation.order", ["penalty", "fee", "interest", "gift"], "allocation.order", "invalid_allocation_order"),
    ("allocation.order", ["due.fee"] * 12, "allocation.order", "invalid_allocation_order"),
    (
        "allocation",
        {"strategy": "rbi-india-strategy", "order": ["fee", "penalty", "interest", "principal"]},
        "allocation.order",
        "invalid_allocation_order",
    ),
    ("servicing.lateFeeDay", 0, "servicing.lateFeeDay", "invalid_plan"),
    ("servicing.agingDays", [3], "servicing.agingDays", "invalid_document"),
    ("delinquency.stage2FromDays", 91, "delinquency.stage2FromDays", "invalid_delinquency_rules"),
    ("delinquency.buckets", [{"name": "a", "upToDays": 3}], "delinquency.buckets", "invalid_delinquency_rules"),
    ("coolingOff", {"days": -1}, "coolingOff.days", "invalid_product"),
    ("penaltyInterest", {"annualPercent": -1}, "penaltyInterest.annualPercent", "invalid_plan"),
    ("penaltyInterest", {"annualPercent": 1, "graceDays": -1}, "penaltyInterest.graceDays", "invalid_plan"),
    ("penaltyInterest", {"annualPercent": 1, "everyDays": 0}, "penaltyInterest.everyDays", "invalid_plan"),
    ("intrest", 5, "intrest", "invalid_document"),
]


@pytest.mark.parametrize(("path", "value", "field", "code"), BAD)
def test_a_document_that_describes_no_product_is_refused_where_it_is_wrong(
    path: str, value: object, field: str, code: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        product_from(changed(path, value))

    assert (refusal.value.field, refusal.value.code) == (field, code)


@pytest.mark.parametrize("document", [[], "product", None, 5])
def test_what_is_no_object_is_no_product(document: object) -> None:
    with pytest.raises(Refusal) as refusal:
        product_from(document)

    assert refusal.value.detail == "This must be an object."


def test_a_date_in_a_document_is_a_day_of_the_calendar() -> None:
    product = product_from(changed("schedule.businessDays", {"holidays": ["2026-12-25"], "rule": "preceding"}))

    assert product.schedule.business_days is not None
    assert product.schedule.business_days.due_on(date(2026, 12, 25)) == date(2026, 12, 24)


def test_the_standard_plan_is_what_every_loan_without_a_product_has() -> None:
    assert STANDARD.plan == PLAN
