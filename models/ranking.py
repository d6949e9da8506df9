"""Which offer is best for the borrower, and why, in words.

The best offer is the cheapest: by APR, computed here from the cash flows; then by what is repaid in all, then by how
soon the money is there. What is still equal is equally good, and lots decide: neither who was faster nor whose name
comes first. What a provider pays the platform is no part of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from math import inf

from models.amortization import schedule_for
from models.apr import apr_of, finance_charge_minor
from models.bidding import Bid
from models.errors import Refused
from models.product import STANDARD, LoanProduct

# A hundred million percent: almost nothing is paid out, and no column and no borrower holds the figure.
_APR_BEYOND_WORDS = Decimal(10) ** 8


@dataclass(frozen=True, slots=True)
class RankedOffer:
    """A bid with what it costs, its place among the others and why it has it."""

    bid: Bid
    apr_percent: Decimal
    apr_method: str
    finance_charge_minor: int
    net_disbursed_minor: int
    total_repayable_minor: int
    installment_minor: int
    installments: int
    rank: int
    reason: str


def rank(bids: Iterable[Bid], *, on: date, product: LoanProduct = STANDARD, lot: str = "") -> tuple[RankedOffer, ...]:
    """The bids as offers, best first; the same in whatever order they came in. No loan to be made, no offer."""
    return placed(filter(None, (priced(bid, on, product) for bid in bids)), lot=lot)


def placed(offers: Iterable[RankedOffer], *, lot: str = "") -> tuple[RankedOffer, ...]:
    """Priced offers with their places and reasons, best first; `lot` is what the lots of equals are drawn from."""
    ordered = sorted(offers, key=lambda offer: _preference(offer, lot))
    return tuple(
        replace(
            offer, rank=place, reason=_why_best(ordered, lot) if place == 1 else _why_not_best(offer, ordered[0], lot)
        )
        for place, offer in enumerate(ordered, start=1)
    )


def priced(bid: Bid, on: date, product: LoanProduct = STANDARD) -> RankedOffer | None:
    """A bid with what it costs, without a place; None when no loan can be made of it."""
    try:
        terms = bid.terms(product, on=on)
        schedule = schedule_for(terms, disbursed_on=on)
        apr = apr_of(terms, schedule, disbursed_on=on, method=product.apr_method(on=on))
    except Refused:  # within every range, and yet its installments would not cover its interest
        return None
    if apr.percent >= _APR_BEYOND_WORDS:
        return None
    first = schedule[1] if terms.down_payment_percent else schedule[0]
    return RankedOffer(
        bid=bid,
        apr_percent=apr.percent,
        apr_method=apr.method,
        finance_charge_minor=finance_charge_minor(terms, schedule),
        net_disbursed_minor=terms.disbursed_minor,
        total_repayable_minor=sum(row.total_minor for row in schedule),
        installment_minor=first.total_minor,
        installments=terms.installments,
        rank=0,
        reason="",
    )


def _preference(offer: RankedOffer, lot: str) -> tuple[Decimal, int, float, str, str]:
    bid = offer.bid
    hours = inf if bid.funding_hours is None else bid.funding_hours
    drawn = sha256(f"{lot}:{bid.provider_id}".encode()).hexdigest()
    return offer.apr_percent, offer.total_repayable_minor, hours, drawn, bid.decision_id


_CRITERIA = ("the lower APR", "the smaller total to repay", "the sooner payout", "a draw of lots", "the decision's id")


def _why_best(offers: Sequence[RankedOffer], lot: str) -> str:
    best, *others = offers
    if not others:
        return f"The only offer: APR {best.apr_percent} %."
    runner_up = others[0]
    if best.apr_percent == runner_up.apr_percent:
        return f"Same APR of {best.apr_percent} % as the next offer: {_tie_break(best, runner_up, lot)} decides."
    reason = f"Lowest APR: {best.apr_percent} % against {runner_up.apr_percent} % of the next offer"
    if best.bid.annual_rate_percent <= runner_up.bid.annual_rate_percent:
        return f"{reason}."
    rates = f"{_plain(best.bid.annual_rate_percent)} % is higher than {_plain(runner_up.bid.annual_rate_percent)} %"
    smaller = best.bid.processing_fee_minor < runner_up.bid.processing_fee_minor
    fee = "the smaller fee weighs more" if smaller else "its fee weighs less over this amount and term"
    return f"{reason}, although its interest rate of {rates}: {fee}."


def _why_not_best(offer: RankedOffer, best: RankedOffer, lot: str) -> str:
    if offer.apr_percent == best.apr_percent:
        return f"Same APR of {offer.apr_percent} % as the best offer: {_tie_break(best, offer, lot)} decides."
    reason = f"APR {offer.apr_percent} %, {offer.apr_percent - best.apr_percent} points above the best offer"
    if offer.bid.annual_rate_percent >= best.bid.annual_rate_percent:
        return f"{reason}."
    rates = f"{_plain(offer.bid.annual_rate_percent)} % is lower than {_plain(best.bid.annual_rate_percent)} %"
    larger = offer.bid.processing_fee_minor > best.bid.processing_fee_minor
    fee = "the larger fee weighs more" if larger else "its fee weighs more over this amount and term"
    return f"{reason}, although its interest rate of {rates}: {fee}."


def _tie_break(better: RankedOffer, worse: RankedOffer, lot: str) -> str:
    pairs = zip(_preference(better, lot), _preference(worse, lot), _CRITERIA, strict=True)
    return next(criterion for ours, theirs, criterion in pairs if ours != theirs)


def _plain(rate_percent: Decimal) -> str:
    return f"{rate_percent.normalize():f}"
