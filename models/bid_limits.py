"""What a bid may be: the law of the auction, and within it the ranges of the product that was asked for."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.fees import FeeTiming
from models.product import LoanProduct

TENURE_DAYS = range(30, 3651)
_MAXIMUM_RATE_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class BidLimits:
    """The least and the most of a bid. What was asked for is the most that can be lent."""

    amount_maximum_minor: int = 0
    amount_minimum_minor: int = 1
    rate_minimum_percent: Decimal = Decimal(0)
    rate_maximum_percent: Decimal = _MAXIMUM_RATE_PERCENT
    tenure_minimum_days: int = TENURE_DAYS[0]
    tenure_maximum_days: int = TENURE_DAYS[-1]
    withheld_minor: int = 0
    withheld_percent: Decimal = Decimal(0)
    keeps_nothing_back: bool = False
    """The whole principal leaves, as tokens do: no fee can be kept back from it."""

    def leaves_something(self, amount_minor: int, processing_fee_minor: int) -> bool:
        """Whether anything is disbursed when the lender's fee and the product's own have been kept back."""
        kept_minor = processing_fee_minor + self.withheld_minor + amount_minor * self.withheld_percent / 100
        if self.keeps_nothing_back and processing_fee_minor:
            return False
        return processing_fee_minor >= 0 and kept_minor < amount_minor


def limits_of(product: LoanProduct, *, requested_minor: int, on: date) -> BidLimits:
    """The limits of bids for a product. A cap that has become law since the product was approved holds as well."""
    counts, (lowest, highest) = product.installments, rates_of(product, on=on)
    tenures = [
        days for days in TENURE_DAYS if counts.minimum <= product.schedule.installments_for(days) <= counts.maximum
    ]
    fees = [fee for fee in product.schedule.fees if fee.timing is FeeTiming.DISBURSEMENT]
    return BidLimits(
        amount_maximum_minor=min(requested_minor, product.principal.maximum),
        amount_minimum_minor=product.principal.minimum,
        rate_minimum_percent=lowest,
        rate_maximum_percent=highest,
        tenure_minimum_days=min(tenures, default=TENURE_DAYS[-1]),
        tenure_maximum_days=max(tenures, default=TENURE_DAYS[0]),
        withheld_minor=sum(fee.amount_minor or 0 for fee in fees),
        withheld_percent=sum((fee.percent or Decimal(0) for fee in fees), Decimal(0)),
        keeps_nothing_back=product.chain is not None and product.chain.pays_tokens,
    )


def rates_of(product: LoanProduct, *, on: date) -> tuple[Decimal, Decimal]:
    """The least and the most of what a loan of the product may cost a year, under the law of a day."""
    rates, cap = product.annual_rate_percent, product.rules(on=on).rate_cap
    return rates.minimum, min(rates.maximum, cap.percent) if cap else rates.maximum
