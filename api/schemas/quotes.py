"""Terms somebody wants to try, and what a loan on them would cost."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from api.schemas.values import Amount, AmountOrNothing, Country, Currency, Day, Days, In, Line, Number, Out, RatePercent
from models.apr import AprMethod
from models.business_days import BusinessDayRule, InterestAdjustment, Moves
from models.dates import CalculationPeriod, DayCount, Frequency, MonthEnd
from models.fees import FeeBase, FeeTiming
from models.money import Rounding
from models.terms import DeferredInterest, Method, Residual

MOST_INSTALLMENTS = 1200  # a hundred years of months; longer ones are worth no worker's time

Count = Annotated[StrictInt, Field(ge=1, le=MOST_INSTALLMENTS)]
CountOrNone = Annotated[StrictInt, Field(ge=0, le=MOST_INSTALLMENTS)]
Percent = Annotated[RatePercent, Field(le=100)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKEND: tuple[Weekday, ...] = ("saturday", "sunday")


class BusinessDaysIn(In):
    """A calendar: days of the week and dates that are free, and those a country has."""

    rule: BusinessDayRule = BusinessDayRule.FOLLOWING
    weekend: Annotated[tuple[Weekday, ...], Field(max_length=6)] = _WEEKEND
    holidays: Annotated[tuple[Day, ...], Field(max_length=1000)] = ()
    country: Country | None = Field(default=None, description="Its public holidays are free too.")
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,10}$")] | None = None
    moves: Moves = Moves.DUE_DATE
    interest: InterestAdjustment = InterestAdjustment.UNADJUSTED


class FeeIn(In):
    """A flat amount or a percentage: kept back from the disbursement, due with every installment, or on a date."""

    name: Line
    timing: FeeTiming
    amount: AmountOrNothing | None = None
    percent: Percent | None = None
    base: FeeBase = FeeBase.PRINCIPAL
    due_on: Day | None = None


class QuoteIn(In):
    """The terms to try; what is left out is as in the plainest of loans."""

    principal: Amount
    currency: Currency | None = Field(default=None, description="The tenant's, when absent.")
    interest_rate: RatePercent
    installments: Count | None = None
    tenure: Days | None = Field(default=None, description="In days, instead of a number of installments.")
    disbursed_on: Day | None = Field(default=None, description="Today, when absent.")
    method: Method = Method.EQUAL_INSTALLMENT
    frequency: Frequency = Frequency.MONTHS
    every: Count = 1
    due_dates: Annotated[tuple[Day, ...], Field(max_length=MOST_INSTALLMENTS)] = ()
    fixed_length: Count | None = None
    day_count: DayCount = DayCount.THIRTY_360
    calculation_period: CalculationPeriod = CalculationPeriod.DAILY
    rounding: Rounding = Rounding.HALF_EVEN
    rounding_unit: Amount | None = None
    installment_multiple: Amount | None = None
    is_smoothed: bool = False
    residual: Residual = Residual.LAST
    month_end: MonthEnd = MonthEnd.LAST_DAY
    principal_grace: CountOrNone = 0
    interest_grace: CountOrNone = 0
    interest_grace_treatment: DeferredInterest = DeferredInterest.ADDED
    moratorium: CountOrNone = 0
    moratorium_interest: DeferredInterest = DeferredInterest.CAPITALIZED
    down_payment_percent: Percent = Decimal(0)
    balloon: AmountOrNothing = Decimal(0)
    business_days: BusinessDaysIn | None = None
    processing_fee: AmountOrNothing = Decimal(0)
    fees: Annotated[tuple[FeeIn, ...], Field(max_length=50)] = ()
    apr_method: AprMethod | None = Field(default=None, description="By the tenant's country, when absent.")


class QuotedInstallmentOut(Out):
    number: int
    due_on: date
    deadline: date
    principal: Number
    interest: Number
    fees: Number
    total: Number
    balance_after: Number


class QuoteOut(Out):
    """The schedule, and the cost: everything paid back, less everything received."""

    success: bool = True
    principal: Number
    currency: str
    interest_rate: Number
    disbursed_on: date
    disbursed: Number
    method: Method
    installments: int
    apr: Number
    apr_method: AprMethod
    total_interest: Number
    total_fees: Number
    total_repayable: Number
    total_cost: Number
    schedule: list[QuotedInstallmentOut]
