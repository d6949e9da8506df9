"""What the events of a chain make of a loan: `Sighting` after `Sighting`, in the order of blocks and logs.

Only confirmed events count. The same events make the same sighting, so what a reorganization took away is left out by
reading what is left once more.
"""

from collections.abc import Iterable, Mapping
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
        facts = event.arguments
        seen = replace(self, block=event.block_number, sequence=max(self.sequence, int(facts.get("seq", 0))))
        match event.name:
            case "Originated":
                return replace(seen, state=ChainState.ORIGINATED)
            case "Funded":
                return replace(seen, state=ChainState.ACTIVE, outstanding=int(facts["principal"]))
            case "Repaid":
                interest = seen.interest + int(facts["interest"])
                return replace(seen, outstanding=int(facts["outstanding"]), interest=interest)
            case "RepaymentReversed":
                interest = seen.interest - int(facts["interest"])
                return replace(seen, outstanding=int(facts["outstanding"]), interest=interest)
            case "Forgiven" | "Restructured":
                return replace(seen, outstanding=int(facts["outstanding"]))
            case "LiquidationProceeds":
                outstanding = seen.outstanding - int(facts["principal"])
                return replace(seen, outstanding=outstanding, interest=seen.interest + int(facts["interest"]))
            case "LiquidationStarted":
                return replace(seen, state=ChainState.LIQUIDATING)
            case "StateChanged":
                return replace(seen, state=STATES[int(facts["to"])])
            case "MarginCalled":
                return replace(seen, margin_called_until=datetime.fromtimestamp(int(facts["cureBy"]), UTC))
            case "MarginCallCured" | "AuctionStarted" | "AuctionClosed":
                return replace(seen, margin_called_until=None)
            case _:
                return seen


def sighting_of(events: Iterable[Logged], start: Sighting | None = None) -> Sighting:
    """What these events make of a loan, one after the other."""
    seen = start or Sighting()
    for event in events:
        seen = seen.after(event)
    return seen
