"""Whether what a provider says it can lend hangs together, and is allowed where it wants to lend.

    amounts     0 <= smallest loan <= largest loan <= exposure limit, where it names one
    rates       lowest <= highest <= the cap of every place it lends in, for its kind of license
    leads       at least one a day, where it names a cap

A place we have no table for caps nothing here; models.jurisdiction_tables has those we know, with their sources.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from models.jurisdiction_tables import rules
from models.jurisdictions import Jurisdiction, License, RateOverCap
from models.onboarding import Finding, Step

_EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - a line
)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a provider is ready to lend, in minor units of its own currency."""

    minimum_minor: int
    maximum_minor: int
    rate_minimum_percent: Decimal
    rate_maximum_percent: Decimal
    countries: Collection[str]
    business_type: str
    exposure_limit_minor: int | None = None
    daily_lead_cap: int | None = None


def assess_capacity(capacity: Capacity, *, on: date) -> Finding:
    """What there is to say against it, all of it; or that there is nothing."""
    faults = [*_faults_of_amounts(capacity), *_faults_of_rates(capacity, on)]
    if capacity.daily_lead_cap is not None and capacity.daily_lead_cap < 1:
        faults.append("it takes no lead a day")
    return Finding(Step.CAPACITY_ASSESSED, not faults, "; ".join(faults) or _praise(capacity))


def jurisdiction_of(country: str) -> Jurisdiction | None:
    """Whose law we have a table of; None where we have none."""
    if country in _EU:
        return Jurisdiction.EU
    return Jurisdiction(country) if country in Jurisdiction.__members__ else None


def _faults_of_amounts(capacity: Capacity) -> list[str]:
    faults = []
    if not 0 <= capacity.minimum_minor <= capacity.maximum_minor:
        faults.append("its largest loan is less than its smallest")
    if capacity.exposure_limit_minor is not None and capacity.exposure_limit_minor < capacity.maximum_minor:
        faults.append("its exposure limit does not cover one of its largest loans")
    return faults


def _faults_of_rates(capacity: Capacity, on: date) -> list[str]:
    faults = []
    if not 0 <= capacity.rate_minimum_percent <= capacity.rate_maximum_percent:
        faults.append("its highest rate is less than its lowest")
    for jurisdiction in sorted({found for each in capacity.countries if (found := jurisdiction_of(each))}):
        try:
            rules(jurisdiction, _license_of(capacity.business_type), on=on).check_rate(
                capacity.rate_maximum_percent, field="creditCapacity.interestRateRange.maximum"
            )
        except RateOverCap as refusal:
            faults.append(f"{jurisdiction}: {refusal.detail}")
    return faults


def _license_of(business_type: str) -> License | None:
    spelled = business_type.strip().casefold().replace(" ", "_").replace("-", "_")
    if spelled == "bank":
        return License.COMMERCIAL_BANK
    return License(spelled) if spelled in list(License) else None


def _praise(capacity: Capacity) -> str:
    if capacity.exposure_limit_minor is None:
        return "the ranges are in order; no exposure limit was named"
    at_once = capacity.exposure_limit_minor // max(capacity.maximum_minor, 1)
    return f"the ranges are in order; the exposure limit covers {at_once} of its largest loans at once"
