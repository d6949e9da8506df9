"""What is due next on a loan, and when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.delinquency import BucketBound, DelinquencyRules
from models.loan import LoanPosition, LoanStatus, OpenInstallment, position_of
from models.servicing import Step, StepKind, next_step
from models.servicing_plan import PLAN, InvalidPlan, PenaltyInterest, ServicingPlan
from models.terms import Installment

LOAN = "loan_1"
DUE = date(2026, 3, 10)
FIRST = OpenInstallment(1, DUE, 100_00)
SECOND = OpenInstallment(2, date(2026, 4, 10), 100_00)
POSITION = LoanPosition(LoanStatus.ACTIVE, "USD", 200_00, 0, (FIRST,))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def steps(position: LoanPosition, *, now: datetime) -> list[Step]:
    """Every step to come, as the workflow would take them."""
    taken: list[Step] = []
    while step := next_step(position, loan_id=LOAN, now=max(now, taken[-1].at if taken else now), after=last(taken)):
        taken.append(step)
    return taken


def last(taken: list[Step]) -> Step | None:
    return taken[-1] if taken else None


def test_an_installment_is_reminded_missed_charged_dunned_and_aged_in_this_order() -> None:
    planned = steps(POSITION, now=midnight(DUE - timedelta(days=20)))

    assert [(step.kind, step.offset_days) for step in planned] == [
        (StepKind.REMIND, -3),
        (StepKind.REMIND, 0),
        (StepKind.MISSED, 1),
        (StepKind.LATE_FEE, 5),
        (StepKind.DUN, 10),
        (StepKind.DUN, 20),
        (StepKind.AGE, 31),
        (StepKind.DUN, 45),
        (StepKind.AGE, 61),
        (StepKind.AGE, 91),
        (StepKind.AGE, 121),
        (StepKind.AGE, 151),
        (StepKind.AGE, 181),
    ]


def test_nobody_is_reminded_of_a_day_that_has_passed() -> None:
    planned = steps(POSITION, now=midnight(DUE + timedelta(days=3)))

    assert planned[0].kind is StepKind.MISSED
    assert StepKind.REMIND not in {step.kind for step in planned}


def test_only_the_oldest_installment_is_dunned_and_aged() -> None:
    planned = steps(replace(POSITION, open=(FIRST, SECOND)), now=midnight(DUE - timedelta(days=20)))

    dunned = {step.installment for step in planned if step.kind in (StepKind.DUN, StepKind.AGE)}
    assert dunned == {1}
    assert [step.installment for step in planned if step.kind is StepKind.LATE_FEE] == [1, 2]


def test_a_promise_moves_the_letters_behind_its_day() -> None:
    promised = replace(POSITION, promised_on=DUE + timedelta(days=25))

    planned = steps(promised, now=midnight(DUE + timedelta(days=6)))

    assert [step.offset_days for step in planned if step.kind is StepKind.DUN] == [26, 45]


def test_a_settled_loan_waits_for_messages_only() -> None:
    assert next_step(replace(POSITION, open=()), loan_id=LOAN, now=midnight(DUE), after=None) is None


def test_the_late_fee_is_a_share_of_what_is_overdue() -> None:
    assert PLAN.late_fee_minor(2_177_02) == 54_43


def test_the_late_fee_is_the_same_amount_for_everybody_where_the_product_says_so() -> None:
    plan = replace(PLAN, late_fee_flat_minor=15_00)

    assert [plan.late_fee_minor(overdue) for overdue in (0, 1, 2_177_02)] == [0, 15_00, 15_00]


def test_penalty_interest_is_charged_again_and_again_until_the_loan_counts_as_lost() -> None:
    penal = PenaltyInterest(Decimal(24), grace_days=3, every_days=30)
    plan = replace(PLAN, penalty_interest=penal, penalty_days=penal.days_until(120))

    planned = steps(replace(POSITION, plan=plan, open=(FIRST, SECOND)), now=midnight(DUE))

    charged = [step for step in planned if step.kind is StepKind.PENALTY_INTEREST]
    assert [step.offset_days for step in charged if step.installment == 1] == [33, 63, 93]
    assert len(charged) == 6
    assert penal.amount_minor(2_177_02) == 42_94


def test_a_position_carries_the_plan_and_the_bucket_of_its_product() -> None:
    rules = DelinquencyRules(buckets=(BucketBound("on time", 2), BucketBound("late", None)))
    weekly = replace(PLAN, remind_days=(-1,), missed_day=2, late_fee_day=3, dunning_days=(4,), aging_days=(3,))

    position = POSITION.under(weekly, rules, 3)

    assert (position.days_past_due, position.bucket) == (3, "late")
    assert [(step.kind, step.offset_days) for step in steps(position, now=midnight(DUE - timedelta(days=9)))] == [
        (StepKind.REMIND, -1),
        (StepKind.MISSED, 2),
        (StepKind.AGE, 3),
        (StepKind.LATE_FEE, 3),
        (StepKind.DUN, 4),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"remind_days": (-1, 1)}, "remindDays"),
        ({"remind_hour": 24}, "remindHour"),
        ({"missed_day": 0}, "missedDay"),
        ({"late_fee_day": 0}, "lateFeeDay"),
        ({"late_fee_percent": Decimal(-1)}, "lateFeePercent"),
        ({"late_fee_percent": Decimal("NaN")}, "lateFeePercent"),
        ({"dunning_days": (0,)}, "dunningDays"),
        ({"aging_days": (0,)}, "agingDays"),
        ({"jitter_seconds": 0}, "jitterSeconds"),
        ({"late_fee_flat_minor": -1}, "lateFeeAmount"),
    ],
)
def test_a_plan_nobody_can_be_served_by_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        ServicingPlan(**changes)

    assert refusal.value.field == field
    assert field in refusal.value.detail


@given(number=st.integers())
def test_the_jitter_is_the_loans_own_and_within_two_hours(number: int) -> None:
    loan_id = f"loan_{number}"

    step = next_step(POSITION, loan_id=loan_id, now=midnight(DUE - timedelta(days=9)), after=None)

    assert step == next_step(POSITION, loan_id=loan_id, now=midnight(DUE - timedelta(days=9)), after=None)
    assert step is not None
    assert timedelta(hours=8) <= step.at - midnight(DUE - timedelta(days=3)) < timedelta(hours=10)


def test_a_position_knows_every_overdue_installment_and_the_next_one() -> None:
    rows = [
        Installment(1, date(2026, 1, 10), 90, 10, principal_paid_minor=90, interest_paid_minor=10),
        Installment(2, date(2026, 2, 10), 90, 10, interest_paid_minor=10),
        Installment(3, date(2026, 3, 10), 90, 10),
        Installment(4, date(2026, 4, 10), 90, 10),
        Installment(5, date(2026, 5, 10), 90, 10),
    ]

    position = position_of(
        rows, status=LoanStatus.ACTIVE, currency="USD", in_collection=True, promised_on=None, on=date(2026, 3, 20)
    )

    assert [(row.number, row.outstanding_minor) for row in position.open] == [(2, 90), (3, 100), (4, 100)]
    assert (position.settled_installments, position.outstanding_minor) == (1, 390)
    assert (position.days_past_due, position.bucket) == (38, "31-60")
    assert position.is_open
