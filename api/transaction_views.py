"""Transactions, schedules, payoffs and statements as the platform reads them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from activities.history import Recorded
from api.loan_views import installment_out
from api.schemas.transactions import (
    RestructureOut,
    ScheduleOut,
    SplitOut,
    StandingOut,
    StatementLineOut,
    StatementOut,
    TransactionOut,
)
from api.schemas.values import money
from api.statements import LoanStatement, kind_of
from models.loan import LoanStatus
from models.records.loans import Loan
from models.statement import Line
from models.terms import Installment
from models.transactions import Split


def transaction_out(recorded: Recorded, undone: frozenset[str]) -> TransactionOut:
    """A transaction with what it did."""
    row, transaction = recorded.row, recorded.transaction
    return TransactionOut(
        transaction_id=row.id,
        loan_id=row.loan_id,
        type=transaction.kind,
        date=transaction.on,
        amount=money(transaction.amount_minor, row.currency),
        currency=row.currency,
        split=split_out(recorded.split, row.currency),
        version=recorded.version,
        reversed=row.id in undone,
        reverses=transaction.reverses,
        part=transaction.part,
        payment_id=row.payment_id,
        reason=row.reason,
        actor=row.actor,
        recorded_at=row.recorded_at,
    )


def split_out(split: Split, currency: str) -> SplitOut:
    """Where money went."""
    return SplitOut(
        principal=money(split.principal_minor, currency),
        interest=money(split.interest_minor, currency),
        fees=money(split.fee_minor, currency),
        penalties=money(split.penalty_minor, currency),
        overpaid=money(split.overpaid_minor, currency),
    )


def standing_out(loan: Loan) -> StandingOut:
    """How the loan stands."""
    return StandingOut(
        status=LoanStatus(loan.status),
        outstanding=money(loan.outstanding_minor, loan.currency),
        overpaid=money(loan.overpaid_minor, loan.currency),
        next_due_on=loan.next_due_on,
        days_past_due=loan.days_past_due,
        charged_off_on=loan.charged_off_on,
    )


def schedule_out(loan: Loan, schedule: Sequence[Installment], *, on: date) -> ScheduleOut:
    """A schedule with its totals."""
    return ScheduleOut(
        loan_id=loan.id,
        on=on,
        currency=loan.currency,
        total=money(sum(row.total_minor for row in schedule), loan.currency),
        paid=money(sum(row.paid_minor for row in schedule), loan.currency),
        outstanding=money(sum(row.outstanding_minor for row in schedule), loan.currency),
        installments=[installment_out(row, loan.currency, on) for row in schedule],
    )


def restructure_out(loan: Loan, schedule: Sequence[Installment], *, on: date, order_id: str | None) -> RestructureOut:
    """The schedule that a restructure leads to; a preview when nothing was ordered."""
    shown = schedule_out(loan, schedule, on=on)
    return RestructureOut(
        **shown.model_dump(exclude={"installments"}),
        installments=shown.installments,
        preview=order_id is None,
        transaction_id=order_id,
        forbearance_until=loan.forbearance_until,
    )


def statement_out(loan: Loan, found: LoanStatement, *, known_at: datetime | None) -> StatementOut:
    """The statement as JSON."""
    statement = found.statement
    return StatementOut(
        loan_id=loan.id,
        currency=loan.currency,
        since=statement.since,
        until=statement.until,
        known_at=known_at,
        opening_balance=money(statement.opening_minor, loan.currency),
        closing_balance=money(statement.closing_minor, loan.currency),
        lines=[_line(line, loan, found) for line in statement.lines],
    )


def _line(line: Line, loan: Loan, found: LoanStatement) -> StatementLineOut:
    known = _known(line, found.recorded)
    return StatementLineOut(
        date=line.on,
        transaction_id=line.transaction_id,
        type=kind_of(line, found.recorded),
        amount=money(line.change_minor if known is None else known.transaction.amount_minor, loan.currency),
        split=None if known is None else split_out(known.split, loan.currency),
        change=money(line.change_minor, loan.currency),
        balance=money(line.balance_minor, loan.currency),
        principal_balance=money(line.principal_balance_minor, loan.currency),
        reversed=line.transaction_id in found.reversed,
    )


def _known(line: Line, recorded: Mapping[str, Recorded]) -> Recorded | None:
    return None if line.transaction_id is None else recorded.get(line.transaction_id)
