"""What a loan was agreed to be: `LoanTerms`, from which everything that is owed follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from models.business_days import BusinessDays, InterestAdjustment
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd, due_dates
from models.errors import Refused
from models.fees import Fee, FeeTiming
from models.installment import Installment, InstallmentStatus
from models.money import Rounding, exponent_of, rounded_to
from models.rates import Basis, period_rates, unit_rate

__all__ = [
    "DeferredInterest",
    "Installment",
    "InstallmentStatus",
    "InvalidTerms",
    "LoanTerms",
    "Method",
    "Residual",
]

MOST_INSTALLMENTS = 3660  # ten years of days
_MOST_PERCENT = 100_000


class InvalidTerms(Refused):
    """No loan can be made on these terms; `field` names the one that is wrong."""


class Method(StrEnum):
    """How principal and interest are spread over the installments; `models.amortization` has the formulas."""

    EQUAL_INSTALLMENT = "equal_installment"
    EQUAL_PRINCIPAL = "equal_principal"
    FLAT = "flat"
    FLAT_TOTAL_SPREAD = "flat_total_spread"
    FLAT_EQUAL_PARTS = "flat_equal_parts"
    BALLOON = "balloon"  # equal installments that leave a residual to the last
    INTEREST_ONLY = "interest_only"  # the principal comes back with the last interest
    BULLET = "bullet"  # one installment, principal and interest, at the end


class Residual(StrEnum):
    """Which installment takes what rounding leaves over."""

    LAST = "last"
    FIRST = "first"
    SPREAD = "spread"  # each installment is worked out anew from what is still owed


class DeferredInterest(StrEnum):
    """What becomes of interest that is not asked for when it arises."""

    ADDED = "added"  # to the interest of the first installment that bears any; grace leaves the installment as it is
    ON_TOP = "on_top"  # the same on top of that installment, for which the free ones are smaller
    CAPITALIZED = "capitalized"  # to the balance, and it bears interest itself
    FORGIVEN = "forgiven"


_WITHOUT_GRACE = (Method.INTEREST_ONLY, Method.BULLET)


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """The terms of a loan. Fees at disbursement are kept back from it; a down payment is made the same day.

    Grace on principal leaves interest-only installments at the beginning, grace on interest installments without
    interest, a moratorium installments without either.
    """

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
    interest_grace_installments: int = 0
    interest_grace: DeferredInterest = DeferredInterest.ADDED
    moratorium_installments: int = 0
    moratorium_interest: DeferredInterest = DeferredInterest.CAPITALIZED
    down_payment_percent: Decimal = Decimal(0)
    balloon_minor: int = 0
    custom_due_dates: tuple[date, ...] = ()
    fixed_length: int | None = None  # days, weeks or months from the disbursement to the last due date
    business_days: BusinessDays | None = None
    residual: Residual = Residual.LAST
    rounding_unit_minor: int = 1
    fees: tuple[Fee, ...] = ()

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        for field, holds in self._conditions():
            if not holds:
                raise InvalidTerms(f"No loan has {field.replace('_', ' ')} {getattr(self, field)}.", field)

    def _conditions(self) -> Iterator[tuple[str, bool]]:
        """What must hold, by the field that is to blame where it does not."""
        yield "principal_minor", self.principal_minor > 0
        rate, down = self.annual_rate_percent, self.down_payment_percent
        yield "annual_rate_percent", rate.is_finite() and 0 <= rate <= _MOST_PERCENT
        yield "installments", 0 < self.installments <= MOST_INSTALLMENTS
        yield "every", self.every > 0
        multiple = self.installment_multiple_minor
        yield "installment_multiple_minor", multiple is None or multiple > 0
        yield "rounding_unit_minor", self.rounding_unit_minor > 0
        yield "processing_fee_minor", 0 <= self.processing_fee_minor < self.principal_minor
        yield "fees", self.disbursed_minor > 0
        yield "down_payment_percent", down.is_finite() and 0 <= down < 100  # noqa: PLR2004 - percent
        yield from self._grace_conditions()
        yield "balloon_minor", 0 <= self.balloon_minor < self.principal_minor
        yield "balloon_minor", (self.balloon_minor > 0) == (self.method is Method.BALLOON)
        custom = self.frequency is Frequency.CUSTOM
        yield "custom_due_dates", len(self.custom_due_dates) == (self.installments if custom else 0)
        yield "custom_due_dates", list(self.custom_due_dates) == sorted(set(self.custom_due_dates))
        yield "fixed_length", self.fixed_length is None or (self.fixed_length > 0 and not custom)

    def _grace_conditions(self) -> Iterator[tuple[str, bool]]:
        moratorium = self.moratorium_installments
        most = 0 if self.method in _WITHOUT_GRACE else self.installments - 1
        yield "moratorium_installments", 0 <= moratorium <= most
        yield "principal_grace_installments", 0 <= self.principal_grace_installments <= most - moratorium
        yield "interest_grace_installments", 0 <= self.interest_grace_installments <= most - moratorium
        yield "interest_grace", self.interest_grace is not DeferredInterest.CAPITALIZED

    @property
    def disbursed_minor(self) -> int:
        """What the borrower receives."""
        return self.principal_minor - self.withheld_minor

    @property
    def withheld_minor(self) -> int:
        """The fees kept back from the disbursement."""
        return self.processing_fee_minor + sum(
            self.fee_minor(fee) for fee in self.fees if fee.timing is FeeTiming.DISBURSEMENT
        )

    def fee_minor(self, fee: Fee, *, installment_minor: int = 0) -> int:
        """What a fee amounts to, with an installment of this much where it is a part of one."""
        exact = fee.exact_minor(principal_minor=self.principal_minor, installment_minor=installment_minor)
        return rounded_to(exact, self.rounding_unit_minor, self.rounding)

    def due_dates(self, *, disbursed_on: date) -> tuple[date, ...]:
        """When each installment is due, the down payment aside."""
        unmoved = self._unmoved_dates(disbursed_on)
        if self.business_days is None:
            return unmoved
        due = tuple(self.business_days.due_on(day) for day in unmoved)
        if any(later <= earlier for earlier, later in pairwise((disbursed_on, *due))):
            raise InvalidTerms("Two installments would fall on one business day.", "business_days")
        return due

    def period_rates(self, *, disbursed_on: date) -> tuple[Decimal, ...]:
        """r_k, the interest on one unit of balance over each period: annual rate times year fraction."""
        count, every = self.installments, self.every
        if self.method is Method.BULLET:
            count, every = 1, every * count
        regular = self._regular_periods(count)
        basis = Basis(self.annual_rate_percent, self.frequency, every, self.day_count, self.calculation_period)
        if regular == count and basis.is_by_unit:
            rates = (unit_rate(basis),) * count
        else:
            rates = period_rates(basis, disbursed_on, self._interest_dates(disbursed_on), regular)
        if self.interest_grace is DeferredInterest.FORGIVEN:
            first = self.moratorium_installments
            free = self.interest_grace_installments
            return rates[:first] + (Decimal(0),) * free + rates[first + free :]
        return rates

    def _regular_periods(self, count: int) -> int:
        """How many periods have the agreed length, whatever their dates."""
        adjusts = self.business_days is not None and self.business_days.interest is InterestAdjustment.ADJUSTED
        if adjusts or self.frequency is Frequency.CUSTOM:
            return 0
        return count if self.fixed_length is None else count - 1

    def _interest_dates(self, disbursed_on: date) -> tuple[date, ...]:
        if self.business_days is not None and self.business_days.interest is InterestAdjustment.ADJUSTED:
            return self.due_dates(disbursed_on=disbursed_on)
        return self._unmoved_dates(disbursed_on)

    def nominal_days(self, *, disbursed_on: date) -> int:
        """The days of the first period before any business day moved its end."""
        return (self._unmoved_dates(disbursed_on)[0] - disbursed_on).days

    def _unmoved_dates(self, disbursed_on: date) -> tuple[date, ...]:
        try:
            due = self._regular_dates(disbursed_on)
            if self.fixed_length is not None:
                (end,) = due_dates(disbursed_on, frequency=self.frequency, every=self.fixed_length, count=1)
                due = (*due[:-1], end)
        except (OverflowError, ValueError):
            raise InvalidTerms("The last installment would be due after the year 9999.", "every") from None
        if self.fixed_length is not None and list(due) != sorted(set(due)):
            raise InvalidTerms("The loan would end before its other installments are due.", "fixed_length")
        if due[0] <= disbursed_on:
            raise InvalidTerms("An installment would be due before the disbursement.", "custom_due_dates")
        return due[-1:] if self.method is Method.BULLET else due

    def _regular_dates(self, disbursed_on: date) -> tuple[date, ...]:
        if self.frequency is Frequency.CUSTOM:
            return self.custom_due_dates
        return due_dates(
            disbursed_on,
            frequency=self.frequency,
            every=self.every,
            count=self.installments,
            month_end=self.month_end,
        )
