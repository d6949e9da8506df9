"""The reader of a chain: what its rows say is what the chain says, however often the chain changes its mind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from activities.chain_events import ChainEvents
from contracts.node import ContractEvent
from models.chain import ChainState
from models.records.chain_events import ChainCursor, ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database
from models.records.outbox import OutboxKind, OutboxRow
from models.sightings import NEWS, Logged, sighting_of
from tests.activities.chain_rows import chain_database
from tests.workers.chains import AGGREGATOR, FakeNode, Log, hash_of
from workers.chain_reader import AnotherChain, ChainReader
from workers.embedded.postgres import DatabaseUrls, Postgres

TENANT = "tenant_test"
_numbers = count(1)


@dataclass
class Reading:
    """A reader on a chain of its own, and the rows it writes."""

    node: FakeNode
    database: Database
    loan_id: str
    key: str
    confirmations: int

    @property
    def chain_id(self) -> int:
        return self.node.number

    def reader(self, **options: Any) -> ChainReader:
        events = ChainEvents(self.database, self.chain_id)
        return ChainReader(self.node, events, **{"confirmations": self.confirmations, "window_blocks": 3} | options)

    def log(self, name: str, **arguments: Any) -> Log:
        return Log(name, {"loanId": self.key, **arguments})

    async def rows(self, *, orphaned: bool = False) -> list[ChainEvent]:
        query = select(ChainEvent).where(col(ChainEvent.chain_id) == self.chain_id)
        async with self.database.transaction() as session:
            found = (await session.execute(query)).scalars().all()
        rows = [row for row in found if (row.status == EventStatus.ORPHANED) is orphaned]
        return sorted(rows, key=lambda row: (row.block_number, row.log_index))

    async def loan(self) -> ChainLoan:
        async with self.database.transaction() as session:
            return await session.get_one(ChainLoan, (TENANT, self.loan_id))

    async def cursor(self) -> ChainCursor:
        async with self.database.transaction() as session:
            return await session.get_one(ChainCursor, self.chain_id)

    async def work(self) -> list[tuple[str, str]]:
        """What is left for the relay: of which event, and what about it."""
        async with self.database.transaction() as session:
            left = await session.execute(select(OutboxRow).where(col(OutboxRow.kind) == OutboxKind.CHAIN_EVENT))
            names = {row.id: row.name for row in await self.rows()}
            names |= {row.id: row.name for row in await self.rows(orphaned=True)}
        mine = [row.payload for row in left.scalars() if row.payload["loanId"] == self.loan_id]
        return sorted((names[each["eventId"]], each["about"]) for each in mine)


@pytest.fixture(scope="module")
async def relay(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[Database]:  # noqa: ARG001 - ordered
    """One database for all: each test has a chain of its own."""
    async with chain_database(postgres, "test_chain_reader") as urls:
        rows = Database(urls.relay)
        yield rows
        await rows.close()


async def reading(database: Database, *, confirmations: int = 0, ours: tuple[Log, ...] = ()) -> Reading:
    number = next(_numbers)
    node = FakeNode(chain_id=number)
    found = Reading(node, database, f"loan_{number}", hash_of("loan", number), confirmations)
    async with database.transaction() as session:
        session.add(chained(found))
        for log in ours:
            session.add(transaction(found, log.tx_hash))
    return found


def chained(found: Reading) -> ChainLoan:
    return ChainLoan(
        tenant_id=TENANT,
        loan_id=found.loan_id,
        application_id=f"app_{found.chain_id}",
        chain_id=found.chain_id,
        aggregator=AGGREGATOR,
        loan_key=found.key,
        salt="0x00",
        terms={"subject": hash_of("subject", found.chain_id), "principal": 1_000},
        terms_hash="0x00",
        currency="USD",
    )


def transaction(found: Reading, tx_hash: str, op_id: str | None = None) -> ChainTransaction:
    return ChainTransaction(
        tenant_id=TENANT,
        op_id=op_id or hash_of("op", tx_hash),
        chain_id=found.chain_id,
        loan_id=found.loan_id,
        contract="CreditAggregator",
        function="repay",
        arguments=[],
        signer="0x00",
        nonce=next(_numbers),
        raw="0x",
        hash=tx_hash,
        gas=1,
        max_fee=1,
        priority_fee=1,
    )


def places(events: list[ContractEvent] | list[ChainEvent]) -> list[tuple[str, str, int]]:
    return [(event.block_hash, event.tx_hash, event.log_index) for event in events]


async def test_events_of_our_loans_are_kept_in_order_and_those_of_others_are_passed_over(relay: Database) -> None:
    found = await reading(relay)
    found.node.mine(found.log("Deposited", amount=1), Log("Deposited", {"loanId": hash_of("somebody else's")}))
    found.node.mine()
    found.node.mine(found.log("Withdrawn", amount=1), Log("EscrowDeposited", {"lender": "0x00"}))

    await found.reader().turn()

    assert [(row.name, row.block_number, row.log_index) for row in await found.rows()] == [
        ("Deposited", 1, 0),
        ("Withdrawn", 3, 0),
    ]
    assert (await found.cursor()).number == 3


async def test_a_score_is_known_by_the_subject_of_the_loans_terms(relay: Database) -> None:
    found = await reading(relay)
    published = Log("ScorePublished", {"subject": hash_of("subject", found.chain_id), "score": 742})
    found.node.mine(published, Log("ScorePublished", {"subject": hash_of("nobody"), "score": 300}))

    await found.reader().turn()

    assert [row.arguments["score"] for row in await found.rows()] == [742]


async def test_a_confirmed_event_brings_the_loan_forward_and_an_unconfirmed_one_does_not(relay: Database) -> None:
    found = await reading(relay, confirmations=2)
    found.node.mine(found.log("Funded", opId="0x01", seq=1, principal=2**100))
    repaid = found.log("Repaid", opId="0x02", seq=2, principal=1, interest=7, outstanding=2**100 - 1)
    found.node.mine(repaid)
    found.node.mine()

    await found.reader().turn()
    early = await found.loan()
    found.node.mine()
    await found.reader().turn()
    late = await found.loan()

    assert (early.seen_state, early.seen_outstanding, early.seen_sequence) == (ChainState.ACTIVE, 2**100, 1)
    assert (late.seen_outstanding, late.seen_interest, late.seen_sequence, late.seen_block) == (2**100 - 1, 7, 2, 2)


async def test_a_loan_hears_its_news_and_an_operator_hears_of_writes_that_are_not_ours(relay: Database) -> None:
    found = await reading(relay)
    ours = found.log("Repaid", opId="0x01", seq=1, principal=1, interest=0, outstanding=9)
    by_operation = found.log("Repaid", opId="0x02", seq=2, principal=1, interest=0, outstanding=8)
    theirs = found.log("StateChanged", opId="0x03", seq=3, **{"from": 2, "to": 7}, reason="0x00")
    async with relay.transaction() as session:
        session.add(transaction(found, ours.tx_hash))
        session.add(transaction(found, hash_of("replaced"), op_id="0x02"))
    found.node.mine(ours, by_operation, theirs, found.log("Paid", payer="0x00", amount=5, credit=5))
    found.node.mine(found.log("Released", amount=1))

    await found.reader().turn()

    assert await found.work() == [("Paid", "news"), ("StateChanged", "foreign")]


async def test_two_readers_at_once_write_everything_once(relay: Database) -> None:
    found = await reading(relay)
    for _ in range(8):
        found.node.mine(found.log("Paid", payer="0x00", amount=1, credit=1))
    one, other = found.reader(window_blocks=2), found.reader(window_blocks=3)
    await one.turn()
    found.node.reorganize(2, [[found.log("Paid", payer="0x00", amount=1, credit=1)]] * 3)

    await asyncio.gather(one.turn(), other.turn())
    await asyncio.gather(one.turn(), other.turn())

    assert places(await found.rows()) == places(found.node.canonical())


async def test_another_chain_under_the_same_number_is_refused(relay: Database) -> None:
    found = await reading(relay)
    found.node.mine()
    await found.reader().turn()
    found.node.chain = FakeNode(found.chain_id, genesis="another").chain
    found.node.mine()

    with pytest.raises(AnotherChain, match="begins with block"):
        await found.reader().turn()

    assert (await found.cursor()).number == 1


async def test_a_node_that_lags_behind_is_waited_for(relay: Database) -> None:
    found = await reading(relay)
    for _ in range(4):
        found.node.mine(found.log("Withdrawn", amount=1))
    reader = found.reader()
    await reader.turn()
    whole = list(found.node.chain)
    found.node.chain = whole[:3]

    await reader.turn()
    found.node.chain = whole
    await reader.turn()

    assert await found.rows(orphaned=True) == []
    assert len(await found.rows()) == 4


async def test_a_confirmed_event_that_is_taken_back_is_an_operators_task_and_no_longer_counts(relay: Database) -> None:
    found = await reading(relay, confirmations=1)
    funded = found.log("Funded", opId="0x01", seq=1, principal=100)
    found.node.mine(funded)
    found.node.mine(found.log("Repaid", opId="0x02", seq=2, principal=10, interest=1, outstanding=90))
    found.node.mine()
    reader = found.reader()
    await reader.turn()
    found.node.reorganize(2, [[], [], []])

    await reader.turn()

    loan = await found.loan()
    assert (loan.seen_outstanding, loan.seen_interest, loan.seen_sequence) == (100, 0, 1)
    assert ("Repaid", "orphaned") in await found.work()


async def test_a_block_that_comes_back_is_not_orphaned_any_more(relay: Database) -> None:
    found = await reading(relay, confirmations=5)
    found.node.mine(found.log("Withdrawn", amount=1))
    first = list(found.node.chain)
    reader = found.reader()
    await reader.turn()
    found.node.reorganize(1, [[], []])
    await reader.turn()
    assert await found.rows() == []
    found.node.chain = first
    found.node.mine()
    found.node.mine()

    await reader.turn()

    assert places(await found.rows()) == places(found.node.canonical())


async def test_reading_begins_where_it_is_told_to(relay: Database) -> None:
    found = await reading(relay)
    for _ in range(5):
        found.node.mine(found.log("Withdrawn", amount=1))

    await found.reader(first_block=4).turn()

    assert [row.block_number for row in await found.rows()] == [4, 5]


blocks = st.lists(st.integers(0, 2), max_size=4)
"""How many events each block has."""
reorganization = st.tuples(st.integers(1, 9), st.integers(1, 5), st.lists(st.integers(0, 2), min_size=1, max_size=7))
"""Before which question, how deep, and the blocks that come instead."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    confirmations=st.integers(0, 3),
    window=st.integers(1, 4),
    turns=st.lists(st.tuples(blocks, st.lists(reorganization, max_size=2)), min_size=1, max_size=5),
)
async def test_whenever_the_chain_is_reorganized_the_rows_become_those_of_the_chain(
    relay: Database,
    confirmations: int,
    window: int,
    turns: list[tuple[list[int], list[tuple[int, int, list[int]]]]],
) -> None:
    found = await reading(relay, confirmations=confirmations)
    node = found.node
    mempool: list[Log] = []

    def logs(number: int) -> list[Log]:
        """New transactions, and every other one that a reorganization has sent back to where it came from."""
        taken = [mempool.pop() for _ in range(min(len(mempool), number // 2))]
        return taken + [found.log("Paid", payer="0x00", amount=n, credit=n) for n in range(1, number + 1)]

    def reorganize(depth: int, instead: list[int]) -> None:
        mempool.extend(log for mined in node.chain[1:][-depth:] for log in mined.logs)
        node.reorganize(depth, [logs(number) for number in instead])

    reader = found.reader(window_blocks=window)
    for sizes, changes in turns:
        for size in sizes:
            node.mine(*logs(size))
        for at, depth, instead in changes:
            node.before[node.asked + at] = partial(reorganize, depth, instead)
        await reader.turn()
    node.before.clear()
    # A shorter chain is one that lags, until it has grown.
    for _ in range(8):
        node.mine()
    for _ in range(4):
        await reader.turn()

    rows, canonical = await found.rows(), node.canonical()
    assert places(rows) == places(canonical)
    final = node.chain[-1].block.number - confirmations
    confirmed = [row for row in rows if row.block_number <= final]
    assert {row.id for row in rows if row.status == EventStatus.CONFIRMED} == {row.id for row in confirmed}
    assert {row.name for row in rows} <= NEWS
    expected = sighting_of(Logged(row.name, row.arguments, row.block_number) for row in confirmed)
    assert (await found.loan()).seen_block == expected.block


async def test_a_reorganization_leaves_alone_what_is_below_it(relay: Database) -> None:
    found = await reading(relay)
    for _ in range(6):
        found.node.mine(found.log("Withdrawn", amount=1))
    reader = found.reader(window_blocks=100)
    await reader.turn()
    found.node.mine()
    await reader.turn()
    found.node.reorganize(2, [[], [], []])

    await reader.turn()

    work = await found.work()
    assert work.count(("Withdrawn", "news")) == 6, "each has been told once"
    assert work.count(("Withdrawn", "orphaned")) == 1, "and one was taken back"


async def test_nothing_is_kept_of_a_fork_that_is_left_while_it_is_read(relay: Database) -> None:
    found = await reading(relay)
    node, reader = found.node, found.reader()
    await reader.turn()
    node.mine(found.log("Withdrawn", amount=1))
    # Head, then the events; before the last question, whether the head is still the same.
    node.before[node.asked + 3] = lambda: node.reorganize(1, [[], []])

    await reader.turn()

    assert await found.rows() == []
    assert await found.work() == []
