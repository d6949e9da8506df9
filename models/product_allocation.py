"""How a product says where payments go: by one of the well-known strategies, or by an order of its own."""

from dataclasses import dataclass

from models.allocation import (
    STRATEGIES,
    DueBucket,
    InAdvance,
    InvalidAllocationOrder,
    LateCountsFrom,
    Part,
    Processing,
    RepaymentPolicy,
    Stage,
    by_bucket,
    in_order,
)

_SHORT = tuple(Part)


@dataclass(frozen=True, slots=True)
class AllocationRules:
    """A strategy by its name, or an order: of the four parts for money of every kind, or of each part by due bucket.

    `penalty, fee, interest, principal` is short for twelve entries that begin with `past_due.penalty`.
    """

    strategy: str | None = None
    order: tuple[str, ...] = _SHORT
    processing: Processing = Processing.HORIZONTAL
    in_advance: InAdvance = InAdvance.REDUCE_INSTALLMENT
    recalculates_interest: bool = False
    late_counts_from: LateCountsFrom = LateCountsFrom.PAYMENT_DATE

    def __post_init__(self) -> None:
        if self.strategy is not None and self.strategy not in STRATEGIES:
            raise InvalidAllocationOrder(f"There is no strategy {self.strategy}.", "strategy")
        if self.strategy is not None and self.order != _SHORT:
            raise InvalidAllocationOrder("A strategy has an order of its own.", "order")
        self._stages()

    @property
    def policy(self) -> RepaymentPolicy:
        """The same as the values a replay works by."""
        return RepaymentPolicy(self._stages(), self.in_advance, self.recalculates_interest, self.late_counts_from)

    def _stages(self) -> tuple[Stage, ...]:
        if self.strategy is not None:
            return STRATEGIES[self.strategy]
        try:
            if len(self.order) == len(_SHORT):
                return by_bucket([Part(part) for part in self.order], self.processing)
            split = [entry.partition(".") for entry in self.order]
            return in_order([(DueBucket(bucket), Part(part)) for bucket, _, part in split], self.processing)
        except (ValueError, InvalidAllocationOrder):
            raise InvalidAllocationOrder("The order must name each part of each due bucket once.", "order") from None
