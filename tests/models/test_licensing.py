"""When a license is heard of: thirty and seven days before its last day, and when that is over."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.licensing import EXPIRY, LicenseExpired, LicenseMoment, check_not_expired, next_license_moment

LAST_DAY = date(2026, 12, 31)
OVER = datetime(2027, 1, 1, tzinfo=UTC)


def _at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (_at(1, 1), 30),
        (_at(12, 1, 8), 30),
        (_at(12, 1, 10), 30),  # overdue: to be given now
        (_at(12, 24, 10), 7),  # the later notice says all the earlier one did
        (_at(12, 31, 23), 7),
        (OVER, EXPIRY),
    ],
)
def test_the_latest_that_is_due_comes_first_and_else_the_next(now: datetime, days: int) -> None:
    assert next_license_moment(LAST_DAY, now=now).days == days


def test_a_license_is_good_on_its_last_day() -> None:
    taken = next_license_moment(LAST_DAY, now=_at(12, 24, 10))

    over = next_license_moment(LAST_DAY, now=_at(12, 31), after=taken)

    assert (over.is_expiry, over.at) == (True, OVER)
    check_not_expired(LAST_DAY, today=LAST_DAY, field="x")
    with pytest.raises(LicenseExpired) as refusal:
        check_not_expired(LAST_DAY, today=OVER.date(), field="licenses[1].expiryDate")
    assert refusal.value.field == "licenses[1].expiryDate"


def test_a_renewed_license_starts_over() -> None:
    taken = next_license_moment(LAST_DAY, now=_at(12, 24, 10))

    assert next_license_moment(date(2027, 12, 31), now=_at(12, 25), after=taken).days == 30


@given(st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(0, 900))
def test_each_moment_is_taken_once_and_the_last_is_the_expiry(expires_on: date, days: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)
    taken: list[LicenseMoment] = []
    while not (taken and taken[-1].is_expiry):
        moment = next_license_moment(expires_on, now=now, after=taken[-1] if taken else None)
        now = max(now, moment.at)
        taken.append(moment)

    assert [each.days for each in taken] in ([30, 7, EXPIRY], [7, EXPIRY], [EXPIRY])
    assert now.date() > expires_on
