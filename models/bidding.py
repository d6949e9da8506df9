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
from models.dates import installments_for
from models.errors import Conflict, Refused
from models.money import formatted
from models.terms import LoanTerms

TENURE_DAYS = range(30, 3651)
_MAXIMUM_RATE_PERCENT = Decimal(100)


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

    @property
    def terms(self) -> LoanTerms:
        """The bid as a loan of equal monthly installments."""
        return LoanTerms(
            principal_minor=self.amount_minor,
            currency=self.currency,
            annual_rate_percent=self.annual_rate_percent,
            installments=installments_for(self.tenure_days),
            processing_fee_minor=self.processing_fee_minor,
        )


@dataclass(frozen=True, slots=True)
class RankedOffer:
    """A bid with what it costs, its place among the others and why it has it."""

    bid: Bid
    apr_percent: Decimal
    finance_charge_minor: int
    total_repayable_minor: int
    installment_minor: int
    installments: int
    rank: int
    reason: str


def rank(bids: Iterable[Bid], *, on: date) -> tuple[RankedOffer, ...]:
    """The bids as offers, best first; the same in whatever order they came in."""
    offers = sorted((_priced(bid, on) for bid in bids), key=_preference)
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
    requested_minor: int,
) -> None:
    """Refuse a decision that does not count; `bid` is None when the provider declines. The window excludes its end."""
    if provider_id not in invited:
        raise NotInvited("This provider was not invited to bid on this lead.", "providerId")
    if provider_id in decided:
        raise AlreadyDecided("This provider has already decided on this lead.", "decision")
    if at >= closes_at:
        raise BiddingClosed(f"Bidding on this lead closed at {closes_at.isoformat()}.", "decision")
    if bid is not None:
        _check_bid(bid, at, requested_minor)


def _check_bid(bid: Bid, at: datetime, requested_minor: int) -> None:
    if not 0 < bid.amount_minor <= requested_minor:
        asked = formatted(requested_minor, bid.currency)
        raise AmountOutOfRange(f"The approved amount must be more than nothing and at most {asked}.", "approvedAmount")
    if bid.tenure_days not in TENURE_DAYS:
        raise TenureOutOfRange(f"The tenure must be {TENURE_DAYS[0]} to {TENURE_DAYS[-1]} days.", "tenure")
    if not (bid.annual_rate_percent.is_finite() and 0 <= bid.annual_rate_percent <= _MAXIMUM_RATE_PERCENT):
        raise RateOutOfRange(f"The interest rate must be 0 to {_MAXIMUM_RATE_PERCENT} % a year.", "interestRate")
    if not 0 <= bid.processing_fee_minor < bid.amount_minor:
        raise FeeOutOfRange("The processing fee must leave something to disburse.", "processingFee")
    if bid.expires_at is not None and bid.expires_at <= at:
        raise OfferExpired("The offer must be valid for some time after it is made.", "expiresAt")


def _priced(bid: Bid, on: date) -> RankedOffer:
    schedule = schedule_for(bid.terms, disbursed_on=on)
    return RankedOffer(
        bid=bid,
        apr_percent=apr_of(bid.terms, schedule, disbursed_on=on).percent,
        finance_charge_minor=finance_charge_minor(bid.terms, schedule),
        total_repayable_minor=sum(row.total_minor for row in schedule),
        installment_minor=schedule[0].total_minor,
        installments=len(schedule),
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
