"""Calling a lender's API at a URL the lender named, with the care of a webhook: see `http_delivery`.

The address is judged, and dialed as judged; redirects are answers; the exchange has one deadline and the answer an end.
"""

import asyncio
import json
from typing import Any

import httpx2

from activities.destinations import Destination, Resolve, check_destination, resolve, vetted_address
from activities.lender_api import LenderAnswer, LenderAway, LenderCall

_DEADLINE_SECONDS = 15
_LARGEST_ANSWER = 65_536
_EXCERPT_LENGTH = 500
_LONGEST_WAIT = 86_400


class LenderHttp:
    """`LenderApi` over HTTP. The client follows no redirects, keeps no connections and knows no proxy."""

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

    async def call(self, call: LenderCall) -> LenderAnswer:
        """See `LenderApi`."""
        destination = check_destination(call.url, allow_local=self._allow_local)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._exchange(await self._addressed(destination, call))
        except TimeoutError as error:
            raise LenderAway(f"no whole answer within {self._deadline_seconds} seconds") from error
        except (httpx2.HTTPError, OSError) as error:
            raise LenderAway(f"{type(error).__name__}: {error}") from error

    async def _addressed(self, destination: Destination, call: LenderCall) -> httpx2.Request:
        address = await vetted_address(destination, allow_local=self._allow_local, resolve=self._resolve)
        literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IP version six
        extensions: dict[str, Any] = {"sni_hostname": destination.host}
        return self._client.build_request(
            call.method,
            f"{destination.scheme}://{literal}:{destination.port}{destination.path}",
            headers={**call.headers, "host": destination.authority, "accept-encoding": "identity"},
            content=call.body,
            extensions=extensions,
        )

    async def _exchange(self, request: httpx2.Request) -> LenderAnswer:
        response = await self._client.send(request, stream=True)
        try:
            raw = b""
            # The raw bytes, not the decompressed ones: a few kilobytes can unfold into gigabytes.
            async for chunk in response.aiter_raw():
                raw += chunk
                if len(raw) > _LARGEST_ANSWER:
                    raise LenderAway(f"the answer is larger than {_LARGEST_ANSWER} bytes")
        finally:
            await response.aclose()
        excerpt = raw[:_EXCERPT_LENGTH].decode("utf-8", "replace").replace("\0", "\ufffd")
        return LenderAnswer(response.status_code, _document(raw), excerpt, _wait_seconds(response.headers))


def _document(raw: bytes) -> Any:
    """The answer as JSON; None when it is none, or says what no database can keep."""
    try:
        document = json.loads(raw)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return None if b"\\u0000" in raw else document


def _wait_seconds(headers: httpx2.Headers) -> int | None:
    wanted = headers.get("retry-after", "").strip()
    return min(int(wanted[:9]), _LONGEST_WAIT) if wanted.isascii() and wanted.isdigit() else None
