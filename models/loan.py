"""A disbursed loan: its statuses, and the position its workflow steers by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from models.delinquency import DelinquencyRules, bucket_for, days_past_due
from models.servicing_plan import ServicingPlan
from models.terms import Installment
from models.transitions import Transitions


class LoanStatus(StrEnum):
    """Where a loan stands. See `LOAN` for what may follow what."""

    ACTIVE = "active"
    OVERPAID = "overpaid"
    CLOSED_OBLIGATIONS_MET = "closed_obligations_met"
    CLOSED_WRITTEN_OFF = "closed_written_off"
    CLOSED_REFINANCED = "closed_refinanced"
    SETTLED = "settled"
    CANCELLED = "cancelled"


_S = LoanStatus

# `cancelled` is a loan whose disbursement the rail returned: the money never reached the borrower, nothing is owed.
LOAN = Transitions(
    "The loan",
    {
        _S.ACTIVE: frozenset(
            {_S.OVERPAID, _S.CLOSED_OBLIGATIONS_MET, _S.CLOSED_WRITTEN_OFF, _S.CLOSED_REFINANCED, _S.SETTLED}
            | {_S.CANCELLED}
        ),
        _S.OVERPAID: frozenset({_S.ACTIVE, _S.CLOSED_OBLIGATIONS_MET, _S.CANCELLED}),
        _S.CLOSED_OBLIGATIONS_MET: frozenset({_S.ACTIVE, _S.OVERPAID}),
        # What closed it may be undone.
        _S.CLOSED_WRITTEN_OFF: frozenset({_S.ACTIVE}),
        _S.CLOSED_REFINANCED: frozenset({_S.ACTIVE}),
        _S.SETTLED: frozenset({_S.ACTIVE}),
    },
)

OPEN = frozenset({LoanStatus.ACTIVE, LoanStatus.OVERPAID})


@dataclass(frozen=True, slots=True)
class LoanRef:
    """Which loan of which tenant, and the application it came from."""

    tenant_id: str
    application_id: str
    loan_id: str


@dataclass(frozen=True, slots=True)
class OpenInstallment:
    """An installment that still waits for money."""

    number: int
    due_on: date
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class LoanPosition:
    """What the loan's workflow needs to know after each transaction; the rows know the rest.

    `open` holds every overdue installment and the next one that is not yet due. A loan of the standard product needs
    no plan and no bucket of its own: both follow from what every workflow knows.
    """

    status: LoanStatus
    currency: str
    outstanding_minor: int
    settled_installments: int
    open: tuple[OpenInstallment, ...]
    days_past_due: int = 0
    in_collection: bool = False
    promised_on: date | None = None
    plan: ServicingPlan | None = None
    own_bucket: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen to the loan by itself."""
        return self.status in OPEN

    @property
    def bucket(self) -> str:
        """The delinquency bucket of the days past due."""
        return self.own_bucket or bucket_for(self.days_past_due)

    def under(self, plan: ServicingPlan, rules: DelinquencyRules, days: int) -> "LoanPosition":
        """The same loan, `days` past due, as a product of its own serves and ages it."""
        return replace(self, days_past_due=days, plan=plan, own_bucket=bucket_for(days, rules))


def position_of(
    installments: Sequence[Installment],
    *,
    status: LoanStatus,
    currency: str,
    in_collection: bool,
    promised_on: date | None,
    on: date,
) -> LoanPosition:
    """The position of a loan with these `installments` on the day `on`."""
    unsettled = [row for row in installments if row.outstanding_minor > 0]
    overdue = [row for row in unsettled if row.due_on < on]
    upcoming = [row for row in unsettled if row.due_on >= on][:1]
    return LoanPosition(
        status=status,
        currency=currency,
        outstanding_minor=sum(row.outstanding_minor for row in unsettled),
        settled_installments=len(installments) - len(unsettled),
        open=tuple(OpenInstallment(r.number, r.due_on, r.outstanding_minor) for r in overdue + upcoming),
        days_past_due=days_past_due(installments, on),
        in_collection=in_collection,
        promised_on=promised_on,
    )
