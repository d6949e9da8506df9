"""A lender that has never heard of us: a plugin drives its own API, in both directions, on the whole engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select
from temporalio.client import Client

from activities.adapters.lender_http import LenderHttp
from activities.adapters.vetted_http import KeptConnections, VettedHttp
from activities.plugins import PluginRef
from models.application import ApplicationStatus
from models.plugin import plugin_of, shown_of
from models.records.leads import Decision
from models.records.plugins import PluginRow, PluginRunRow
from temporal.schedules import scheduled
from tests.models.plugins import both_ways
from tests.sandbox.worlds import World as Outside
from tests.sandbox.worlds import platform_alive, world_alive
from tests.workflows.fakes import FakeRail
from tests.workflows.world import TENANT, World, eventually, running
from workers.embedded.postgres import DatabaseUrls
from workers.plugin_calendar import PluginCalendar
from workflows.plugin_sync import PluginSyncWorkflow, plugin_sync_id

PROVIDER = "provider_first"


@asynccontextmanager
async def scene(client: Client, urls: DatabaseUrls) -> AsyncIterator[tuple[World, Outside]]:
    """The engine, and the sandbox's lender on a real socket."""
    async with (
        platform_alive() as platform,
        world_alive(platform) as outside,
        KeptConnections() as connections,
        running(client, urls, FakeRail(), lenders=LenderHttp(VettedHttp(connections, allow_local=True))) as world,
    ):
        yield world, outside


async def behave(outside: Outside, **behavior: Any) -> None:
    lender = {"providerId": PROVIDER, "apiKey": "-", "webhookSecret": "-", "apiUrl": "-", "behavior": behavior}
    (await outside.client.put("/lenders/first", json=lender)).raise_for_status()


async def plug_in(world: World, outside: Outside, **changed: Any) -> None:
    document = both_ways(
        endpoints={
            "baseUrl": f"{outside.url}/lenders/first/core",
            "syncEndpoint": "/requests",
            "statusEndpoint": "/requests/{id}",
        },
        authentication={
            "type": "oauth2_client_credentials",
            "tokenUrl": f"{outside.url}/lenders/first/core/oauth/token",
            "clientId": "caas",
            "clientSecret": "first-core-secret",
        },
    )
    document["configuration"]["mappings"]["provider.remarks"] = "caas.reason"
    document["errorHandling"]["initialDelaySeconds"] = 1
    document |= changed
    plugin = plugin_of(document)
    async with world.database.transaction(TENANT) as session:
        session.add(
            PluginRow(
                tenant_id=TENANT,
                provider_id=PROVIDER,
                name=plugin.name,
                sync_frequency=plugin.sync_frequency,
                events=list(plugin.events),
                settings=shown_of(document, plugin),
                secrets=dict(plugin.authentication.secrets),
                changed_at=datetime.now(UTC),
            )
        )


async def rows(world: World, table: Any) -> list[Any]:
    async with world.database.transaction(TENANT) as session:
        return list((await session.execute(select(table))).scalars())


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lender that is still thinking is asked again at once."""
    monkeypatch.setattr("models.plugin_run._FIRST_POLL_SECONDS", 0.05)


async def test_a_lead_goes_out_in_the_lenders_words_and_his_answer_becomes_an_offer(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with scene(temporal_client, database) as (world, outside):
        await behave(outside, kind="late", interestRate=8.5, refuseFirst=1)
        await plug_in(world, outside)

        application_id = await world.submit()
        await world.reaches(application_id, ApplicationStatus.BIDDING)
        await eventually(lambda: _judged(world), what="the lender's answer is judged")
        await world.decline(application_id, "provider_quick")
        await world.reaches(application_id, ApplicationStatus.OFFERED)

        (offer,) = await world.offers(application_id)
        assert (offer.provider_id, offer.amount_minor, float(offer.annual_rate_percent)) == (PROVIDER, 25_000_00, 8.5)
        (run,) = await rows(world, PluginRunRow)
        assert (run.status, run.decision_outcome, run.external_id) == ("succeeded", "accepted", "FIRST-1")
        (request,) = (await outside.client.get("/lenders/first/core/requests")).json()["requests"]
        assert request["document"].keys() >= {"applicationId", "loanAmount", "creditScore"}
        assert (request["document"]["applicationId"], request["times"]) == (run.lead_id, 1)
        async with world.database.transaction(TENANT) as session:
            decision = (await session.execute(select(Decision).where(col(Decision.message_id) == run.id))).scalar_one()
        assert (decision.body["decision"], decision.refused_because) == ("approved", None)


async def test_a_lender_that_says_no_has_declined_and_an_answer_out_of_bounds_is_refused(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with scene(temporal_client, database) as (world, outside):
        await behave(outside, kind="decline")
        await plug_in(world, outside)

        application_id = await world.submit()
        await eventually(lambda: _judged(world), what="the lender's answer is judged")
        await world.decline(application_id, "provider_quick")
        await world.reaches(application_id, ApplicationStatus.NO_OFFERS)
        await behave(outside, kind="offer", interestRate=900)
        await world.submit()
        await eventually(lambda: _judged(world, runs=2), what="the second answer is judged")

        outcomes = sorted(run.decision_outcome for run in await rows(world, PluginRunRow))
        assert outcomes[0] == "accepted"
        assert outcomes[1].startswith("refused: ")


async def test_by_the_hour_the_lead_waits_for_the_schedules_workflow(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with scene(temporal_client, database) as (world, outside):
        await behave(outside, kind="offer")
        await plug_in(world, outside, syncFrequency="hourly")
        application_id = await world.submit()
        await world.reaches(application_id, ApplicationStatus.BIDDING)
        await asyncio.sleep(0.2)
        assert [run.status for run in await rows(world, PluginRunRow)] == ["waiting"]

        ref = PluginRef(TENANT, PROVIDER, "loan_sync_v2")
        released = await temporal_client.execute_workflow(
            PluginSyncWorkflow.run, ref, id=plugin_sync_id(ref, "hourly"), task_queue=world.queue
        )

        assert released == 1
        await eventually(lambda: _judged(world), what="the lender's answer is judged")


async def test_a_plugin_has_a_schedule_while_it_has_an_hour(temporal_client: Client, database: DatabaseUrls) -> None:
    async with scene(temporal_client, database) as (world, outside):
        await plug_in(world, outside, syncFrequency="hourly")
        assert world.tenants is not None
        ids = {each: plugin_sync_id(PluginRef(TENANT, PROVIDER, "loan_sync_v2"), each) for each in ("hourly", "daily")}

        await PluginCalendar(temporal_client, world.tenants, task_queue=world.queue).keep()
        await eventually(lambda: _are_scheduled(temporal_client, {ids["hourly"]}))
        await change(world, sync_frequency="daily")
        # Another process: it did not make the schedule that is to go.
        calendar = PluginCalendar(temporal_client, world.tenants, task_queue=world.queue)
        await calendar.keep()
        await eventually(lambda: _are_scheduled(temporal_client, {ids["daily"]}))
        await change(world, enabled=False)
        await calendar.keep()
        await eventually(lambda: _are_scheduled(temporal_client, set()))


async def change(world: World, **columns: Any) -> None:
    async with world.database.transaction(TENANT) as session:
        await session.execute(update(PluginRow).values(columns))


async def _are_scheduled(client: Client, ids: set[str]) -> bool:
    return await scheduled(client, "plugin-sync/") == ids


async def _judged(world: World, runs: int = 1) -> bool:
    found = await rows(world, PluginRunRow)
    return len(found) == runs and all(run.decision_outcome for run in found)
