"""One stack for all journeys: whatever a journey kills, it starts again."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.chain_town import town  # noqa: F401 - a fixture
from tests.journeys.scenes import Scene, scene_on
from tests.workflows.conftest import retired  # noqa: F401 - waits for workers that took long to leave
from workers.embedded.settings import throwaway
from workers.stack import Stack


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with Stack(throwaway(tmp_path_factory.mktemp("journeys"))) as stack:
        yield stack


@pytest.fixture
async def scene(stack: Stack) -> AsyncIterator[Scene]:
    async with scene_on(stack) as scene:
        yield scene
