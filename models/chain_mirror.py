"""What a chain has been told of a loan against what the ledger says: the writes that close the gap.

    told  --steps(told, ledger)-->  the ledger's figures, whatever happened to the loan in between

Nothing is written for an event of its own. A payment that is recorded late, or undone, moves the ledger's figures, and
the next difference takes the chain along: first what is taken back, then what is new, then the state.

The chain knows principal, what of it is outstanding, and one sum for interest, fees and penalties. A loan closes there
when no principal is outstanding; interest may still come. Three things it cannot do, and what is written instead:

    principal that was forgiven is owed again     it is capitalized by a restructuring
    a closed loan is changed without principal    one unit is taken back to open it, and repaid again
    a loan is cancelled of which some was let go  the rest is let go, so it closes
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models.chain import ChainOperationKind, ChainState
from models.chain_terms import FOREVER
from models.installment import Installment
from models.loan import OPEN, LoanStatus

_K, _S = ChainOperationKind, ChainState

# Paid out, not ended, and not in an auction's hands.
SERVICED = frozenset({_S.ACTIVE, _S.DELINQUENT, _S.DEFAULTED})
# The operator's word leads from state to state by these ways.
_WAYS = {
    (_S.ACTIVE, _S.DEFAULTED): (_S.DELINQUENT, _S.DEFAULTED),
    (_S.DEFAULTED, _S.DELINQUENT): (_S.ACTIVE, _S.DELINQUENT),
    (_S.DEFAULTED, _S.CANCELLED): (_S.ACTIVE, _S.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the writes on record make of the loan, in base units. `principal` holds what was capitalized since."""

    state: ChainState
    principal: int
    outstanding: int
    interest: int = 0
    forgiven: int = 0
    sequence: int = 0

    @property
    def repaid(self) -> int:
        """The principal that has come back; before it is funded none has left."""
        return 0 if self.state is ChainState.ORIGINATED else self.principal - self.outstanding - self.forgiven


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger says of the loan, in base units.

    `added` is what is owed beyond the principal that was lent, capitalized or charged back; less than nothing when
    principal was let go.
    """

    state: ChainState
    repaid: int
    interest: int
    added: int


@dataclass(frozen=True, slots=True)
class Step:
    """One write: its amounts, and for a change of state where to."""

    kind: ChainOperationKind
    sequence: int
    principal: int = 0
    interest: int = 0
    to: ChainState | None = None


@dataclass(frozen=True, slots=True)
class NewChainTerms:
    """What a restructuring agreed on."""

    agreement_hash: str
    apr_bps: int
    interest_cap_bps: int
    maturity: int
    signed_until: int = field(default=FOREVER)

    def with_capitalized(self, amount: int) -> dict[str, Any]:
        """`ICreditAggregator.NewTerms` as JSON carries it."""
        return {
            "agreementHash": self.agreement_hash,
            "capitalized": amount,
            "aprBps": self.apr_bps,
            "interestCapBps": self.interest_cap_bps,
            "maturity": self.maturity,
            "signedUntil": self.signed_until,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How a loan stands apart from its money."""

    status: LoanStatus
    principal_minor: int
    days_past_due: int = 0
    is_in_default: bool = False


def ledger_of(standing: Standing, installments: Sequence[Installment], scale: int) -> Ledger:
    """The ledger's word on a loan, in the chain's."""
    unit = 10**scale
    repaid_minor = sum(row.principal_paid_minor for row in installments)
    paid_minor = sum(row.paid_minor for row in installments)
    owed_minor = sum(row.principal_outstanding_minor for row in installments)
    added = (repaid_minor + owed_minor - standing.principal_minor) * unit
    if standing.status is LoanStatus.CANCELLED:
        return Ledger(_S.CANCELLED, 0, 0, 0)
    state = _state(standing, is_owed=owed_minor > 0)
    return Ledger(state, repaid_minor * unit, (paid_minor - repaid_minor) * unit, added)


def _state(standing: Standing, *, is_owed: bool) -> ChainState:
    if standing.status is LoanStatus.CLOSED_WRITTEN_OFF:
        return _S.WRITTEN_OFF
    if standing.status not in OPEN or not is_owed:
        return _S.CLOSED
    if standing.is_in_default:
        return _S.DEFAULTED
    return _S.DELINQUENT if standing.days_past_due else _S.ACTIVE


def steps(told: Told, ledger: Ledger, *, lent: int, is_restructured: bool = False) -> tuple[Step, ...]:
    """The writes that bring a loan on chain to where the ledger is; `lent` is the principal it began with.

    Nothing is written to a loan that is cancelled there, or while an auction has it.
    """
    difference = _Difference(told, ledger, lent)
    if told.state not in {_S.CANCELLED, _S.LIQUIDATING}:
        difference.close(is_restructured=is_restructured)
    return tuple(difference.steps)


class _Difference:
    """The gap, closed step by step: `told` is where the loan is after those taken."""

    def __init__(self, told: Told, ledger: Ledger, lent: int) -> None:
        self.told = told
        self.ledger = ledger
        self.lent = lent
        self.steps: list[Step] = []

    @property
    def repayment(self) -> int:
        """Principal that is repaid and not told, or less than nothing."""
        return self.ledger.repaid - self.told.repaid

    @property
    def interest(self) -> int:
        """Interest, fees and penalties that are paid and not told, or less than nothing."""
        return self.ledger.interest - self.told.interest

    @property
    def let_go(self) -> int:
        """Principal that is let go and not told; less than nothing when more is owed than was told."""
        if self.ledger.state is _S.WRITTEN_OFF:  # the rest stays open on chain: that much was lost
            return min(0, self._let_go)
        return self._let_go

    @property
    def _let_go(self) -> int:
        return (self.told.principal - self.lent - self.told.forgiven) - self.ledger.added

    def close(self, *, is_restructured: bool) -> None:
        """What is taken back, what is agreed anew, what has come, what is let go, and then the state."""
        if self.told.state is _S.ORIGINATED and self.ledger.state is not _S.CANCELLED:
            self._take(_K.FUND)
        if self.ledger.state is _S.CANCELLED:
            self._cancel()
            return
        is_same = not (self.repayment or self.interest or self.let_go)
        if self.told.state is _S.WRITTEN_OFF and not (is_same and self.ledger.state is _S.WRITTEN_OFF):
            self._take(_K.TRANSITION, to=_S.ACTIVE)
        self._take_back()
        if self.told.state is _S.CLOSED and (self.repayment or self.let_go):
            return  # everything was let go before anything came back: it cannot be opened again
        capitalized = max(-self.let_go, 0)
        if (capitalized or is_restructured) and self.told.state in SERVICED:
            self._take(_K.RESTRUCTURE, principal=capitalized)
        if self.repayment > 0 or self.interest > 0:
            self._take(_K.REPAY, principal=self.repayment, interest=self.interest)
        if self.let_go > 0:
            self._take(_K.FORGIVE, principal=self.let_go)
        self._move()

    def _take_back(self) -> None:
        principal, interest = max(-self.repayment, 0), max(-self.interest, 0)
        is_closed = self.told.state is _S.CLOSED
        if is_closed and not principal and (interest or self.repayment or self.let_go):
            # Only what was repaid opens a closed loan again; the unit comes back with what is told next.
            principal, interest = (1, interest) if self.told.repaid else (0, interest or min(1, self.told.interest))
        if principal or interest:
            self._take(_K.REVERSE_REPAYMENT, principal=principal, interest=interest)

    def _cancel(self) -> None:
        told = self.told
        if told.state is _S.WRITTEN_OFF:
            self._take(_K.TRANSITION, to=_S.ACTIVE)
        if told.repaid or told.interest:
            self._take(_K.REVERSE_REPAYMENT, principal=told.repaid, interest=told.interest)
        if not told.forgiven:
            self._go(_S.CANCELLED)
        elif self.told.outstanding:
            self._take(_K.FORGIVE, principal=self.told.outstanding)

    def _move(self) -> None:
        """A loan that has closed by money or forgiveness is where it should be."""
        if self.told.state in {_S.CLOSED, self.ledger.state}:
            return
        if self.ledger.state is _S.WRITTEN_OFF:
            self._take(_K.WRITE_OFF)
        else:
            self._go(self.ledger.state)

    def _go(self, to: ChainState) -> None:
        for state in _WAYS.get((self.told.state, to), (to,)):
            self._take(_K.TRANSITION, to=state)

    def _take(self, kind: ChainOperationKind, **what: Any) -> None:
        step = Step(kind, self.told.sequence + 1, **what)
        self.steps.append(step)
        self.told = after(self.told, step)


def after(told: Told, step: Step) -> Told:
    """What a write makes of the loan: the contract's arithmetic."""
    state, principal, outstanding = told.state, told.principal, told.outstanding
    interest, forgiven = told.interest, told.forgiven
    match step.kind:
        case _K.FUND:
            state, outstanding = _S.ACTIVE, principal
        case _K.REPAY:
            outstanding, interest = outstanding - step.principal, interest + step.interest
        case _K.REVERSE_REPAYMENT:
            outstanding, interest = outstanding + step.principal, interest - step.interest
            state = _S.ACTIVE if state is _S.CLOSED else state
        case _K.FORGIVE:
            outstanding, forgiven = outstanding - step.principal, forgiven + step.principal
        case _K.RESTRUCTURE:
            principal, outstanding = principal + step.principal, outstanding + step.principal
        case _K.WRITE_OFF:
            state = _S.WRITTEN_OFF
        case _:
            assert step.to is not None, step
            state, outstanding = step.to, 0 if step.to is _S.CANCELLED else outstanding
    if step.kind in {_K.REPAY, _K.FORGIVE} and not outstanding:
        state = _S.CLOSED
    return Told(state, principal, outstanding, interest, forgiven, step.sequence)
