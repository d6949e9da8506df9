"""What counts in a match, and for how much: versioned data of a tenant, and the version everybody begins with.

A share that is measured on little is pulled toward what is expected of anybody, its prior: with a prior of 0.5 that
weighs as much as 10 answers, one approval of one is 0.545 and not 1.
"""

from dataclasses import dataclass
from decimal import Decimal

from models.document import COUNT, NUMBER, Record, Setting
from models.errors import Refused

ALL_POINTS = 100


class InvalidWeights(Refused):
    """Nobody can be matched by these weights; `field` names the one that is wrong."""


@dataclass(frozen=True, slots=True)
class Prior:
    """The share expected of a provider nobody knows yet, and how many measurements it weighs as much as."""

    share: Decimal
    weighs: int

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InvalidWeights("A share lies between 0 and 1.", "share")
        if self.weighs < 1:
            raise InvalidWeights("A prior weighs as much as one measurement at least.", "weighs")

    def smoothed(self, hits: int, of: int) -> Decimal:
        """The share of hits, pulled toward the prior the less has been measured."""
        return (hits + self.share * self.weighs) / (of + self.weighs)


@dataclass(frozen=True, slots=True)
class Points:
    """The most a provider can get for each feature; together 100."""

    amount_fit: int = 20
    rate_fit: int = 20
    conversion: int = 25
    speed: int = 15
    firmness: int = 10
    completion: int = 10

    def __post_init__(self) -> None:
        given = (self.amount_fit, self.rate_fit, self.conversion, self.speed, self.firmness, self.completion)
        if min(given) < 0 or sum(given) != ALL_POINTS:
            raise InvalidWeights(f"The points are not negative, and {ALL_POINTS} together; these are {sum(given)}.")


@dataclass(frozen=True, slots=True)
class Weights:
    """One version. A newcomer has received fewer leads than `newcomer_below_leads` in the span of the record."""

    points: Points = Points()
    conversion_prior: Prior = Prior(Decimal("0.5"), 10)
    reneging_prior: Prior = Prior(Decimal("0.05"), 10)
    completion_prior: Prior = Prior(Decimal("0.8"), 5)
    unknown_response_hours: Decimal = Decimal(24)
    slowest_hours: Decimal = Decimal(48)
    rate_tolerance_percent: Decimal = Decimal(10)
    exploration_percent: Decimal = Decimal(5)
    newcomer_below_leads: int = 10
    invite_at_most: int = 10
    open_leads_at_most: int | None = None
    record_days: int = 90

    def __post_init__(self) -> None:
        least = {
            "slowestHours": self.slowest_hours > 0,
            "rateTolerancePercent": self.rate_tolerance_percent > 0,
            "unknownResponseHours": self.unknown_response_hours >= 0,
            "explorationPercent": 0 <= self.exploration_percent <= ALL_POINTS,
            "newcomerBelowLeads": self.newcomer_below_leads >= 0,
            "inviteAtMost": 1 <= self.invite_at_most <= ALL_POINTS,
            "openLeadsAtMost": self.open_leads_at_most is None or self.open_leads_at_most >= 1,
            "recordDays": 1 <= self.record_days <= 3660,  # noqa: PLR2004 - ten years
        }
        for setting, holds in least.items():
            if not holds:
                raise InvalidWeights("This is out of range.", setting)


BUILT_IN = Weights()
BUILT_IN_VERSION = 1

_PRIOR = Record(Prior, (Setting("share", NUMBER), Setting("weighs", COUNT)))
WEIGHTS = Record(
    Weights,
    (
        Setting(
            "points",
            Record(
                Points,
                tuple(
                    Setting(name, COUNT)
                    for name in ("amountFit", "rateFit", "conversion", "speed", "firmness", "completion")
                ),
            ),
        ),
        Setting("conversionPrior", _PRIOR),
        Setting("renegingPrior", _PRIOR),
        Setting("completionPrior", _PRIOR),
        Setting("unknownResponseHours", NUMBER),
        Setting("slowestHours", NUMBER),
        Setting("rateTolerancePercent", NUMBER),
        Setting("explorationPercent", NUMBER),
        Setting("newcomerBelowLeads", COUNT),
        Setting("inviteAtMost", COUNT),
        Setting("openLeadsAtMost", COUNT),
        Setting("recordDays", COUNT),
    ),
)
