import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.workflows.fakes import FakeRail
from tests.workflows.world import RETIRING, World, running
from workers.embedded.postgres import DatabaseUrls


@pytest.fixture(scope="session", autouse=True)
async def retired(temporal_client: Client) -> AsyncIterator[None]:  # noqa: ARG001 - while the server still runs
    """Wait for the workers that took long to leave."""
    yield
    if RETIRING:
        await asyncio.wait(RETIRING)


@pytest.fixture
async def world(temporal_client: Client, database: DatabaseUrls) -> AsyncIterator[World]:
    async with running(temporal_client, database, FakeRail()) as world:
        yield world
