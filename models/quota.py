"""How often a caller may ask: a budget of requests a minute that refills steadily, so a burst is possible and no flood.

The rule is GCRA: each request puts a caller one `spacing` deeper into debt, time pays the debt back, and a request that
would make the debt longer than the window is refused. One instant per caller is all that has to be remembered.
"""

from dataclasses import dataclass
from math import ceil, floor

WINDOW_SECONDS = 60
REQUESTS_PER_MINUTE = range(1, 600_001)


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a caller stands after this request; a request that `is_exceeded` has cost it nothing."""

    name: str
    requests_per_minute: int
    debt_seconds: float
    is_exceeded: bool = False

    @property
    def remaining(self) -> int:
        """How many more are let through at once."""
        left = (WINDOW_SECONDS - self.debt_seconds) / self._spacing_seconds
        return 0 if self.is_exceeded else max(0, floor(left + 1e-6))

    @property
    def full_after_seconds(self) -> int:
        """When the whole budget is there again."""
        return max(0, ceil(self.debt_seconds))

    @property
    def retry_after_seconds(self) -> int:
        """When the next request will be let through."""
        return max(1, ceil(self.debt_seconds + self._spacing_seconds - WINDOW_SECONDS))

    @property
    def _spacing_seconds(self) -> float:
        return WINDOW_SECONDS / self.requests_per_minute
