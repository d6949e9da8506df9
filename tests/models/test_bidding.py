"""The cheapest offer is the best one, and a bid that does not count is refused by name."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bid_limits import TENURE_DAYS, BidLimits, limits_of
from models.bidding import (
    AmountOutOfRange,
    Bid,
    FeeOutOfRange,
    OfferExpired,
    RateOutOfRange,
    TenureOutOfRange,
    check_bid,
)
from models.errors import Refusal, Refused
from models.product import STANDARD
from models.product_document import product_from
from models.ranking import placed, priced, rank
from tests.models.products import WEEKLY, weekly

ON = date(2026, 1, 17)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
FIRST_CREDIT = Bid(
    provider_id="provider_a",
    decision_id="dec_a",
    amount_minor=2_500_000,
    currency="USD",
    annual_rate_percent=Decimal("7.5"),
    tenure_days=365,
    processing_fee_minor=50_000,
    received_at=NOW,
    expires_at=NOW + timedelta(days=7),
)
QUICK_LOAN = replace(
    FIRST_CREDIT,
    provider_id="provider_b",
    decision_id="dec_b",
    annual_rate_percent=Decimal("8.20"),
    processing_fee_minor=30_000,
)


def reasons(*bids: Bid) -> list[str]:
    return [offer.reason for offer in rank(bids, on=ON)]


# ---------------------------------------------------------------- the best offer


def test_the_cheaper_offer_wins_although_its_rate_is_higher() -> None:
    best, second = rank([FIRST_CREDIT, QUICK_LOAN], on=ON)

    assert (best.bid, best.rank, best.apr_percent) == (QUICK_LOAN, 1, Decimal("10.48"))
    assert (best.installments, best.installment_minor) == (12, 217_702)
    assert (best.total_repayable_minor, best.finance_charge_minor) == (2_612_427, 142_427)
    assert (second.bid, second.rank, second.apr_percent) == (FIRST_CREDIT, 2, Decimal("11.31"))
    assert best.reason == (
        "Lowest APR: 10.48 % against 11.31 % of the next offer,"
        " although its interest rate of 8.2 % is higher than 7.5 %: the smaller fee weighs more."
    )
    assert second.reason == (
        "APR 11.31 %, 0.83 points above the best offer,"
        " although its interest rate of 7.5 % is lower than 8.2 %: the larger fee weighs more."
    )


def test_a_single_offer_is_the_best_one() -> None:
    assert reasons(QUICK_LOAN) == ["The only offer: APR 10.48 %."]


def test_an_apr_beyond_all_words_makes_no_offer() -> None:
    next_to_nothing = replace(QUICK_LOAN, processing_fee_minor=2_499_999)

    assert rank([next_to_nothing], on=ON) == ()


def test_without_bids_there_are_no_offers() -> None:
    assert rank([], on=ON) == ()


def test_an_offer_better_in_every_way_needs_no_explanation() -> None:
    dear = replace(FIRST_CREDIT, annual_rate_percent=Decimal(10))

    assert reasons(QUICK_LOAN, dear) == [
        "Lowest APR: 10.48 % against 13.84 % of the next offer.",
        "APR 13.84 %, 3.36 points above the best offer.",
    ]


def test_the_same_fee_weighs_less_over_a_longer_term() -> None:
    longer = replace(QUICK_LOAN, tenure_days=1095, processing_fee_minor=50_000)

    best, second = reasons(longer, FIRST_CREDIT)

    assert best == (
        "Lowest APR: 9.58 % against 11.31 % of the next offer,"
        " although its interest rate of 8.2 % is higher than 7.5 %: its fee weighs less over this amount and term."
    )
    assert second == (
        "APR 11.31 %, 1.73 points above the best offer,"
        " although its interest rate of 7.5 % is lower than 8.2 %: its fee weighs more over this amount and term."
    )


@pytest.mark.parametrize(
    ("change", "criterion"),
    [
        ({"amount_minor": 2_500_001}, "the smaller total to repay"),
        ({"funding_hours": None}, "the sooner payout"),
        ({"funding_hours": 25}, "the sooner payout"),
        ({"provider_id": "provider_f"}, "a draw of lots"),
        ({"decision_id": "dec_z"}, "the decision's id"),
    ],
)
def test_among_offers_of_the_same_apr(change: dict[str, Any], criterion: str) -> None:
    better = replace(QUICK_LOAN, funding_hours=24)
    worse = replace(better, **change)

    assert [offer.bid for offer in rank([worse, better], on=ON)] == [better, worse]
    assert reasons(worse, better) == [
        f"Same APR of 10.48 % as the next offer: {criterion} decides.",
        f"Same APR of 10.48 % as the best offer: {criterion} decides.",
    ]


def test_lots_are_drawn_anew_for_every_application_and_favor_nobody() -> None:
    equals = [replace(QUICK_LOAN, provider_id=f"provider_{n}", decision_id=f"dec_{n}") for n in range(3)]

    won = Counter(rank(equals, on=ON, lot=f"app_{n}")[0].bid.provider_id for n in range(60))

    assert min(won.values()) >= 10
    assert set(won) == {bid.provider_id for bid in equals}


def test_when_one_is_gone_the_others_move_up_and_say_why_anew() -> None:
    third = replace(FIRST_CREDIT, provider_id="provider_c", decision_id="dec_c", annual_rate_percent=Decimal(10))
    _, *left = rank([FIRST_CREDIT, QUICK_LOAN, third], on=ON)

    best, second = placed(left)

    assert (best.bid, best.rank, second.rank) == (FIRST_CREDIT, 1, 2)
    assert best.reason == "Lowest APR: 11.31 % against 13.84 % of the next offer."
    assert second.reason == "APR 13.84 %, 2.53 points above the best offer."


bids = st.lists(
    st.builds(
        Bid,
        provider_id=st.sampled_from(["provider_a", "provider_b", "provider_c"]),
        decision_id=st.uuids().map(str),
        amount_minor=st.sampled_from([100_000, 2_500_000]) | st.integers(100_000, 2_500_000),
        currency=st.just("USD"),
        annual_rate_percent=st.sampled_from([Decimal(8), Decimal(9)]) | st.decimals(0, 30, places=1),
        tenure_days=st.sampled_from([30, 90, 365]),
        processing_fee_minor=st.sampled_from([0, 5_000]) | st.integers(0, 10_000),
        received_at=st.datetimes(datetime(2026, 1, 15), datetime(2026, 1, 17)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
        expires_at=st.none(),
        funding_hours=st.none() | st.integers(1, 72),
    ),
    max_size=6,
    unique_by=lambda bid: bid.decision_id,
)


@given(bids=bids, seed=st.randoms(use_true_random=False))
def test_the_order_of_bids_does_not_matter(bids: list[Bid], seed: Any) -> None:
    assert rank(seed.sample(bids, len(bids)), on=ON) == rank(bids, on=ON)


# Bids of few terms, so that most of them are equals, each of a provider of its own and at a time of its own.
tied = st.lists(st.tuples(st.sampled_from([8, 9]), st.integers(0, 1_000)), min_size=2, max_size=6).map(
    lambda drawn: [
        replace(
            QUICK_LOAN,
            provider_id=f"provider_{n}",
            decision_id=f"dec_{n}",
            annual_rate_percent=Decimal(percent),
            received_at=NOW + timedelta(seconds=seconds),
        )
        for n, (percent, seconds) in enumerate(drawn)
    ]
)


@given(bids=tied, seed=st.randoms(use_true_random=False))
def test_when_a_bid_arrived_does_not_matter(bids: list[Bid], seed: Any) -> None:
    moments = [NOW + timedelta(seconds=n) for n in range(len(bids))]
    seed.shuffle(moments)
    later = [replace(bid, received_at=at) for bid, at in zip(bids, moments, strict=True)]

    assert [offer.bid.decision_id for offer in rank(later, on=ON)] == [o.bid.decision_id for o in rank(bids, on=ON)]


@given(bids=bids)
def test_offers_come_cheapest_first_and_none_is_lost(bids: list[Bid]) -> None:
    offers = rank(bids, on=ON)

    assert [offer.rank for offer in offers] == list(range(1, len(bids) + 1))
    assert sorted(offer.bid.decision_id for offer in offers) == sorted(bid.decision_id for bid in bids)
    assert [offer.apr_percent for offer in offers] == sorted(offer.apr_percent for offer in offers)


@given(bids=bids)
def test_the_rank_is_a_total_order_that_every_pair_agrees_with(bids: list[Bid]) -> None:
    ordered = [offer.bid for offer in rank(bids, on=ON)]

    for better, worse in combinations(ordered, 2):
        assert [offer.bid for offer in rank([worse, better], on=ON)] == [better, worse]


@given(bids=bids, place=st.integers(0, 5))
def test_an_offer_that_goes_changes_the_order_of_nobody_else(bids: list[Bid], place: int) -> None:
    offers = [offer for offer in (priced(bid, ON) for bid in bids) if offer is not None]
    ordered = [offer.bid for offer in placed(offers)]
    gone = ordered[place % len(ordered)] if ordered else None

    left = placed(offer for offer in offers if offer.bid != gone)

    assert [offer.bid for offer in left] == [bid for bid in ordered if bid != gone]


# ---------------------------------------------------------------- bids that count


def check(bid: Bid, *, at: datetime = NOW, limits: BidLimits | None = None) -> None:
    check_bid(bid, at, limits or BidLimits(amount_maximum_minor=2_500_000))


@pytest.mark.parametrize(
    "bid",
    [
        FIRST_CREDIT,
        replace(FIRST_CREDIT, expires_at=None),
        replace(FIRST_CREDIT, tenure_days=30, annual_rate_percent=Decimal(0), processing_fee_minor=0),
        replace(
            FIRST_CREDIT, tenure_days=3650, annual_rate_percent=Decimal(100), amount_minor=1, processing_fee_minor=0
        ),
        replace(FIRST_CREDIT, processing_fee_minor=2_499_999, expires_at=NOW + timedelta(microseconds=1)),
    ],
)
def test_a_bid_within_every_limit_counts(bid: Bid) -> None:
    check(bid)


@pytest.mark.parametrize(
    ("change", "refusal", "field", "detail"),
    [
        ({"amount_minor": 0}, AmountOutOfRange, "approvedAmount", "at most USD 25,000.00"),
        ({"amount_minor": 2_500_001}, AmountOutOfRange, "approvedAmount", "at most USD 25,000.00"),
        ({"tenure_days": 29}, TenureOutOfRange, "tenure", "30 to 3650 days"),
        ({"tenure_days": 3651}, TenureOutOfRange, "tenure", "30 to 3650 days"),
        ({"annual_rate_percent": Decimal("-0.1")}, RateOutOfRange, "interestRate", "0 to 100 % a year"),
        ({"annual_rate_percent": Decimal("100.1")}, RateOutOfRange, "interestRate", "0 to 100 % a year"),
        ({"annual_rate_percent": Decimal("NaN")}, RateOutOfRange, "interestRate", "0 to 100 % a year"),
        ({"processing_fee_minor": -1}, FeeOutOfRange, "processingFee", "leave something to disburse"),
        ({"processing_fee_minor": 2_500_000}, FeeOutOfRange, "processingFee", "leave something to disburse"),
        ({"expires_at": NOW}, OfferExpired, "expiresAt", "valid for some time after it is made"),
    ],
)
def test_a_bid_out_of_range_is_refused_and_names_its_field(
    change: dict[str, Any], refusal: type[Refusal], field: str, detail: str
) -> None:
    with pytest.raises(refusal, match=detail) as refused:
        check(replace(FIRST_CREDIT, **change))

    assert isinstance(refused.value, Refused)
    assert refused.value.field == field


# ---------------------------------------------------------------- bids for a product

TRADER = product_from(WEEKLY)


def test_without_a_product_everything_goes_that_always_went() -> None:
    assert limits_of(STANDARD, requested_minor=2_500_000, on=ON) == BidLimits(amount_maximum_minor=2_500_000)


def test_a_bid_for_a_product_keeps_to_its_ranges() -> None:
    limits = limits_of(TRADER, requested_minor=1_000_000, on=ON)

    assert (limits.amount_minimum_minor, limits.amount_maximum_minor) == (100_00, 1_000_000)
    assert (limits.rate_minimum_percent, limits.rate_maximum_percent) == (Decimal(5), Decimal(36))
    assert (limits.tenure_minimum_days, limits.tenure_maximum_days) == (30, 367)
    inside = replace(FIRST_CREDIT, amount_minor=500_000, processing_fee_minor=0)
    check(inside, limits=limits)
    for change, refusal in (
        ({"amount_minor": 99_99}, AmountOutOfRange),
        ({"annual_rate_percent": Decimal("4.99")}, RateOutOfRange),
        ({"annual_rate_percent": Decimal("36.01")}, RateOutOfRange),
        ({"tenure_days": 368}, TenureOutOfRange),
    ):
        with pytest.raises(refusal):
            check(replace(inside, **change), limits=limits)


def test_a_cap_holds_for_bids_on_products_that_are_older_than_it() -> None:
    covered = product_from(weekly(jurisdiction="US", license="military_lending_act", annualRate=_rates(50)))

    assert limits_of(covered, requested_minor=1, on=date(2016, 10, 2)).rate_maximum_percent == 50
    assert limits_of(covered, requested_minor=1, on=ON).rate_maximum_percent == 36


def test_a_product_whose_loans_are_all_shorter_takes_no_bid() -> None:
    limits = limits_of(
        replace(TRADER, installments=replace(TRADER.installments, minimum=1, default=1, maximum=1)),
        requested_minor=1_000_000,
        on=ON,
    )

    assert limits.tenure_minimum_days > limits.tenure_maximum_days
    assert limits.tenure_minimum_days in TENURE_DAYS


@pytest.mark.parametrize(("fee_minor", "goes"), [(0, True), (6_49, True), (6_50, False), (-1, False)])
def test_the_products_own_fees_count_when_something_must_be_left(fee_minor: int, goes: bool) -> None:  # noqa: FBT001
    fees = [
        {"name": "Origination", "timing": "disbursement", "percent": 1.5},
        {"name": "Stamp", "timing": "disbursement", "amount": 92},
        {"name": "Insurance", "timing": "installment", "amount": 50},
    ]
    limits = limits_of(product_from(weekly(schedule={"fees": fees})), requested_minor=100_00, on=ON)

    assert limits.leaves_something(100_00, fee_minor) is goes


def test_no_fee_is_kept_back_from_a_principal_in_tokens() -> None:
    tokens = {"funds": "token", "asset": "USDC", "lender": f"0x{'1e' * 20}"}
    limits = limits_of(product_from(weekly(chain=tokens)), requested_minor=2_500_000, on=ON)

    assert limits.leaves_something(100_00, 0)
    with pytest.raises(FeeOutOfRange, match="whole principal is paid out in tokens") as refused:
        check(FIRST_CREDIT, limits=BidLimits(2_500_000, keeps_nothing_back=True))
    assert refused.value.field == "processingFee"


def test_an_offer_is_priced_as_a_loan_of_its_product() -> None:
    (weekly_offer,) = rank([FIRST_CREDIT], on=ON, product=TRADER)
    (monthly_offer,) = rank([FIRST_CREDIT], on=ON)

    assert (weekly_offer.installments, monthly_offer.installments) == (52, 12)
    assert weekly_offer.finance_charge_minor > 37_500
    assert weekly_offer.apr_method == "us_reg_z_appendix_j"


def test_an_offer_in_the_union_is_priced_by_its_law() -> None:
    product = product_from(weekly(jurisdiction="EU", coolingOff={"days": 14}))

    (offer,) = rank([FIRST_CREDIT], on=date(2026, 12, 1), product=product)

    assert offer.apr_method == "eu_2008_48_ec"


def test_a_down_payment_is_not_the_installment_that_is_shown() -> None:
    product = product_from(weekly(schedule={"downPaymentPercent": 25}))

    (offer,) = rank([FIRST_CREDIT], on=ON, product=product)

    assert offer.installments == 12
    assert offer.installment_minor < 200_000


def test_a_bid_of_which_no_loan_can_be_made_is_no_offer() -> None:
    product = product_from(weekly(schedule={"fees": [{"name": "Stamp", "timing": "disbursement", "amount": 24_900}]}))

    assert rank([FIRST_CREDIT], on=ON, product=product) == ()


def _rates(maximum: int) -> dict[str, int]:
    return {"minimum": 5, "default": 12, "maximum": maximum}
