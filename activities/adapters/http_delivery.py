"""Posting to URLs that lenders gave us, over HTTP, without being led anywhere else.

The address is looked up once, judged, and dialed as judged; certificate and `Host` are still the name's. Redirects are
answers, not directions. The whole attempt has one deadline, and only the start of the answer is read.
"""

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from activities.destinations import Destination, Resolve, check_destination, resolve, vetted_address
from activities.postbox import Delivered, Undelivered

_DEADLINE_SECONDS = 15
_EXCERPT_BYTES = 2048


def delivery_client() -> httpx2.AsyncClient:
    """No connection is kept: the pool knows them by address, so the next lender behind the same proxy would be sent
    over a connection whose certificate was checked for this one. No proxy either: it would dial what it likes."""
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=0)
    return httpx2.AsyncClient(limits=limits, follow_redirects=False, trust_env=False, timeout=_DEADLINE_SECONDS)


class HttpDelivery:
    def __init__(
        self,
        client: httpx2.AsyncClient,
        *,
        allow_local: bool,
        resolve: Resolve = resolve,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        self._client = client
        self._allow_local = allow_local
        self._resolve = resolve
        self._deadline_seconds = deadline_seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        destination = check_destination(url, allow_local=self._allow_local)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                request = await self._addressed(destination, headers, body)
                return await self._exchange(request)
        except TimeoutError as error:
            raise Undelivered(f"no whole answer within {self._deadline_seconds} seconds") from error
        except (httpx2.HTTPError, OSError) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from error

    async def _addressed(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> httpx2.Request:
        address = await vetted_address(destination, allow_local=self._allow_local, resolve=self._resolve)
        literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP version six
        extensions: dict[str, Any] = {"sni_hostname": destination.host}
        return self._client.build_request(
            "POST",
            f"{destination.scheme}://{literal}:{destination.port}{destination.path}",
            headers={**headers, "host": destination.authority},
            content=body,
            extensions=extensions,
        )

    async def _exchange(self, request: httpx2.Request) -> Delivered:
        response = await self._client.send(request, stream=True)
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
