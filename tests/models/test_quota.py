"""A budget that refills: what is left, when it is whole again, when to come back."""

import pytest

from models.quota import Quota


@pytest.mark.parametrize(
    ("debt_seconds", "remaining", "full_after"),
    [(0.0, 60, 0), (1.0, 59, 1), (0.999999, 59, 1), (59.0, 1, 59), (59.5, 0, 60), (60.0, 0, 60)],
)
def test_what_is_left_is_the_window_less_the_debt(debt_seconds: float, remaining: int, full_after: int) -> None:
    quota = Quota("provider", 60, debt_seconds)

    assert (quota.remaining, quota.full_after_seconds) == (remaining, full_after)


@pytest.mark.parametrize(
    ("per_minute", "debt_seconds", "seconds"), [(60, 60.0, 1), (1, 60.0, 60), (1, 30.2, 31), (600, 60, 1)]
)
def test_who_is_refused_is_told_when_the_next_request_fits(per_minute: int, debt_seconds: float, seconds: int) -> None:
    quota = Quota("provider", per_minute, debt_seconds, is_exceeded=True)

    assert (quota.remaining, quota.retry_after_seconds) == (0, seconds)
