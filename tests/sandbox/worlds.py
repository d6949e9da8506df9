"""The outside world on real sockets, and a stand-in for the product that remembers what the world told it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request, Response

from sandbox.settings import SandboxSettings
from sandbox.world import create_world

RAIL_KEY = "sk_test_of_this_test"
BUREAU_KEY = "test_sk_of_this_test"


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Platform:
    """Answers with the statuses it is given, then with 200 for ever."""

    url: str = ""
    statuses: list[int | Response] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.received.append(Received(request.url.path, dict(request.headers), await request.body()))
        answer = self.statuses.pop(0) if self.statuses else 200
        return answer if isinstance(answer, Response) else Response(status_code=answer)


@dataclass(frozen=True, slots=True)
class World:
    client: httpx2.AsyncClient
    url: str
    smtp_port: int
    platform: Platform


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """As `Server.serve` does, without the tenths of a second it waits for a reason to stop and then before stopping."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await server.lifespan.shutdown()


@asynccontextmanager
async def platform_alive() -> AsyncIterator[Platform]:
    platform = Platform()
    app = FastAPI()
    app.add_api_route("/{path:path}", platform.take, methods=["POST"])
    async with serving(app) as url:
        platform.url = url
        yield platform


@asynccontextmanager
async def world_alive(platform: Platform, state: Path | None = None, **pace_seconds: float) -> AsyncIterator[World]:
    settings = SandboxSettings.model_validate(
        {
            "smtp_port": 0,
            "state": state,
            "rail_secret_key": RAIL_KEY,
            "bureau_api_key": BUREAU_KEY,
            "rail_webhook_url": f"{platform.url}/api/webhooks/paystack",
            "settle_after_seconds": 0.01,
            "reverse_after_seconds": 0.02,
            "retry_after_seconds": [0.01] * 5,
        }
        | pace_seconds
    )
    app = create_world(settings)
    async with serving(app) as url, httpx2.AsyncClient(base_url=url) as client:
        yield World(client, url, app.state.smtp_port, platform)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with platform_alive() as platform, world_alive(platform) as alive:
        yield alive


async def until(happened: Callable[[], object | Awaitable[object]], within_seconds: float = 5) -> None:
    """Wait for something that happens in the background; a bounded wait, so that a test cannot hang."""
    async with asyncio.timeout(within_seconds):
        while True:
            outcome = happened()
            if await outcome if isinstance(outcome, Awaitable) else outcome:
                return
            await asyncio.sleep(0.005)


async def a_moment() -> None:
    """Long enough for something to happen that must not."""
    await asyncio.sleep(0.05)
