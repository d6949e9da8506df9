"""What every request works with, opened once for the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from api.chain_desk import ChainDesk, chain_desk
from api.observability import configure_logging
from api.processes import Processes
from api.settings import ApiSettings
from contracts.pulse import Pulse
from contracts.settings import ChainSettings
from models.records.database import Database, DatabaseSettings
from temporal.client import connect
from temporal.settings import TemporalSettings


@dataclass(frozen=True, slots=True)
class TemporalPages:
    """Where an operator looks at a workflow."""

    ui_url: str
    namespace: str

    def of(self, workflow_id: str) -> str:
        """The page of one workflow."""
        return f"{self.ui_url}/namespaces/{self.namespace}/workflows/{quote(workflow_id, safe='')}"


@dataclass(frozen=True, slots=True)
class Resources:
    """The rows, the workflows and the settings."""

    settings: ApiSettings
    database: Database
    processes: Processes
    pages: TemporalPages
    chain: ChainDesk = field(default_factory=ChainDesk)
    pulse: Pulse | None = None
    """Of the chain, where there is one."""


@asynccontextmanager
async def open_resources(settings: ApiSettings) -> AsyncIterator[Resources]:
    """Everything of a serving process. The Temporal client is lazy: applications are taken while Temporal is away."""
    configure_logging()
    rows, cluster = DatabaseSettings(), TemporalSettings()
    database = Database(rows.database_url, pool_size=rows.database_pool_size)
    client = await connect(cluster, lazy=True)
    processes = Processes(client, calls=settings.process_calls, timeout_seconds=settings.process_timeout_seconds)
    desk = chain_desk()
    try:
        pages = TemporalPages(cluster.ui_url, cluster.namespace)
        yield Resources(settings, database, processes, pages, desk, Pulse.of(ChainSettings()))
    finally:
        await desk.close()
        await database.close()


def resources_of(request: Request) -> Resources:
    """The resources the application was opened with."""
    resources: Resources = request.app.state.resources
    return resources


Having = Annotated[Resources, Depends(resources_of)]
