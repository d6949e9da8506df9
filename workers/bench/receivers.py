"""Fifty receivers of webhooks in one server: quick ones, slow ones, failing ones, and some that are away for days."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

_NO_ANSWER = 0


@dataclass(slots=True)
class Behavior:
    """How one receiver answers."""

    seconds: float = 0
    failing_share: float = 0
    is_away: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that came, when, and what it was answered."""

    receiver: int
    message_id: str
    at: float
    status_code: int


@dataclass
class Receivers:
    """What has arrived, in the order in which it did."""

    behaviors: dict[int, Behavior] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    url: str = ""
    dice: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - dice, not keys
    lines: set[asyncio.Task[None]] = field(default_factory=set)

    def hook(self, receiver: int) -> str:
        """Where a receiver is posted to."""
        return f"{self.url}/{receiver}"

    def accepted(self) -> list[Arrival]:
        """What was taken with a 2xx."""
        return [each for each in self.arrivals if each.status_code == 200]  # noqa: PLR2004 - HTTP

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as many requests as it brings; it ends without a word when the server does."""
        line = asyncio.current_task()
        assert line is not None, "the server runs it as a task"
        self.lines.add(line)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        self.lines.discard(line)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length", 0)))
        receiver = int(start.split()[1].strip("/"))
        behavior = self.behaviors.get(receiver, Behavior())
        status = self._status(behavior)
        self.arrivals.append(Arrival(receiver, headers["webhook-id"], perf_counter(), status))
        if behavior.seconds:
            await asyncio.sleep(behavior.seconds)
        if status == _NO_ANSWER:
            return False
        writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 2\r\n\r\nok".encode())
        await writer.drain()
        return True

    def _status(self, behavior: Behavior) -> int:
        if behavior.is_away():
            return _NO_ANSWER
        return 500 if self.dice.random() < behavior.failing_share else 200


@asynccontextmanager
async def receiving(behaviors: dict[int, Behavior] | None = None) -> AsyncIterator[Receivers]:
    """The server, on any free port of this machine."""
    receivers = Receivers(behaviors or {})
    server = await asyncio.start_server(receivers.serve, "127.0.0.1", 0, backlog=1000)
    receivers.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receivers
    finally:
        server.close()
        for line in list(receivers.lines):
            line.cancel()
        await asyncio.gather(*receivers.lines)
