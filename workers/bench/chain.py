"""`caas bench chain`: writes to a chain per second, and each of them exactly once while writers are killed."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from contracts.addresses import AddressBook
from contracts.connect import node_at
from contracts.dev_keys import OPERATOR_KEY
from contracts.ethereum import Ethereum
from models.records.database import Database
from workers.bench.chain_loans import OPERATIONS_PER_LOAN, ChainedLoan
from workers.bench.chain_proof import Proof, prove
from workers.bench.chain_writer import WriterOrder
from workers.embedded.anvil import anvil
from workers.embedded.chain import NodeProcess
from workers.embedded.ports import any_free
from workers.embedded.postgres import DatabaseUrls, Postgres
from workers.embedded.secrets import Secrets
from workers.embedded.settings import ChainChoice
from workers.migrate import migrate

_CRASHES_PER_OPERATION = 0.25
_POINTS = 5


@dataclass(frozen=True, slots=True)
class Load:
    """How much is written, by how many, and whether they die of it."""

    operations: int
    crashes: bool
    writers: int = 4
    callers: int = 2
    at_once: int = 6
    seed: int = 0

    @property
    def loans(self) -> list[ChainedLoan]:
        return [ChainedLoan(number) for number in range(1, max(1, self.operations // OPERATIONS_PER_LOAN) + 1)]

    @property
    def crash_chance(self) -> float:
        """At each point that is passed; an operation passes each of them about once for every caller."""
        return _CRASHES_PER_OPERATION / _POINTS / self.callers if self.crashes else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What it took, and what was proven."""

    node: str
    seconds: float
    deaths: int
    points: dict[str, int]
    outages: dict[str, int]
    proof: Proof


async def run(operations: int, *, crashes: bool, node: str) -> None:
    """One node, or with `auto` both, one after the other, on a PostgreSQL of its own."""
    console, seed = Console(), SystemRandom().randrange(10**6)
    if crashes:
        load = Load(operations, crashes=True, seed=seed)
        console.print(f"seed {seed}")
    else:
        load = Load(operations, crashes=False, writers=2, callers=1, at_once=12)
    kinds = [ChainChoice.ANVIL, ChainChoice.BUILTIN] if anvil() else [ChainChoice.BUILTIN]
    if node != ChainChoice.AUTO:
        kinds = [ChainChoice(node)]
    for kind in kinds:
        with TemporaryDirectory() as folder:
            state_dir = Path(folder)
            server = Postgres(state_dir, any_free(), Secrets(state_dir / "secrets.json"))
            child = await server.start()
            try:
                urls = server.urls()
                await asyncio.to_thread(migrate, urls)
                show(console, load, await on_node(kind, state_dir, urls, load))
            finally:
                await child.stop()


async def on_node(kind: ChainChoice, state_dir: Path, urls: DatabaseUrls, load: Load) -> Outcome:
    """Start a node, write everything, and prove it."""
    process = NodeProcess(kind, state_dir, any_free())
    child = await process.start()
    try:
        await process.deploy()
        return await written(kind.value, process.rpc_url, process.addresses, urls, load)
    finally:
        await child.stop()


async def written(name: str, rpc_url: str, addresses: Path, urls: DatabaseUrls, load: Load) -> Outcome:
    """Have the writers write, and compare."""
    book = AddressBook.read(addresses)
    node, rows = node_at(Ethereum, rpc_url, book, [OPERATOR_KEY]), Database(urls.app)
    try:
        first = await node.next_nonce(node.signers[0])
        report = await _write(rpc_url, addresses, urls, load)
        proof = await prove(node, rows, book, load.loans, first=first)
    finally:
        await node.close()
        await rows.close()
    return Outcome(name, report["seconds"], report["deaths"], report["points"], report["outages"], proof)


async def _write(rpc_url: str, addresses: Path, urls: DatabaseUrls, load: Load) -> dict[str, Any]:
    order = WriterOrder(
        app_url=urls.app,
        relay_url=urls.relay,
        rpc_url=rpc_url,
        addresses=str(addresses),
        keys=[OPERATOR_KEY],
        loans=len(load.loans),
        writers=load.writers,
        callers=load.callers,
        at_once=load.at_once,
        crash_chance=load.crash_chance,
        seed=load.seed,
        log=str(addresses.parent / "writers.log"),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.bench.chain_writer"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
        start_new_session=True,
    )
    try:
        output, errors = await process.communicate(order.as_json().encode())
    finally:
        if process.returncode is None:  # the writers are its children, and would outlive it
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise RuntimeError(f"the writers failed: {errors.decode()[-2000:]}")
    report: dict[str, Any] = json.loads(output.decode().splitlines()[-1])
    return report


def show(console: Console, load: Load, outcome: Outcome) -> None:
    """Print the figures."""
    loans, proof = len(load.loans), outcome.proof
    console.print(
        f"[bold]{outcome.node}[/]: {proof.events} operations of {loans} loans in {outcome.seconds:.1f} s, "
        f"{proof.transactions / outcome.seconds:.1f} transactions/s, {loans / outcome.seconds:.2f} loans/s, "
        f"{proof.gas / loans:,.0f} gas a loan"
    )
    console.print(
        f"  each once, no nonce left out; {proof.reverted} reverted, {proof.replaced} replaced, "
        f"{outcome.deaths} writers killed"
    )
    for point, times in sorted(outcome.points.items()):
        console.print(f"  killed {point}: {times}")
    for outage, times in sorted(outcome.outages.items()):
        console.print(f"  outage, tried again: {outage} {times}")
