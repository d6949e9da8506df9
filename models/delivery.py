"""When a message is tried again, when an endpoint is left alone for a while, and when it is given up.

attempt   1      2     3       4       5     6     7      8      9      10
pause     0      5 s   5 min   30 min  2 h   5 h   10 h   14 h   20 h   24 h     (Standard Webhooks 1.0.0; 75.6 h)

breaker   closed -- most of the last attempts failed --> open -- cool-down --> one probe -- it arrived --> closed
                                                          ^------------------ it failed, longer cool-down --+
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

SCHEDULE = tuple(timedelta(seconds=each) for each in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
GONE = 410
_THROTTLING = frozenset({429, 502, 504})


class DeliveryStatus(StrEnum):
    """How far a message has come at one endpoint."""

    PENDING = "pending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    """What one attempt came to."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    GONE = "gone"
    UNANSWERED = "unanswered"
    FORBIDDEN = "forbidden"


class BreakerState(StrEnum):
    """Whether an endpoint is posted to."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One message is on its way to find out."""


def outcome_of(status_code: int) -> AttemptOutcome:
    """A redirect is a refusal like any other: following it would leave the address that was checked."""
    if status_code // 100 == 2:  # noqa: PLR2004 - HTTP
        return AttemptOutcome.ACCEPTED
    if status_code == GONE:
        return AttemptOutcome.GONE
    return AttemptOutcome.THROTTLED if status_code in _THROTTLING else AttemptOutcome.REFUSED


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """The figures; all of them are settings, so that a proof can live through days in seconds."""

    schedule: tuple[timedelta, ...] = SCHEDULE
    jitter: float = 0.2
    throttle_floor: timedelta = timedelta(seconds=60)
    disable_after: timedelta = timedelta(days=5)
    breaker_window: timedelta = timedelta(minutes=5)
    breaker_least: int = 10
    breaker_share: float = 0.7
    breaker_pause: timedelta = timedelta(seconds=30)
    breaker_longest_pause: timedelta = timedelta(minutes=10)
    probe_lasts: timedelta = timedelta(seconds=30)
    probe_watch: timedelta = timedelta(seconds=2)
    """How long the others wait before they look how the probe went."""
    """Whoever probes and dies loses the right to it after so long."""

    @property
    def attempts(self) -> int:
        """How often a message is tried in all."""
        return len(self.schedule) + 1

    def pause_after(
        self, delivery_id: str, failures: int, *, throttled: bool = False, wanted: timedelta | None = None
    ) -> timedelta | None:
        """How long to wait after this many failures; None when the message is given up.

        The receiver may ask for longer, up to the longest pause there is; never for shorter.
        """
        if failures >= self.attempts:
            return None
        pause = self.schedule[failures - 1] * self._swing(delivery_id, failures)
        if throttled:
            pause = max(pause, self.throttle_floor)
        if wanted is not None:
            pause = max(pause, min(wanted, max(self.schedule)))
        return pause

    def cool_down(self, trips: int) -> timedelta:
        """How long an endpoint is left alone the n-th time in a row that it trips the breaker."""
        return min(self.breaker_pause * 2.0 ** min(trips - 1, 30), self.breaker_longest_pause)

    @property
    def series_gap(self) -> timedelta:
        """A failure this long after the one before starts a new series.

        Between the two there was nothing to deliver, not days of trying. It is longer than the longest pause of the
        schedule with its jitter: 36 hours.
        """
        return self.disable_after * 0.3

    def is_over(self, failing_since: datetime, at: datetime) -> bool:
        """Whether the endpoint is to be switched off."""
        return at - failing_since >= self.disable_after

    def _swing(self, delivery_id: str, failures: int) -> float:
        """The same for the same attempt of the same message, and different for all others."""
        drawn = int.from_bytes(sha256(f"{delivery_id}:{failures}".encode()).digest()[:4])
        return 1 + self.jitter * (2 * drawn / 0xFFFFFFFF - 1)


@dataclass(slots=True)
class RecentAttempts:
    """What one process saw of an endpoint in the breaker's window. Healthy endpoints cost no row for it."""

    _seen: deque[tuple[datetime, bool]] = field(default_factory=deque)
    _failed: int = 0

    def saw(self, at: datetime, policy: DeliveryPolicy, *, failed: bool) -> None:
        """Note one attempt and forget those before the window."""
        self._seen.append((at, failed))
        self._failed += failed
        while self._seen[0][0] <= at - policy.breaker_window:
            self._failed -= self._seen.popleft()[1]

    def trips(self, policy: DeliveryPolicy) -> bool:
        """Whether most of enough attempts failed."""
        return len(self._seen) >= policy.breaker_least and self._failed >= policy.breaker_share * len(self._seen)

    def forget(self) -> None:
        """Begin anew, once the breaker has opened or closed."""
        self._seen.clear()
        self._failed = 0
