"""How late a loan is, what the field calls it, and what its product makes of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.errors import Refused
from models.installment import Installment


class InvalidDelinquencyRules(Refused):
    """No loan can be aged by these rules; `field` names the one that is wrong."""


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


@dataclass(frozen=True, slots=True)
class BucketBound:
    """A bucket of a product: its name, and the last day past due that is still in it; None when it has no end."""

    name: str
    up_to_days: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Days of forbearance, both included: they pass without the loan growing older."""

    first: date
    last: date


BUCKETS = tuple(BucketBound(name, None if name is Bucket.OVER_180 else 30 * place) for place, name in enumerate(Bucket))


@dataclass(frozen=True, slots=True)
class DelinquencyRules:
    """How a product ages its arrears. The stages' days are IFRS 9's presumptions, which a lender may rebut."""

    buckets: tuple[BucketBound, ...] = BUCKETS
    stage_2_from_days: int = 31
    stage_3_from_days: int = 90
    non_accrual_from_days: int = 90
    charge_off_days: int = 120
    aging_grace_days: int = 0

    def __post_init__(self) -> None:
        bounds = [bucket.up_to_days for bucket in self.buckets]
        ends = [days for days in bounds[:-1] if days is not None]
        for field, holds in {
            "buckets": bounds[-1:] == [None] and len(ends) == len(bounds) - 1 and ends == sorted(set(ends)),
            "stage2FromDays": 0 < self.stage_2_from_days < self.stage_3_from_days,
            "nonAccrualFromDays": self.non_accrual_from_days > 0,
            "chargeOffDays": self.charge_off_days > 0,
            "agingGraceDays": self.aging_grace_days >= 0,
        }.items():
            if not holds:
                raise InvalidDelinquencyRules(f"{field} must {_MUST.get(field, 'be days, and more than none')}.", field)


_MUST = {
    "buckets": "be named by ever later days, and the last one have no end",
    "stage2FromDays": "be days, and fewer than stage3FromDays",
    "agingGraceDays": "not be fewer than none",
}

RULES = DelinquencyRules()


def days_past_due(
    installments: Sequence[Installment], on: date, *, grace_days: int = 0, pauses: Iterable[Pause] = ()
) -> int:
    """Days since the oldest due date that still waits for money; a partial payment does not reset them."""
    oldest = min((row.due_on for row in installments if row.outstanding_minor > 0), default=None)
    return days_since(oldest, on, grace_days=grace_days, pauses=pauses)


def days_since(oldest_due_on: date | None, on: date, *, grace_days: int = 0, pauses: Iterable[Pause] = ()) -> int:
    """The days past due of a loan whose oldest unpaid installment was due on this day.

    Days of forbearance do not count, and neither do the first `grace_days` of the arrears.
    """
    if oldest_due_on is None:
        return 0
    return max(0, (on - oldest_due_on).days - paused_days(oldest_due_on, on, pauses) - grace_days)


def paused_days(oldest: date, on: date, pauses: Iterable[Pause]) -> int:
    """How many of the days after `oldest`, up to `on`, no arrears grew older. A day is paused once."""
    days = {
        oldest + timedelta(days=after)
        for pause in pauses
        for after in range(max(1, (pause.first - oldest).days), (min(pause.last, on) - oldest).days + 1)
    }
    return len(days)


def prolonged(pause: Pause | None, *, on: date, until: date) -> Pause:
    """The pause after forbearance is granted on a day: one that holds the days of the earlier one as well.

    Where the two do not meet, the new one begins as many days before its own as the earlier one had, so that the
    arrears are as old as two pauses would have left them.
    """
    if pause is None:
        return Pause(on, until)
    if pause.last >= on - timedelta(days=1):
        return Pause(pause.first, until)
    return Pause(on - (pause.last - pause.first) - timedelta(days=1), until)


def bucket_for(days: int, rules: DelinquencyRules = RULES) -> str:
    """The bucket of a number of days past due: 0 is current, 1 to 30 the first, and so on."""
    return next(b.name for b in rules.buckets if b.up_to_days is None or days <= b.up_to_days)


def ifrs_stage(days: int, rules: DelinquencyRules = RULES) -> int:
    """The IFRS 9 stage by days past due alone: 2 when more than 30 (5.5.11), 3 from 90 on (B5.5.37)."""
    if days >= rules.stage_3_from_days:
        return 3
    return 2 if days >= rules.stage_2_from_days else 1


def non_accrual_since(days: int, since: date | None, *, on: date, rules: DelinquencyRules = RULES) -> date | None:
    """Since when interest is no longer taken as earned. It is again once nothing is past due, and not before."""
    if days == 0:
        return None
    if since is None and days >= rules.non_accrual_from_days:
        return on
    return since


def is_charge_off_due(days: int, rules: DelinquencyRules = RULES) -> bool:
    """Whether the arrears are so old that the loan counts as lost; it is still owed, and still collected."""
    return days >= rules.charge_off_days
