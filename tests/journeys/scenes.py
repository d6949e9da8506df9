"""A platform on a running stack, with lenders that answer and borrowers that do not give up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx2
from sqlalchemy import func, select
from sqlmodel import col

from models.records.database import Database
from models.records.outbox import OutboxRow
from workers.demo.bodies import application, registration
from workers.platform import Json, Lender, Platform, SandboxWorld, TookTooLong
from workers.stack import Stack
from workers.tenants import NewTenant, create_tenant

LENDERS: dict[str, Json] = {
    "first": {"kind": "offer", "interestRate": 7.5, "processingFee": 500},
    "quick": {"kind": "offer", "interestRate": 8.2, "processingFee": 300},
}
GOOD_ACCOUNT = "0123456789"
# The second lender's offer is the cheaper one, and its fee is kept back.
PAID_OUT_MINOR = 24_700_00
_PATIENCE_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.4


class Persistent(httpx2.AsyncBaseTransport):
    """What a good client of the API does: every POST carries a key, and what got no answer is asked again under it."""

    def __init__(self) -> None:
        self._line = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", str(uuid4()))
        give_up_at = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            answer = await self._attempt(request)
            if answer is not None and not await _is_passing(answer):
                return answer
            assert asyncio.get_running_loop().time() < give_up_at, f"no answer to {request.method} {request.url}"
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def aclose(self) -> None:
        await self._line.aclose()

    async def _attempt(self, request: httpx2.Request) -> httpx2.Response | None:
        try:
            return await self._line.handle_async_request(request)
        except httpx2.TransportError:
            return None


async def _is_passing(answer: httpx2.Response) -> bool:
    """The engine is away, or an attempt of ours whose answer we have missed still holds the key."""
    if answer.status_code not in {httpx2.codes.SERVICE_UNAVAILABLE, httpx2.codes.CONFLICT}:
        return False
    body = await answer.aread()
    return answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE or b'"still_running"' in body


@dataclass(frozen=True, slots=True)
class Scene:
    """One tenant on the stack, the outside world, and the tenant's rows."""

    stack: Stack
    platform: Platform
    world: SandboxWorld
    tenant: NewTenant
    rows: Database

    async def lenders_register(self, **behaviors: Json) -> None:
        """Register this tenant's lenders, each behaving as usual or as told here, under names of the tenant's own."""
        for name, behavior in (LENDERS | behaviors).items():
            slug = f"{name}-{self.tenant.tenant_id}"
            webhooks, today = self.world.webhook_url(slug), datetime.now(UTC).date()
            body = registration(f"{name} lender", f"BC-1-{name}", webhooks, today=today)
            lender: Lender = await self.platform.register(body)
            await self.world.instruct(slug, lender, behavior)

    async def apply(self, *, account_number: str = GOOD_ACCOUNT, tenure_days: int = 365) -> str:
        """Sarah applies, and wants the money on this account."""
        body = application()
        body["loanApplication"]["tenure"] = tenure_days
        body["disbursementAccount"] = body["disbursementAccount"] | {"accountNumber": account_number}
        return await self.platform.apply(body)

    async def reaches(self, application_id: str, status: str) -> None:
        """Wait until the application has the status."""

        async def look() -> bool:
            return bool((await self.platform.application(application_id))["status"] == status)

        await patiently(look, what=f"{application_id} to be {status}")

    async def accept_best(self, application_id: str) -> str:
        """Accept the cheapest offer once there are offers; the loan's id."""
        await self.reaches(application_id, "offered")
        best = (await self.platform.offers(application_id))[0]
        return str((await self.platform.accept(application_id, best["offerId"]))["loanId"])

    async def disbursed(self, application_id: str) -> Json:
        """Wait until the money has left and the loan can be paid; the loan."""
        loan_id = await self.accept_best(application_id)
        await self.reaches(application_id, "disbursed")

        async def look() -> Json | None:
            loan = await self.platform.loan(loan_id)
            return loan if loan["repaymentAccount"] else None

        loan: Json = await patiently(look, what=f"an account for {loan_id}")
        return loan

    async def to_day(self, loan: Json, day: date) -> datetime:
        """Move the loan's clock to the evening of a day; its time then."""
        now = datetime.fromisoformat((await self.platform.loan(loan["loanId"]))["clockAt"])
        hours = (datetime.combine(day, time(18), UTC) - now) / timedelta(hours=1)
        return await self.platform.advance(loan["loanId"], hours=max(round(hours), 1))

    async def pay(self, loan: Json, amount_minor: int, paid_at: datetime) -> None:
        """Pay into the loan's account, and wait until the payment is posted."""
        reference = f"paid-{loan['loanId']}-{paid_at:%Y%m%d}"
        await self.world.deposit(loan["repaymentAccount"]["accountNumber"], amount_minor, paid_at, reference)

        async def look() -> bool:
            payments = await self.repayments(loan["loanId"])
            return any((each["reference"], each["status"]) == (reference, "succeeded") for each in payments)

        await patiently(look, what=f"{reference} to be posted")

    async def repayments(self, loan_id: str) -> list[Json]:
        """Every repayment on record for a loan."""
        return list((await self.platform.get(f"/api/payments?loanId={loan_id}&kind=repayment&limit=100"))["data"])

    async def outbox_is_empty(self) -> None:
        """Wait until the relay has nothing left of this tenant."""
        outbox = Database(self.stack.database_urls.relay, pool_size=1)
        left = select(func.count()).select_from(OutboxRow).where(col(OutboxRow.tenant_id) == self.tenant.tenant_id)

        async def look() -> bool:
            async with outbox.transaction() as session:
                return (await session.execute(left)).scalar_one() == 0

        try:
            await patiently(look, what="an empty outbox")
        finally:
            await outbox.close()


@asynccontextmanager
async def scene_on(stack: Stack, tenant: NewTenant | None = None) -> AsyncIterator[Scene]:
    """A tenant, by default a new one, with its clients, until the journey is over."""
    rows = Database(stack.database_urls.app)
    try:
        tenant = tenant or await create_tenant(rows, "Journey")
        async with (
            httpx2.AsyncClient(transport=Persistent(), timeout=_PATIENCE_SECONDS) as to_api,
            httpx2.AsyncClient(timeout=60, trust_env=False) as to_world,
        ):
            platform = Platform(to_api, stack.api_url, tenant.api_key)
            world = SandboxWorld(to_world, stack.sandbox_url, stack.api_url)
            yield Scene(stack, platform, world, tenant, rows)
    finally:
        await rows.close()


async def patiently(look: Callable[[], Awaitable[Any]], *, what: str, seconds: float = _PATIENCE_SECONDS) -> Any:
    """Look until there is something to see, seldom enough to leave the machine to those who are looked at."""
    give_up_at = asyncio.get_running_loop().time() + seconds
    while not (found := await look()):
        if asyncio.get_running_loop().time() > give_up_at:
            raise TookTooLong(f"waited {seconds:g} s for {what}")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return found
