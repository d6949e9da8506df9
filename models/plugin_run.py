"""One event on its way to one lender's API.

    waiting -> pending -> awaiting_answer -> succeeded*
       |          |             |
    (its hour)    |             +-> unanswered*      the lender took it and never said what became of it
                  +-> queued -> pending              a replay of what could not be sent
                  +-> dropped*

`waiting` is for the next run of a schedule. `queued` is the fallback queue; nothing leaves it by itself.
"""

from datetime import timedelta
from enum import StrEnum

_FIRST_POLL_SECONDS = 30
_LONGEST_POLL_SECONDS = 3600
_MOST_POLLS = 60


class RunStatus(StrEnum):
    """Where an exchange stands."""

    WAITING = "waiting"
    PENDING = "pending"
    AWAITING_ANSWER = "awaiting_answer"
    SUCCEEDED = "succeeded"
    QUEUED = "queued"
    DROPPED = "dropped"
    UNANSWERED = "unanswered"


UNDER_WAY = frozenset({RunStatus.PENDING, RunStatus.AWAITING_ANSWER})


def poll_pause(polls: int) -> timedelta | None:
    """How long to wait before asking again what became of a lead; None when it was asked often enough (two days)."""
    if polls >= _MOST_POLLS:
        return None
    return timedelta(seconds=min(_FIRST_POLL_SECONDS * 2 ** min(polls, 10), _LONGEST_POLL_SECONDS))
