"""The worker is killed five times, and the API once, while twenty loans are born: each is paid out exactly once.

The moments are random; the seed is printed, and `CAAS_CRASH_SEED` repeats it.
"""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from time import perf_counter

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause

from models.records.ledger import EntryRow, JournalRow
from sandbox.magic import ACCOUNT_ANSWER_LOST, ACCOUNT_REQUEST_LOST
from temporal.client import connect
from temporal.settings import TemporalSettings
from tests.journeys.scenes import GOOD_ACCOUNT, PAID_OUT_MINOR, Scene
from workers.platform import Json
from workers.stack import Stack

LOANS = 20
KILLS = 5
# Six of the twenty payouts are answered by a time-out; three of those the rail has booked all the same.
ACCOUNTS = (
    GOOD_ACCOUNT,
    ACCOUNT_ANSWER_LOST,
    GOOD_ACCOUNT,
    GOOD_ACCOUNT,
    GOOD_ACCOUNT,
    ACCOUNT_REQUEST_LOST,
    GOOD_ACCOUNT,
)
_SUBMITTED_WITHIN_SECONDS = 15
_FIRST_INSTALLMENT_MINOR = 2_177_02


@dataclass
class Loans:
    """What the borrowers have reached so far."""

    applied: set[str] = field(default_factory=set)
    disbursed: dict[str, Json] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)

    @property
    def under_way(self) -> int:
        """How many have applied and not yet made their first payment."""
        return len(self.applied) - len(self.paid)

    async def some_under_way(self) -> None:
        """Wait until a kill would interrupt something; there must be something left to interrupt."""
        while not self.under_way:
            assert len(self.paid) < LOANS, "every loan was paid before the last kill"
            await asyncio.sleep(0.01)


@pytest.fixture
def seed() -> int:
    chosen = int(os.environ.get("CAAS_CRASH_SEED", SystemRandom().randrange(10**6)))
    print(f"CAAS_CRASH_SEED={chosen}")  # noqa: T201 - shown when the test fails
    return chosen


async def test_every_loan_is_paid_out_once_however_often_the_worker_dies(scene: Scene, seed: int) -> None:
    dice, loans, began = Random(seed), Loans(), perf_counter()  # noqa: S311 - dice, not keys
    paid_before = {transfer["reference"] for transfer in await scene.world.transfers()}
    await scene.lenders_register()

    async with asyncio.TaskGroup() as tasks:
        for number in range(LOANS):
            pause = dice.uniform(0, _SUBMITTED_WITHIN_SECONDS)
            tasks.create_task(borrow(scene, loans, ACCOUNTS[number % len(ACCOUNTS)], pause))
        interrupted = tasks.create_task(kill_again_and_again(scene.stack, loans, dice))
    await scene.outbox_is_empty()

    print(f"{perf_counter() - began:.0f} s; loans under way at the kills: {interrupted.result()}")  # noqa: T201
    await the_rail_paid_each_once(scene, loans, paid_before)
    await each_first_installment_is_posted_once(scene, loans)
    await the_books_balance(scene)
    assert await marks_in_histories(scene, loans), "no task was ever interrupted"


async def borrow(scene: Scene, loans: Loans, account_number: str, pause_seconds: float) -> None:
    """One borrower, from the application to the first payment."""
    await asyncio.sleep(pause_seconds)
    application_id = await scene.apply(account_number=account_number)
    loans.applied.add(application_id)
    loan = await scene.disbursed(application_id)
    loans.disbursed[loan["loanId"]] = loan
    await scene.pay(loan, _FIRST_INSTALLMENT_MINOR, datetime.now(UTC))
    loans.paid.add(loan["loanId"])


async def kill_again_and_again(stack: Stack, loans: Loans, dice: Random) -> list[int]:
    """SIGKILL at random moments while loans are under way; how many were at each."""
    under_way: list[int] = []
    for number in range(KILLS):
        await loans.some_under_way()
        await asyncio.sleep(dice.uniform(0.2, 2))
        await loans.some_under_way()
        under_way.append(loans.under_way)
        await stack.kill("worker")
        if number == 1:
            await stack.kill("api")
            await stack.start("api")
        await stack.start("worker")
    return under_way


async def the_rail_paid_each_once(scene: Scene, loans: Loans, paid_before: set[str]) -> None:
    """One booking per loan and none besides; an order that was repeated was recognized by its reference."""
    transfers = [each for each in await scene.world.transfers() if each["reference"] not in paid_before]

    print(f"orders at the rail: {sum(each['orders'] for each in transfers)} for {LOANS} loans")  # noqa: T201
    assert Counter(each["reference"] for each in transfers) == Counter(loans.disbursed.keys())
    assert Counter((each["amount"], each["status"]) for each in transfers) == {(PAID_OUT_MINOR, "success"): LOANS}


async def each_first_installment_is_posted_once(scene: Scene, loans: Loans) -> None:
    """Not lost with the worker that was posting it, and not posted again by the next."""
    for loan_id in loans.disbursed:
        (payment,) = await scene.repayments(loan_id)
        loan = await scene.platform.loan(loan_id)
        timeline = Counter(event["type"] for event in await scene.platform.timeline(loan["applicationId"]))

        assert (payment["status"], payment["amount"]) == ("succeeded", 2177.02)
        assert (loan["status"], sum(round(row["paid"] * 100) for row in loan["schedule"])) == ("active", 2177_02)
        assert (timeline["credit.disbursement.completed"], timeline["payment.processed"]) == (1, 1)


async def the_books_balance(scene: Scene) -> None:
    """Two journals a loan, the payout and the payment, and nothing in sum."""
    async with scene.rows.transaction(scene.tenant.tenant_id) as session:
        journals = await session.execute(
            select(col(JournalRow.loan_id), func.count()).group_by(col(JournalRow.loan_id))
        )
        total = await session.execute(select(func.sum(EntryRow.amount_minor)))

        assert sorted(count for _, count in journals) == [2] * LOANS
        assert total.scalar_one() == 0
    (dollars,) = (await scene.platform.get("/api/ledger/trial-balance"))["currencies"]
    assert dollars["total"] == 0


async def marks_in_histories(scene: Scene, loans: Loans) -> int:
    """How often a killed worker left a task to the next one; none of them may have failed in replaying."""
    client = await connect(TemporalSettings(address=scene.stack.temporal_address))
    marks: Counter[str] = Counter()
    for loan_id, loan in loans.disbursed.items():
        for workflow_id in (f"application/{loan['applicationId']}", f"loan/{loan_id}"):
            async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
                timed_out = event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT
                marks["workflow tasks left"] += timed_out
                marks["activity attempts left"] += max(event.activity_task_started_event_attributes.attempt - 1, 0)
                cause = event.workflow_task_failed_event_attributes.cause
                assert cause != WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, event
    print(dict(marks))  # noqa: T201
    return marks.total()
