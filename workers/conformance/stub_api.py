"""The part of our API that a provider under test decides on, with answers that a case has prepared, and a memory."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

_TAKEN = {"success": True, "accepted": True, "nextSteps": []}


@dataclass(frozen=True, slots=True)
class Prepared:
    """How one attempt is answered."""

    status: int
    code: str = ""
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A decision as it came in; `at` is in seconds of a clock that only goes forward."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    received_at: float

    @property
    def decision(self) -> dict[str, Any]:
        """The body as JSON, nothing when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass
class StubApi:
    """Takes every decision, unless a case has prepared another answer for its lead."""

    attempts: dict[str, list[Attempt]] = field(default_factory=lambda: defaultdict(list))
    prepared: dict[str, deque[Prepared]] = field(default_factory=lambda: defaultdict(deque))

    def prepare(self, lead_id: str, *answers: Prepared) -> None:
        """Answer the next attempts on a lead like this, then as usual."""
        self.prepared[lead_id].extend(answers)

    def app(self) -> FastAPI:
        """The stub over HTTP."""
        app = FastAPI(openapi_url=None)

        @app.post("/api/v1/providers/{provider_id}/leads/{lead_id}/decision")
        async def decide(provider_id: str, lead_id: str, request: Request) -> Response:  # noqa: ARG001 - in the path
            body = await request.body()
            attempt = Attempt(request.url.path, dict(request.headers), body, time.monotonic(), time.time())
            self.attempts[lead_id].append(attempt)
            waiting = self.prepared[lead_id]
            return _answered(waiting.popleft() if waiting else Prepared(200))

        return app


@asynccontextmanager
async def serving(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application; its address, of a free port when `port` is 0."""
    config = uvicorn.Config(app, host=host, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    running = asyncio.create_task(server.serve([socket]))
    try:
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.01)
        yield f"http://{host}:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


def _answered(answer: Prepared) -> Response:
    headers = {"content-type": "application/json"}
    if answer.retry_after_seconds is not None:
        headers["retry-after"] = str(answer.retry_after_seconds)
    body = _TAKEN if answer.status == 200 else {"success": False, "status": answer.status, "code": answer.code}  # noqa: PLR2004 - HTTP
    return Response(json.dumps(body), answer.status, headers)
