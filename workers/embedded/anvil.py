"""Foundry's node, made to come back as it was: the same beginning at every start, and the world's clock."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from time import time

from contracts.dev_keys import CHAIN_ID
from contracts.rpc import ask
from workers.embedded.errors import ChainRefused
from workers.embedded.ports import LOOPBACK


def anvil() -> str | None:
    """On the PATH, or where npm puts it for the contracts."""
    spec = find_spec("contracts")
    assert spec is not None
    assert spec.submodule_search_locations
    beside = Path(spec.submodule_search_locations[0]) / "node_modules" / ".bin" / "anvil"
    return shutil.which("anvil") or (str(beside) if beside.exists() else None)


def anvil_line(folder: Path, port: int) -> list[str]:
    """State is on disk every second and on SIGTERM; a SIGKILL loses the second before it."""
    binary = anvil()
    if binary is None:
        raise ChainRefused("CAAS_CHAIN is anvil, and there is none on the PATH or in contracts/node_modules/.bin")
    return [
        binary,
        *("--host", LOOPBACK, "--port", str(port), "--chain-id", str(CHAIN_ID), "--balance", "1000000"),
        *("--state", str(folder / "state.json"), "--state-interval", "1", "--slots-in-an-epoch", "1", "--quiet"),
        *("--timestamp", str(_began_at(folder))),
    ]


async def set_clock(rpc_url: str) -> None:
    """With a beginning of its own, anvil counts the time from there, anew at every start."""
    head = await ask(rpc_url, "eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - the protocol's
    await ask(rpc_url, "evm_setTime", max(int(time()), int(head["timestamp"], 16)))


def _began_at(folder: Path) -> int:
    """anvil makes a genesis at every start, and takes it or the one of its state; with one time they are one block."""
    file = folder / "genesis_timestamp"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(str(int(time())))
    return int(file.read_text())
