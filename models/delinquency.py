"""How late a loan is, and what the field calls it."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from models.terms import Installment

_STAGE_2_FROM_DAYS = 31
_STAGE_3_FROM_DAYS = 90


class Bucket(StrEnum):
    """The industry's aging buckets, in days past due."""

    CURRENT = "current"
    DAYS_1_30 = "1-30"
    DAYS_31_60 = "31-60"
    DAYS_61_90 = "61-90"
    DAYS_91_120 = "91-120"
    DAYS_121_150 = "121-150"
    DAYS_151_180 = "151-180"
    OVER_180 = "180+"


_BUCKETS = tuple(Bucket)
_DAYS_PER_BUCKET = 30


def days_past_due(installments: Sequence[Installment], on: date) -> int:
    """Days since the oldest due date that still waits for money; a partial payment does not reset them."""
    oldest = min((row.due_on for row in installments if row.outstanding_minor > 0), default=on)
    return max(0, (on - oldest).days)


def bucket_for(days: int) -> Bucket:
    """The bucket of a number of days past due: 0 is current, 1 to 30 the first, and so on."""
    return _BUCKETS[min(-(-days // _DAYS_PER_BUCKET), len(_BUCKETS) - 1)]


def ifrs_stage(days: int) -> int:
    """The IFRS 9 stage by days past due alone: 2 when more than 30 (5.5.11), 3 from 90 on (B5.5.37)."""
    if days >= _STAGE_3_FROM_DAYS:
        return 3
    return 2 if days >= _STAGE_2_FROM_DAYS else 1
