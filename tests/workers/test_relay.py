"""The relay: everything happens, and nobody waits for a receiver that hangs."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from sqlmodel import select
from temporalio.client import Client

from activities.deliveries import Deliveries
from activities.postbox import Delivered
from models.records.database import Database
from models.records.outbox import Channel, OutboxRow, deliver
from tests.workflows.fakes import FakeMailer
from tests.workflows.world import TENANT, eventually, populate
from workers.embedded.postgres import DatabaseUrls
from workers.errands import Errands
from workers.relay import Relay
from workers.settings import WorkerSettings


class HangingPostbox:
    """Never answers."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        await asyncio.Event().wait()
        raise AssertionError(url, headers, body)


async def test_a_receiver_that_hangs_delays_nobody_else(temporal_client: Client, database: DatabaseUrls) -> None:
    rows, outbox, mailer = Database(database.app), Database(database.relay), FakeMailer()
    await populate(rows, ("provider_hanging",))
    deliveries = Deliveries(outbox, HangingPostbox(), mailer)
    relay = Relay(outbox, Errands(temporal_client, deliveries), WorkerSettings(relay_idle_seconds=0.02, relay_batch=3))
    relaying = asyncio.create_task(relay.run())

    async with rows.transaction(TENANT) as session:
        deliver(session, TENANT, Channel.WEBHOOK, "provider_hanging", "lead_received", "{}", key="hangs")
    for number in range(5):
        async with rows.transaction(TENANT) as session:
            deliver(session, TENANT, Channel.MAIL, "sarah@email.example", f"mail {number}", "", key=f"mail {number}")

    await eventually(lambda: len(mailer.sent) == 5, seconds=5)
    relaying.cancel()
    with suppress(asyncio.CancelledError):
        await relaying
    async with outbox.transaction() as session:
        left = (await session.execute(select(OutboxRow))).scalars().all()
    assert len(left) <= 2, "the one that hangs, and at most the one that was being settled"
    await rows.close()
    await outbox.close()
