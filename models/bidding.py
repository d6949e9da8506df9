"""The auction: which decisions of a provider count, and which offer is best for the borrower.

The best offer is the cheapest: by APR, computed here from the cash flows; then by what is repaid in all, then by how
soon the money is there, then first come, first served. What a provider pays the platform is no part of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from math import inf

from models.amortization import schedule_for
from models.apr import apr_of, finance_charge_minor
from models.bid_limits import BidLimits
from models.errors import Conflict, Refused
from models.money import formatted
from models.product import STANDARD, LoanProduct
from models.product_schedule import Choices
from models.terms import LoanTerms


class BiddingClosed(Conflict):
    """The decision came when the bidding window had closed."""


class NotInvited(Conflict):
    """The provider was not invited to bid on this lead."""


class AlreadyDecided(Conflict):
    """The provider has decided on this lead before."""


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


@dataclass(frozen=True, slots=True)
class RankedOffer:
    """A bid with what it costs, its place among the others and why it has it."""

    bid: Bid
    apr_percent: Decimal
    apr_method: str
    finance_charge_minor: int
    total_repayable_minor: int
    installment_minor: int
    installments: int
    rank: int
    reason: str


def rank(bids: Iterable[Bid], *, on: date, product: LoanProduct = STANDARD) -> tuple[RankedOffer, ...]:
    """The bids as offers, best first; the same in whatever order they came in. No loan to be made, no offer."""
    offers = sorted(filter(None, (_priced(bid, on, product) for bid in bids)), key=_preference)
    best = offers[0] if offers else None
    return tuple(
        replace(offer, rank=place, reason=_why_best(offers) if offer is best else _why_not_best(offer, offers[0]))
        for place, offer in enumerate(offers, start=1)
    )


def check_decision(
    bid: Bid | None,
    *,
    provider_id: str,
    invited: Collection[str],
    decided: Collection[str],
    closes_at: datetime,
    at: datetime,
    limits: BidLimits,
) -> None:
    """Refuse a decision that does not count; `bid` is None when the provider declines. The window excludes its end."""
    if provider_id not in invited:
        raise NotInvited("This provider was not invited to bid on this lead.", "providerId")
    if provider_id in decided:
        raise AlreadyDecided("This provider has already decided on this lead.", "decision")
    if at >= closes_at:
        raise BiddingClosed(f"Bidding on this lead closed at {closes_at.isoformat()}.", "decision")
    if bid is not None:
        _check_bid(bid, at, limits)


def _check_bid(bid: Bid, at: datetime, limits: BidLimits) -> None:
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
        raise FeeOutOfRange("The processing fee must leave something to disburse.", "processingFee")
    if bid.expires_at is not None and bid.expires_at <= at:
        raise OfferExpired("The offer must be valid for some time after it is made.", "expiresAt")


def _priced(bid: Bid, on: date, product: LoanProduct) -> RankedOffer | None:
    try:
        terms = bid.terms(product, on=on)
        schedule = schedule_for(terms, disbursed_on=on)
        apr = apr_of(terms, schedule, disbursed_on=on, method=product.apr_method(on=on))
    except Refused:  # within every range, and yet its installments would not cover its interest
        return None
    first = schedule[1] if terms.down_payment_percent else schedule[0]
    return RankedOffer(
        bid=bid,
        apr_percent=apr.percent,
        apr_method=apr.method,
        finance_charge_minor=finance_charge_minor(terms, schedule),
        total_repayable_minor=sum(row.total_minor for row in schedule),
        installment_minor=first.total_minor,
        installments=terms.installments,
        rank=0,
        reason="",
    )


def _preference(offer: RankedOffer) -> tuple[Decimal, int, float, datetime, str, str]:
    bid = offer.bid
    hours = inf if bid.funding_hours is None else bid.funding_hours
    return offer.apr_percent, offer.total_repayable_minor, hours, bid.received_at, bid.provider_id, bid.decision_id


_CRITERIA = (
    "the lower APR",
    "the smaller total to repay",
    "the sooner payout",
    "the earlier answer",
    "the provider's id",
    "the decision's id",
)


def _why_best(offers: Sequence[RankedOffer]) -> str:
    best, *others = offers
    if not others:
        return f"The only offer: APR {best.apr_percent} %."
    runner_up = others[0]
    if best.apr_percent == runner_up.apr_percent:
        return f"Same APR of {best.apr_percent} % as the next offer: {_tie_break(best, runner_up)} decides."
    reason = f"Lowest APR: {best.apr_percent} % against {runner_up.apr_percent} % of the next offer"
    if best.bid.annual_rate_percent <= runner_up.bid.annual_rate_percent:
        return f"{reason}."
    rates = f"{_plain(best.bid.annual_rate_percent)} % is higher than {_plain(runner_up.bid.annual_rate_percent)} %"
    smaller = best.bid.processing_fee_minor < runner_up.bid.processing_fee_minor
    fee = "the smaller fee weighs more" if smaller else "its fee weighs less over this amount and term"
    return f"{reason}, although its interest rate of {rates}: {fee}."


def _why_not_best(offer: RankedOffer, best: RankedOffer) -> str:
    if offer.apr_percent == best.apr_percent:
        return f"Same APR of {offer.apr_percent} % as the best offer: {_tie_break(best, offer)} decides."
    reason = f"APR {offer.apr_percent} %, {offer.apr_percent - best.apr_percent} points above the best offer"
    if offer.bid.annual_rate_percent >= best.bid.annual_rate_percent:
        return f"{reason}."
    rates = f"{_plain(offer.bid.annual_rate_percent)} % is lower than {_plain(best.bid.annual_rate_percent)} %"
    larger = offer.bid.processing_fee_minor > best.bid.processing_fee_minor
    fee = "the larger fee weighs more" if larger else "its fee weighs more over this amount and term"
    return f"{reason}, although its interest rate of {rates}: {fee}."


def _tie_break(better: RankedOffer, worse: RankedOffer) -> str:
    pairs = zip(_preference(better), _preference(worse), _CRITERIA, strict=True)
    return next(criterion for ours, theirs, criterion in pairs if ours != theirs)


def _plain(rate_percent: Decimal) -> str:
    return f"{rate_percent.normalize():f}"
