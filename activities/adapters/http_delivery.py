"""Posting to URLs that lenders gave us, over HTTP, without being led anywhere else.

The address is looked up once, judged, and dialed as judged; certificate and `Host` are still the name's. Redirects are
answers, not directions. The whole attempt has one deadline, and only the start of the answer is read.

A connection is kept for a moment, for the same name at the same address and for nobody else: two lenders behind one
proxy share the address, and a certificate checked for the one proves nothing of the other.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx2

from activities.destinations import Address, Destination, Resolve, check_destination, resolve, vetted_address
from activities.postbox import Delivered, Undelivered

_DEADLINE_SECONDS = 15
_EXCERPT_BYTES = 2048
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


def delivery_client() -> KeptConnections:
    """What the process posts through; closed when the process ends."""
    return KeptConnections()


class HttpDelivery:
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

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        destination = check_destination(url, allow_local=self._allow_local)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                address = await vetted_address(destination, allow_local=self._allow_local, resolve=self._resolve)
                async with self._connections.to(destination, address) as line:
                    return await _exchange(line, destination, address, headers, body)
        except TimeoutError as error:
            raise Undelivered(f"no whole answer within {self._deadline_seconds} seconds") from error
        except (httpx2.HTTPError, OSError) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error


async def _exchange(
    line: httpx2.AsyncClient, destination: Destination, address: Address, headers: Mapping[str, str], body: bytes
) -> Delivered:
    """One request; once more when a kept connection turns out to have been closed at the other end meanwhile."""
    dialed = False

    async def watch(event: str, _: Mapping[str, Any]) -> None:
        nonlocal dialed
        dialed = dialed or event.startswith("connection.connect_tcp")

    literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP version six
    while True:
        request = line.build_request(
            "POST",
            f"{destination.scheme}://{literal}:{destination.port}{destination.path}",
            headers={**headers, "host": destination.authority},
            content=body,
            extensions={"sni_hostname": destination.host, "trace": watch},
        )
        try:
            response = await line.send(request, stream=True)
        except (httpx2.RemoteProtocolError, httpx2.NetworkError):
            if dialed:
                raise
            dialed = True
            continue
        try:
            return Delivered(response.status_code, _retry_after_seconds(response.headers), await _excerpt(response))
        finally:
            await response.aclose()


async def _excerpt(response: httpx2.Response) -> str:
    """The raw bytes, not the decompressed ones: a few kilobytes can unfold into gigabytes."""
    start = b""
    async for chunk in response.aiter_raw():
        start += chunk
        if len(start) >= _EXCERPT_BYTES:
            break
    # PostgreSQL cannot store NUL in text.
    return start[:_EXCERPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")


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
