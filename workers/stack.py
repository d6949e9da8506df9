"""The whole engine on one machine: started in parallel, waited for by health, stopped in order.

postgres -> migrations --+
temporal ----------------+--> api
chain -> contracts ------+--> worker
sandbox
"""

import asyncio
import os
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from types import TracebackType
from typing import NoReturn, Self

from contracts.settings import ChainSettings
from workers.embedded.chain import NamedNode, NodeProcess, chosen_kind, no_chain
from workers.embedded.chain_memory import require_chain_of_loans
from workers.embedded.lock import locked
from workers.embedded.ports import LOOPBACK, Ports
from workers.embedded.postgres import Postgres
from workers.embedded.processes import Child, cpu_seconds_of, stop_orphans
from workers.embedded.secrets import Secrets
from workers.embedded.services import all_services
from workers.embedded.settings import ChainChoice, StackSettings
from workers.embedded.temporal_server import NAMESPACE, TemporalServer

SERVICES = ("sandbox", "api", "worker")
# Nobody is stopped before those who ask him for something.
STOP_ORDER = ("worker", "api", "sandbox", "chain", "temporal", "postgres")
WATCH_INTERVAL_SECONDS = 0.5


class Stack:
    """`async with Stack() as stack:` starts everything; leaving the block stops it."""

    def __init__(
        self,
        settings: StackSettings | None = None,
        *,
        services: Collection[str] = SERVICES,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings or StackSettings()
        self._run = services
        self._report = report
        self._children: dict[str, Child] = {}
        self.state_dir = self._settings.state_dir.resolve()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            undo.enter_context(locked(self.state_dir))
            for name in await asyncio.to_thread(stop_orphans, self.state_dir):
                self._report(f"stopped {name}, left behind by a run that was killed")
            self._settle_addresses()
            undo.push_async_callback(self._stop_all)
            await self._start_all()
            self._undo = undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._undo.aclose()

    async def start(self, name: str) -> None:
        """Start one part and return when it answers."""
        self._report(f"starting {name}")
        if name in self._engine:
            self._children[name] = await self._engine[name].start()
        else:
            service = self._services[name]
            self._children[name] = child = await Child.spawn(service.command(self.environment), self.state_dir)
            await child.answers(service.answers)

    async def stop(self, name: str) -> None:
        """Ask one part to end and wait for it."""
        if child := self._children.pop(name, None):
            self._report(f"stopping {name}")
            await child.stop()

    async def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would: for the tests of what survives."""
        await self._children.pop(name).kill()

    async def watch(self) -> NoReturn:
        """Wait until a part ends that nobody stopped, and raise `ChildDied` with its name and the end of its log."""
        while True:
            for child in self._children.values():
                child.raise_if_dead()
            await asyncio.sleep(WATCH_INTERVAL_SECONDS)

    def cpu_seconds(self) -> dict[str, float]:
        """What each part has used of the processors so far, the processes it started included."""
        return {name: cpu_seconds_of(child.pid) for name, child in self._children.items()}

    @property
    def environment(self) -> dict[str, str]:
        """What a process of ours needs to know to belong to this stack, on top of the caller's own environment."""
        return dict(os.environ) | {
            "CAAS_MODE": "sandbox",
            "CAAS_STATE_DIR": str(self.state_dir),
            "CAAS_OWNER_DATABASE_URL": self.database_urls.owner,
            "CAAS_DATABASE_URL": self.database_urls.app,
            "CAAS_RELAY_DATABASE_URL": self.database_urls.relay,
            "CAAS_TEMPORAL_ADDRESS": self.temporal_address,
            "CAAS_TEMPORAL_NAMESPACE": NAMESPACE,
            "CAAS_TEMPORAL_UI_URL": self.temporal_ui_url,
            "CAAS_API_HOST": LOOPBACK,
            "CAAS_API_PORT": str(self._api_port),
            "CAAS_METRICS_PORT": str(self._metrics_port),
            "CAAS_RAIL_URL": f"{self.sandbox_url}/paystack",
            "CAAS_RAIL_SECRET_KEY": self.secrets["rail_secret_key"],
            "CAAS_KYC_URL": f"{self.sandbox_url}/prembly",
            "CAAS_KYC_API_KEY": self.secrets["kyc_api_key"],
            "CAAS_SMTP_HOST": self.smtp_host,
            "CAAS_SMTP_PORT": str(self.smtp_port),
            "CAAS_SANDBOX_HOST": LOOPBACK,
            "CAAS_SANDBOX_PORT": str(self._sandbox_port),
            "CAAS_SANDBOX_SMTP_PORT": str(self.smtp_port),
            "CAAS_SANDBOX_STATE": str(self.state_dir / "sandbox.json"),
            "CAAS_SANDBOX_RAIL_SECRET_KEY": self.secrets["rail_secret_key"],
            "CAAS_SANDBOX_RAIL_WEBHOOK_URL": f"{self.api_url}/api/webhooks/paystack",
            "CAAS_SANDBOX_BUREAU_API_KEY": self.secrets["kyc_api_key"],
            **(self.chain.environment if self.chain else no_chain()),
        }

    def _settle_addresses(self) -> None:
        self.secrets = Secrets(self.state_dir / "secrets.json")
        take, wanted = Ports(self.state_dir / "ports.json", self._report).take, self._settings
        self._api_port = take("api", wanted.api_port)
        self._sandbox_port = take("sandbox", wanted.sandbox_port)
        self._metrics_port = take("worker metrics", wanted.metrics_port)
        self.api_url = f"http://{LOOPBACK}:{self._api_port}"
        self.sandbox_url = f"http://{LOOPBACK}:{self._sandbox_port}"
        self.metrics_url = f"http://{LOOPBACK}:{self._metrics_port}"
        self.smtp_host, self.smtp_port = LOOPBACK, take("smtp", wanted.smtp_port)
        postgres = Postgres(self.state_dir, take("postgres", wanted.postgres_port), self.secrets)
        self.database_urls = postgres.urls()
        temporal = TemporalServer(
            self.state_dir, take("temporal", wanted.temporal_port), take("temporal UI", wanted.temporal_ui_port)
        )
        self.temporal_address, self.temporal_ui_url = temporal.address, temporal.ui_url
        self._engine: dict[str, Postgres | TemporalServer | NodeProcess] = {"postgres": postgres, "temporal": temporal}
        self.chain = self._settled_chain(take)
        if isinstance(self.chain, NodeProcess):
            self._engine["chain"] = self.chain
        self._services = all_services(self.api_url, self.sandbox_url, self.metrics_url)

    def _settled_chain(self, take: Callable[[str, int], int]) -> NodeProcess | NamedNode | None:
        if self._settings.chain is ChainChoice.OFF:
            return None
        named = ChainSettings()
        if named.is_on and self._settings.chain is ChainChoice.AUTO:
            return NamedNode(named, self.state_dir)
        port = take("chain", self._settings.chain_port)
        return NodeProcess(chosen_kind(self._settings.chain, self.state_dir), self.state_dir, port)

    async def _start_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as parts:
                database = parts.create_task(self._start_database())
                engine = [database, parts.create_task(self.start("temporal"))]
                chain = [parts.create_task(self._start_chain(self.chain, database))] if self.chain else []
                for name in self._run:
                    service = self._services[name]
                    awaited = (engine if service.needs_engine else []) + (chain if service.needs_chain else [])
                    parts.create_task(self._start_after(awaited, name))
        except BaseExceptionGroup as group:
            # The first is the cause; the others were cancelled because of it.
            raise group.exceptions[0] from None

    async def _start_chain(self, chain: NodeProcess | NamedNode, database: asyncio.Task[None]) -> None:
        if isinstance(chain, NodeProcess):
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self.start("chain"))
                parts.create_task(chain.prepare())
        await chain.deploy()
        await database
        await require_chain_of_loans(self.state_dir, self.database_urls.relay, chain.rpc_url)

    async def _start_database(self) -> None:
        await self.start("postgres")
        await asyncio.to_thread(self._migrate)

    def _migrate(self) -> None:
        from workers.migrate import migrate  # noqa: PLC0415 - Alembic is slow to import, and PostgreSQL starts meanwhile

        migrate(self.database_urls)

    async def _start_after(self, prerequisites: Collection[asyncio.Task[None]], name: str) -> None:
        for task in prerequisites:
            await task
        await self.start(name)

    async def _stop_all(self) -> None:
        for name in STOP_ORDER:
            await self.stop(name)
