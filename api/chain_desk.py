"""The chain as the API looks at it: a node that is only read, connected to when it is first asked for.

ChainNotConfigured   there is no chain                                503
ChainAway            the node, or the way to it, does not answer      503, Retry-After
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from models.chain import Call
from models.errors import Refusal

log = structlog.get_logger()

AGGREGATOR, MANAGER, ORACLE = "CreditAggregator", "CollateralManager", "CreditScoringOracle"


class ChainNotConfigured(Exception):
    """This installation has no chain."""


class ChainAway(Exception):
    """The node does not answer. Reading changes nothing: ask again."""


class ReadsChain(Protocol):
    """What of a node the API needs."""

    async def head(self) -> Any: ...

    async def read(self, call: Call, *, block: int | None = None) -> Any: ...


@dataclass(frozen=True, slots=True)
class TokenAt:
    """A token of the address book."""

    symbol: str
    address: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Site:
    """A node, and what there is on its chain."""

    node: ReadsChain
    contracts: Mapping[str, str]
    tokens: tuple[TokenAt, ...] = ()
    explorer_url: str = ""

    def token(self, named: str) -> TokenAt | None:
        """A token by its symbol or its address."""
        same = (each for each in self.tokens if named == each.symbol or named.lower() == each.address.lower())
        return next(same, None)

    def token_at(self, address: str) -> TokenAt | None:
        """The token with this address, by whatever spelling."""
        return next((each for each in self.tokens if each.address.lower() == address.lower()), None)


async def _nowhere() -> Site:
    raise ChainNotConfigured


@dataclass(slots=True)
class ChainDesk:
    """Opens the site once; what fails is tried again by the next who asks."""

    opening: Callable[[], Awaitable[Site]] = _nowhere
    is_on: bool = False
    explorer_url: str = ""
    _site: Site | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def site(self) -> Site:
        """The site, or why there is none."""
        async with self._lock:
            if self._site is None:
                self._site = await _reached(self.opening())
            return self._site

    async def read(self, contract: str, function: str, *arguments: object) -> Any:
        """What a function of a contract answers now; a contract's own no passes through."""
        return await _reached((await self.site()).node.read(Call(contract, function, arguments)))

    async def now(self) -> int:
        """The chain's clock, seconds since 1970 UTC."""
        return int((await _reached((await self.site()).node.head())).timestamp)

    async def close(self) -> None:
        """Return the connections."""
        if self._site is not None and (close := getattr(self._site.node, "close", None)) is not None:
            await close()


async def _reached(answer: Awaitable[Any]) -> Any:
    try:
        return await answer
    except (Refusal, ChainNotConfigured):
        raise
    except Exception as error:
        log.warning("the chain is away", error=str(error))
        raise ChainAway(str(error)) from error


def chain_desk() -> ChainDesk:
    """The desk of the settings. Nothing of web3 is loaded before the first question."""
    from contracts.settings import ChainSettings  # noqa: PLC0415 - read at startup, not at import

    settings = ChainSettings()
    if not settings.is_on:
        return ChainDesk()

    async def opening() -> Site:
        # web3 takes seconds to load, and most who use the API have no chain.
        from contracts.addresses import AddressBook  # noqa: PLC0415
        from contracts.connect import connect  # noqa: PLC0415

        if settings.addresses is None:
            raise ChainNotConfigured
        book = AddressBook.read(settings.addresses)
        tokens = tuple(TokenAt(symbol, each.address, each.decimals) for symbol, each in book.tokens.items())
        return Site(await connect(settings), book.contracts, tokens, settings.explorer_url)

    return ChainDesk(opening, is_on=True, explorer_url=settings.explorer_url)
