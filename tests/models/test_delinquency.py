"""Days past due count from the oldest date that still waits for money."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.delinquency import (
    Bucket,
    BucketBound,
    DelinquencyRules,
    InvalidDelinquencyRules,
    Pause,
    bucket_for,
    days_past_due,
    ifrs_stage,
    is_charge_off_due,
    non_accrual_since,
    paused_days,
    prolonged,
)
from models.installment import Installment

MARCH = Installment(1, date(2026, 3, 31), principal_minor=900, interest_minor=100)
APRIL = replace(MARCH, number=2, due_on=date(2026, 4, 30))


def test_nothing_is_late_on_the_due_date_itself() -> None:
    assert days_past_due([MARCH, APRIL], date(2026, 3, 31)) == 0
    assert days_past_due([MARCH, APRIL], date(2026, 4, 1)) == 1


def test_a_partial_payment_does_not_reset_the_days() -> None:
    partly_paid = replace(MARCH, interest_paid_minor=100, principal_paid_minor=899)

    assert days_past_due([partly_paid, APRIL], date(2026, 5, 30)) == 60


def test_paying_the_oldest_leaves_the_next_one_late() -> None:
    paid = replace(MARCH, interest_paid_minor=100, principal_paid_minor=900)

    assert days_past_due([paid, APRIL], date(2026, 5, 30)) == 30
    assert days_past_due([paid], date(2026, 5, 30)) == 0


@pytest.mark.parametrize(
    ("days", "bucket", "stage"),
    [
        (0, Bucket.CURRENT, 1),
        (1, Bucket.DAYS_1_30, 1),
        (30, Bucket.DAYS_1_30, 1),
        (31, Bucket.DAYS_31_60, 2),
        (60, Bucket.DAYS_31_60, 2),
        (61, Bucket.DAYS_61_90, 2),
        (89, Bucket.DAYS_61_90, 2),
        (90, Bucket.DAYS_61_90, 3),
        (91, Bucket.DAYS_91_120, 3),
        (121, Bucket.DAYS_121_150, 3),
        (151, Bucket.DAYS_151_180, 3),
        (180, Bucket.DAYS_151_180, 3),
        (181, Bucket.OVER_180, 3),
        (5000, Bucket.OVER_180, 3),
    ],
)
def test_the_edges_of_buckets_and_stages(days: int, bucket: Bucket, stage: int) -> None:
    assert bucket_for(days) == bucket
    assert ifrs_stage(days) == stage


def test_the_first_days_of_grace_do_not_count() -> None:
    assert days_past_due([MARCH], date(2026, 4, 3), grace_days=3) == 0
    assert days_past_due([MARCH], date(2026, 4, 4), grace_days=3) == 1


@pytest.mark.parametrize(
    ("first", "last", "late_days"),
    [
        (date(2026, 4, 10), date(2026, 4, 19), 20),  # in the middle
        (date(2026, 4, 21), date(2026, 5, 20), 20),  # still running: the arrears are as old as when it began
        (date(2026, 3, 1), date(2026, 4, 10), 20),  # granted before anything was due
        (date(2026, 1, 1), date(2026, 3, 31), 30),  # over on the due date: nothing to pause
        (date(2026, 5, 1), date(2026, 5, 20), 30),  # yet to come
    ],
)
def test_days_of_forbearance_do_not_make_arrears_older(first: date, last: date, late_days: int) -> None:
    assert days_past_due([MARCH], date(2026, 4, 30), pauses=[Pause(first, last)]) == late_days


def test_two_pauses_that_overlap_pause_a_day_once() -> None:
    pauses = [Pause(date(2026, 4, 1), date(2026, 4, 10)), Pause(date(2026, 4, 6), date(2026, 4, 15))]

    assert paused_days(date(2026, 3, 31), date(2026, 4, 30), pauses) == 15


def test_forbearance_granted_again_keeps_the_days_of_the_first() -> None:
    first = Pause(date(2026, 4, 6), date(2026, 4, 15))
    on, until = date(2026, 5, 1), date(2026, 5, 10)

    again = prolonged(first, on=on, until=until)

    for day in (date(2026, 5, 5), date(2026, 5, 31)):
        two = days_past_due([MARCH], day, pauses=[first, Pause(on, until)])
        assert days_past_due([MARCH], day, pauses=[again]) == two


def test_forbearance_that_is_still_running_is_prolonged() -> None:
    first = Pause(date(2026, 4, 6), date(2026, 4, 15))

    assert prolonged(first, on=date(2026, 4, 10), until=date(2026, 5, 1)) == Pause(first.first, date(2026, 5, 1))
    assert prolonged(first, on=date(2026, 4, 16), until=date(2026, 5, 1)) == Pause(first.first, date(2026, 5, 1))
    assert prolonged(None, on=date(2026, 4, 10), until=date(2026, 5, 1)) == Pause(date(2026, 4, 10), date(2026, 5, 1))


@given(
    st.integers(0, 400),
    st.lists(st.tuples(st.integers(-50, 400), st.integers(0, 60)), max_size=4),
    st.integers(0, 10),
)
def test_a_day_makes_arrears_at_most_a_day_older_and_never_younger(
    after: int, pauses: list[tuple[int, int]], grace_days: int
) -> None:
    start = MARCH.due_on
    paused = [Pause(start + timedelta(first), start + timedelta(first + length)) for first, length in pauses]

    before, then = (
        days_past_due([MARCH], start + timedelta(days), grace_days=grace_days, pauses=paused)
        for days in (after, after + 1)
    )

    assert then - before in (0, 1)


CARD = DelinquencyRules(
    buckets=(BucketBound("current", 0), BucketBound("early", 59), BucketBound("late", None)),
    stage_2_from_days=16,
    stage_3_from_days=60,
    charge_off_days=180,
)


@pytest.mark.parametrize(
    ("days", "bucket", "stage", "lost"),
    [
        (0, "current", 1, False),
        (1, "early", 1, False),
        (16, "early", 2, False),
        (59, "early", 2, False),
        (60, "late", 3, False),
        (179, "late", 3, False),
        (180, "late", 3, True),
    ],
)
def test_a_product_ages_by_its_own_rules(days: int, bucket: str, stage: int, lost: bool) -> None:  # noqa: FBT001
    assert (bucket_for(days, CARD), ifrs_stage(days, CARD)) == (bucket, stage)
    assert is_charge_off_due(days, CARD) is lost


@pytest.mark.parametrize(("days", "lost"), [(119, False), (120, True)])
def test_a_closed_end_loan_is_lost_at_120_days(days: int, lost: bool) -> None:  # noqa: FBT001
    assert is_charge_off_due(days) is lost


def test_interest_stops_at_ninety_days_and_starts_again_when_nothing_is_overdue() -> None:
    then, today = date(2026, 6, 29), date(2026, 7, 9)

    assert non_accrual_since(89, None, on=then) is None
    assert non_accrual_since(90, None, on=then) == then
    assert non_accrual_since(100, then, on=today) == then
    assert non_accrual_since(1, then, on=today) == then
    assert non_accrual_since(0, then, on=today) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"buckets": ()}, "buckets"),
        ({"buckets": (BucketBound("all", 30),)}, "buckets"),
        ({"buckets": (BucketBound("a", None), BucketBound("b", None))}, "buckets"),
        ({"buckets": (BucketBound("a", 30), BucketBound("b", 30), BucketBound("c", None))}, "buckets"),
        ({"stage_2_from_days": 90}, "stage2FromDays"),
        ({"stage_2_from_days": 0}, "stage2FromDays"),
        ({"non_accrual_from_days": 0}, "nonAccrualFromDays"),
        ({"charge_off_days": 0}, "chargeOffDays"),
        ({"aging_grace_days": -1}, "agingGraceDays"),
    ],
)
def test_rules_by_which_nothing_can_age_are_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDelinquencyRules) as refusal:
        DelinquencyRules(**changes)

    assert refusal.value.field == field
    assert field in refusal.value.detail
