"""What a month of a provider costs, as the lines of an invoice.

    fees          leads and funded loans by their card, a line for each price
    incentives    less the rewards that were earned, never more than the fees
    minimum       and what is missing to the least a month costs

Every minor unit is in exactly one line, and what the events cost is shared among them to the last minor unit, so that a
fee that is given back later is the very fee that was charged. In which order the events came makes no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from models.billing_card import FEE_ROUNDING, FundingPrice, Metric, RateCard
from models.billing_tiers import TierMode, Tiers, shares
from models.errors import Refused
from models.money import rounded

_BPS, _PERCENT = 10_000, 100


class CreditExceedsInvoice(Refused):
    """More would be given back than was charged."""


class PaymentExceedsInvoice(Refused):
    """More would be paid than is owed."""


class EventKind(StrEnum):
    """What is billed."""

    LEAD = "lead"
    FUNDED = "funded"
    CLAWBACK = "clawback"


class LineKind(StrEnum):
    """What a line of an invoice is for."""

    LEADS = "leads"
    FUNDED_LOANS = "funded_loans"
    INCENTIVE = "incentive"
    MINIMUM = "minimum"


@dataclass(frozen=True, slots=True)
class BillableEvent:
    """One thing that costs: a lead, or a loan funded with `basis_minor`."""

    id: str
    kind: EventKind
    basis_minor: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a quantity at a price. `basis_minor` is the money a price in basis points is of."""

    kind: LineKind
    description: str
    amount_minor: int
    quantity: int = 1
    basis_minor: int = 0
    price: Decimal | int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """The events of a month that are priced by one card."""

    card: RateCard
    events: tuple[BillableEvent, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines, and what each event costs after the rewards."""

    lines: tuple[Line, ...]
    fees: Mapping[str, int]

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return sum(line.amount_minor for line in self.lines)


def bill(usages: Sequence[Usage], standing: RateCard | None, measured: Mapping[Metric, Decimal | None]) -> Bill:
    """The bill of a month. `standing` is the card in force at its end: it says the rewards and the minimum."""
    lines: list[Line] = []
    fees: dict[str, int] = {}
    for usage in usages:
        for kind in (EventKind.LEAD, EventKind.FUNDED):
            events = sorted((e for e in usage.events if e.kind is kind), key=lambda event: event.id)
            priced = _priced(usage.card, kind, events)
            lines += priced.lines
            fees |= priced.fees
    if standing is None:
        return Bill(tuple(lines), fees)
    rewards = _rewards(standing, sum(fees.values()), measured)
    granted = sum(line.amount_minor for line in rewards)
    for event_id, share in zip(fees, shares(granted, list(fees.values())), strict=True):
        fees[event_id] += share
    lines += rewards
    missing = standing.monthly_minimum_minor - sum(line.amount_minor for line in lines)
    if missing > 0:
        lines.append(Line(LineKind.MINIMUM, "Up to the monthly minimum", missing))
    return Bill(tuple(lines), fees)


def given_back(fee_minor: int, percent: Decimal) -> int:
    """The part of a fee that is given back."""
    return rounded(fee_minor * percent / _PERCENT, FEE_ROUNDING)


def refuse_excess_credit(credit_minor: int, *, total_minor: int, credited_minor: int) -> None:
    """Refuse to give back more of an invoice than is left of it."""
    if credit_minor > total_minor - credited_minor:
        raise CreditExceedsInvoice("The credit is more than what is left of the invoice.", "amount")


def refuse_excess_payment(payment_minor: int, *, outstanding_minor: int) -> None:
    """Refuse to take more than is owed."""
    if payment_minor > outstanding_minor:
        raise PaymentExceedsInvoice("The payment is more than is owed on the invoice.", "amount")


def _priced(card: RateCard, kind: EventKind, events: Sequence[BillableEvent]) -> Bill:
    if not events:
        return Bill((), {})
    if kind is EventKind.LEAD:
        return _leads(card.lead, events) if card.lead else Bill((), {})
    return _funded(card.funded, events) if card.funded else Bill((), {})


def _leads(prices: Tiers, events: Sequence[BillableEvent]) -> Bill:
    lines = tuple(
        Line(
            kind=LineKind.LEADS,
            description="Leads",
            amount_minor=rounded(each.quantity * Decimal(each.price), FEE_ROUNDING),
            quantity=each.quantity,
            price=each.price,
        )
        for each in prices.slices(len(events))
    )
    return _shared(lines, events, [1] * len(events))


def _funded(price: FundingPrice, events: Sequence[BillableEvent]) -> Bill:
    total = sum(event.basis_minor for event in events)
    if price.rates_bps.mode is TierMode.VOLUME:
        bps = price.rates_bps.price_at(total)
        fees = [price.fee_minor(event.basis_minor, bps) for event in events]
        line = Line(LineKind.FUNDED_LOANS, "Funded loans", sum(fees), len(events), total, bps)
        return _shared((line,), events, fees)
    lines = tuple(
        Line(
            kind=LineKind.FUNDED_LOANS,
            description="Funded loans",
            amount_minor=rounded(each.quantity * Decimal(each.price) / _BPS, FEE_ROUNDING),
            quantity=0,
            basis_minor=each.quantity,
            price=each.price,
        )
        for each in price.rates_bps.slices(total)
    )
    # The loans are counted once, on the first slice: the others are more of the same loans' money.
    counted = tuple(replace(line, quantity=len(events) if place == 0 else 0) for place, line in enumerate(lines))
    return _shared(counted, events, [event.basis_minor for event in events])


def _shared(lines: tuple[Line, ...], events: Sequence[BillableEvent], weights: Sequence[int]) -> Bill:
    total = sum(line.amount_minor for line in lines)
    return Bill(lines, dict(zip((e.id for e in events), shares(total, weights), strict=True)))


def _rewards(card: RateCard, fees_minor: int, measured: Mapping[Metric, Decimal | None]) -> list[Line]:
    """Each reward is of the fees, not of what another reward has left of them."""
    lines, left = [], fees_minor
    for incentive in card.incentives:
        if not incentive.is_met(measured.get(incentive.metric)):
            continue
        reward = incentive.bonus_minor or given_back(fees_minor, incentive.discount_percent)
        if reward := min(reward, left):
            left -= reward
            words = f"Reward: {incentive.metric.replace('_', ' ')} {measured[incentive.metric]}"
            lines.append(Line(LineKind.INCENTIVE, words, -reward, price=incentive.discount_percent))
    return lines
