"""When a loan's borrower is reminded, charged and dunned: what a product says of it."""

from dataclasses import dataclass
from decimal import Decimal

from models.errors import Refused
from models.money import rounded

_DAYS_A_YEAR = 365


class InvalidPlan(Refused):
    """Nobody can be reminded, charged or dunned like this; `field` names the setting that is wrong."""


@dataclass(frozen=True, slots=True)
class PenaltyInterest:
    """Interest on what is overdue, charged every so many days once the days of grace have passed.

        overdue principal and interest x annual percent x days / 365

    It is a penal charge: it bears no interest itself, and no penalty.
    """

    annual_percent: Decimal
    grace_days: int = 0
    every_days: int = 7

    def __post_init__(self) -> None:
        for field, holds in {
            "annualPercent": self.annual_percent.is_finite() and self.annual_percent >= 0,
            "graceDays": self.grace_days >= 0,
            "everyDays": self.every_days > 0,
        }.items():
            if not holds:
                raise InvalidPlan(f"No penalty interest has this {field}.", field)

    def days_until(self, last_day: int) -> tuple[int, ...]:
        """The days past due on which it is charged, for the days since the one before."""
        return tuple(range(self.grace_days + self.every_days, last_day + 1, self.every_days))

    def amount_minor(self, overdue_minor: int) -> int:
        """What is charged at a time."""
        return rounded(overdue_minor * self.annual_percent / 100 * self.every_days / _DAYS_A_YEAR)


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
    penalty_interest: PenaltyInterest | None = None
    penalty_days: tuple[int, ...] = ()

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
