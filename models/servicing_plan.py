"""When a loan's borrower is reminded, charged and dunned: what a product says of it."""

from dataclasses import dataclass
from decimal import Decimal

from models.errors import Refused
from models.money import rounded


class InvalidPlan(Refused):
    """Nobody can be reminded, charged or dunned like this; `field` names the setting that is wrong."""


@dataclass(frozen=True, slots=True)
class ServicingPlan:
    """Days count from an installment's due date. The late fee is a share of what is overdue, or an amount."""

    remind_days: tuple[int, ...] = (-3, 0)
    remind_hour: int = 8
    missed_day: int = 1
    late_fee_day: int = 5
    late_fee_percent: Decimal = Decimal("2.5")
    dunning_days: tuple[int, ...] = (10, 20, 45)
    aging_days: tuple[int, ...] = (31, 61, 91, 121, 151, 181)
    jitter_seconds: int = 7200
    late_fee_flat_minor: int | None = None

    def __post_init__(self) -> None:
        for field, holds in {
            "remindDays": all(days <= 0 for days in self.remind_days),
            "remindHour": self.remind_hour in range(24),
            "missedDay": self.missed_day > 0,
            "lateFeeDay": self.late_fee_day > 0,
            "lateFeePercent": self.late_fee_percent.is_finite() and self.late_fee_percent >= 0,
            "dunningDays": all(days > 0 for days in self.dunning_days),
            "agingDays": all(days > 0 for days in self.aging_days),
            "jitterSeconds": self.jitter_seconds > 0,
            "lateFeeAmount": self.late_fee_flat_minor is None or self.late_fee_flat_minor >= 0,
        }.items():
            if not holds:
                raise InvalidPlan(f"No loan can be served by this {field}.", field)

    def late_fee_minor(self, overdue_minor: int) -> int:
        """The late fee on an overdue amount, in minor units; on nothing overdue there is none."""
        if self.late_fee_flat_minor is not None:
            return self.late_fee_flat_minor if overdue_minor > 0 else 0
        return rounded(overdue_minor * self.late_fee_percent / 100)


PLAN = ServicingPlan()
