"""Terms to try: what a loan would cost, without a loan."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body

from api.exact_json import ExactRoute
from api.examples import QUOTE
from api.quotes import quote_for
from api.resources import Having
from api.schemas.quotes import QuoteIn, QuoteOut
from api.security import TenantCaller
from models.records.tenants import Tenant

router = APIRouter(prefix="/api/loans", tags=["loans"], route_class=ExactRoute)


@router.post("/quote")
async def quote(
    body: Annotated[QuoteIn, Body(openapi_examples=QUOTE)], caller: TenantCaller, having: Having
) -> QuoteOut:
    """The schedule of a loan on these terms, its annual percentage rate and its cost. Nothing is created."""
    async with having.database.transaction(caller.tenant_id) as session:
        tenant = await session.get_one(Tenant, caller.tenant_id)
        currency, country = tenant.currency, tenant.country
    # Long schedules take milliseconds of arithmetic, in which others are to be answered.
    return await asyncio.to_thread(quote_for, body, currency=currency, country=country, today=datetime.now(UTC).date())
