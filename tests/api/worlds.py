"""The API over HTTP on a real database; Temporal is played by a fake that keeps state."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx2
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, select
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.signing import signed_headers
from api.app import create_app
from api.chain_desk import ChainDesk
from api.examples import APPLICATION, DECISION, LEAD, PROVIDER
from api.processes import Processes
from api.resources import Resources, TemporalPages
from api.settings import ApiSettings
from models.errors import Refusal
from models.records.database import Database
from temporal.refusals import as_application_error
from workers.embedded.postgres import DatabaseUrls
from workers.tenants import NewTenant, create_tenant

RAIL_SECRET = "sk_test_rail"  # noqa: S105 - made up for these tests

Body = dict[str, Any]
Answer = object | Exception


class FakeTemporal:
    """A cluster with the workflows a test has put there, and what they answer to each Update."""

    def __init__(self) -> None:
        self.is_up = True
        self.running: dict[str, dict[str, Answer | Callable[[], Awaitable[Answer]]]] = {}
        self.restarts: dict[str, dict[str, Answer | Callable[[], Awaitable[Answer]]]] = {}
        self.asked: list[tuple[str, str, tuple[object, ...], str]] = []

    def get_workflow_handle(self, workflow_id: str) -> "FakeHandle":
        return FakeHandle(self, workflow_id)

    async def execute_update_with_start_workflow(
        self,
        update: Callable[..., object],
        *,
        args: list[object],
        id: str,  # noqa: A002 - the SDK's own signature
        start_workflow_operation: WithStartWorkflowOperation[Any, Any],
        rpc_timeout: timedelta,
    ) -> object:
        """A workflow that has ended is started again; what it answers is kept under `restarts`."""
        workflow_id = start_workflow_operation._start_workflow_input.id  # noqa: SLF001 - the SDK shows it nowhere else
        self.running.setdefault(workflow_id, self.restarts.get(workflow_id, {}))
        return await self.get_workflow_handle(workflow_id).execute_update(
            update, args=args, id=id, rpc_timeout=rpc_timeout
        )

    @property
    def service_client(self) -> "FakeTemporal":
        return self

    def config(self) -> object:
        raise RuntimeError("this cluster moves no clocks")

    async def check_health(self, *, timeout: timedelta) -> bool:  # noqa: ASYNC109 - the SDK's own signature
        assert timeout
        if not self.is_up:
            raise RuntimeError("Failed client connect: nobody listens")
        return True


@dataclass
class FakeHandle:
    cluster: FakeTemporal
    workflow_id: str

    async def execute_update(
        self,
        update: Callable[..., object],
        *,
        args: list[object],
        id: str,  # noqa: A002 - the SDK's own signature
        rpc_timeout: timedelta,
    ) -> object:
        assert rpc_timeout
        if not self.cluster.is_up:
            raise RuntimeError("Failed client connect: nobody listens")
        name = update.__name__
        self.cluster.asked.append((self.workflow_id, name, tuple(args), id))
        if self.workflow_id not in self.cluster.running:
            raise RPCError("workflow execution already completed", RPCStatusCode.NOT_FOUND, b"")
        answer = self.cluster.running[self.workflow_id][name]
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Refusal):
            raise WorkflowUpdateFailedError(as_application_error(answer))
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class World:
    """One tenant's view of the API, and what is behind it."""

    http: httpx2.AsyncClient
    database: Database
    temporal: FakeTemporal
    tenant: NewTenant
    settings: ApiSettings

    @property
    def key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tenant.api_key}"}

    async def post(self, path: str, body: object = None, **headers: str) -> httpx2.Response:
        return await self.http.post(path, json=body, headers=self.key | _dashed(headers))

    async def get(self, path: str, **params: str | int) -> httpx2.Response:
        return await self.http.get(path, params=params, headers=self.key)

    async def rows(self, table: type[SQLModel]) -> list[Any]:
        async with self.database.transaction(self.tenant.tenant_id) as session:
            return list((await session.execute(select(table))).scalars())

    async def add(self, *rows: SQLModel) -> None:
        """In the order given: each may refer to those before it."""
        async with self.database.transaction(self.tenant.tenant_id) as session:
            for row in rows:
                session.add(row)
                await session.flush()

    async def change(self, change: Callable[[AsyncSession], Awaitable[object]]) -> None:
        async with self.database.transaction(self.tenant.tenant_id) as session:
            await change(session)

    async def apply(self, **changes: Any) -> Body:
        answer = await self.post("/api/loans/applications", application_body(**changes))
        assert answer.status_code == 201, answer.text
        return cast("Body", answer.json())

    async def register(self, number: str = "BC123456789") -> Body:
        body = provider_body()
        body["businessRegistration"]["registrationNumber"] = number
        answer = await self.post("/api/v1/providers/register", body)
        assert answer.status_code == 201, answer.text
        credentials: Body = answer.json()["apiCredentials"]
        return credentials


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def application_body(**changes: Any) -> Body:
    return copy(APPLICATION["sarah"]["value"]) | changes


def provider_body() -> Body:
    return copy(PROVIDER["firstcredit"]["value"])


def lead_body() -> Body:
    return copy(LEAD["sarah"]["value"])


def decision_body(lead_id: str, provider_id: str, **changes: Any) -> Body:
    return copy(DECISION["approved"]["value"]) | {"leadId": lead_id, "providerId": provider_id} | changes


def copy(document: Body) -> Body:
    return deepcopy(document)


def signed(credentials: Body, body: bytes, *, message_id: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
    """What a provider sends along with a decision."""
    headers = signed_headers(credentials["webhookSecret"], message_id, at or datetime.now(UTC), body)
    return headers | {"authorization": f"Bearer {credentials['apiKey']}", "content-type": "application/json"}


@asynccontextmanager
async def opened(urls: DatabaseUrls, settings: ApiSettings, chain: ChainDesk | None = None) -> AsyncIterator[World]:
    database, temporal = Database(urls.app, pool_size=5), FakeTemporal()
    processes = Processes(
        cast("Client", temporal), calls=settings.process_calls, timeout_seconds=settings.process_timeout_seconds
    )
    pages = TemporalPages("http://temporal.test", "default")
    resources = Resources(settings, database, processes, pages, chain or ChainDesk())

    @asynccontextmanager
    async def opening(_: ApiSettings) -> AsyncIterator[Resources]:
        yield resources

    app = create_app(settings, opening=opening)
    tenant = await create_tenant(database, "Platform")
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http,
    ):
        yield World(http, database, temporal, tenant, settings)
    await database.close()
