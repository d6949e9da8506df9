"""Which credit providers are invited to bid on a lead: hard filters first, then a transparent score.

    score = amount fit 30 + rate fit 25 + approval rate 25 + speed 15 + capacity 5          0 to 100

A provider's score depends on the lead and on itself alone, so nobody's place changes because somebody else is there.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.money import Rounding, formatted, rounded

_AMOUNT_POINTS = 30
_RATE_POINTS = 25
_APPROVAL_POINTS = 25
_SPEED_POINTS = 15
_CAPACITY_POINTS = 5

# What a provider without a record is taken for: neither punished nor preferred.
_UNKNOWN_APPROVAL_RATE = Decimal("0.5")
_UNKNOWN_RESPONSE_HOURS = Decimal(24)

_SLOWEST_HOURS = Decimal(48)
_BUSY_WITH_LEADS = Decimal(20)
_RATE_TOLERANCE_PERCENT = Decimal(10)


@dataclass(frozen=True, slots=True)
class Lead:
    """What decides who may and who should see an application."""

    amount_minor: int
    currency: str
    country: str
    tenure_days: int
    credit_score: int
    recommended_rate_percent: Decimal


@dataclass(frozen=True, slots=True)
class ProviderProfile:
    """A provider's appetite, and its record as measured here; None where nothing has been measured yet."""

    provider_id: str
    name: str
    active: bool
    minimum_minor: int
    maximum_minor: int
    currencies: Collection[str]
    countries: Collection[str]
    rate_minimum_percent: Decimal
    rate_maximum_percent: Decimal
    license_expires_on: date
    median_response_hours: Decimal | None
    approval_rate: Decimal | None
    invited_open: int


@dataclass(frozen=True, slots=True)
class Match:
    """A provider to invite, with the points it got for what."""

    provider_id: str
    name: str
    score: int
    expected_response_hours: Decimal
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A provider that is not invited, and the first reason why."""

    provider_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Who is invited, best first, and who is not."""

    invited: tuple[Match, ...]
    excluded: tuple[Exclusion, ...]


def match(lead: Lead, providers: Iterable[ProviderProfile], *, on: date, invite_at_most: int = 10) -> Matches:
    """The providers to invite on a day. Every provider is in the answer once, with reasons."""
    eligible, excluded = [], []
    for provider in providers:
        if reason := _ineligibility(lead, provider, on):
            excluded.append(Exclusion(provider.provider_id, reason))
        else:
            eligible.append(_match(lead, provider))
    eligible.sort(key=lambda found: (-found.score, found.expected_response_hours, found.provider_id))
    excluded += [
        Exclusion(found.provider_id, f"ranked {place}, and at most {invite_at_most} are invited")
        for place, found in enumerate(eligible, start=1)
        if place > invite_at_most
    ]
    return Matches(tuple(eligible[:invite_at_most]), tuple(excluded))


def _ineligibility(lead: Lead, provider: ProviderProfile, on: date) -> str | None:
    obstacles = {
        "not active": not provider.active,
        f"license expired on {provider.license_expires_on}": provider.license_expires_on < on,
        f"does not lend {lead.currency}": lead.currency not in provider.currencies,
        f"does not lend in {lead.country}": lead.country not in provider.countries,
        f"lends no less than {formatted(provider.minimum_minor, lead.currency)}": (
            lead.amount_minor < provider.minimum_minor
        ),
        f"lends no more than {formatted(provider.maximum_minor, lead.currency)}": (
            lead.amount_minor > provider.maximum_minor
        ),
    }
    return next((reason for reason, stands in obstacles.items() if stands), None)


def _match(lead: Lead, provider: ProviderProfile) -> Match:
    hours = _UNKNOWN_RESPONSE_HOURS if provider.median_response_hours is None else provider.median_response_hours
    approval_rate = _UNKNOWN_APPROVAL_RATE if provider.approval_rate is None else provider.approval_rate
    points = {
        "amount fits": (_amount_fit(lead, provider) * _AMOUNT_POINTS, _AMOUNT_POINTS),
        "rate fits": (_rate_fit(lead, provider) * _RATE_POINTS, _RATE_POINTS),
        "approves": (approval_rate * _APPROVAL_POINTS, _APPROVAL_POINTS),
        "answers fast": (_falling(hours, _SLOWEST_HOURS) * _SPEED_POINTS, _SPEED_POINTS),
        "has capacity": (
            _falling(Decimal(provider.invited_open), _BUSY_WITH_LEADS) * _CAPACITY_POINTS,
            _CAPACITY_POINTS,
        ),
    }
    return Match(
        provider_id=provider.provider_id,
        name=provider.name,
        score=rounded(sum((got for got, _ in points.values()), Decimal(0)), Rounding.HALF_UP),
        expected_response_hours=hours,
        reasons=tuple(f"{what}: {got:.1f} of {most}" for what, (got, most) in points.items()),
    )


def _amount_fit(lead: Lead, provider: ProviderProfile) -> Decimal:
    """1 when the amount is at least twice the minimum and at most half the maximum, 0.5 at either limit."""
    above_minimum = Decimal(lead.amount_minor) / max(provider.minimum_minor, 1)
    below_maximum = Decimal(provider.maximum_minor) / lead.amount_minor
    return min(above_minimum / 2, below_maximum / 2, Decimal(1))


def _rate_fit(lead: Lead, provider: ProviderProfile) -> Decimal:
    """1 when the provider can lend at the recommended rate or below it, 0 when its cheapest is ten points dearer."""
    return _falling(
        max(provider.rate_minimum_percent - lead.recommended_rate_percent, Decimal(0)), _RATE_TOLERANCE_PERCENT
    )


def _falling(value: Decimal, zero_at: Decimal) -> Decimal:
    return max(1 - value / zero_at, Decimal(0))
