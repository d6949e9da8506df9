"""Three blocks are gone from a real chain, and what was in them is written again by itself."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.chain_writes import ChainWrites, WritePolicy
from contracts.addresses import AddressBook
from contracts.connect import node_at
from contracts.dev_keys import OPERATOR_KEY
from contracts.ethereum import GWEI, Ethereum
from contracts.rpc import ask
from models.chain import Call
from models.records.database import Database
from workers.bench.chain_loans import AGGREGATOR, OPERATIONS_PER_LOAN, ChainedLoan
from workers.bench.chain_proof import prove
from workers.chain_janitor import ChainJanitor
from workers.embedded.anvil import anvil
from workers.embedded.chain import NodeProcess
from workers.embedded.ports import any_free
from workers.embedded.postgres import DatabaseUrls
from workers.embedded.settings import ChainChoice

DEPTH = 3


async def test_what_a_reorganization_takes_away_is_written_again(database: DatabaseUrls, tmp_path: Path) -> None:
    if anvil() is None:
        assert not os.environ.get("CAAS_REQUIRE_ANVIL"), "anvil is required here, and there is none"
        pytest.skip("there is no anvil, and the dev node does not reorganize")
    process = NodeProcess(ChainChoice.ANVIL, tmp_path, any_free())
    child = await process.start()
    rows, relay = Database(database.app), Database(database.relay)
    try:
        await process.deploy()
        book, loan = AddressBook.read(process.addresses), ChainedLoan(1)
        node = node_at(Ethereum, process.rpc_url, book, [OPERATOR_KEY])
        policy = WritePolicy(node.signers, 100 * GWEI, first_block=book.first_block)
        later = datetime.now(UTC) + timedelta(minutes=1)
        janitor = ChainJanitor(relay, node, policy, now=lambda: later)
        writes = ChainWrites(rows, node, policy)
        for order in loan.orders(book):
            await writes.write(order)
        await janitor.tidy()

        await ask(process.rpc_url, "anvil_reorg", DEPTH, [])
        lost = await node.read(Call(AGGREGATOR, "loan", (loan.key,)))
        later += timedelta(minutes=1)
        await janitor.tidy()
        later += timedelta(minutes=1)
        await janitor.tidy()

        proof = await prove(node, rows, book, [loan], first=0)
        assert lost["seq"] == OPERATIONS_PER_LOAN - 1 - DEPTH
        assert (proof.events, proof.transactions, proof.reverted) == (10, 10, 0)
        await node.close()
    finally:
        await rows.close()
        await relay.close()
        await child.stop()
