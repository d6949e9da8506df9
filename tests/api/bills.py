"""Rate cards and invoices as their operator has them, for tests that begin in the middle of a month."""

from datetime import UTC, date, datetime
from typing import Any

from activities.billing import Billed, BilledMonth, Billing
from models.billing_period import month_of
from tests.api.rows import granted
from tests.api.worlds import Body, World

THIS = month_of(datetime.now(UTC).date())
TERMS: Body = {"currency": "USD", "lead": {"tiers": [{"price": 12.5}]}, "monthlyMinimum": 20}
CARDS = "/api/v1/billing/rate-cards"


async def billed(world: World) -> tuple[Body, str]:
    """A lender with an invoice of 25.00 for this month's two leads, issued now; and the path to it."""
    lender = await world.register()
    await made_card(world)
    await invited(world, lender, times=2)
    billing, tenant_id = Billing(world.database), world.tenant.tenant_id
    await billing.collect(BilledMonth(tenant_id, THIS.first))
    one = Billed(tenant_id, lender["providerId"], "USD", THIS.first, datetime.now(UTC))
    return lender, f"/api/v1/providers/{lender['providerId']}/invoices/{await billing.invoice(one)}"


async def invited(world: World, lender: Body, *, times: int = 1) -> None:
    for _ in range(times):
        await granted(world, await world.apply(), lender)


async def made_card(world: World, **changes: Any) -> Any:
    body = TERMS | {"effectiveFrom": THIS.first.isoformat()} | {name: _text(value) for name, value in changes.items()}
    return await world.post(CARDS, body)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
