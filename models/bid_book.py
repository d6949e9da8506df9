"""The book of an auction: what each provider has said, which bids stand, and which decisions count.

Sealed: the book lives in the process of the application, and nobody reads it before the window closes.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from models.bid_limits import BidLimits
from models.bidding import (
    AlreadyDecided,
    Bid,
    BiddingClosed,
    NothingAsked,
    NothingToWithdraw,
    NotInvited,
    TooManyDecisions,
    check_bid,
)
from models.decision import BIDS, ENDS, FINAL, DecisionKind

_MOST_DECISIONS = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """A provider's last word so far; `at` is when it first answered, and a question is no answer."""

    kind: DecisionKind
    decision_id: str
    at: datetime
    bid: Bid | None = None
    said: int = 1
    is_open_question: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Who may decide, until when (the end is not in it), and within which limits."""

    invited: Collection[str]
    closes_at: datetime
    limits: BidLimits


@dataclass(slots=True)
class BidBook:
    """Every provider's turn, and the bids that were replaced or taken back."""

    turns: dict[str, Turn] = field(default_factory=dict)
    replaced: list[Bid] = field(default_factory=list)
    withdrawn: list[Bid] = field(default_factory=list)

    @property
    def bids(self) -> tuple[Bid, ...]:
        """The bids that stand."""
        return tuple(turn.bid for turn in self.turns.values() if turn.bid is not None)

    @property
    def answered(self) -> int:
        """How many have said yes or no."""
        return sum(turn.kind in FINAL for turn in self.turns.values())

    def check(self, kind: DecisionKind, bid: Bid | None, provider_id: str, *, window: Window, at: datetime) -> None:
        """Refuse a decision that does not count; `bid` is there when the decision is one."""
        if provider_id not in window.invited:
            raise NotInvited("This provider was not invited to bid on this lead.", "providerId")
        if at >= window.closes_at:
            raise BiddingClosed(f"Bidding on this lead closed at {window.closes_at.isoformat()}.", "decision")
        turn = self.turns.get(provider_id)
        if turn is not None:
            _check_turn(turn, kind, bid)
        elif kind is DecisionKind.WITHDRAWN:
            raise NothingToWithdraw("This provider has made no bid on this lead.", "decision")
        if bid is not None:
            check_bid(bid, at, window.limits)

    def take(self, kind: DecisionKind, bid: Bid | None, provider_id: str, decision_id: str, *, at: datetime) -> None:
        """Write a decision that counts into the book; a bid replaces the provider's earlier one."""
        earlier = self.turns.get(provider_id)
        if earlier is not None and earlier.bid is not None:
            (self.withdrawn if kind is DecisionKind.WITHDRAWN else self.replaced).append(earlier.bid)
        first_at = earlier.at if earlier is not None and earlier.kind in FINAL else at
        said = 1 if earlier is None else earlier.said + 1
        is_question = kind is DecisionKind.NEED_INFORMATION
        self.turns[provider_id] = Turn(kind, decision_id, first_at, bid, said, is_open_question=is_question)

    def check_answer(self, provider_id: str, question_id: str, *, window: Window, at: datetime) -> None:
        """Refuse an answer that comes too late, or that nobody waits for."""
        if at >= window.closes_at:
            raise BiddingClosed(f"Bidding on this lead closed at {window.closes_at.isoformat()}.", "informationId")
        turn = self.turns.get(provider_id)
        if turn is None or not turn.is_open_question or turn.decision_id != question_id:
            raise NothingAsked("This provider does not wait for an answer.", "informationId")

    def inform(self, provider_id: str, question_id: str) -> None:
        """The provider's question has been answered; it may ask another."""
        turn = self.turns[provider_id]
        if turn.decision_id == question_id:
            self.turns[provider_id] = replace(turn, is_open_question=False)


def _check_turn(turn: Turn, kind: DecisionKind, bid: Bid | None) -> None:
    if turn.kind in ENDS:
        raise AlreadyDecided(f"This provider has already decided on this lead: {turn.kind}.", "decision")
    if turn.said >= _MOST_DECISIONS:
        raise TooManyDecisions(f"A provider decides {_MOST_DECISIONS} times on a lead at most.", "decision")
    if kind is DecisionKind.WITHDRAWN:
        if turn.bid is None:
            raise NothingToWithdraw("This provider has made no bid on this lead.", "decision")
    elif kind not in BIDS and turn.bid is not None:
        raise AlreadyDecided("This provider has a bid on this lead; it can be replaced or withdrawn.", "decision")
    elif kind is DecisionKind.NEED_INFORMATION and turn.is_open_question:
        raise AlreadyDecided("This provider has asked, and the answer is not there yet.", "decision")
    elif bid is not None and turn.bid is not None and bid.says_the_same_as(turn.bid):
        raise AlreadyDecided("This provider has already made a bid on this lead, with the same terms.", "decision")
