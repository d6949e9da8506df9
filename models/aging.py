"""What a day makes of a loan in arrears, by its product and by the law it is lent under."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.delinquency import Pause, bucket_for, days_since, ifrs_stage, is_charge_off_due, non_accrual_since
from models.product import LoanProduct


@dataclass(frozen=True, slots=True)
class Known:
    """What was said of the loan before, and the forbearance it was granted; what comes next depends on it."""

    classification: str | None = None
    non_accrual_since: date | None = None
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Aging:
    """How old the arrears are, and what follows from it."""

    days_past_due: int
    bucket: str
    ifrs_stage: int
    classification: str | None
    non_accrual_since: date | None
    is_charge_off_due: bool


def aging_of(oldest_due_on: date | None, on: date, *, product: LoanProduct, known: Known) -> Aging:
    """The aging of a loan whose oldest unpaid installment was due on a day, or that has none."""
    rules, law = product.delinquency, product.rules(on=on).classification
    days = days_since(oldest_due_on, on, grace_days=rules.aging_grace_days, pauses=known.pauses)
    overdue = oldest_due_on is not None and oldest_due_on <= on
    return Aging(
        days_past_due=days,
        bucket=bucket_for(days, rules),
        ifrs_stage=ifrs_stage(days, rules),
        classification=law.class_of(days, is_overdue=overdue, before=known.classification).name if law else None,
        non_accrual_since=non_accrual_since(days, known.non_accrual_since, on=on, rules=rules),
        is_charge_off_due=is_charge_off_due(days, rules),
    )


def oldest_unpaid(due: Sequence[tuple[date, int]]) -> date | None:
    """The oldest date on which something was due of which something is still outstanding."""
    return min((due_on for due_on, outstanding_minor in due if outstanding_minor > 0), default=None)
