"""Bids: the loans that providers would make, and what a bid must be to count."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from models.bid_limits import BidLimits
from models.errors import Conflict, Refused
from models.money import formatted
from models.product import LoanProduct
from models.product_schedule import Choices
from models.terms import LoanTerms


class BiddingClosed(Conflict):
    """The decision came when the bidding window had closed."""


class NotInvited(Conflict):
    """The provider was not invited to bid on this lead."""


class AlreadyDecided(Conflict):
    """The provider has said so before, or has said its last word."""


class NothingToWithdraw(Conflict):
    """The provider has no bid on this lead that it could take back."""


class NothingAsked(Conflict):
    """The provider has not asked, has its answer, or has decided without it."""


class TooManyDecisions(Conflict):
    """The provider has changed its mind too often."""


class OfferExpired(Refused):
    """The offer would end before it is made."""


class AmountOutOfRange(Refused):
    """The approved amount is nothing, or more than was asked for."""


class TenureOutOfRange(Refused):
    """The tenure is shorter or longer than any loan here."""


class RateOutOfRange(Refused):
    """The interest rate is negative, or beyond every cap."""


class FeeOutOfRange(Refused):
    """The processing fee is negative, or leaves nothing to disburse."""


@dataclass(frozen=True, slots=True)
class Bid:
    """A provider's approval of a lead: the loan it would make."""

    provider_id: str
    decision_id: str
    amount_minor: int
    currency: str
    annual_rate_percent: Decimal
    tenure_days: int
    processing_fee_minor: int
    received_at: datetime
    expires_at: datetime | None
    funding_hours: int | None = None
    conditions_digest: str = ""

    def terms(self, product: LoanProduct, *, on: date) -> LoanTerms:
        """The bid as a loan of the product that was asked for, disbursed on a day."""
        chosen = Choices(
            principal_minor=self.amount_minor,
            currency=self.currency,
            annual_rate_percent=self.annual_rate_percent,
            installments=product.schedule.installments_for(self.tenure_days),
            disbursed_on=on,
            processing_fee_minor=self.processing_fee_minor,
        )
        return product.terms(chosen)

    def says_the_same_as(self, other: "Bid") -> bool:
        """Whether a borrower would see no difference between the two."""
        return replace(self, decision_id=other.decision_id, received_at=other.received_at) == other


def check_bid(bid: Bid, at: datetime, limits: BidLimits) -> None:
    """Refuse terms outside of what may be bid for."""
    if not limits.amount_minimum_minor <= bid.amount_minor <= limits.amount_maximum_minor:
        least = formatted(limits.amount_minimum_minor, bid.currency)
        most = formatted(limits.amount_maximum_minor, bid.currency)
        raise AmountOutOfRange(f"The approved amount must be at least {least} and at most {most}.", "approvedAmount")
    if not limits.tenure_minimum_days <= bid.tenure_days <= limits.tenure_maximum_days:
        range_ = f"{limits.tenure_minimum_days} to {limits.tenure_maximum_days}"
        raise TenureOutOfRange(f"The tenure must be {range_} days.", "tenure")
    rate = bid.annual_rate_percent
    if not (rate.is_finite() and limits.rate_minimum_percent <= rate <= limits.rate_maximum_percent):
        range_ = f"{_plain(limits.rate_minimum_percent)} to {_plain(limits.rate_maximum_percent)}"
        raise RateOutOfRange(f"The interest rate must be {range_} % a year.", "interestRate")
    if not limits.leaves_something(bid.amount_minor, bid.processing_fee_minor):
        if limits.keeps_nothing_back:
            raise FeeOutOfRange("No processing fee: the whole principal is paid out in tokens.", "processingFee")
        raise FeeOutOfRange("The processing fee must leave something to disburse.", "processingFee")
    if bid.expires_at is not None and bid.expires_at <= at:
        raise OfferExpired("The offer must be valid for some time after it is made.", "expiresAt")


def _plain(rate_percent: Decimal) -> str:
    return f"{rate_percent.normalize():f}"
