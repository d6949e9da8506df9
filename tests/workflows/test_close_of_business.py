"""The close of business as a workflow: started by its schedule or by hand, and never undone by a failure in between."""

from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities import close_of_business
from activities.loans import installment_of
from models.accrual import earned_minor
from models.records.closing import append_journals
from models.records.ledger import BusinessDayRow, JournalRow
from models.records.outbox import OutboxKind, ask_relay
from tests.activities.portfolio import lend, rows_of
from tests.workflows.world import TENANT, World, eventually, scheduled
from workers.calendar import Calendar
from workflows.close_of_business import close_of_business_id


async def test_the_schedule_of_a_tenant_closes_yesterday(world: World) -> None:
    (ref,) = await lend(world.database, tenant_id=TENANT)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    schedule = world.client.get_schedule_handle(close_of_business_id(TENANT))

    async with scheduled(world) as calendar:
        await calendar.keep()
        assert world.tenants is not None
        await Calendar(world.client, world.tenants, task_queue=world.queue).keep()
        await schedule.trigger()
        await eventually(lambda: closed(world, yesterday))
        (at_night,) = (await schedule.describe()).schedule.spec.calendars

    # It has been in arrears since February: nothing is accrued, and much is set aside.
    (journal,) = [j for j in await rows_of(world.database, JournalRow, TENANT) if j.booked_on == yesterday]
    assert journal.key == f"provision:{ref.loan_id}:{yesterday}"
    assert (at_night.hour[0].start, at_night.minute[0].start) == (0, 5)


async def test_missed_days_are_closed_by_hand_although_a_partition_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close_of_business, "LOANS_PER_PARTITION", 1)
    refs = await lend(world.database, loans=3, tenant_id=TENANT)
    await order(world, date(2026, 1, 20))
    await eventually(lambda: closed(world, date(2026, 1, 20)))
    failing = FailsOnce(monkeypatch)

    await order(world, date(2026, 1, 22))
    await eventually(lambda: closed(world, date(2026, 1, 22)))

    keys = [j.key for j in await rows_of(world.database, JournalRow, TENANT) if j.key.startswith("cob:")]
    assert failing.failures == 1
    assert sorted(keys) == sorted(f"cob:{ref.loan_id}:2026-01-{day}" for ref in refs for day in (20, 21, 22))
    handle = world.client.get_workflow_handle(close_of_business_id(TENANT, date(2026, 1, 22)))
    await handle.result()
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_loan_on_a_virtual_clock_closes_its_days_in_its_own_steps(world: World) -> None:
    loan = await world.disbursed()
    due = (await world.installments(loan.id))[0].due_on
    await world.to_day(loan, due + timedelta(days=2))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)

    await order(world, yesterday)
    await eventually(lambda: closed(world, yesterday))

    lived = await world.loan(loan.id)
    rows = [installment_of(row) for row in await world.installments(loan.id)]
    assert (lived.is_virtual, lived.closed_business_on) == (True, None)
    assert lived.accrued_on is not None
    assert lived.accrued_on > due
    assert lived.interest_accrued_minor == earned_minor(rows, lived.accrued_on, lived.disbursed_on)
    assert lived.allowance_minor == 250_00
    assert await world.balance() == 0


class FailsOnce:
    """The database goes away in the middle of a partition, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures = 0
        self._append = append_journals
        monkeypatch.setattr(close_of_business, "append_journals", self._fail)

    async def _fail(self, *args: object) -> None:
        await self._append(*args)  # type: ignore[arg-type]
        if not self.failures:
            self.failures += 1
            raise OSError("the database went away")


async def order(world: World, on: date) -> None:
    async with world.database.transaction(TENANT) as session:
        ask_relay(session, TENANT, OutboxKind.CLOSE_OF_BUSINESS, {"date": on.isoformat()})


async def closed(world: World, on: date) -> bool:
    days = await rows_of(world.database, BusinessDayRow, TENANT)
    return any(row.business_date == on and row.completed_at for row in days)
