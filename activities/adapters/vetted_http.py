"""HTTP to URLs that lenders gave us, without being led anywhere else.

The address is looked up once, judged, and dialed as judged; certificate and `Host` are still the name's. Redirects are
answers, not directions. The whole exchange has one deadline, and only the start of the answer is read.

A connection is kept for a moment, for the same name at the same address and for nobody else: two lenders behind one
proxy share the address, and a certificate checked for the one proves nothing of the other.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx2

from activities.destinations import Address, Destination, Resolve, check_destination, resolve, vetted_address

_DEADLINE_SECONDS = 15
_POOLS = 500
# Every request looks at all that are kept.
_KEPT = 4
# Shorter than most servers keep theirs, so that we seldom write into one that is being closed.
_KEPT_SECONDS = 3.0

_Line = tuple[str, str, int, str]


class KeptConnections:
    """A pool for each scheme, name, port and vetted address. No proxy: it would dial what it likes."""

    def __init__(self, *, at_most: int = _POOLS, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._at_most = at_most
        self._transport = transport
        self._trust = httpx2.create_ssl_context(trust_env=False)
        self._pools: OrderedDict[_Line, httpx2.AsyncClient] = OrderedDict()
        self._used: Counter[_Line] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()

    @property
    def kept(self) -> int:
        """How many lines are kept."""
        return len(self._pools)

    @asynccontextmanager
    async def to(self, destination: Destination, address: Address) -> AsyncIterator[httpx2.AsyncClient]:
        """The pool of this line, kept open while it is used; the one used longest ago makes room for a new one."""
        line = (destination.scheme, destination.host, destination.port, str(address))
        pool = self._pools.get(line)
        if pool is None:
            limits = httpx2.Limits(
                max_connections=None, max_keepalive_connections=_KEPT, keepalive_expiry=_KEPT_SECONDS
            )
            pool = self._pools[line] = httpx2.AsyncClient(
                verify=self._trust,
                limits=limits,
                transport=self._transport,
                follow_redirects=False,
                trust_env=False,
                timeout=None,
            )
        self._pools.move_to_end(line)
        self._used[line] += 1
        try:
            yield pool
        finally:
            self._used[line] -= 1
            await self._make_room()

    async def _make_room(self) -> None:
        for line in list(self._pools)[: max(len(self._pools) - self._at_most, 0)]:
            if not self._used[line]:
                del self._used[line]
                await self._pools.pop(line).aclose()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request. One that `may_repeat` is sent again when a kept connection turns out to have been closed."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `start` is at most as long as was asked for, and `is_whole` says whether that was all."""

    status_code: int
    start: bytes
    is_whole: bool
    retry_after_seconds: int | None

    def excerpt(self, length: int) -> str:
        """The start as text; PostgreSQL cannot store NUL."""
        return self.start[:length].decode("utf-8", "replace").replace("\0", "\ufffd")


class NoAnswer(Exception):
    """No connection, no time left, or a broken one."""


class VettedHttp:
    """Exchanges with hosts that have been looked at first."""

    def __init__(
        self,
        connections: KeptConnections,
        *,
        allow_local: bool,
        resolve: Resolve = resolve,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._connections = connections
        self._allow_local = allow_local
        self._resolve = resolve
        self._deadline_seconds = deadline_seconds

    async def exchange(self, wanted: Wanted, *, read_bytes: int) -> Answer:
        """Ask once and read the start of the answer; `NoAnswer` or `ForbiddenDestination` when there is none."""
        destination = check_destination(wanted.url, allow_local=self._allow_local)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                address = await vetted_address(destination, allow_local=self._allow_local, resolve=self._resolve)
                async with self._connections.to(destination, address) as line:
                    response = await _sent(line, destination, address, wanted)
                    try:
                        return await _read(response, read_bytes)
                    finally:
                        await response.aclose()
        except TimeoutError as error:
            raise NoAnswer(f"no whole answer within {self._deadline_seconds} seconds") from error
        except (httpx2.HTTPError, OSError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error


async def _sent(
    line: httpx2.AsyncClient, destination: Destination, address: Address, wanted: Wanted
) -> httpx2.Response:
    """One request; once more when a kept connection was closed at the other end meanwhile, and it may be."""
    is_fresh = not wanted.may_repeat

    async def watch(event: str, _: Mapping[str, Any]) -> None:
        nonlocal is_fresh
        is_fresh = is_fresh or event.startswith("connection.connect_tcp")

    literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP version six
    while True:
        request = line.build_request(
            wanted.method,
            f"{destination.scheme}://{literal}:{destination.port}{destination.path}",
            headers={**wanted.headers, "host": destination.authority},
            content=wanted.body,
            extensions={"sni_hostname": destination.host, "trace": watch},
        )
        try:
            return await line.send(request, stream=True)
        except (httpx2.RemoteProtocolError, httpx2.NetworkError):
            if is_fresh:
                raise
            is_fresh = True


async def _read(response: httpx2.Response, most_bytes: int) -> Answer:
    """The raw bytes, not the decompressed ones: a few kilobytes can unfold into gigabytes."""
    start = b""
    async for chunk in response.aiter_raw():
        start += chunk
        if len(start) > most_bytes:
            break
    is_whole = len(start) <= most_bytes
    return Answer(response.status_code, start[:most_bytes], is_whole, _retry_after_seconds(response.headers))


def _retry_after_seconds(headers: httpx2.Headers) -> int | None:
    """Seconds, or a date, which is measured against the server's own clock: ours may differ."""
    wanted = headers.get("retry-after", "").strip()
    if wanted.isascii() and wanted.isdigit():
        return min(int(wanted[:9]), 10**9)
    try:
        wait = parsedate_to_datetime(wanted) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0, int(wait.total_seconds()))
