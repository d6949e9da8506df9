"""Processes that write loans to a chain and kill themselves in the middle: `python -m workers.bench.chain_writer`.

One process imports everything and forks the writers; a writer that was killed is forked again, until every one of them
has gone through all of its loans. What a writer had done, its successor learns from the rows and the chain alone.
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from activities.chain_writes import ChainWrites, WriteOrder, WritePolicy
from contracts.addresses import AddressBook
from contracts.connect import node_at
from contracts.ethereum import GWEI, Ethereum
from contracts.node import Receipt, Sent, SignedTransaction, Slot
from models.chain import Call, TransactionStatus
from models.errors import Refusal
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database
from workers.bench.chain_loans import OPERATIONS_PER_LOAN, TENANT, ChainedLoan
from workers.chain_janitor import ChainJanitor, JanitorPace

_MAX_FEE = 500 * GWEI
_OUTAGE = "outage: "
_PAUSE_SECONDS = 0.2
# A nonce whose writer is dead holds up all behind it, and there are many dead here.
_PACE = JanitorPace(turn_seconds=0.1, resend_after=timedelta(seconds=0.3), outbid_after=timedelta(seconds=20))


@dataclass(frozen=True, slots=True)
class WriterOrder:
    """What is written, with what, and how likely a writer dies at each of the points it passes."""

    app_url: str
    relay_url: str
    rpc_url: str
    addresses: str
    keys: Sequence[str]
    loans: int
    writers: int
    callers: int
    at_once: int
    crash_chance: float
    seed: int
    log: str

    def loans_of(self, writer: int) -> list[ChainedLoan]:
        """Every loan is carried by `callers` of the writers at the same time."""
        groups = self.writers // self.callers
        return [ChainedLoan(number) for number in range(1, self.loans + 1) if number % groups == writer % groups]

    def as_json(self) -> str:
        return json.dumps(asdict(self))


class MortalNode(Ethereum):
    """A node at whose answers its caller may be killed."""

    chance = 0.0
    log = ""
    dice = Random()  # noqa: S311 - dice, not keys

    async def estimate(self, call: Call, *, sender: str) -> int:
        gas = await super().estimate(call, sender=sender)
        self._maybe_die("after the preflight")
        return gas

    def signed(self, call: Call, slot: Slot) -> SignedTransaction:
        signed = super().signed(call, slot)
        self._maybe_die("after signing, before the commit")
        return signed

    async def send(self, raw: str) -> Sent:
        self._maybe_die("after the commit, before sending")
        sent = await super().send(raw)
        self._maybe_die("after sending, before recording")
        return sent

    async def receipt(self, tx_hash: str) -> Receipt | None:
        receipt = await super().receipt(tx_hash)
        if receipt:
            self._maybe_die("after the receipt, before recording")
        return receipt

    def _maybe_die(self, point: str) -> None:
        if self.chance and self.dice.random() < self.chance:
            note(self.log, point)
            os.kill(os.getpid(), signal.SIGKILL)


def note(log: str, line: str) -> None:
    """One write, so that a line is whole whoever else writes."""
    with Path(log).open("ab", buffering=0) as out:
        out.write(f"{line}\n".encode())


async def write_all(order: WriterOrder, writer: int, generation: int) -> None:
    """Every operation of every unfinished loan, in its order, several loans at a time; as if none had been done."""
    book = AddressBook.read(Path(order.addresses))
    node = node_at(MortalNode, order.rpc_url, book, order.keys)
    node.chance, node.log = order.crash_chance, order.log
    node.dice = Random(f"{order.seed}/{writer}/{generation}")  # noqa: S311 - dice, not keys
    policy = WritePolicy(node.signers, _MAX_FEE, first_block=book.first_block, poll_seconds=0.2)
    rows, relay = Database(order.app_url, pool_size=order.at_once + 2), Database(order.relay_url, pool_size=3)
    writes = ChainWrites(rows, node, policy)
    janitor = asyncio.create_task(ChainJanitor(relay, node, policy, _PACE).run())
    room = asyncio.Semaphore(order.at_once)

    async def carry(loan: ChainedLoan) -> None:
        async with room:
            for each in loan.orders(book):
                await insist(writes, each, order.log)

    try:
        finished = await finished_loans(rows)
        async with asyncio.TaskGroup() as tasks:
            for loan in order.loans_of(writer):
                if loan.loan_id not in finished:
                    tasks.create_task(carry(loan))
    finally:
        janitor.cancel()
        await node.close()
        await rows.close()
        await relay.close()


async def insist(writes: ChainWrites, each: WriteOrder, log: str) -> None:
    """Try again after an outage, as Temporal does with an activity; a refusal is the end."""
    while True:
        try:
            await writes.write(each)
        except Refusal:
            raise
        except Exception as outage:  # noqa: BLE001 - whatever it was, it is tried again
            note(log, f"{_OUTAGE}{type(outage).__name__}")
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def finished_loans(rows: Database) -> set[str]:
    """Loans without a write left: a successor need not ask for each of theirs again."""
    counted = (
        select(col(ChainTransaction.loan_id))
        .where(col(ChainTransaction.status) == TransactionStatus.CONFIRMED)
        .group_by(col(ChainTransaction.loan_id))
        .having(func.count() == OPERATIONS_PER_LOAN)
    )
    async with rows.transaction(TENANT) as session:
        return set((await session.execute(counted)).scalars())


def fork(order: WriterOrder, writer: int, generation: int) -> int:
    """The pid of a new writer."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        asyncio.run(write_all(order, writer, generation))
        code = 0
    except BaseException as error:
        note(order.log, "".join(traceback.format_exception(error)))
        raise
    finally:
        os._exit(code)


def supervise(order: WriterOrder) -> dict[str, Any]:
    """Fork until all is written; what happened meanwhile."""
    Path(order.log).touch()
    began = perf_counter()
    running = {fork(order, writer, 0): (writer, 0) for writer in range(order.writers)}
    deaths = 0
    while running:
        pid, status = os.wait()
        writer, generation = running.pop(pid)
        if os.WIFSIGNALED(status):
            deaths += 1
            running[fork(order, writer, generation + 1)] = (writer, generation + 1)
        elif os.waitstatus_to_exitcode(status):
            for other in running:
                os.kill(other, signal.SIGKILL)
            raise SystemExit(Path(order.log).read_text(encoding="utf-8"))
    lines = Counter(Path(order.log).read_text(encoding="utf-8").splitlines())
    outages = {line.removeprefix(_OUTAGE): times for line, times in lines.items() if line.startswith(_OUTAGE)}
    points = {line: times for line, times in lines.items() if not line.startswith(_OUTAGE)}
    return {"seconds": perf_counter() - began, "deaths": deaths, "points": points, "outages": outages}


if __name__ == "__main__":
    print(json.dumps(supervise(WriterOrder(**json.load(sys.stdin)))))  # noqa: T201 - its answer
