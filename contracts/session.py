"""A conversation with a node."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientError
from web3 import AsyncHTTPProvider, AsyncWeb3

from contracts.trouble import NodeAway

Web3 = AsyncWeb3[AsyncHTTPProvider]


@asynccontextmanager
async def talking_to(rpc_url: str) -> AsyncIterator[Web3]:
    """Connections close on leaving; a node that is away is one sentence."""
    web3 = AsyncWeb3(AsyncHTTPProvider(rpc_url))
    try:
        yield web3
    except (ClientError, TimeoutError) as trouble:
        raise NodeAway(rpc_url, str(trouble) or type(trouble).__name__) from trouble
    finally:
        await web3.provider.disconnect()
