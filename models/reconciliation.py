"""A loan in the ledger, as the chain was told, as its events were seen, and as the chain has it: where they differ.

    ledger == told            the writes on record carry everything that was booked
    chain + open writes == told    what was told will be there once they are applied
    seen == chain             the reader has missed nothing

Amounts are base units. A write that is open and has been applied already is known by its sequence number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.chain import ChainOperationKind, ChainState
from models.sightings import STATES

_K, _S = ChainOperationKind, ChainState
# What these make of a loan, whatever it was.
_STATES = {
    _K.ORIGINATE: _S.ORIGINATED,
    _K.FUND: _S.ACTIVE,
    _K.WRITE_OFF: _S.WRITTEN_OFF,
    _K.START_LIQUIDATION: _S.LIQUIDATING,
}
_ENDED = frozenset({_S.WRITTEN_OFF, _S.CANCELLED})
_OPEN = frozenset({_S.ACTIVE, _S.DELINQUENT, _S.DEFAULTED, _S.LIQUIDATING})


@dataclass(frozen=True, slots=True)
class Figures:
    """One side of the comparison."""

    state: ChainState
    outstanding: int
    interest: int
    sequence: int = 0

    @classmethod
    def of_chain(cls, loan: Mapping[str, Any]) -> "Figures":
        """What `ICreditAggregator.loan` returns."""
        return cls(STATES[int(loan["state"])], int(loan["outstanding"]), int(loan["interestPaid"]), int(loan["seq"]))


@dataclass(frozen=True, slots=True)
class OpenWrite:
    """A write that has not been confirmed; the arguments are those of its function, in order."""

    kind: ChainOperationKind
    arguments: Sequence[Any]

    @property
    def sequence(self) -> int | None:
        """The write's number on its loan: `(loanId, opId, seq, ...)`; None for what carries none."""
        is_numbered = len(self.arguments) > 2 and isinstance(self.arguments[2], int)  # noqa: PLR2004 - the third
        return self.arguments[2] if is_numbered else None


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure that two sides do not share."""

    what: str
    sides: tuple[str, str]
    figures: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.what}: {self.sides[0]} {self.figures[0]}, {self.sides[1]} {self.figures[1]}"


@dataclass(frozen=True, slots=True)
class Sides:
    """All that is compared."""

    ledger: Figures
    told: Figures
    chain: Figures
    seen: Figures | None
    """None while events of the loan wait for their confirmation."""
    principal: int
    """That was agreed: what `fund` makes outstanding."""
    writes: Sequence[OpenWrite] = ()


def differences(sides: Sides) -> tuple[Difference, ...]:
    """Every figure that is not as it should be, the ledger's first."""
    expected = after_writes(sides)
    found = [
        *_money("ledger", _held_back(sides), "told", sides.told),
        *_state("ledger", _coarse(sides.ledger.state), "told", _coarse(sides.told.state)),
        *_money("chain", expected, "told", sides.told),
        *_state("chain", expected.state, "told", sides.told.state),
    ]
    if sides.seen is not None:
        found += [
            *_money("seen", sides.seen, "chain", sides.chain),
            *_state("seen", sides.seen.state, "chain", sides.chain.state),
        ]
    return tuple(found)


def after_writes(sides: Sides) -> Figures:
    """What the chain has once the open writes are applied, by the contract's arithmetic."""
    figures = sides.chain
    for write in sides.writes:
        is_applied = (
            sides.chain.state is not _S.NONE
            if write.kind is _K.ORIGINATE
            else write.sequence is not None and write.sequence <= sides.chain.sequence
        )
        if not is_applied:
            figures = _applied(figures, write, sides.principal)
    return figures


def _applied(figures: Figures, write: OpenWrite, principal: int) -> Figures:
    amounts = write.arguments[3:]
    if write.kind in _STATES:
        outstanding = principal if write.kind is _K.FUND else figures.outstanding
        return replace(figures, state=_STATES[write.kind], outstanding=outstanding)
    match write.kind:
        case _K.REPAY | _K.FORGIVE:
            return _paid(figures, int(amounts[0]), int(amounts[1]) if write.kind is _K.REPAY else 0)
        case _K.REVERSE_REPAYMENT:
            state = _S.ACTIVE if figures.state is _S.CLOSED else figures.state
            return replace(_paid(figures, -int(amounts[0]), -int(amounts[1])), state=state)
        case _K.RESTRUCTURE:
            return replace(figures, outstanding=figures.outstanding + int(amounts[0]["capitalized"]))
        case _K.TRANSITION:
            to = _named_state(amounts[0])
            return replace(figures, state=to, outstanding=0 if to is _S.CANCELLED else figures.outstanding)
        case _:
            return figures


def _paid(figures: Figures, principal: int, interest: int) -> Figures:
    outstanding = figures.outstanding - principal
    state = figures.state if outstanding else _S.CLOSED
    return replace(figures, state=state, outstanding=outstanding, interest=figures.interest + interest)


def _named_state(value: object) -> ChainState:
    return STATES[int(value)] if isinstance(value, int) else ChainState(str(value))


def _held_back(sides: Sides) -> Figures:
    """A loan closes on chain with its last principal, so one unit of it is held back while anything else is owed."""
    is_held = sides.ledger.outstanding == 0 and sides.told.outstanding == 1 and sides.ledger.state is not _S.CLOSED
    return replace(sides.ledger, outstanding=1) if is_held else sides.ledger


def _money(name: str, one: Figures, other_name: str, other: Figures) -> list[Difference]:
    sides = (name, other_name)
    found = []
    # What a loan that was given up would still owe is nobody's claim any more.
    if not {one.state, other.state} & _ENDED and one.outstanding != other.outstanding:
        found.append(Difference("outstanding principal", sides, (str(one.outstanding), str(other.outstanding))))
    if one.interest != other.interest:
        found.append(Difference("interest and fees received", sides, (str(one.interest), str(other.interest))))
    return found


def _state(name: str, one: ChainState, other_name: str, other: ChainState) -> list[Difference]:
    return [] if one is other else [Difference("state", (name, other_name), (one, other))]


def _coarse(state: ChainState) -> ChainState:
    """The ledger ages a loan every day, and a sale of collateral is the chain's own affair: it is open all the same."""
    return _S.ACTIVE if state in _OPEN else state
