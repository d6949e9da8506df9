"""The virtual clock over HTTP: a workflow lives through days in a moment, in the sandbox only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.processes import Processes
from api.settings import ApiSettings
from tests.api.rows import lent
from tests.api.worlds import World, opened
from workers.embedded.postgres import DatabaseUrls

QUEUE = "test-clock"


@workflow.defn(name="Sleeper")
class Sleeper:
    """Sleeps ten days at a time, `naps` times."""

    @workflow.run
    async def run(self, naps: int) -> None:
        for _ in range(naps):
            await asyncio.sleep(10 * 86_400)


@pytest.fixture
async def real(world: World, temporal_client: Client) -> AsyncIterator[World]:
    """The world on the real server, where one loan sleeps."""
    processes = Processes(temporal_client, calls=2, timeout_seconds=5)
    app = world.http._transport.app  # type: ignore[attr-defined] # noqa: SLF001 - the way to swap one part of it
    app.state.resources = replace(app.state.resources, processes=processes)
    worker = Worker(temporal_client, task_queue=QUEUE, workflows=[Sleeper], workflow_runner=UnsandboxedWorkflowRunner())
    async with worker:
        yield world


async def test_a_clock_is_moved_and_says_where_it_stands(real: World, temporal_client: Client) -> None:
    loan = await lent(real)
    handle = await temporal_client.start_workflow(Sleeper.run, 6, id=f"loan/{loan.id}", task_queue=QUEUE)
    started_at = (await handle.describe()).start_time

    first = await real.post(f"/api/sandbox/clock/loans/{loan.id}/advance", {"days": 30})
    second = await real.post(f"/api/sandbox/clock/loans/{loan.id}/advance", {"hours": 12})

    assert (first.status_code, first.json()["reached"]) == (200, True), first.text
    lived = datetime.fromisoformat(second.json()["now"]) - started_at
    assert timedelta(days=30, hours=12) <= lived < timedelta(days=30, hours=13)

    over = await real.post(f"/api/sandbox/clock/loans/{loan.id}/advance", {"days": 100})
    ended = await real.post(f"/api/sandbox/clock/loans/{loan.id}/advance", {"days": 1})

    assert over.json()["reached"] is False, "it ended on the way"
    assert (ended.status_code, ended.json()["code"]) == (409, "clock_stopped")


async def test_what_does_not_run_has_no_clock(real: World) -> None:
    submitted = await real.apply()

    answer = await real.post(f"/api/sandbox/clock/applications/{submitted['applicationId']}/advance", {"days": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "clock_stopped")


async def test_in_production_no_clock_is_moved(world: World, rows: DatabaseUrls) -> None:
    async with opened(rows, ApiSettings(mode="production")) as production:
        answer = await production.post("/api/sandbox/clock/loans/loan_1/advance", {"days": 1})

    assert (answer.status_code, answer.json()["code"]) == (403, "not_in_production")
    assert world.temporal.asked == production.temporal.asked == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "days"),
        ({"days": 1, "hours": 1}, "days"),
        ({"days": 0}, "days"),
        ({"days": 401}, "days"),
        ({"days": "1"}, "days"),
        ({"days": 1.5}, "days"),
        ({"hours": -1}, "hours"),
        ({"weeks": 1}, "weeks"),
    ],
)
async def test_a_step_is_some_days_or_some_hours(world: World, body: dict[str, object], field: str) -> None:
    answer = await world.post("/api/sandbox/clock/loans/loan_1/advance", body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_there_are_clocks_of_applications_and_loans(world: World) -> None:
    answer = await world.post("/api/sandbox/clock/tenants/loan_1/advance", {"days": 1})

    assert answer.status_code == 422
    unknown = await world.post("/api/sandbox/clock/loans/loan_1/advance", {"days": 1})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_loan")
