from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.workflows.fakes import FakeRail
from tests.workflows.world import World, running
from workers.embedded.postgres import DatabaseUrls


@pytest.fixture
async def world(temporal_client: Client, database: DatabaseUrls) -> AsyncIterator[World]:
    async with running(temporal_client, database, FakeRail()) as world:
        yield world
