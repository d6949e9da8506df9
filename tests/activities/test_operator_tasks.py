"""Tasks for operators: opened once, told once, resolved once."""

from datetime import UTC, datetime

import pytest
from sqlmodel import select

from activities.operator_tasks import TaskResolved, UnknownTask, open_task, resolve_task, settle_task, task_in
from models.records.database import Database
from models.records.operator_tasks import OperatorTask
from models.records.outbox import Delivery
from tests.activities.chained import put_on_chain, tasks_of
from tests.activities.lending import TENANT, Bank, open_bank
from workers.embedded.postgres import DatabaseUrls

AT, LATER = datetime(2026, 11, 24, 9, tzinfo=UTC), datetime(2026, 11, 24, 10, tzinfo=UTC)


async def opens(database: Database, loan_id: str | None = None, *, says: str = "Look.", **more: object) -> str:
    async with database.transaction(TENANT) as session:
        facts: dict[str, object] = {"details": {"a": 1}, "key": "cause", "at": AT} | more
        return await open_task(session, TENANT, "test", loan_id=loan_id, summary=says, **facts)  # type: ignore[arg-type]


async def test_the_life_of_a_task(database: DatabaseUrls) -> None:
    async with open_bank(database) as bank:
        await the_same_cause_is_one_task_and_one_alert(bank)
        await a_task_is_resolved_once(bank)
        await a_cause_that_returns_opens_its_task_again(bank)
        await a_task_of_no_loan_is_told_as_well(bank)


async def the_same_cause_is_one_task_and_one_alert(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)

    first = await opens(bank.database, ref.loan_id)
    again = await opens(bank.database, ref.loan_id, says="Look again.", at=LATER)

    (task,) = await tasks_of(bank, ref)
    assert first == again == task.id
    assert (task.summary, task.opened_at, task.application_id) == ("Look again.", AT, ref.application_id)
    assert (await bank.events(ref)).count("system.alert") == 1


async def a_task_is_resolved_once(bank: Bank) -> None:
    task_id = await opens(bank.database, key="resolved")
    async with bank.database.transaction(TENANT) as session:
        await resolve_task(session, TENANT, task_id, resolution="done", by="key_1", at=LATER)
        same = await resolve_task(session, TENANT, task_id, resolution="done", by="key_1", at=AT)
        assert same.resolved_at == LATER
        with pytest.raises(TaskResolved):
            await resolve_task(session, TENANT, task_id, resolution="otherwise", by="key_1", at=AT)
        await settle_task(session, TENANT, "test", key="resolved", resolution="by itself", at=AT)
        assert (await task_in(session, TENANT, task_id)).resolution == "done"
        with pytest.raises(UnknownTask):
            await task_in(session, TENANT, "task_nobody_knows")


async def a_cause_that_returns_opens_its_task_again(bank: Bank) -> None:
    for reopens in (False, True):
        key = f"returns {reopens}"
        task_id = await opens(bank.database, key=key)
        async with bank.database.transaction(TENANT) as session:
            await settle_task(session, TENANT, "test", key=key, resolution="gone", at=LATER)
        await opens(bank.database, key=key, at=LATER, reopens=reopens)
        async with bank.database.transaction(TENANT) as session:
            task = await task_in(session, TENANT, task_id)
            assert (task.resolved_at is None) is reopens


async def a_task_of_no_loan_is_told_as_well(bank: Bank) -> None:
    await opens(bank.database, key="of nobody")

    async with bank.database.transaction(TENANT) as session:
        tasks = (await session.execute(select(OperatorTask))).scalars().all()
        told = (await session.execute(select(Delivery))).scalars().all()
    assert {task.application_id for task in tasks if task.loan_id is None} == {None}
    assert told == [], "nobody has an endpoint here"
