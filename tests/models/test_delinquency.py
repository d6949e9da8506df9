"""Days past due count from the oldest date that still waits for money."""

from dataclasses import replace
from datetime import date

import pytest

from models.delinquency import Bucket, bucket_for, days_past_due, ifrs_stage
from models.terms import Installment

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
    assert bucket_for(days) is bucket
    assert ifrs_stage(days) == stage
