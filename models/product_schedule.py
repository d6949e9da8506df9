"""How the loans of a product are paid back: everything about a schedule that the borrower does not choose."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from models.business_days import BusinessDays
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.errors import Refused
from models.fees import Fee
from models.money import Rounding, rounded
from models.terms import DeferredInterest, LoanTerms, Method, Residual


class InvalidSchedule(Refused):
    """No loan can be paid back like this; `field` names the setting that is wrong."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the borrower and the lender have agreed on within the product's ranges."""

    principal_minor: int
    currency: str
    annual_rate_percent: Decimal
    installments: int
    disbursed_on: date
    processing_fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class ScheduleRules:
    """The settings of a schedule; see `models.terms` for what each means.

    `custom_days` are the days after the disbursement on which loans of a custom frequency are due.
    """

    method: Method = Method.EQUAL_INSTALLMENT
    frequency: Frequency = Frequency.MONTHS
    every: int = 1
    custom_days: tuple[int, ...] = ()
    day_count: DayCount = DayCount.THIRTY_360
    calculation_period: CalculationPeriod = CalculationPeriod.DAILY
    rounding: Rounding = Rounding.HALF_EVEN
    rounding_unit_minor: int = 1
    installment_multiple_minor: int | None = None
    is_smoothed: bool = False
    residual: Residual = Residual.LAST
    month_end: MonthEnd = MonthEnd.LAST_DAY
    principal_grace: int = 0
    interest_grace: int = 0
    interest_grace_treatment: DeferredInterest = DeferredInterest.ADDED
    moratorium: int = 0
    moratorium_interest: DeferredInterest = DeferredInterest.CAPITALIZED
    down_payment_percent: Decimal = Decimal(0)
    balloon_percent: Decimal = Decimal(0)
    business_days: BusinessDays | None = None
    fees: tuple[Fee, ...] = ()

    def __post_init__(self) -> None:
        is_custom = self.frequency is Frequency.CUSTOM
        for field, holds in {
            "every": self.every > 0,
            "customDays": bool(self.custom_days) == is_custom
            and all(days > 0 for days in self.custom_days)
            and list(self.custom_days) == sorted(set(self.custom_days)),
            "balloonPercent": 0 <= self.balloon_percent < 100  # noqa: PLR2004 - percent
            and (self.balloon_percent > 0) == (self.method is Method.BALLOON),
        }.items():
            if not holds:
                raise InvalidSchedule(f"No loan can be paid back by this {field}.", field)

    def installments_for(self, tenure_days: int) -> int:
        """The installments of a tenure, to the nearest and at least one: 365 days are 12 months or 52 weeks."""
        if self.frequency is Frequency.CUSTOM:
            return max(1, sum(1 for days in self.custom_days if days <= tenure_days))
        years, days = {Frequency.DAYS: (1, 1), Frequency.WEEKS: (1, 7)}.get(self.frequency, (12, 365))
        return max(1, (2 * years * tenure_days + days * self.every) // (2 * days * self.every))

    def terms(self, choices: Choices) -> LoanTerms:
        """The terms of the loan that comes of these choices. A fee on a date is for loans that run on it."""
        terms = self._terms(choices)
        if all(fee.on is None for fee in self.fees):
            return replace(terms, fees=self.fees)
        last = terms.due_dates(disbursed_on=choices.disbursed_on)[-1]
        fees = (fee for fee in self.fees if fee.on is None or choices.disbursed_on < fee.on <= last)
        return replace(terms, fees=tuple(fees))

    def _terms(self, choices: Choices) -> LoanTerms:
        is_custom = self.frequency is Frequency.CUSTOM
        due = (choices.disbursed_on + timedelta(days) for days in self.custom_days[: choices.installments])
        return LoanTerms(
            principal_minor=choices.principal_minor,
            currency=choices.currency,
            annual_rate_percent=choices.annual_rate_percent,
            installments=choices.installments,
            frequency=self.frequency,
            every=self.every,
            method=self.method,
            day_count=self.day_count,
            calculation_period=self.calculation_period,
            rounding=self.rounding,
            installment_multiple_minor=self.installment_multiple_minor,
            processing_fee_minor=choices.processing_fee_minor,
            month_end=self.month_end,
            principal_grace_installments=self.principal_grace,
            smoothed=self.is_smoothed,
            interest_grace_installments=self.interest_grace,
            interest_grace=self.interest_grace_treatment,
            moratorium_installments=self.moratorium,
            moratorium_interest=self.moratorium_interest,
            down_payment_percent=self.down_payment_percent,
            balloon_minor=rounded(choices.principal_minor * self.balloon_percent / 100),
            custom_due_dates=tuple(due) if is_custom else (),
            business_days=self.business_days,
            residual=self.residual,
            rounding_unit_minor=self.rounding_unit_minor,
        )
