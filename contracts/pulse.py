"""Whether the chain answers, and whether it is ours; asks by hand, so that asking loads no web3."""

from enum import StrEnum
from http import HTTPStatus

from contracts.settings import ChainSettings

TIMEOUT_SECONDS = 2


class ChainHealth(StrEnum):
    """`DEGRADED`: a node answers, but not for the chain of the address book."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


class Pulse:
    """One node's."""

    def __init__(self, rpc_url: str, chain_id: int | None = None) -> None:
        self._rpc_url, self._chain_id = rpc_url, chain_id

    @classmethod
    def of(cls, settings: ChainSettings) -> "Pulse | None":
        """None where there is no chain."""
        if not settings.is_on:
            return None
        from contracts.addresses import AddressBook  # noqa: PLC0415 - not loaded where there is no chain

        book = AddressBook.find(settings.addresses) if settings.addresses else None
        return cls(settings.rpc_url, book.chain_id if book else None)

    async def felt(self) -> ChainHealth:
        answered = await self._served_chain_id()
        if answered is None:
            return ChainHealth.DOWN
        return ChainHealth.HEALTHY if self._chain_id in (None, answered) else ChainHealth.DEGRADED

    async def _served_chain_id(self) -> int | None:
        import aiohttp  # noqa: PLC0415 - not loaded where there is no chain

        asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.post(self._rpc_url, json=asked) as answer,
            ):
                return int((await answer.json())["result"], 16) if answer.status == HTTPStatus.OK else None
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError, TypeError):
            return None
