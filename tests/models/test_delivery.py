"""When a message is tried again, and when an endpoint is left alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.delivery import SCHEDULE, AttemptOutcome, DeliveryPolicy, RecentAttempts, outcome_of

POLICY = DeliveryPolicy()
EXACT = DeliveryPolicy(jitter=0)
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_the_schedule_is_the_standards() -> None:
    pauses = [EXACT.pause_after("dlv_1", failures) for failures in range(1, 11)]

    assert pauses == [*SCHEDULE, None]
    assert (EXACT.attempts, sum(SCHEDULE, timedelta())) == (10, timedelta(hours=75, minutes=35, seconds=5))


@given(st.text(min_size=1, max_size=30), st.integers(min_value=1, max_value=9))
def test_jitter_is_a_fifth_at_most_and_the_same_for_the_same_attempt(delivery_id: str, failures: int) -> None:
    pause = POLICY.pause_after(delivery_id, failures)

    assert pause is not None
    assert abs(pause / SCHEDULE[failures - 1] - 1) <= 0.2
    assert pause == POLICY.pause_after(delivery_id, failures)


def test_jitter_spreads_what_failed_together() -> None:
    pauses = {POLICY.pause_after(f"dlv_{number}", 3) for number in range(100)}

    assert len(pauses) == 100


@pytest.mark.parametrize(
    ("wanted", "pause"),
    [
        (timedelta(0), timedelta(seconds=5)),
        (timedelta(seconds=120), timedelta(seconds=120)),
        (timedelta(days=400), timedelta(days=1)),
    ],
    ids=["sooner", "later", "never"],
)
def test_a_receiver_may_ask_for_later_but_not_for_never(wanted: timedelta, pause: timedelta) -> None:
    assert EXACT.pause_after("dlv_1", 1, wanted=wanted) == pause


def test_whoever_is_overloaded_is_given_a_minute() -> None:
    assert EXACT.pause_after("dlv_1", 1, throttled=True) == timedelta(minutes=1)
    assert EXACT.pause_after("dlv_1", 2, throttled=True) == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("status_code", "outcome"),
    [
        (200, AttemptOutcome.ACCEPTED),
        (204, AttemptOutcome.ACCEPTED),
        (301, AttemptOutcome.REFUSED),
        (404, AttemptOutcome.REFUSED),
        (410, AttemptOutcome.GONE),
        (429, AttemptOutcome.THROTTLED),
        (500, AttemptOutcome.REFUSED),
        (502, AttemptOutcome.THROTTLED),
        (504, AttemptOutcome.THROTTLED),
    ],
)
def test_only_a_2xx_is_a_success(status_code: int, outcome: AttemptOutcome) -> None:
    assert outcome_of(status_code) is outcome


@pytest.mark.parametrize(
    ("failed", "succeeded", "trips"), [(9, 0, False), (10, 0, True), (7, 3, True), (6, 4, False), (70, 31, False)]
)
def test_the_breaker_trips_on_seven_in_ten_of_at_least_ten(failed: int, succeeded: int, *, trips: bool) -> None:
    recent = RecentAttempts()

    for each in [True] * failed + [False] * succeeded:
        recent.saw(NOW, POLICY, failed=each)

    assert recent.trips(POLICY) is trips


def test_the_breaker_forgets_after_five_minutes() -> None:
    recent = RecentAttempts()
    for _ in range(9):
        recent.saw(NOW, POLICY, failed=True)

    recent.saw(NOW + timedelta(minutes=5), POLICY, failed=True)

    assert not recent.trips(POLICY)


def test_an_endpoint_is_left_alone_for_longer_each_time_but_not_for_ever() -> None:
    pauses = [POLICY.cool_down(trips).total_seconds() for trips in (1, 2, 3, 6, 1000)]

    assert pauses == [30, 60, 120, 600, 600]


def test_five_days_of_failures_are_enough() -> None:
    assert not POLICY.is_over(NOW, NOW + timedelta(days=5, seconds=-1))
    assert POLICY.is_over(NOW, NOW + timedelta(days=5))
    assert POLICY.series_gap > max(SCHEDULE) * 1.2
