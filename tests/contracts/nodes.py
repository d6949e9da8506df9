"""A dev node in this process, and short ways to talk to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web
from eth_account.signers.local import LocalAccount
from web3.contract import AsyncContract

from contracts.artifacts import artifact
from contracts.devnode.chain import DevChain
from contracts.devnode.server import RpcServer
from contracts.session import Web3, talking_to
from workers.embedded.ports import LOOPBACK, any_free

GWEI = 10**9
BEGAN_AT = 1_800_000_000
_ids = count(1)


@dataclass
class HandClock:
    """Stands still until it is moved."""

    now: float = BEGAN_AT

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Served:
    """A node that answers at `url`."""

    chain: DevChain
    url: str
    web3: Web3

    async def ask(self, method: str, *params: Any) -> Any:
        """The whole answer, errors and all."""
        return await self.post({"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": list(params)})

    async def result(self, method: str, *params: Any) -> Any:
        answer = await self.ask(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def refusal(self, method: str, *params: Any) -> str:
        """The sentence with which it is refused."""
        return str((await self.ask(method, *params))["error"]["message"])

    async def post(self, body: Any) -> Any:
        async with aiohttp.ClientSession() as http, http.post(self.url, json=body) as answer:
            return await answer.json()

    async def send(self, raw: str) -> Any:
        return await self.ask("eth_sendRawTransaction", raw)

    async def deployed(self, account: LocalAccount, name: str, *arguments: Any) -> AsyncContract:
        compiled = artifact(name)
        kind = self.web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
        nonce = await self.web3.eth.get_transaction_count(account.address)
        data = kind.constructor(*arguments).data_in_transaction
        tx_hash = await self.result("eth_sendRawTransaction", raw(account, nonce, data=data, to=None, gas=3_000_000))
        receipt = await self.web3.eth.get_transaction_receipt(tx_hash)
        assert receipt["status"] == 1
        deployed = self.web3.eth.contract(address=receipt["contractAddress"], abi=compiled.abi)
        assert isinstance(deployed, AsyncContract)
        return deployed

    async def transact(self, account: LocalAccount, contract: AsyncContract, function: str, *arguments: Any) -> Any:
        nonce = await self.web3.eth.get_transaction_count(account.address)
        data = contract.encode_abi(function, args=list(arguments))
        tx_hash = await self.result(
            "eth_sendRawTransaction", raw(account, nonce, to=contract.address, data=data, gas=1_000_000)
        )
        return await self.web3.eth.get_transaction_receipt(tx_hash)


def raw(account: LocalAccount, nonce: int, **changes: Any) -> str:
    """A signed transfer of one wei to its own sender, or what the changes make of it."""
    transaction: dict[str, Any] = {
        "chainId": 31337,
        "nonce": nonce,
        "to": account.address,
        "value": 0 if "data" in changes else 1,
        "gas": 21_000,
        "maxFeePerGas": 10 * GWEI,
        "maxPriorityFeePerGas": GWEI,
    } | changes
    completed: dict[str, Any] = {name: value for name, value in transaction.items() if value is not None}
    return str(account.sign_transaction(completed).raw_transaction.to_0x_hex())


@asynccontextmanager
async def serving(chain: DevChain) -> AsyncIterator[Served]:
    """Its HTTP side, for as long as the block lasts."""
    server, port = RpcServer(chain), any_free()
    runner = web.AppRunner(server.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    url = f"http://{LOOPBACK}:{port}"
    async with talking_to(url) as web3:
        yield Served(chain, url, web3)
    await runner.cleanup()
