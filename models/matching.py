"""Which credit providers are invited to bid on a lead: hard filters first, then a transparent score.

    score = amount fit 20 + rate fit 20 + conversion 25 + speed 15 + firmness 10 + completion 10        0 to 100

The points are those of the first version of the weights (see `models.matching_weights`). A provider's score depends on
the lead and on itself alone, so nobody's place changes because somebody else is there, and those who may not lend are
out before anybody is ranked.

Of a hundred leads about five explore: where there are more providers than seats, a newcomer takes the last one. Which
leads those are, and which newcomer it is, is drawn from the lead's id, so that a match can be made again exactly.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

from models.matching_weights import BUILT_IN, Weights
from models.money import Rounding, formatted, rounded

_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Lead:
    """What decides who may and who should see an application; the rates are those that may be asked for it at all."""

    lead_id: str
    amount_minor: int
    currency: str
    country: str
    tenure_days: int
    credit_score: int
    recommended_rate_percent: Decimal
    rate_minimum_percent: Decimal = Decimal(0)
    rate_maximum_percent: Decimal = Decimal(100)


@dataclass(frozen=True, slots=True)
class ProviderProfile:
    """A provider's appetite, and its record as measured here over the last months.

    received    leads whose window is over, or that it has answered        answered    of them
    approved    of those answered                                          offered     bids that borrowers saw
    reneged     of those offered, taken back by the provider               response    half of its answers are faster
    """

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
    exposure_limit_minor: int | None = None
    exposure_minor: int = 0
    daily_lead_cap: int | None = None
    invited_today: int = 0
    invited_open: int = 0
    median_response_hours: Decimal | None = None
    received: int = 0
    answered: int = 0
    approved: int = 0
    offered: int = 0
    reneged: int = 0


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
    """Who is invited, best first, and who is not; `explored` is the newcomer that was given the last seat."""

    invited: tuple[Match, ...]
    excluded: tuple[Exclusion, ...]
    explored: str | None = None


def match(lead: Lead, providers: Iterable[ProviderProfile], *, on: date, weights: Weights = BUILT_IN) -> Matches:
    """The providers to invite on a day. Every provider is in the answer once, with reasons."""
    eligible, excluded, newcomers = [], [], set()
    for provider in providers:
        if reason := _ineligibility(lead, provider, on, weights):
            excluded.append(Exclusion(provider.provider_id, reason))
            continue
        eligible.append(_match(lead, provider, weights))
        if provider.received < weights.newcomer_below_leads:
            newcomers.add(provider.provider_id)
    eligible.sort(key=lambda found: (-found.score, found.expected_response_hours, found.provider_id))
    return _seated(lead, eligible, excluded, newcomers, weights)


def explores(lead_id: str, weights: Weights) -> bool:
    """Whether a newcomer may take the last seat of this lead."""
    return _drawn(lead_id) % _DRAWS < weights.exploration_percent * _DRAWS / 100


def _seated(
    lead: Lead, ranked: Sequence[Match], excluded: list[Exclusion], newcomers: Collection[str], weights: Weights
) -> Matches:
    seats = weights.invite_at_most
    invited = list(ranked[:seats])
    fresh = [found for found in ranked[seats:] if found.provider_id in newcomers]
    explored = None
    if fresh and invited[-1].provider_id not in newcomers and explores(lead.lead_id, weights):
        guest = min(fresh, key=lambda found: (_drawn(f"{lead.lead_id}:{found.provider_id}"), found.provider_id))
        explored, invited[-1] = guest.provider_id, guest
    for place, found in enumerate(ranked, start=1):
        if found not in invited:
            why = f"at most {seats} are invited" if place > seats else f"a newcomer has the last of {seats} seats"
            excluded.append(Exclusion(found.provider_id, f"ranked {place}, and {why}"))
    return Matches(tuple(invited), tuple(excluded), explored)


def _ineligibility(lead: Lead, provider: ProviderProfile, on: date, weights: Weights) -> str | None:
    left_minor = (
        None if provider.exposure_limit_minor is None else provider.exposure_limit_minor - provider.exposure_minor
    )
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
        f"lends from {provider.rate_minimum_percent} %, and {lead.rate_maximum_percent} % is the most": (
            provider.rate_minimum_percent > lead.rate_maximum_percent
        ),
        f"lends up to {provider.rate_maximum_percent} %, and {lead.rate_minimum_percent} % is the least": (
            provider.rate_maximum_percent < lead.rate_minimum_percent
        ),
        f"can lend no more than {formatted(max(left_minor or 0, 0), lead.currency)} at present": (
            left_minor is not None and lead.amount_minor > left_minor
        ),
        f"wants no more than {provider.daily_lead_cap} leads a day": (
            provider.daily_lead_cap is not None and provider.invited_today >= provider.daily_lead_cap
        ),
        f"has {provider.invited_open} leads to answer": (
            weights.open_leads_at_most is not None and provider.invited_open >= weights.open_leads_at_most
        ),
    }
    return next((reason for reason, stands in obstacles.items() if stands), None)


def _match(lead: Lead, provider: ProviderProfile, weights: Weights) -> Match:
    most, hours = weights.points, provider.median_response_hours
    hours = weights.unknown_response_hours if hours is None else hours
    reneging = weights.reneging_prior.smoothed(provider.reneged, provider.offered)
    features = {
        "amount fits": (_amount_fit(lead, provider), most.amount_fit),
        "rate fits": (_rate_fit(lead, provider, weights), most.rate_fit),
        "approves": (weights.conversion_prior.smoothed(provider.approved, provider.answered), most.conversion),
        "answers fast": (_falling(hours, weights.slowest_hours), most.speed),
        "keeps its word": (1 - reneging, most.firmness),
        "answers at all": (weights.completion_prior.smoothed(provider.answered, provider.received), most.completion),
    }
    points = {what: (share * of, of) for what, (share, of) in features.items()}
    return Match(
        provider_id=provider.provider_id,
        name=provider.name,
        score=rounded(sum((got for got, _ in points.values()), Decimal(0)), Rounding.HALF_UP),
        expected_response_hours=hours,
        reasons=tuple(f"{what}: {got:.1f} of {of}" for what, (got, of) in points.items()),
    )


def _amount_fit(lead: Lead, provider: ProviderProfile) -> Decimal:
    """1 when the amount is at least twice the minimum and at most half the maximum, 0.5 at either limit."""
    above_minimum = Decimal(lead.amount_minor) / max(provider.minimum_minor, 1)
    below_maximum = Decimal(provider.maximum_minor) / lead.amount_minor
    return min(above_minimum / 2, below_maximum / 2, Decimal(1))


def _rate_fit(lead: Lead, provider: ProviderProfile, weights: Weights) -> Decimal:
    """1 when the provider can lend at the recommended rate or below it, 0 when its cheapest is far dearer."""
    dearer = max(provider.rate_minimum_percent - lead.recommended_rate_percent, Decimal(0))
    return _falling(dearer, weights.rate_tolerance_percent)


def _falling(value: Decimal, zero_at: Decimal) -> Decimal:
    return max(1 - value / zero_at, Decimal(0))


def _drawn(from_: str) -> int:
    return int.from_bytes(sha256(from_.encode()).digest()[:8])
