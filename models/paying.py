"""Taking one payment: through the stages of the product's policy, then ahead of the schedule, then into credit."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from models.allocation import DueBucket, Part, Stage
from models.debt import Debt, Payment, crossed
from models.paying_ahead import pay_ahead
from models.rows import Row
from models.transactions import Split


def pay(debt: Debt, amount_minor: int, on: date) -> Split:
    """Pay what is due, then ahead; what no row takes is overpaid, never swallowed."""
    debt.bring_to(on)
    paying = Payment(amount_minor, on, debt)
    for stage in debt.policy.stages:
        for take in _targets(stage, debt.rows, on):
            if not paying.left_minor:
                break
            paying.take(*take)
        if DueBucket.IN_ADVANCE in stage.buckets and paying.left_minor:
            pay_ahead(debt, paying, stage)
    for day, minor in paying.principal_by_day.items():
        debt.balance.repay(day, minor)
    _close_paid(debt.rows)
    debt.bring_to(on)
    return paying.split


def _targets(stage: Stage, rows: Sequence[Row], on: date) -> Iterator[tuple[Row, Part, int]]:
    """What a stage pays of the debt that is due: in its order, each with what it wants when its turn comes."""
    due = [row for row in rows if row.due_on <= on and _bucket(row, on) in stage.buckets]
    if stage.charges_by_own_day:
        for part in stage.parts:
            for row in rows:
                yield row, part, row.outstanding_by(part, on)
        return
    yield from crossed(due, stage)


def _bucket(row: Row, on: date) -> DueBucket:
    return DueBucket.PAST_DUE if row.due_on < on else DueBucket.DUE


def _close_paid(rows: Iterable[Row]) -> None:
    """An installment that was paid in full has cost what it cost, early or not."""
    for row in rows:
        if not row.closed and (row.paid[Part.PRINCIPAL] or row.paid[Part.INTEREST]):
            row.closed = not row.is_open
