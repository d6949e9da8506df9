"""What a loan was agreed to be (`LoanTerms`), and one row of what is owed because of it (`Installment`)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd, due_dates, even_year_fraction, year_fractions
from models.errors import Refused
from models.money import Rounding, exponent_of


class InvalidTerms(Refused):
    """No loan can be made on these terms; `field` names the one that is wrong."""


class Method(StrEnum):
    """How principal and interest are spread over the installments; see `models.amortization` for the formulas."""

    EQUAL_INSTALLMENT = "equal_installment"
    FLAT = "flat"
    FLAT_TOTAL_SPREAD = "flat_total_spread"


class InstallmentStatus(StrEnum):
    """How an installment stands on a day."""

    PENDING = "pending"
    DUE = "due"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """The terms of a loan. The processing fee is kept back from the disbursement."""

    principal_minor: int
    currency: str
    annual_rate_percent: Decimal
    installments: int
    frequency: Frequency = Frequency.MONTHS
    every: int = 1
    method: Method = Method.EQUAL_INSTALLMENT
    day_count: DayCount = DayCount.THIRTY_360
    calculation_period: CalculationPeriod = CalculationPeriod.DAILY
    rounding: Rounding = Rounding.HALF_EVEN
    installment_multiple_minor: int | None = None
    processing_fee_minor: int = 0
    month_end: MonthEnd = MonthEnd.LAST_DAY
    principal_grace_installments: int = 0
    smoothed: bool = False

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        most_grace = self.installments - 1 if self.method is Method.EQUAL_INSTALLMENT else 0
        for field, holds in {
            "principal_minor": self.principal_minor > 0,
            "annual_rate_percent": self.annual_rate_percent.is_finite() and self.annual_rate_percent >= 0,
            "installments": self.installments > 0,
            "every": self.every > 0,
            "installment_multiple_minor": self.installment_multiple_minor is None
            or self.installment_multiple_minor > 0,
            "processing_fee_minor": 0 <= self.processing_fee_minor < self.principal_minor,
            "principal_grace_installments": 0 <= self.principal_grace_installments <= most_grace,
        }.items():
            if not holds:
                raise InvalidTerms(f"No loan has {field.replace('_', ' ')} {getattr(self, field)}.", field)

    @property
    def disbursed_minor(self) -> int:
        """What the borrower receives."""
        return self.principal_minor - self.processing_fee_minor

    def due_dates(self, *, disbursed_on: date) -> tuple[date, ...]:
        """When each installment is due."""
        return due_dates(
            disbursed_on,
            frequency=self.frequency,
            every=self.every,
            count=self.installments,
            month_end=self.month_end,
        )

    def period_rates(self, *, disbursed_on: date) -> tuple[Decimal, ...]:
        """r_k, the interest on one unit of balance over each period: annual rate times year fraction."""
        if self.calculation_period is CalculationPeriod.SAME_AS_REPAYMENT_PERIOD:
            fractions = (even_year_fraction(self.frequency, self.every),) * self.installments
        else:
            fractions = year_fractions(
                disbursed_on,
                self.due_dates(disbursed_on=disbursed_on),
                frequency=self.frequency,
                every=self.every,
                day_count=self.day_count,
            )
        return tuple(self.annual_rate_percent / 100 * fraction for fraction in fractions)


@dataclass(frozen=True, slots=True)
class Installment:
    """One row of a schedule: what is due by part, what of it is paid, and the day nothing was left."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int = 0
    penalty_minor: int = 0
    principal_paid_minor: int = 0
    interest_paid_minor: int = 0
    fee_paid_minor: int = 0
    penalty_paid_minor: int = 0
    settled_on: date | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.principal_paid_minor <= self.principal_minor, self
        assert 0 <= self.interest_paid_minor <= self.interest_minor, self
        assert 0 <= self.fee_paid_minor <= self.fee_minor, self
        assert 0 <= self.penalty_paid_minor <= self.penalty_minor, self

    @property
    def total_minor(self) -> int:
        """Everything due with this installment, paid or not."""
        return self.principal_minor + self.interest_minor + self.fee_minor + self.penalty_minor

    @property
    def paid_minor(self) -> int:
        """What has been paid of it."""
        return self.principal_paid_minor + self.interest_paid_minor + self.fee_paid_minor + self.penalty_paid_minor

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid of it."""
        return self.total_minor - self.paid_minor

    @property
    def principal_outstanding_minor(self) -> int:
        """The principal still to be paid with it."""
        return self.principal_minor - self.principal_paid_minor

    @property
    def interest_outstanding_minor(self) -> int:
        """The interest still to be paid with it."""
        return self.interest_minor - self.interest_paid_minor

    @property
    def fee_outstanding_minor(self) -> int:
        """The fees still to be paid with it."""
        return self.fee_minor - self.fee_paid_minor

    @property
    def penalty_outstanding_minor(self) -> int:
        """The penalties still to be paid with it."""
        return self.penalty_minor - self.penalty_paid_minor

    def status_on(self, day: date) -> InstallmentStatus:
        """How the installment stands on a day. A row that a payoff left with nothing to pay counts as waived."""
        if self.total_minor == 0:
            return InstallmentStatus.WAIVED
        if self.outstanding_minor == 0:
            return InstallmentStatus.PAID
        if self.due_on < day:
            return InstallmentStatus.OVERDUE
        if self.paid_minor > 0:
            return InstallmentStatus.PARTIALLY_PAID
        return InstallmentStatus.DUE if self.due_on == day else InstallmentStatus.PENDING
