"""What a month costs: examples a lender would recognize, then what holds of every month."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import billing
from models.billing import (
    Bill,
    BillableEvent,
    CreditExceedsInvoice,
    EventKind,
    LineKind,
    PaymentExceedsInvoice,
    Usage,
    bill,
    given_back,
    refuse_excess_credit,
    refuse_excess_payment,
)
from models.billing_card import Clawback, FundingPrice, Incentive, InvalidRateCard, Metric, RateCard
from models.billing_document import card_from, document_of
from models.billing_period import Month, month_of
from models.billing_tiers import InvalidTiers, Tier, TierMode, Tiers, flat, shares
from models.document import InvalidDocument

LEAD_TIERS = (Tier(10_00, 100), Tier(8_00, 500), Tier(5_00))
CARD = RateCard("USD", lead=flat(12_50), funded=FundingPrice(flat(100), 50_00, 1_000_00))


def leads(count: int) -> list[BillableEvent]:
    return [BillableEvent(f"lead_{n:04}", EventKind.LEAD) for n in range(count)]


def funded(*amounts: int) -> list[BillableEvent]:
    return [BillableEvent(f"loan_{n:04}", EventKind.FUNDED, amount) for n, amount in enumerate(amounts)]


def billed(card: RateCard, events: list[BillableEvent], **figures: Decimal) -> Bill:
    return bill([Usage(card, tuple(events))], card, {Metric(name): figure for name, figure in figures.items()})


@pytest.mark.parametrize(
    ("mode", "count", "total"),
    [
        (TierMode.GRADUATED, 150, 1_400_00),
        (TierMode.VOLUME, 150, 1_200_00),
        (TierMode.GRADUATED, 100, 1_000_00),
        (TierMode.VOLUME, 100, 1_000_00),
        (TierMode.VOLUME, 101, 808_00),
        (TierMode.GRADUATED, 600, 1_000_00 + 3_200_00 + 500_00),
    ],
)
def test_a_tier_prices_the_units_within_it_or_the_whole_month(mode: TierMode, count: int, total: int) -> None:
    assert billed(RateCard("USD", lead=Tiers(LEAD_TIERS, mode)), leads(count)).total_minor == total


def test_the_seeds_example_of_156_leads_at_12_50() -> None:
    assert billed(CARD, leads(156)).total_minor == 1_950_00


def test_a_funded_loan_costs_basis_points_between_its_bounds() -> None:
    made = billed(CARD, funded(1_000_00, 25_000_00, 500_000_00))

    assert made.fees == {"loan_0000": 50_00, "loan_0001": 250_00, "loan_0002": 1_000_00}
    (line,) = made.lines
    assert (line.kind, line.quantity, line.basis_minor, line.amount_minor) == (
        LineKind.FUNDED_LOANS,
        3,
        526_000_00,
        1_300_00,
    )


def test_half_a_cent_is_rounded_up() -> None:
    card = RateCard("USD", funded=FundingPrice(flat(1)))

    assert billed(card, funded(50_00)).total_minor == 1
    assert billed(card, funded(49_99)).total_minor == 0


def test_a_graduated_rate_is_one_of_the_months_total() -> None:
    rates = Tiers((Tier(100, 1_000_00), Tier(50)))

    made = billed(RateCard("USD", funded=FundingPrice(rates)), funded(800_00, 600_00))

    assert [line.amount_minor for line in made.lines] == [10_00, 2_00]
    assert [line.quantity for line in made.lines] == [2, 0]
    assert made.fees == {"loan_0000": 6_86, "loan_0001": 5_14}


def test_a_month_that_costs_less_than_the_minimum_costs_the_minimum() -> None:
    card = RateCard("USD", lead=flat(10_00), monthly_minimum_minor=100_00)

    assert [(line.kind, line.amount_minor) for line in billed(card, leads(3)).lines] == [
        (LineKind.LEADS, 30_00),
        (LineKind.MINIMUM, 70_00),
    ]
    assert billed(card, leads(11)).total_minor == 110_00
    assert bill([], card, {}).total_minor == 100_00
    assert bill([], None, {}).lines == ()


def test_a_mark_that_is_met_is_rewarded() -> None:
    fast = Incentive(Metric.MEDIAN_RESPONSE_HOURS, Decimal(2), bonus_minor=7_00)
    good = Incentive(Metric.CONVERSION_PERCENT, Decimal(20), discount_percent=Decimal(10))
    card = RateCard("USD", lead=flat(10_00), incentives=(good, fast))

    made = billed(card, leads(10), conversion_percent=Decimal(20), median_response_hours=Decimal("2.01"))
    both = billed(card, leads(10), conversion_percent=Decimal(25), median_response_hours=Decimal("0.5"))

    assert [line.amount_minor for line in made.lines] == [100_00, -10_00]
    assert set(made.fees.values()) == {9_00}
    assert both.total_minor == 83_00
    assert billed(card, leads(10)).total_minor == 100_00


def test_rewards_are_never_more_than_the_fees() -> None:
    bonus = Incentive(Metric.CONVERSION_PERCENT, Decimal(0), bonus_minor=500_00)

    made = billed(RateCard("USD", lead=flat(10_00), incentives=(bonus,)), leads(2), conversion_percent=Decimal(1))

    assert made.total_minor == 0


def test_a_part_of_a_fee_is_given_back() -> None:
    assert given_back(250_01, Decimal(50)) == 125_01
    assert given_back(250_00, Decimal(100)) == 250_00


def test_more_than_was_charged_is_neither_given_back_nor_taken() -> None:
    refuse_excess_credit(40, total_minor=100, credited_minor=60)
    refuse_excess_payment(40, outstanding_minor=40)

    with pytest.raises(CreditExceedsInvoice):
        refuse_excess_credit(41, total_minor=100, credited_minor=60)
    with pytest.raises(PaymentExceedsInvoice):
        refuse_excess_payment(41, outstanding_minor=40)


def test_what_a_card_does_not_price_costs_nothing() -> None:
    assert billed(RateCard("USD", lead=flat(10_00)), funded(100)).lines == ()
    assert billed(RateCard("USD", funded=FundingPrice(flat(1))), leads(2)).lines == ()
    assert billed(RateCard("USD", monthly_minimum_minor=1), leads(2)).fees == {}


@pytest.mark.parametrize(
    "tiers",
    [(), (Tier(1, 10),), (Tier(1, 10), Tier(1, 10), Tier(1)), (Tier(1, 0), Tier(1)), (Tier(1), Tier(1)), (Tier(-1),)],
)
def test_tiers_that_leave_a_quantity_without_one_price_are_refused(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(InvalidTiers):
        Tiers(tiers)


DOCUMENT = {
    "currency": "USD",
    "lead": {"mode": "graduated", "tiers": [{"upTo": 100, "price": 12.5}, {"price": 10}]},
    "funded": {
        "rates": {"mode": "volume", "tiers": [{"upTo": 1_000_000, "bps": 100}, {"bps": 80.5}]},
        "minimum": 50,
        "maximum": 2500,
    },
    "monthlyMinimum": 200,
    "clawback": {"percent": 100, "daysPastDue": 30, "withinDays": 90},
    "incentives": [{"metric": "conversion_percent", "mark": 20, "discountPercent": 5, "bonus": 0}],
    "dueDays": 14,
}


def test_a_card_is_its_document() -> None:
    card = card_from(DOCUMENT)

    assert card.lead == Tiers((Tier(12_50, 100), Tier(10_00)))
    assert card.clawback == Clawback(Decimal(100), 30, 90)
    assert document_of(card) == DOCUMENT
    assert card_from(document_of(card)) == card


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": None}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"lead": None, "funded": None, "monthlyMinimum": 0, "clawback": None}, "lead"),
        ({"funded": None}, "clawback"),
        ({"funded": {"rates": {"tiers": [{"bps": 1}]}, "minimum": 5}}, "funded.rates.mode"),
        ({"funded": {"rates": DOCUMENT["funded"]["rates"], "minimum": 5, "maximum": 4}}, "funded.maximum"),  # type: ignore[index]
        ({"lead": {"tiers": [{"price": "dear"}]}}, "lead.tiers[0].price"),
        ({"clawback": {"percent": 0, "daysPastDue": 30, "withinDays": 90}}, "clawback.percent"),
        ({"clawback": {"percent": 50, "daysPastDue": 91, "withinDays": 90}}, "clawback.withinDays"),
        ({"incentives": [{"metric": "conversion_percent", "mark": 1}]}, "incentives[0].discountPercent"),
        ({"discount": 5}, "discount"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused_by_the_field(wrong: dict[str, object], field: str) -> None:
    with pytest.raises((InvalidRateCard, InvalidDocument, InvalidTiers)) as refused:
        card_from(DOCUMENT | wrong)

    assert refused.value.field == field


def test_a_document_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidDocument):
        card_from([])


def test_a_month_ends_when_the_next_begins() -> None:
    december = month_of(date(2026, 12, 31))

    assert december.ends_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert (december.next.before, december.before) == (december, Month(date(2026, 11, 1)))
    assert month_of(date(2026, 3, 1)).next == Month(date(2026, 4, 1))


def test_what_a_provider_pays_is_known_to_none_of_the_code_that_invites_and_ranks() -> None:
    root = Path(billing.__file__).parent.parent
    ranking = ("models/bidding.py", "models/bid_limits.py", "models/matching*.py", "models/offer.py")
    asking = ("activities/leads.py", "activities/auctions.py", "activities/offers.py", "api/distribution.py")
    files = [path for pattern in (*ranking, *asking) for path in root.glob(pattern)]

    assert len(files) >= len(ranking) + len(asking)
    for path in files:
        words = re.findall(r"billing|billable|rate_card|invoice|clawback", path.read_text(), re.IGNORECASE)
        assert words == [], path.name


AMOUNTS = st.lists(st.integers(0, 10**12), max_size=30)
BOUNDS = st.lists(st.integers(1, 10**6), max_size=5, unique=True).map(sorted)


@st.composite
def price_lists(draw: st.DrawFn) -> Tiers:
    ends = [*draw(BOUNDS), None]
    prices = draw(st.lists(st.integers(0, 5_000), min_size=len(ends), max_size=len(ends)))
    return Tiers(tuple(map(Tier, prices, ends)), draw(st.sampled_from(TierMode)))


@given(price_lists(), st.integers(0, 2 * 10**6))
def test_the_slices_of_a_quantity_add_up_to_it(prices: Tiers, quantity: int) -> None:
    slices = prices.slices(quantity)

    assert sum(each.quantity for each in slices) == quantity
    assert all(each.quantity > 0 for each in slices)


@given(price_lists(), price_lists(), st.integers(0, 40), AMOUNTS, st.integers(0, 10**7), st.randoms())
def test_every_minor_unit_is_in_one_line_and_the_order_of_events_does_not_matter(
    per_lead: Tiers, rates: Tiers, count: int, amounts: list[int], minimum: int, shuffle: Random
) -> None:
    reward = Incentive(Metric.CONVERSION_PERCENT, Decimal(0), discount_percent=Decimal("12.5"))
    card = RateCard("USD", per_lead, FundingPrice(rates), minimum, incentives=(reward,))
    events = [*leads(count), *funded(*amounts)]
    other = list(events)
    shuffle.shuffle(other)

    made = billed(card, events, conversion_percent=Decimal(1))

    of_events = sum(line.amount_minor for line in made.lines if line.kind is not LineKind.MINIMUM)
    assert sum(made.fees.values()) == of_events
    assert set(made.fees) == {event.id for event in events}
    assert made.total_minor == max(minimum, of_events)
    assert billed(card, other, conversion_percent=Decimal(1)) == made


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_shares_add_up_and_none_is_a_unit_away_from_its_weight(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)

    assert sum(parts) == amount
    if total := sum(weights):
        assert all(
            abs(part - Decimal(amount) * weight / total) < 1 for part, weight in zip(parts, weights, strict=True)
        )
