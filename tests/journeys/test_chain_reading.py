"""A real node forgets three blocks and mines others: rows and loan come to what the chain says in the end."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from activities.chain_events import ChainEvents
from activities.chain_writes import ChainWrites, WritePolicy
from contracts.addresses import AddressBook
from contracts.connect import node_at
from contracts.dev_keys import CHAIN_ID, OPERATOR_KEY
from contracts.ethereum import Ethereum
from contracts.rpc import ask
from models.chain import Call
from models.reconciliation import Figures
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan
from models.records.database import Database
from models.records.outbox import OutboxKind, OutboxRow
from workers.bench.chain_loans import TENANT, ChainedLoan
from workers.chain_janitor import ChainJanitor, JanitorPace
from workers.chain_reader import ChainReader
from workers.embedded.anvil import anvil
from workers.embedded.chain import NodeProcess
from workers.embedded.ports import any_free
from workers.embedded.postgres import DatabaseUrls
from workers.embedded.settings import ChainChoice

DEPTH, CONFIRMATIONS = 3, 2
LOAN = ChainedLoan(1)


@dataclass
class Site:
    """A node with our contracts, the rows, and those who write, tidy and read."""

    url: str
    book: AddressBook
    node: Ethereum
    rows: Database
    relay: Database

    @property
    def policy(self) -> WritePolicy:
        return WritePolicy(self.node.signers, max_fee=500 * 10**9, poll_seconds=0.05)

    @property
    def writes(self) -> ChainWrites:
        return ChainWrites(self.rows, self.node, self.policy)

    @property
    def janitor(self) -> ChainJanitor:
        pace = JanitorPace(resend_after=timedelta(0))
        return ChainJanitor(self.relay, self.node, self.policy, pace)

    @property
    def reader(self) -> ChainReader:
        events = ChainEvents(self.relay, CHAIN_ID)
        return ChainReader(
            self.node, events, confirmations=CONFIRMATIONS, window_blocks=7, first_block=self.book.first_block
        )

    async def events(self, *statuses: EventStatus) -> list[tuple[str, str, int]]:
        """What is on record under these statuses: name, block and place of each."""
        query = select(ChainEvent).where(col(ChainEvent.status).in_(statuses))
        async with self.relay.transaction() as session:
            found = (await session.execute(query)).scalars().all()
        return sorted((row.name, row.block_hash, row.log_index) for row in found)

    async def said(self) -> list[tuple[str, str, int]]:
        """What the chain says of the loan as it is now."""
        head = await self.node.head()
        found = await self.node.events(self.book.first_block, head.number, loan_key=LOAN.key)
        return sorted((event.name, event.block_hash, event.log_index) for event in found)


@pytest.fixture
async def site(tmp_path: Path, database: DatabaseUrls) -> AsyncIterator[Site]:
    if anvil() is None:
        assert not os.environ.get("CAAS_REQUIRE_ANVIL"), "anvil is required here, and there is none"
        pytest.skip("there is no anvil")
    process = NodeProcess(ChainChoice.ANVIL, tmp_path, any_free())
    child = await process.start()
    rows, relay = Database(database.app), Database(database.relay)
    try:
        await process.deploy()
        book = AddressBook.read(process.addresses)
        node = node_at(Ethereum, process.rpc_url, book, [OPERATOR_KEY])
        yield Site(process.rpc_url, book, node, rows, relay)
        await node.close()
    finally:
        await rows.close()
        await relay.close()
        await child.stop()


async def test_a_reorganization_of_three_blocks_ends_where_the_chain_ends(site: Site) -> None:
    await is_agreed(site)
    orders = LOAN.orders(site.book)[:6]
    for order in orders:
        await site.writes.write(order)
    await site.reader.turn()
    before = await site.events(EventStatus.SEEN, EventStatus.CONFIRMED)

    await ask(site.url, "anvil_reorg", DEPTH, [])
    await site.reader.turn()
    gone = await site.events(EventStatus.ORPHANED)
    left = await site.events(EventStatus.SEEN, EventStatus.CONFIRMED)

    assert len(gone) == DEPTH
    assert sorted(gone + left) == before
    assert left == await site.said()

    await site.janitor.tidy()
    await ask(site.url, "anvil_mine", hex(CONFIRMATIONS))
    await site.reader.turn()

    assert await site.events(EventStatus.CONFIRMED) == await site.said()
    assert len(await site.said()) == len(before), "each write is on the chain once, in other blocks"
    await the_loan_is_as_the_contract_has_it(site)


async def is_agreed(site: Site) -> None:
    """The loan's record, as its acceptance leaves it."""
    loan = ChainLoan(
        tenant_id=TENANT,
        loan_id=LOAN.loan_id,
        application_id="app_reorg",
        chain_id=CHAIN_ID,
        aggregator=site.book.contracts["CreditAggregator"],
        loan_key=LOAN.key,
        salt="00",
        terms={"principal": LOAN.principal},
        terms_hash="0x00",
        currency="USD",
    )
    async with site.rows.transaction(TENANT) as session:
        session.add(loan)


async def the_loan_is_as_the_contract_has_it(site: Site) -> None:
    there = Figures.of_chain(await site.node.read(Call("CreditAggregator", "loan", (LOAN.key,))))
    async with site.relay.transaction() as session:
        loan = await session.get_one(ChainLoan, (TENANT, LOAN.loan_id))
        left = (await session.execute(select(OutboxRow))).scalars().all()
    seen = Figures(loan.seen_state, int(loan.seen_outstanding), int(loan.seen_interest), loan.seen_sequence)
    assert seen == there
    # One confirmed block was taken back as well: somebody has to look at it. Nothing else was foreign.
    about = [row.payload["about"] for row in left if row.kind == OutboxKind.CHAIN_EVENT]
    assert about == ["orphaned"]
