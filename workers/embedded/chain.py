"""The chain of the stack: which node it is, its process, and the contracts on it.

CAAS_CHAIN_RPC_URL names a node -> that one
else a directory that has a chain goes on with the node that made it
else `anvil`, if it is found; else the dev node of ours
"""

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path

import httpx2

from contracts.dev_keys import CHAIN_ID, OPERATOR_KEY, SCORE_SIGNER_KEY
from contracts.settings import ChainSettings
from contracts.trouble import ChainTrouble
from workers.embedded.anvil import anvil, anvil_line, set_clock
from workers.embedded.errors import ChainRefused
from workers.embedded.ports import LOOPBACK
from workers.embedded.processes import Child, Command
from workers.embedded.settings import ChainChoice

_OFF = {"CAAS_CHAIN_RPC_URL": "", "CAAS_CHAIN_ADDRESSES": ""}


class NodeProcess:
    """A node of the stack's own on a development chain."""

    def __init__(self, kind: ChainChoice, state_dir: Path, port: int) -> None:
        self.rpc_url = f"http://{LOOPBACK}:{port}"
        self.addresses = folder_of(kind, state_dir) / "addresses.json"
        self._state_dir = state_dir
        self._kind = kind
        self._port = port

    @property
    def environment(self) -> dict[str, str]:
        return development_environment(self.rpc_url, self.addresses)

    async def start(self) -> Child:
        """Return when the node answers."""
        folder = folder_of(self._kind, self._state_dir)
        folder.mkdir(parents=True, exist_ok=True)
        line = anvil_line if self._kind is ChainChoice.ANVIL else dev_node_line
        child = await Child.spawn(Command("chain", line(folder, self._port), dict(os.environ)), self._state_dir)
        try:
            await child.answers(lambda: answers(self.rpc_url))
            if self._kind is ChainChoice.ANVIL:
                await set_clock(self.rpc_url)
        except BaseException:
            await child.stop()
            raise
        return child

    async def prepare(self) -> None:
        """Load what a first deployment needs while the node starts."""
        if not self.addresses.exists():
            await asyncio.to_thread(import_module, "contracts.deployment")

    async def deploy(self) -> None:
        """Deploy what is not there yet."""
        await asyncio.to_thread(deploy_for_development, self.rpc_url, self.addresses)


class NamedNode:
    """Somebody else's node: a development chain is given our contracts, any other one has them already."""

    def __init__(self, settings: ChainSettings, state_dir: Path) -> None:
        self.rpc_url = settings.rpc_url
        self._has_book = settings.addresses is not None
        self.addresses = settings.addresses or state_dir / "chain" / "named" / "addresses.json"

    @property
    def environment(self) -> dict[str, str]:
        if self._has_book:
            return {}  # the caller's own says everything
        return development_environment(self.rpc_url, self.addresses)

    async def deploy(self) -> None:
        if self._has_book:
            return
        if (served := await served_chain_id(self.rpc_url)) != CHAIN_ID:
            what = "nothing answers there" if served is None else f"chain {served} is no development chain"
            raise ChainRefused(f"CAAS_CHAIN_RPC_URL is {self.rpc_url} and CAAS_CHAIN_ADDRESSES is not set: {what}")
        await asyncio.to_thread(deploy_for_development, self.rpc_url, self.addresses)


def chosen_kind(choice: ChainChoice, state_dir: Path) -> ChainChoice:
    """What `auto` means here; any other choice means itself, unless the directory has the chain of the other kind."""
    begun = [kind for kind in (ChainChoice.BUILTIN, ChainChoice.ANVIL) if folder_of(kind, state_dir).exists()]
    if choice is not ChainChoice.AUTO:
        if begun and choice not in begun:
            raise ChainRefused(
                f"CAAS_CHAIN is {choice.value}, and the chain of {state_dir} was made by {begun[0].value}: set"
                f" CAAS_CHAIN={begun[0].value}, or start anew with another CAAS_STATE_DIR"
            )
        return choice
    if begun:
        return begun[0]
    return ChainChoice.ANVIL if anvil() else ChainChoice.BUILTIN


def folder_of(kind: ChainChoice, state_dir: Path) -> Path:
    return state_dir / "chain" / kind.value


def development_environment(rpc_url: str, addresses: Path) -> dict[str, str]:
    return {
        "CAAS_CHAIN_RPC_URL": rpc_url,
        "CAAS_CHAIN_ADDRESSES": str(addresses),
        "CAAS_CHAIN_OPERATOR_KEYS": OPERATOR_KEY,
        "CAAS_CHAIN_SCORE_KEYS": SCORE_SIGNER_KEY,
    }


def no_chain() -> dict[str, str]:
    """Whatever the caller's environment says."""
    return dict(_OFF)


def dev_node_line(folder: Path, port: int) -> list[str]:
    node = [sys.executable, "-m", "workers.cli", "chain", "node"]
    return [*node, "--host", LOOPBACK, "--port", str(port), "--journal", str(folder / "blocks.jsonl")]


def deploy_for_development(rpc_url: str, addresses: Path) -> None:
    """In a thread with a loop of its own: its imports take seconds, and others start meanwhile."""
    from contracts.presence import known_book  # noqa: PLC0415

    try:
        if asyncio.run(known_book(rpc_url, addresses)):
            return
        from contracts.deployment import ensure_dev_deployed  # noqa: PLC0415 - loads web3, which a chain that is ready spares

        asyncio.run(ensure_dev_deployed(rpc_url, addresses))
    except ChainTrouble as trouble:
        raise ChainRefused(str(trouble)) from trouble


async def served_chain_id(rpc_url: str) -> int | None:
    """None while nothing answers there."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.post(rpc_url, json=asked, timeout=5)
            return int(answer.json()["result"], 16)
        except (httpx2.TransportError, ValueError, KeyError, TypeError):
            return None


async def answers(rpc_url: str) -> bool:
    return await served_chain_id(rpc_url) is not None
