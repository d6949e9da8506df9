"""The queue in front of one endpoint: how much of it may be in flight, how fast, and whether anything at all."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from models.records.dispatch import Address, Parcel
from workers.errands import Work

_MAILS_IN_FLIGHT = 10
_CAREFUL = 1


@dataclass(frozen=True, slots=True)
class Held:
    """A message that this relay holds, with the outbox row that says so."""

    parcel: Parcel
    work: Work


@dataclass(slots=True)
class Lane:
    """The messages for one endpoint that this relay has taken up."""

    name: str
    clock: Callable[[], float]
    queue: deque[Held] = field(default_factory=deque)
    in_flight: int = 0
    is_open: bool = False
    """Its breaker is open: one message at a time may ask whether it has recovered."""
    is_suspect: bool = False
    """The last attempt got no answer: until one does, it gets one message at a time to hang on to."""
    closed_until: float = 0
    _most_in_flight: int = _MAILS_IN_FLIGHT
    _seconds_apart: float = 0
    _not_before: float = 0

    def take(self, held: Held) -> None:
        """Line a message up."""
        if held.parcel.address:
            self._adopt(held.parcel.address)
        self.queue.append(held)

    @property
    def most_in_flight(self) -> int:
        """How many messages may be under way at once."""
        return _CAREFUL if self.is_open or self.is_suspect else self._most_in_flight

    @property
    def is_full(self) -> bool:
        """Whether it wants no more for now: there is enough to do, or nothing to be done."""
        return self.is_closed or len(self.queue) + self.in_flight >= 2 * self.most_in_flight

    @property
    def is_closed(self) -> bool:
        """Whether the endpoint is left alone."""
        return self.clock() < self.closed_until

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing and knows nothing worth keeping."""
        return not (self.queue or self.in_flight or self.is_suspect or self.is_closed or self.wait_seconds > 0)

    @property
    def may_send(self) -> bool:
        """Whether the first message may leave now."""
        return bool(self.queue) and self.in_flight < self.most_in_flight and self.wait_seconds <= 0

    @property
    def wait_seconds(self) -> float:
        """How long the rate limit asks to wait."""
        return self._not_before - self.clock()

    def send(self) -> Held:
        """Take the first message out of the line."""
        self.in_flight += 1
        if self._seconds_apart:
            self._not_before = max(self._not_before, self.clock()) + self._seconds_apart
        return self.queue.popleft()

    def close(self, seconds: float) -> list[Held]:
        """Leave the endpoint alone for so long; what was lined up is given back."""
        self.closed_until = self.clock() + seconds
        given_back = list(self.queue)
        self.queue.clear()
        return given_back

    def _adopt(self, address: Address) -> None:
        self._most_in_flight = 1 if address.fifo else address.max_in_flight
        self._seconds_apart = 1 / address.rate_limit_per_second if address.rate_limit_per_second else 0
