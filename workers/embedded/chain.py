"""The chain of the stack: which node it is, its process, and the contracts on it.

CAAS_CHAIN_RPC_URL names a node -> that one
else a directory that has a chain goes on with the node that made it
else `anvil`, if it is found; else the dev node of ours
"""

import asyncio
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx2

from contracts.dev_keys import CHAIN_ID, OPERATOR_KEY, SCORE_SIGNER_KEY
from contracts.settings import ChainSettings
from contracts.trouble import ChainTrouble
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
        line = anvil_line if kind is ChainChoice.ANVIL else dev_node_line
        self._line = line(folder_of(kind, state_dir), port)

    @property
    def environment(self) -> dict[str, str]:
        return development_environment(self.rpc_url, self.addresses)

    async def start(self) -> Child:
        """Return when the node answers."""
        self.addresses.parent.mkdir(parents=True, exist_ok=True)
        child = await Child.spawn(Command("chain", self._line, dict(os.environ)), self._state_dir)
        try:
            await child.answers(lambda: answers(self.rpc_url))
        except BaseException:
            await child.stop()
            raise
        return child

    async def deploy(self) -> None:
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
        if (served := await chain_id_of(self.rpc_url)) != CHAIN_ID:
            what = "nothing answers there" if served is None else f"chain {served} is no development chain"
            raise ChainRefused(f"CAAS_CHAIN_RPC_URL is {self.rpc_url} and CAAS_CHAIN_ADDRESSES is not set: {what}")
        await asyncio.to_thread(deploy_for_development, self.rpc_url, self.addresses)


def chosen_kind(choice: ChainChoice, state_dir: Path) -> ChainChoice:
    """What `auto` means here; any other choice means itself."""
    if choice is not ChainChoice.AUTO:
        return choice
    begun = [kind for kind in (ChainChoice.BUILTIN, ChainChoice.ANVIL) if folder_of(kind, state_dir).exists()]
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


def anvil_line(folder: Path, port: int) -> list[str]:
    binary = anvil()
    if binary is None:
        raise ChainRefused("CAAS_CHAIN is anvil, and there is none on the PATH or in contracts/node_modules/.bin")
    return [
        binary,
        *("--host", LOOPBACK, "--port", str(port), "--chain-id", str(CHAIN_ID), "--balance", "1000000"),
        *("--state", str(folder / "state.json"), "--state-interval", "1", "--slots-in-an-epoch", "1", "--quiet"),
    ]


def anvil() -> str | None:
    """On the PATH, or where npm puts it for the contracts."""
    spec = find_spec("contracts")
    assert spec is not None
    assert spec.submodule_search_locations
    beside = Path(spec.submodule_search_locations[0]) / "node_modules" / ".bin" / "anvil"
    return shutil.which("anvil") or (str(beside) if beside.exists() else None)


def deploy_for_development(rpc_url: str, addresses: Path) -> None:
    """In a thread with a loop of its own: web3 takes a second or two to import, and others start meanwhile."""
    from workers.chain import deployed_for_development  # noqa: PLC0415

    try:
        asyncio.run(deployed_for_development(rpc_url, addresses))
    except ChainTrouble as trouble:
        raise ChainRefused(str(trouble)) from trouble


async def answers(rpc_url: str) -> bool:
    return await chain_id_of(rpc_url) is not None


async def chain_id_of(rpc_url: str) -> int | None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.post(rpc_url, json=asked, timeout=5)
            return int(answer.json()["result"], 16)
        except (httpx2.TransportError, ValueError, KeyError, TypeError):
            return None
