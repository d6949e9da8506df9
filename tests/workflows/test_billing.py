"""Billing as a workflow: started by its schedule or by hand, and never undone by a failure in between."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from activities import billing
from activities.billing_documents import issue
from api.billing_cards import card_row
from models.billing_document import card_from
from models.billing_period import month_of
from models.records.billing import Invoice
from models.records.ledger import JournalRow
from models.records.outbox import OutboxKind, ask_relay
from tests.activities.portfolio import rows_of
from tests.workflows.world import TENANT, World, eventually, scheduled
from workflows.billing import billing_id

MINIMUM = card_from({"currency": "USD", "monthlyMinimum": 100})


async def test_the_schedule_of_a_tenant_bills_the_month_before(world: World) -> None:
    assert world.tenants is not None
    await carded(world, date(2026, 1, 1))
    schedule = world.client.get_schedule_handle(billing_id(TENANT))

    async with scheduled(world):
        await schedule.trigger()
        await eventually(lambda: has_invoices(world, 2))
        (monthly,) = (await schedule.describe()).schedule.spec.calendars

    assert (monthly.day_of_month[0].start, monthly.hour[0].start) == (1, 3)
    last = month_of(datetime.now(UTC).date()).before
    assert {row.period for row in await rows_of(world.database, Invoice, TENANT)} == {last.first}
    assert await world.balance() == 0


async def test_a_month_is_billed_by_hand_although_an_invoice_fails_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await carded(world, date(2026, 1, 1))
    failures: list[str] = []

    async def fails_once(*args: Any, **named: Any) -> Invoice:
        invoice = await issue(*args, **named)
        if not failures:
            failures.append(invoice.number)
            raise OSError("the database went away")
        return invoice

    monkeypatch.setattr(billing, "issue", fails_once)
    for _ in range(2):
        async with world.database.transaction(TENANT) as session:
            ask_relay(session, TENANT, OutboxKind.BILL_MONTH, {"first": "2026-01-01"})

    await eventually(lambda: has_invoices(world, 2))

    assert await world.client.get_workflow_handle(billing_id(TENANT, date(2026, 1, 1))).result() == 2
    numbers = sorted(row.sequence for row in await rows_of(world.database, Invoice, TENANT))
    assert (len(failures), numbers) == (1, [1, 2])
    keys = [row.key for row in await rows_of(world.database, JournalRow, TENANT)]
    assert len(keys) == len(set(keys)) == 2


async def carded(world: World, effective_from: date) -> None:
    async with world.database.transaction(TENANT) as session:
        session.add(card_row(TENANT, None, effective_from, 1, MINIMUM))


async def has_invoices(world: World, count: int) -> bool:
    return len(await rows_of(world.database, Invoice, TENANT)) == count
