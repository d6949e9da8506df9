"""Where a payment goes, as data: in which order it pays what is past due, due and in advance, part by part.

stage          the installments of some due buckets, paid before those of the next stage
horizontal     all parts of one installment, then the next installment
vertical       one part of every installment, then the next part
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from models.errors import Refused


class InvalidAllocationOrder(Refused):
    """The order does not name every part of every due bucket once."""


class Part(StrEnum):
    """What an installment is made of."""

    PENALTY = "penalty"
    FEE = "fee"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class DueBucket(StrEnum):
    """When an installment is due, seen from the day of a payment: before it, on it, after it."""

    PAST_DUE = "past_due"
    DUE = "due"
    IN_ADVANCE = "in_advance"


class Processing(StrEnum):
    """Installment by installment, or part by part."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


class InAdvance(StrEnum):
    """Where money goes that nothing due is waiting for."""

    NEXT_INSTALLMENT = "next_installment"
    LAST_INSTALLMENT = "last_installment"
    NEXT_LAST_INSTALLMENT = "next_last_installment"  # the running one, then from the last backward
    REAMORTIZATION = "reamortization"  # equal shares for all that are ahead
    REDUCE_INSTALLMENT = "reduce_installment"  # a prepayment of principal; the installments ahead become smaller
    REDUCE_TERM = "reduce_term"  # a prepayment of principal; the installments stay, and the last ones fall away


class LateCountsFrom(StrEnum):
    """From which day principal that is paid late lowers the balance that bears interest."""

    PAYMENT_DATE = "payment_date"
    DUE_DATE = "due_date"


@dataclass(frozen=True, slots=True)
class Stage:
    """The installments of these due buckets are paid together, in this order of parts.

    Where charges have their own day, one is due on it even inside an installment that is due later.
    """

    buckets: frozenset[DueBucket]
    parts: tuple[Part, ...]
    processing: Processing = Processing.HORIZONTAL
    charges_by_own_day: bool = False


_PREPAYING = frozenset({InAdvance.REDUCE_INSTALLMENT, InAdvance.REDUCE_TERM})
_LENDING = (Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL)
_DUE = frozenset({DueBucket.PAST_DUE, DueBucket.DUE})
_AHEAD = frozenset({DueBucket.IN_ADVANCE})


def in_order(order: Sequence[tuple[DueBucket, Part]], processing: Processing) -> tuple[Stage, ...]:
    """The stages of an order that names each part of each bucket once.

    Raises `InvalidAllocationOrder`.
    """
    if len(order) != len(set(order)) or len(order) != len(DueBucket) * len(Part):
        raise InvalidAllocationOrder("The order must name each part of each due bucket once.", "allocation.order")
    return tuple(
        Stage(frozenset({bucket}), tuple(part for _, part in entries), processing)
        for bucket, entries in groupby(order, key=lambda entry: entry[0])
    )


def by_bucket(parts: Sequence[Part] = _LENDING, processing: Processing = Processing.HORIZONTAL) -> tuple[Stage, ...]:
    """Past due, due, in advance, with one order of parts in all of them."""
    return in_order([(bucket, part) for bucket in DueBucket for part in parts], processing)


def due_first(due: tuple[Part, ...], in_advance: tuple[Part, ...]) -> tuple[Stage, ...]:
    """Everything that is due part by part, then installment by installment in advance. Source: Apache Fineract."""
    return Stage(_DUE, due, Processing.VERTICAL, charges_by_own_day=True), Stage(_AHEAD, in_advance)


# Strategies of Apache Fineract by the names it gives them; each is a value of `RepaymentPolicy.stages`.
STRATEGIES = {
    "mifos-standard-strategy": (Stage(_DUE | _AHEAD, _LENDING),),
    "due-penalty-fee-interest-principal-in-advance-principal-penalty-fee-interest-strategy": due_first(
        _LENDING, (Part.PRINCIPAL, Part.PENALTY, Part.FEE, Part.INTEREST)
    ),
    "due-penalty-interest-principal-fee-in-advance-penalty-interest-principal-fee-strategy": due_first(
        (Part.PENALTY, Part.INTEREST, Part.PRINCIPAL, Part.FEE), (Part.PENALTY, Part.INTEREST, Part.PRINCIPAL, Part.FEE)
    ),
    "rbi-india-strategy": due_first(
        (Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL), (Part.PRINCIPAL, Part.PENALTY, Part.FEE, Part.INTEREST)
    ),
}


@dataclass(frozen=True, slots=True)
class RepaymentPolicy:
    """How a product takes money: the stages it pays, what becomes of money in advance, and whether interest follows.

    With `recalculates_interest` it runs by the day on what is really owed: less after an early payment, more while
    principal is overdue. Without, it stays as scheduled, except that a prepayment saves what it would have cost.
    """

    stages: tuple[Stage, ...] = field(default_factory=by_bucket)
    in_advance: InAdvance = InAdvance.REDUCE_INSTALLMENT
    recalculates_interest: bool = False
    late_counts_from: LateCountsFrom = LateCountsFrom.PAYMENT_DATE

    @property
    def prepays(self) -> bool:
        """Whether money ahead of a schedule that stays as it is saves the interest it would have cost."""
        return self.in_advance in _PREPAYING and not self.recalculates_interest
