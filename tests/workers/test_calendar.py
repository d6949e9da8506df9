"""The calendar outlives an outage of the rows or of the cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from temporalio.client import Client

from models.records.database import Database
from workers.calendar import Calendar


class AwayOnce:
    """A database that cannot be reached at first, and then has no tenants."""

    def __init__(self) -> None:
        self.asked = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["AwayOnce"]:
        self.asked += 1
        if self.asked == 1:
            raise OSError("nobody listens")
        yield self

    async def execute(self, query: object) -> "AwayOnce":
        assert query is not None
        return self

    def scalars(self) -> list[str]:
        return []


async def test_an_outage_is_waited_out() -> None:
    rows = AwayOnce()
    calendar = Calendar(cast("Client", None), cast("Database", rows), seconds=0.01)

    running = asyncio.create_task(calendar.run())
    async with asyncio.timeout(10):
        while rows.asked < 2:  # noqa: ASYNC110 - it is nobody's to tell
            await asyncio.sleep(0.01)
    running.cancel()
