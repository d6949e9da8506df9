"""What is due next on a loan, and when: reminders, missed days, late fees, dunning, aging.

    due - 3 d   due        + 1 d     + 5 d      + 10 d .. + 45 d     + 31 d, + 61 d, ...
    remind      remind     missed    late fee   dunning 1, 2, 3      aging (bucket, stage)

Each step belongs to one installment that is still open; dunning and aging belong to the oldest. A step carries the
loan's jitter, so that a million loans due on the first do not wake in the same second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256

from models.loan import LoanPosition, OpenInstallment
from models.servicing_plan import PLAN, ServicingPlan

_STALE_AFTER = timedelta(days=1)


class StepKind(StrEnum):
    """What a step does."""

    REMIND = "remind"
    MISSED = "missed"
    LATE_FEE = "late_fee"
    DUN = "dun"
    AGE = "age"
    PENALTY_INTEREST = "penalty_interest"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One thing to do at one moment. Steps are done in order; the last one done is the workflow's cursor."""

    at: datetime
    kind: StepKind
    installment: int
    offset_days: int
    due_on: date


def next_step(position: LoanPosition, *, loan_id: str, now: datetime, after: Step | None) -> Step | None:
    """The earliest step that comes after the cursor, or None when only a message can change the loan.

    A reminder whose day has passed is left out: nobody is reminded of what is already missed.
    """
    plan = position.plan or PLAN
    steps = (
        step
        for step in _steps(position, plan, _jitter(loan_id, plan))
        if (after is None or step > after) and not (step.kind is StepKind.REMIND and step.at + _STALE_AFTER < now)
    )
    return min(steps, default=None)


def _steps(position: LoanPosition, plan: ServicingPlan, jitter: timedelta) -> Iterator[Step]:
    for row in position.open:
        for days in plan.remind_days:
            yield _step(StepKind.REMIND, row, days, jitter + timedelta(hours=plan.remind_hour))
        yield _step(StepKind.MISSED, row, plan.missed_day, jitter)
        yield _step(StepKind.LATE_FEE, row, plan.late_fee_day, jitter)
        for days in plan.penalty_days:
            yield _step(StepKind.PENALTY_INTEREST, row, days, jitter)
    for row in position.open[:1]:
        for days in plan.dunning_days:
            yield _step(StepKind.DUN, row, _not_before(position.promised_on, row, days), jitter)
        for days in plan.aging_days:
            yield _step(StepKind.AGE, row, days, jitter)


def _not_before(promised_on: date | None, row: OpenInstallment, days: int) -> int:
    """A borrower who promised to pay is left alone until the day after the promise."""
    return days if promised_on is None else max(days, (promised_on - row.due_on).days + 1)


def _step(kind: StepKind, row: OpenInstallment, days: int, jitter: timedelta) -> Step:
    at = datetime.combine(row.due_on + timedelta(days=days), time(), UTC) + jitter
    return Step(at, kind, row.number, days, row.due_on)


def _jitter(loan_id: str, plan: ServicingPlan) -> timedelta:
    spread = int.from_bytes(sha256(loan_id.encode()).digest()[:4])
    return timedelta(seconds=spread % plan.jitter_seconds)
