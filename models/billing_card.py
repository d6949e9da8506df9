"""A rate card: what a provider pays us for leads and funded loans, in one currency, from the first day of a month.

    lead          a price for each lead, by the number of leads in the month
    funded        basis points of each funded loan, by the amount funded in the month; at least, at most per loan
    minimum       what a month costs if its fees come to less
    clawback      the part of a funding fee that is given back when an installment is unpaid for more than
                  `days_past_due` days within `within_days` of the disbursement; a disbursement that comes back gives
                  back the whole fee, whatever the card says
    incentives    a discount in percent of the fees, or a bonus, when a measured figure meets its mark

A fee is rounded half up to the minor unit, as invoices are. The terms never enter the ranking of offers.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from models.billing_tiers import TierMode, Tiers
from models.errors import Refused
from models.money import Rounding, exponent_of, rounded

FEE_ROUNDING = Rounding.HALF_UP
DUE_DAYS = 30
_BPS = 10_000


class InvalidRateCard(Refused):
    """The terms of a card contradict themselves."""


class Metric(StrEnum):
    """What a provider is rewarded for."""

    CONVERSION_PERCENT = "conversion_percent"
    MEDIAN_RESPONSE_HOURS = "median_response_hours"


@dataclass(frozen=True, slots=True)
class FundingPrice:
    """Basis points of the amount funded, between bounds for each loan.

    A graduated price is one of the month's total, which no single loan has a part in; so it has no bounds per loan.
    """

    rates_bps: Tiers
    minimum_minor: int = 0
    maximum_minor: int | None = None

    def __post_init__(self) -> None:
        if self.maximum_minor is not None and self.maximum_minor < self.minimum_minor:
            raise InvalidRateCard("The most a loan costs is less than the least.", "maximum")
        if self.rates_bps.mode is TierMode.GRADUATED and (self.minimum_minor or self.maximum_minor is not None):
            raise InvalidRateCard("A graduated price has no bounds for each loan.", "rates.mode")

    def fee_minor(self, amount_minor: int, bps: Decimal | int) -> int:
        """The fee of one loan at a rate."""
        fee = max(rounded(amount_minor * Decimal(bps) / _BPS, FEE_ROUNDING), self.minimum_minor)
        return fee if self.maximum_minor is None else min(fee, self.maximum_minor)


@dataclass(frozen=True, slots=True)
class Clawback:
    """When a funding fee is given back, and how much of it."""

    percent: Decimal
    days_past_due: int
    within_days: int

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:  # noqa: PLR2004 - a part of the fee
            raise InvalidRateCard("What is given back is a part of the fee, up to 100 %.", "percent")
        if not 0 < self.days_past_due <= self.within_days:
            raise InvalidRateCard("A loan is in arrears that long within the days given.", "withinDays")


@dataclass(frozen=True, slots=True)
class Incentive:
    """A reward for a month in which the figure met the mark: `discount_percent` of its fees, or `bonus_minor`."""

    metric: Metric
    mark: Decimal
    discount_percent: Decimal = Decimal(0)
    bonus_minor: int = 0

    def __post_init__(self) -> None:
        if (self.discount_percent > 0) == (self.bonus_minor > 0) or not 0 <= self.discount_percent <= 100:  # noqa: PLR2004 - percent
            raise InvalidRateCard("A reward is a discount of up to 100 % or a bonus.", "discountPercent")

    def is_met(self, figure: Decimal | None) -> bool:
        """A conversion is to be high, a response time low; what was not measured meets nothing."""
        if figure is None:
            return False
        return figure >= self.mark if self.metric is Metric.CONVERSION_PERCENT else figure <= self.mark


@dataclass(frozen=True, slots=True)
class RateCard:
    """The terms of one version of a card."""

    currency: str
    lead: Tiers | None = None
    funded: FundingPrice | None = None
    monthly_minimum_minor: int = 0
    clawback: Clawback | None = None
    incentives: tuple[Incentive, ...] = ()
    due_days: int = DUE_DAYS

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        if self.lead is None and self.funded is None and not self.monthly_minimum_minor:
            raise InvalidRateCard("A card has a price.", "lead")
        if self.clawback is not None and self.funded is None:
            raise InvalidRateCard("Without a fee for funded loans there is nothing to give back.", "clawback")
