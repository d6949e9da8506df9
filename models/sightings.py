"""What the events of a chain make of a loan: `Sighting` after `Sighting`, in the order of blocks and logs.

Only confirmed events count. The same events make the same sighting, so what a reorganization took away is left out by
reading what is left once more.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from models.chain import ChainState

STATES = tuple(ChainState)
"""In the order of `ICreditAggregator.State`."""

WRITES = frozenset(
    {
        "Originated",
        "Funded",
        "Repaid",
        "RepaymentReversed",
        "Forgiven",
        "Restructured",
        "StateChanged",
        "LiquidationStarted",
        "LiquidationSettled",
    }
)
"""What only an operator of the contracts can bring about: if it was not us, somebody must hear of it."""

NEWS = frozenset(
    {
        "Paid",
        "CreditReturned",
        "Deposited",
        "Withdrawn",
        "MarginCalled",
        "MarginCallCured",
        "LiquidationStarted",
        "LiquidationProceeds",
        "LiquidationSettled",
    }
)
"""What a loan must hear of, whoever brought it about."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as it counts here: its name, its arguments, and the block it is in."""

    name: str
    arguments: Mapping[str, Any]
    block_number: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """A loan as the events up to a block show it; amounts are base units."""

    state: ChainState = ChainState.NONE
    outstanding: int = 0
    interest: int = 0
    sequence: int = 0
    block: int | None = None
    margin_called_until: datetime | None = None

    def after(self, event: Logged) -> "Sighting":
        """The loan after one more event."""
        sequence = max(self.sequence, int(event.arguments.get("seq", 0)))
        changes = _CHANGES.get(event.name, _nothing)(self, event.arguments)
        return replace(self, block=event.block_number, sequence=sequence, **changes)


_Facts = Mapping[str, Any]
_Changes = dict[str, Any]


def _nothing(_: Sighting, __: _Facts) -> _Changes:
    return {}


def _originated(_: Sighting, __: _Facts) -> _Changes:
    return {"state": ChainState.ORIGINATED}


def _funded(_: Sighting, facts: _Facts) -> _Changes:
    return {"state": ChainState.ACTIVE, "outstanding": int(facts["principal"])}


def _repaid(seen: Sighting, facts: _Facts) -> _Changes:
    return {"outstanding": int(facts["outstanding"]), "interest": seen.interest + int(facts["interest"])}


def _reversed(seen: Sighting, facts: _Facts) -> _Changes:
    return {"outstanding": int(facts["outstanding"]), "interest": seen.interest - int(facts["interest"])}


def _rewritten(_: Sighting, facts: _Facts) -> _Changes:
    return {"outstanding": int(facts["outstanding"])}


def _state_changed(seen: Sighting, facts: _Facts) -> _Changes:
    """A loan that is cancelled was never one: nothing of it is outstanding."""
    to = STATES[int(facts["to"])]
    return {"state": to, "outstanding": 0 if to is ChainState.CANCELLED else seen.outstanding}


def _sold(seen: Sighting, facts: _Facts) -> _Changes:
    outstanding = seen.outstanding - int(facts["principal"])
    return {"outstanding": outstanding, "interest": seen.interest + int(facts["interest"])}


def _called(_: Sighting, facts: _Facts) -> _Changes:
    return {"margin_called_until": datetime.fromtimestamp(int(facts["cureBy"]), UTC)}


def _call_over(_: Sighting, __: _Facts) -> _Changes:
    return {"margin_called_until": None}


_CHANGES: Mapping[str, Callable[[Sighting, _Facts], _Changes]] = {
    "Originated": _originated,
    "Funded": _funded,
    "Repaid": _repaid,
    "RepaymentReversed": _reversed,
    "Forgiven": _rewritten,
    "Restructured": _rewritten,
    "StateChanged": _state_changed,
    "LiquidationProceeds": _sold,
    "MarginCalled": _called,
    "MarginCallCured": _call_over,
    "AuctionStarted": _call_over,
}


def sighting_of(events: Iterable[Logged], start: Sighting | None = None) -> Sighting:
    """What these events make of a loan, one after the other."""
    seen = start or Sighting()
    for event in events:
        seen = seen.after(event)
    return seen
