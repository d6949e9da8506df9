"""The statistics of a provider's record: shares with their uncertainty, trends, and what a rival may not be told.

A share without its denominator says nothing: each takes both numbers. A cell of fewer than `SMALLEST_CELL` providers is
not shown, because whoever knows his own figure could work out a rival's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

SMALLEST_CELL = 5
# Of the normal distribution: 95 % lie within it.
_Z = 1.959963984540054

Direction = Literal["up", "down", "flat"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Between which shares, in percent, the true one lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One provider's leads in a period, and how many became loans of its own."""

    provider_id: str
    received: int
    funded: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place among peers; 1 is the best."""

    rank: int
    of: int

    @property
    def top_percent(self) -> float:
        """In the best how many percent."""
        return percent_of(self.rank, self.of) or 0.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure now and how it has moved; None where there was nothing to measure."""

    current: float | None
    change: float | None

    @property
    def direction(self) -> Direction | None:
        """Which way it went."""
        if self.change is None:
            return None
        return "flat" if self.change == 0 else "up" if self.change > 0 else "down"


def percent_of(part: float, whole: float) -> float | None:
    """The part in percent of the whole, to one place; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def wilson(successes: int, trials: int) -> Interval | None:
    """Wilson's interval of a share: honest for few trials, and never outside of 0 to 100. None without a trial.

    (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    """
    if not trials:
        return None
    low, high = _bounds(successes, trials)
    return Interval(round(100 * max(0.0, low), 1), round(100 * min(1.0, high), 1))


def place_of(provider_id: str, peers: Sequence[Standing]) -> Place | None:
    """The place by conversion among those who received a lead; None in a cell that is too small, or without a lead.

    Compared is the lower end of the interval: one loan of one lead is not better than ninety of a hundred. Equals share
    the better place.
    """
    ranked = [peer for peer in peers if peer.received]
    own = next((peer for peer in ranked if peer.provider_id == provider_id), None)
    if own is None or len(ranked) < SMALLEST_CELL:
        return None
    return Place(1 + sum(_strength(peer) > _strength(own) for peer in ranked), len(ranked))


def trend(current: float | None, before: float | None) -> Trend:
    """The figure and its change, to one place."""
    if current is None or before is None:
        return Trend(current, None)
    return Trend(current, round(current - before, 1))


def _strength(standing: Standing) -> float:
    return _bounds(standing.funded, standing.received)[0]


def _bounds(successes: int, trials: int) -> tuple[float, float]:
    share, square = successes / trials, _Z * _Z
    center = share + square / (2 * trials)
    spread = _Z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    scale = 1 + square / trials
    return (center - spread) / scale, (center + spread) / scale
