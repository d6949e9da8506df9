"""When the earliest of a provider's licenses is heard of: thirty days before it ends, seven days before, and after.

    ... notice (30) ... notice (7) ... the last day ... | expiry: 00:00 UTC of the day after

A license is good on its last day. A notice that was missed is given at once, unless a later one is due as well.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from models.errors import Refused

NOTICE_DAYS = (30, 7)
EXPIRY = -1
_NOTICE_HOUR = time(9, tzinfo=UTC)


class LicenseExpired(Refused):
    """A license has expired; nobody lends without one."""


@dataclass(frozen=True, slots=True)
class License:
    """One permission to lend."""

    license_type: str
    license_number: str
    issuing_authority: str
    expiry_date: date


@dataclass(frozen=True, slots=True)
class LicenseMoment:
    """When a license is heard of: `days` before its last day, or `EXPIRY`, when it is over."""

    expires_on: date
    days: int
    at: datetime

    @property
    def is_expiry(self) -> bool:
        """Whether the license is over by then."""
        return self.days == EXPIRY


def next_license_moment(expires_on: date, *, now: datetime, after: LicenseMoment | None = None) -> LicenseMoment:
    """What is due first, now or later; `after` is what has been taken before."""
    taken = after.days if after is not None and after.expires_on == expires_on else NOTICE_DAYS[0] + 1
    moments = [_moment(expires_on, days) for days in (*NOTICE_DAYS, EXPIRY) if days < taken] or [
        _moment(expires_on, EXPIRY)
    ]
    overdue = [moment for moment in moments if moment.at <= now]
    return overdue[-1] if overdue else moments[0]


def check_not_expired(expires_on: date, *, today: date, field: str) -> None:
    """Refuse a license that is over."""
    if expires_on < today:
        raise LicenseExpired(f"This license expired on {expires_on}.", field)


def _moment(expires_on: date, days: int) -> LicenseMoment:
    if days == EXPIRY:
        return LicenseMoment(expires_on, days, datetime.combine(expires_on + timedelta(days=1), time(), UTC))
    return LicenseMoment(expires_on, days, datetime.combine(expires_on - timedelta(days=days), _NOTICE_HOUR))
