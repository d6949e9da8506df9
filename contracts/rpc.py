"""JSON-RPC by hand, for the few questions that are not worth loading web3 for."""

from http import HTTPStatus
from typing import Any

import aiohttp

from contracts.trouble import NodeAway

TIMEOUT_SECONDS = 5


async def ask(rpc_url: str, method: str, *params: Any, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
    """What the node answers; `NodeAway` when it does not, or says no."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.post(rpc_url, json=asked) as response:
            if response.status != HTTPStatus.OK:
                raise NodeAway(rpc_url, f"HTTP {response.status}")
            answer = await response.json()
            return answer["result"]
    except (aiohttp.ClientError, TimeoutError) as trouble:
        raise NodeAway(rpc_url, str(trouble) or type(trouble).__name__) from None
    except (ValueError, KeyError, TypeError):
        raise NodeAway(rpc_url, "that is no answer in JSON-RPC") from None


async def chain_id_of(rpc_url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> int:
    return int(await ask(rpc_url, "eth_chainId", timeout_seconds=timeout_seconds), 16)


async def genesis_of(rpc_url: str) -> str:
    """The hash of the first block: development chains share an id, never this."""
    return str((await ask(rpc_url, "eth_getBlockByNumber", "0x0", False))["hash"])  # noqa: FBT003 - the protocol's


async def has_code(rpc_url: str, address: str) -> bool:
    return bool(await ask(rpc_url, "eth_getCode", address, "latest") != "0x")
