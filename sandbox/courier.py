"""Carries the outside world's messages in the background, and tries again: the other side may be restarting."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx2


class Courier:
    def __init__(self, retry_after_seconds: Sequence[float]) -> None:
        self._pauses = retry_after_seconds
        self._client = httpx2.AsyncClient(timeout=15, trust_env=False)
        self._errands: set[asyncio.Task[None]] = set()

    def start(self, errand: Coroutine[Any, Any, None]) -> None:
        # The set keeps the task alive: the event loop itself only holds weak references.
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def deliver(
        self,
        url: str,
        headers: Callable[[], dict[str, str]],
        body: bytes,
        *,
        is_final: Callable[[httpx2.Response], bool],
    ) -> httpx2.Response | None:
        """The last attempt's answer, if it had one. Headers are made per attempt: a signature has a time."""
        answer = await self._attempt(url, headers(), body)
        for pause in self._pauses:
            if answer is not None and is_final(answer):
                break
            await asyncio.sleep(max(pause, _asked_for(answer)))
            answer = await self._attempt(url, headers(), body)
        return answer

    async def aclose(self) -> None:
        errands = list(self._errands)
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)
        await self._client.aclose()

    async def _attempt(self, url: str, headers: dict[str, str], body: bytes) -> httpx2.Response | None:
        try:
            return await self._client.post(url, headers=headers, content=body)
        except httpx2.TransportError:
            return None


def _asked_for(answer: httpx2.Response | None) -> float:
    """The seconds that the other side wants to be left alone."""
    said = "" if answer is None else answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0
