"""What a loan's phases share and carry over when the workflow continues as new, and the messages that reach them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.transactions import TransactionOrder
from models.chain import ChainNews
from models.loan import LoanPosition, LoanRef
from models.payment import PaymentReceived
from models.servicing import Step
from temporal import search_attributes as sa


def loan_workflow_id(loan_id: str) -> str:
    """The workflow id of a loan."""
    return f"loan/{loan_id}"


@dataclass(frozen=True, slots=True)
class PromiseToPay:
    """The borrower will pay by this day."""

    promised_on: date


@dataclass(frozen=True, slots=True)
class WriteOffOrder:
    """An operator gives the loan up."""

    reason: str


@dataclass(frozen=True, slots=True)
class ForbearanceOrder:
    """The borrower is left alone until this day, and the loan does not grow older meanwhile."""

    until: date
    reason: str | None = None


Order = PromiseToPay | WriteOffOrder | ForbearanceOrder | TransactionOrder


@dataclass(frozen=True, slots=True)
class LoanAnswer:
    """What an order did to the loan."""

    status: str
    outstanding_minor: int
    promised_on: date | None = None


@dataclass
class LoanStart:
    """What a run starts with: the loan, and what the run before it knew. Without a position it is read first."""

    ref: LoanRef
    position: LoanPosition | None = None
    account_open: bool = False
    done: Step | None = None
    payments: list[PaymentReceived] = field(default_factory=list)
    answers: dict[str, LoanAnswer] = field(default_factory=dict)
    chain_news: list[ChainNews] = field(default_factory=list)


class LoanState:
    """One loan's state in memory; the rows are written by the activities."""

    def __init__(self, start: LoanStart) -> None:
        self.ref = start.ref
        self.account_open = start.account_open
        self.done = start.done
        self.payments = list(start.payments)
        self.answers = dict(start.answers)
        self.orders: dict[str, Order] = {}
        self.refused: dict[str, ActivityError] = {}
        self.returned = False
        self.chain_news = list(start.chain_news)
        self._position = start.position
        self._settled_at_start = start.position.settled_installments if start.position else 0
        self._shown: tuple[object, ...] | None = _face(start.position) if start.position else None

    @property
    def position(self) -> LoanPosition:
        """Where the loan stands after the last transaction."""
        assert self._position is not None, "the run reads the position before anything else"
        return self._position

    @position.setter
    def position(self, position: LoanPosition) -> None:
        self._position = position
        if self._shown != _face(position):
            self._shown = _face(position)
            workflow.upsert_search_attributes(
                [
                    sa.STATUS.value_set(str(position.status)),
                    sa.BUCKET.value_set(str(position.bucket)),
                    sa.DAYS_PAST_DUE.value_set(position.days_past_due),
                    sa.NEEDS_ATTENTION.value_set(position.in_collection),
                ]
            )

    @property
    def is_known(self) -> bool:
        """Whether a position has been read."""
        return self._position is not None

    @property
    def has_messages(self) -> bool:
        """Whether somebody wants something now."""
        return bool(self.payments or self.orders or self.returned or self.chain_news)

    @property
    def settled_in_this_run(self) -> int:
        """Installments settled since the run began."""
        return self.position.settled_installments - self._settled_at_start

    def carried_over(self) -> LoanStart:
        """What the next run must know. Answers are kept, so that an update that comes twice is answered once."""
        known = (self._position, self.account_open, self.done)
        return LoanStart(self.ref, *known, self.payments, self.answers, self.chain_news)


def summary_of(position: LoanPosition, step: Step | None) -> str:
    """The loan in a few words, for the operator's page."""
    facts: Mapping[str, object] = {
        "status": position.status,
        "outstanding (minor units)": f"{position.outstanding_minor} {position.currency}",
        "installments settled": position.settled_installments,
        "days past due": position.days_past_due,
        "next": f"{step.kind} of installment {step.installment} at {step.at:%Y-%m-%d %H:%M} UTC"
        if step
        else "a message",
    }
    return "\n".join(f"- **{name}**: {value}" for name, value in facts.items())


def _face(position: LoanPosition) -> tuple[object, ...]:
    """What operators search by; the attributes are written when it changes, not with every payment."""
    return position.status, position.bucket, position.in_collection
