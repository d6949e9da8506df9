"""Which decisions count in an auction, and what they make of the ones before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bid_book import BidBook, Window
from models.bid_limits import BidLimits
from models.bidding import (
    AlreadyDecided,
    AmountOutOfRange,
    Bid,
    BiddingClosed,
    NothingAsked,
    NothingToWithdraw,
    NotInvited,
    TooManyDecisions,
)
from models.decision import BIDS, DecisionKind
from models.errors import Conflict, Refusal

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
WINDOW = Window({"p_1", "p_2"}, NOW + timedelta(hours=48), BidLimits(amount_maximum_minor=2_500_000))
BID = Bid("p_1", "dec_1", 2_500_000, "USD", Decimal(8), 365, 0, NOW, None)
_K = DecisionKind


class Auction:
    """A book with a clock."""

    def __init__(self) -> None:
        self.book = BidBook()
        self.at = NOW
        self.number = 0

    def says(self, kind: DecisionKind, bid: Bid | None = None, *, provider_id: str = "p_1") -> None:
        self.number += 1
        decision_id = f"dec_{self.number}"
        if bid is not None:
            bid = replace(bid, provider_id=provider_id, decision_id=decision_id, received_at=self.at)
        self.book.check(kind, bid, provider_id, window=WINDOW, at=self.at)
        self.book.take(kind, bid, provider_id, decision_id, at=self.at)

    def bids(self, percent: int = 8, **terms: Any) -> None:
        self.says(_K.APPROVED, replace(BID, annual_rate_percent=Decimal(percent), **terms))


@pytest.fixture
def auction() -> Auction:
    return Auction()


def test_a_later_bid_replaces_the_earlier_one_which_is_kept(auction: Auction) -> None:
    auction.bids(9)
    auction.at += timedelta(hours=1)
    auction.bids(8)

    assert [bid.annual_rate_percent for bid in auction.book.bids] == [8]
    assert [bid.annual_rate_percent for bid in auction.book.replaced] == [9]
    assert auction.book.answered == 1
    assert auction.book.turns["p_1"].at == NOW, "it had answered with its first bid"


@pytest.mark.parametrize(
    "terms",
    [
        {"amount_minor": 2_400_000},
        {"tenure_days": 360},
        {"processing_fee_minor": 1},
        {"funding_hours": 1},
        {"expires_at": NOW + timedelta(days=1)},
        {"conditions_digest": "0f"},
    ],
)
def test_every_term_makes_another_bid(auction: Auction, terms: dict[str, Any]) -> None:
    auction.bids()
    auction.bids(**terms)

    assert len(auction.book.replaced) == 1


def test_the_same_terms_again_are_no_other_bid(auction: Auction) -> None:
    auction.bids()

    with pytest.raises(AlreadyDecided, match="same terms") as refused:
        auction.bids()

    assert refused.value.field == "decision"


def test_a_bid_that_is_taken_back_is_gone_for_good(auction: Auction) -> None:
    auction.bids()
    auction.says(_K.WITHDRAWN)

    assert auction.book.bids == ()
    assert len(auction.book.withdrawn) == 1
    assert auction.book.answered == 1
    with pytest.raises(AlreadyDecided):
        auction.bids(7)


def test_a_question_is_no_answer_and_one_waits_at_a_time(auction: Auction) -> None:
    auction.says(_K.NEED_INFORMATION)
    assert auction.book.answered == 0
    with pytest.raises(AlreadyDecided, match="not there yet"):
        auction.says(_K.NEED_INFORMATION)

    auction.book.inform("p_1", "dec_1")
    auction.at += timedelta(hours=3)
    auction.says(_K.NEED_INFORMATION)
    auction.bids()

    assert auction.book.answered == 1
    assert auction.book.turns["p_1"].at == NOW + timedelta(hours=3)


def test_an_answer_belongs_to_the_question_that_is_open(auction: Auction) -> None:
    auction.says(_K.NEED_INFORMATION)
    auction.book.check_answer("p_1", "dec_1", window=WINDOW, at=NOW)

    for provider_id, question_id in (("p_1", "dec_9"), ("p_2", "dec_1")):
        with pytest.raises(NothingAsked):
            auction.book.check_answer(provider_id, question_id, window=WINDOW, at=NOW)
    with pytest.raises(BiddingClosed):
        auction.book.check_answer("p_1", "dec_1", window=WINDOW, at=WINDOW.closes_at)
    auction.book.inform("p_1", "dec_9")
    auction.book.check_answer("p_1", "dec_1", window=WINDOW, at=NOW)
    auction.book.inform("p_1", "dec_1")
    with pytest.raises(NothingAsked):
        auction.book.check_answer("p_1", "dec_1", window=WINDOW, at=NOW)


@pytest.mark.parametrize("kind", [_K.DECLINED, _K.NEED_INFORMATION])
def test_who_has_a_bid_replaces_or_withdraws_it(auction: Auction, kind: DecisionKind) -> None:
    auction.bids()

    with pytest.raises(AlreadyDecided, match="replaced or withdrawn"):
        auction.says(kind)


@pytest.mark.parametrize("kind", list(_K))
def test_after_a_decline_nothing_counts(auction: Auction, kind: DecisionKind) -> None:
    auction.says(_K.DECLINED)

    with pytest.raises(AlreadyDecided, match="declined"):
        auction.says(kind, BID if kind in BIDS else None)


def test_nothing_can_be_taken_back_where_nothing_was_bid(auction: Auction) -> None:
    with pytest.raises(NothingToWithdraw):
        auction.says(_K.WITHDRAWN)
    auction.says(_K.NEED_INFORMATION)
    with pytest.raises(NothingToWithdraw):
        auction.says(_K.WITHDRAWN)


def test_a_provider_cannot_fill_the_book(auction: Auction) -> None:
    for percent in range(20):
        auction.bids(percent)

    with pytest.raises(TooManyDecisions):
        auction.bids(30)


def test_a_bid_is_checked_against_the_limits(auction: Auction) -> None:
    with pytest.raises(AmountOutOfRange):
        auction.bids(amount_minor=2_500_001)
    assert auction.book.turns == {}


@pytest.mark.parametrize(
    ("provider_id", "late", "refusal", "field"),
    [("p_3", False, NotInvited, "providerId"), ("p_2", True, BiddingClosed, "decision")],
)
@pytest.mark.parametrize("kind", [_K.DECLINED, _K.APPROVED, _K.COUNTER_OFFER, _K.NEED_INFORMATION])
def test_a_decision_out_of_turn_is_a_conflict(
    auction: Auction,
    kind: DecisionKind,
    provider_id: str,
    late: bool,  # noqa: FBT001
    refusal: type[Refusal],
    field: str,
) -> None:
    auction.at = WINDOW.closes_at if late else NOW

    with pytest.raises(refusal) as refused:
        auction.says(kind, BID if kind in BIDS else None, provider_id=provider_id)

    assert isinstance(refused.value, Conflict)
    assert (refused.value.field, refused.value.detail[-1]) == (field, ".")


@given(after=st.timedeltas(timedelta(hours=-1), timedelta(hours=96)))
def test_a_decision_counts_if_and_only_if_it_is_received_before_the_close(after: timedelta) -> None:
    auction = Auction()
    auction.at = NOW + after

    if auction.at < WINDOW.closes_at:
        auction.bids()
        assert auction.book.answered == 1
    else:
        with pytest.raises(BiddingClosed):
            auction.bids()


@pytest.mark.parametrize("micros", [-1, 0, 1])
def test_the_end_of_the_window_is_not_in_it(auction: Auction, micros: int) -> None:
    auction.at = WINDOW.closes_at + timedelta(microseconds=micros)

    if micros < 0:
        auction.bids()
    else:
        with pytest.raises(BiddingClosed):
            auction.bids()


said = st.lists(
    st.tuples(st.sampled_from(["p_1", "p_2", "p_3"]), st.sampled_from(list(_K)), st.integers(1, 4)), max_size=25
)


@given(said=said)
def test_whatever_is_said_every_bid_is_in_one_place_and_one_a_provider_stands(
    said: list[tuple[str, DecisionKind, int]],
) -> None:
    auction, made = Auction(), 0
    for provider_id, kind, percent in said:
        bid = replace(BID, annual_rate_percent=Decimal(percent)) if kind in BIDS else None
        try:
            auction.says(kind, bid, provider_id=provider_id)
        except Conflict:
            continue
        made += kind in BIDS

    book = auction.book
    assert len(book.bids) + len(book.replaced) + len(book.withdrawn) == made
    assert len({bid.provider_id for bid in book.bids}) == len(book.bids)
    assert "p_3" not in book.turns
