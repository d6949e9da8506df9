"""A loan product: everything a lender decides once, so that a borrower has but little to choose.

ranges      what may be chosen: principal, rate, installments
schedule    how it is paid back, with which fees
policy      where a payment goes
servicing   when the borrower is reminded, charged a late fee and dunned
delinquency how arrears are aged, when interest stops, when the loan counts as lost
cooling off how long the borrower may think again
window      how long lenders may decide on an application for it
chain       whether its loans are on chain, and on which conditions
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product as combinations

from models.allocation import InAdvance, RepaymentPolicy
from models.amortization import schedule_for
from models.apr import AprMethod
from models.business_days import BusinessDays
from models.dates import Frequency
from models.delinquency import RULES, DelinquencyRules
from models.document import located
from models.errors import Refused
from models.fees import FeeTiming
from models.jurisdiction_tables import rules
from models.jurisdictions import Jurisdiction, License, Rules
from models.money import formatted
from models.product_allocation import AllocationRules
from models.product_chain import MOST_PERCENT, ChainRules
from models.product_schedule import Choices, ScheduleRules
from models.ranges import Range
from models.servicing_plan import PLAN, PenaltyInterest, ServicingPlan
from models.terms import LoanTerms

_ONE_DAY = timedelta(days=1)
_A_YEAR = 366
WINDOW_HOURS = range(1, 721)
_EVERY_DAY_BUT_WEEKENDS = BusinessDays()
_MONTHLY = ScheduleRules()
_ALLOCATION = AllocationRules()
_IN_TERMS = {
    "principal_minor": "principal",
    "annual_rate_percent": "annualRate",
    "installments": "installments",
    "installment_multiple_minor": "schedule.installmentMultiple",
    "rounding_unit_minor": "schedule.roundingUnit",
    "principal_grace_installments": "schedule.principalGrace",
    "interest_grace_installments": "schedule.interestGrace",
    "interest_grace": "schedule.interestGraceTreatment",
    "moratorium_installments": "schedule.moratorium",
    "down_payment_percent": "schedule.downPaymentPercent",
    "balloon_minor": "schedule.balloonPercent",
    "custom_due_dates": "schedule.customDays",
    "business_days": "schedule.businessDays",
    "every": "schedule.every",
    "fees": "schedule.fees",
}


class InvalidProduct(Refused):
    """Nobody can lend like this; `field` names the setting that is wrong."""


class CurrencyNotLent(Refused):
    """The product is lent in another currency."""


@dataclass(frozen=True, slots=True)
class CoolingOffPeriod:
    """The days in which the borrower may go back on the loan; the money leaves when they have passed."""

    days: int
    working_days: bool = False

    def __post_init__(self) -> None:
        if self.days < 0:
            raise InvalidProduct("The days to think again are not fewer than none.", "days")

    def last_day(self, agreed_on: date, calendar: BusinessDays | None) -> date:
        """The last of the days that follow the agreement; of working days only, where they are the measure."""
        if not self.working_days:
            return agreed_on + timedelta(days=self.days)
        calendar, day, left = calendar or _EVERY_DAY_BUT_WEEKENDS, agreed_on, self.days
        while left:
            day += _ONE_DAY
            left -= calendar.is_business_day(day)
        return day


@dataclass(frozen=True, slots=True)
class LoanProduct:
    """The settings of a product. Without a currency of its own it is lent in any."""

    name: str
    principal: Range[int]
    annual_rate_percent: Range[Decimal]
    installments: Range[int]
    currency: str | None = None
    jurisdiction: Jurisdiction | None = None
    license: License | None = None
    schedule: ScheduleRules = _MONTHLY
    allocation: AllocationRules = _ALLOCATION
    servicing: ServicingPlan = PLAN
    penalty_interest: PenaltyInterest | None = None
    delinquency: DelinquencyRules = RULES
    cooling_off: CoolingOffPeriod | None = None
    bidding_window_hours: int | None = None
    chain: ChainRules | None = None

    @property
    def policy(self) -> RepaymentPolicy:
        """How it takes money."""
        return self.allocation.policy

    @property
    def plan(self) -> ServicingPlan:
        """When what is done for a loan: the arrears are looked at on the day they enter another bucket."""
        aging, penalty = self.delinquency, self.penalty_interest
        ends = [bucket.up_to_days for bucket in aging.buckets if bucket.up_to_days]
        return replace(
            self.servicing,
            aging_days=tuple(days + 1 + aging.aging_grace_days for days in ends),
            penalty_interest=penalty,
            penalty_days=penalty.days_until(aging.charge_off_days) if penalty else (),
        )

    def rules(self, *, on: date) -> Rules:
        """The law under which it is lent on a day."""
        return rules(self.jurisdiction, self.license, on=on)

    def apr_method(self, *, on: date) -> AprMethod:
        """How its annual percentage rate is reckoned; as in the United States where no law says."""
        prescribed = self.rules(on=on).apr_method
        return prescribed.method if prescribed else AprMethod.US_REG_Z

    @property
    def prepayment(self) -> InAdvance:
        """What money before its time does; it costs nothing extra."""
        return self.allocation.in_advance

    def terms(self, choices: Choices) -> LoanTerms:
        """The terms of a loan of this product."""
        return self.schedule.terms(choices)

    def check_request(self, amount_minor: int, currency: str, tenure_days: int) -> None:
        """Refuse an application for what the product does not lend."""
        if self.currency not in (None, currency):
            raise CurrencyNotLent(f"This product is lent in {self.currency}.", "loanApplication.currency")
        field = "loanApplication.requestedAmount"
        self.principal.check(amount_minor, field=field, shown=lambda minor: formatted(minor, currency))
        count = self.schedule.installments_for(tenure_days)
        self.installments.check(count, field="loanApplication.tenure", shown=lambda many: f"{many} installments")

    def check(self, *, on: date) -> None:
        """Refuse a product that the law forbids, or of which some loan within its ranges cannot be made."""
        law = self.rules(on=on)
        law.check_rate(self.annual_rate_percent.maximum, field="annualRate.maximum")
        period = self.cooling_off or CoolingOffPeriod(0)
        law.check_cooling_off(period.days, working_days=period.working_days, field="coolingOff")
        if self.bidding_window_hours is not None and self.bidding_window_hours not in WINDOW_HOURS:
            raise InvalidProduct(f"Lenders decide in 1 to {WINDOW_HOURS[-1]} hours.", "biddingWindowHours")
        if self.chain is not None and self.annual_rate_percent.maximum > MOST_PERCENT:
            raise InvalidProduct(f"A loan on chain bears at most {MOST_PERCENT} percent.", "annualRate.maximum")
        self._check_tokens()
        if law.classification is not None and self.delinquency.aging_grace_days:
            source = law.classification.source
            raise InvalidProduct(f"The law counts from the due date: {source}.", "delinquency.agingGraceDays")
        with located("", _IN_TERMS):
            for choices in self._extremes(on):
                schedule_for(self.terms(choices), disbursed_on=on)
            self._check_dates(choices)

    def _check_tokens(self) -> None:
        """Tokens are paid out whole, and what comes before the first installment comes with them."""
        if self.chain is None or not self.chain.pays_tokens:
            return
        if any(fee.timing is FeeTiming.DISBURSEMENT for fee in self.schedule.fees):
            raise InvalidProduct("No fee can be kept back from a principal in tokens.", "schedule.fees")
        if self.schedule.down_payment_percent:
            raise InvalidProduct("A principal in tokens is paid out whole.", "schedule.downPaymentPercent")

    def _check_dates(self, longest: Choices) -> None:
        """Installments that are close to each other may meet on a business day, if not of today's loans then of others.

        Found before such a product is lent, not when the money has left.
        """
        if self.schedule.business_days is None or self.schedule.frequency is Frequency.MONTHS:
            return
        for days in range(_A_YEAR):
            later = longest.disbursed_on + timedelta(days=days)
            self.terms(replace(longest, disbursed_on=later)).due_dates(disbursed_on=later)

    def _extremes(self, on: date) -> Iterator[Choices]:
        ranges = (self.principal.edges, self.annual_rate_percent.edges, self.installments.edges)
        for principal_minor, percent, installments in combinations(*ranges):
            yield Choices(principal_minor, self.currency or "USD", percent, installments, on)


# What a loan has that names no product: as the platform has always lent, in any currency, by the tenant's cooling-off.
STANDARD = LoanProduct(
    name="standard",
    principal=Range(1, 1_000_000, 10**17),
    annual_rate_percent=Range(Decimal(0), Decimal(12), Decimal(100)),
    installments=Range(1, 12, 120),
)
