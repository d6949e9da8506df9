"""A match as it is kept: everything it was made of, so that anybody can make it again and compare."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from models.document import COUNT, DAY, FLAG, ListOf, Plain, Record, Setting
from models.matching import Exclusion, Lead, Match, Matches, ProviderProfile, match
from models.matching_weights import WEIGHTS, Weights

_EXACT = Plain("an exact number", Decimal, str)
_WORDS = Plain("words", str, str)
_SET = ListOf(_WORDS, frozenset)

_LEAD = Record(
    Lead,
    (
        Setting("leadId", _WORDS),
        Setting("amountMinor", COUNT),
        Setting("currency", _WORDS),
        Setting("country", _WORDS),
        Setting("tenureDays", COUNT),
        Setting("creditScore", COUNT),
        Setting("recommendedRatePercent", _EXACT),
        Setting("rateMinimumPercent", _EXACT),
        Setting("rateMaximumPercent", _EXACT),
    ),
)
_PROFILE = Record(
    ProviderProfile,
    (
        Setting("providerId", _WORDS),
        Setting("name", _WORDS),
        Setting("active", FLAG),
        Setting("minimumMinor", COUNT),
        Setting("maximumMinor", COUNT),
        Setting("currencies", _SET),
        Setting("countries", _SET),
        Setting("rateMinimumPercent", _EXACT),
        Setting("rateMaximumPercent", _EXACT),
        Setting("licenseExpiresOn", DAY),
        Setting("exposureLimitMinor", COUNT),
        Setting("exposureMinor", COUNT),
        Setting("dailyLeadCap", COUNT),
        Setting("invitedToday", COUNT),
        Setting("invitedOpen", COUNT),
        Setting("medianResponseHours", _EXACT),
        Setting("received", COUNT),
        Setting("answered", COUNT),
        Setting("approved", COUNT),
        Setting("offered", COUNT),
        Setting("reneged", COUNT),
    ),
)
_MATCHES = Record(
    Matches,
    (
        Setting(
            "invited",
            ListOf(
                Record(
                    Match,
                    (
                        Setting("providerId", _WORDS),
                        Setting("name", _WORDS),
                        Setting("score", COUNT),
                        Setting("expectedResponseHours", _EXACT),
                        Setting("reasons", ListOf(_WORDS)),
                    ),
                )
            ),
        ),
        Setting("excluded", ListOf(Record(Exclusion, (Setting("providerId", _WORDS), Setting("reason", _WORDS))))),
        Setting("explored", _WORDS),
    ),
)


@dataclass(frozen=True, slots=True)
class MatchRecord:
    """The documents a match is kept as: what it was made of, and what came of it."""

    on: date
    lead: dict[str, Any]
    candidates: list[dict[str, Any]]
    weights: dict[str, Any]
    result: dict[str, Any]


def recorded(
    lead: Lead, candidates: Iterable[ProviderProfile], weights: Weights, matches: Matches, *, on: date
) -> MatchRecord:
    """A match as documents."""
    return MatchRecord(
        on=on,
        lead=_LEAD.write(lead, currency=lead.currency),
        candidates=[_PROFILE.write(candidate, currency=lead.currency) for candidate in candidates],
        weights=WEIGHTS.write(weights, currency=""),
        result=_MATCHES.write(matches, currency=""),
    )


def replayed(record: MatchRecord) -> dict[str, Any]:
    """What comes of what the record was made of; the record's own result, unless somebody has changed either."""
    candidates = [_PROFILE.read(candidate, currency="") for candidate in record.candidates]
    weights: Weights = WEIGHTS.read(record.weights, currency="")
    matches = match(_LEAD.read(record.lead, currency=""), candidates, on=record.on, weights=weights)
    return _MATCHES.write(matches, currency="")
