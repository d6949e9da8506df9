"""What is signed gets mined, whoever has signed it and whatever the node has lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from sqlmodel import col

from activities.chain_writes import ChainWrites, NotMined, WriteOrder, WritePolicy
from models.chain import Call
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database
from tests.activities.chain_rows import chain_database, clear
from tests.activities.fake_chain import AGGREGATOR, ALICE, BOB, GWEI, FakeNode, NodeDown, key
from workers.chain_janitor import ChainJanitor, JanitorPace
from workers.embedded.postgres import DatabaseUrls, Postgres

POLICY = WritePolicy((ALICE,), max_fee=100 * GWEI, poll_seconds=0.01, patience_seconds=0.03)
PACE = JanitorPace(turn_seconds=0.01)


class Clock:
    """Moved by the test."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture(scope="module")
async def database(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:  # noqa: ARG001 - ordered
    async with chain_database(postgres, "chain_janitor") as urls:
        yield urls


@pytest.fixture
async def rows(database: DatabaseUrls) -> AsyncIterator[Database]:
    await clear(database)
    opened = Database(database.app)
    yield opened
    await opened.close()


@pytest.fixture
async def relay(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.relay)
    yield opened
    await opened.close()


@pytest.fixture
def node() -> FakeNode:
    made = FakeNode()
    made.mines = False
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writes(rows: Database, node: FakeNode, clock: Clock) -> ChainWrites:
    return ChainWrites(rows, node, POLICY, now=clock)


@pytest.fixture
def janitor(relay: Database, node: FakeNode, clock: Clock) -> ChainJanitor:
    return ChainJanitor(relay, node, POLICY, PACE, now=clock)


def originate(loan: int) -> WriteOrder:
    call = Call(AGGREGATOR, "originate", (key(loan), {"principal": 1}))
    return WriteOrder(f"tenant_{loan % 2}", f"loan_{loan}", key(100 * loan), call)


async def abandon(writes: ChainWrites, node: FakeNode, *loans: int, unsent: bool = False) -> None:
    """Sign for loans, and be gone before anything is mined."""
    for loan in loans:
        node.down_for = {"send": 1} if unsent else {}
        with pytest.raises((NotMined, NodeDown)):
            await writes.write(originate(loan))


async def states(relay: Database) -> list[str]:
    in_order = (col(ChainTransaction.nonce), col(ChainTransaction.attempt))
    async with relay.transaction() as session:
        found = await session.execute(select(ChainTransaction).order_by(*in_order))
        return [f"{row.nonce}.{row.attempt} {row.status}" for row in found.scalars()]


async def test_what_was_signed_and_never_sent_is_sent_in_the_order_of_nonces(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock, relay: Database
) -> None:
    await abandon(writes, node, 1, 2, 3, unsent=True)
    clock.pass_seconds(5)

    await janitor.tidy()

    assert [nonce for _, nonce in node.pool] == [0, 1, 2]
    assert await states(relay) == ["0.0 sent", "1.0 sent", "2.0 sent"]


async def test_what_is_fresh_is_left_to_its_writer(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock
) -> None:
    await abandon(writes, node, 1, unsent=True)
    clock.pass_seconds(4)

    await janitor.tidy()

    assert node.sent == []


async def test_a_node_that_lost_its_pool_gets_everything_again(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock, relay: Database
) -> None:
    await abandon(writes, node, 1, 2)
    node.lose_pool()
    clock.pass_seconds(5)

    await janitor.tidy()
    node.mine()
    clock.pass_seconds(5)
    await janitor.tidy()

    assert [each.slot.nonce for each in node.mined] == [0, 1]
    assert await states(relay) == ["0.0 confirmed", "1.0 confirmed"]


async def test_behind_a_gap_that_the_node_does_not_take_nothing_more_is_tried(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock
) -> None:
    await abandon(writes, node, 1, 2, 3, unsent=True)
    clock.pass_seconds(5)
    node.refuses_gaps = True

    await janitor.tidy()

    assert len(node.sent) == 2  # the first is taken, the second shows the gap


async def test_a_transaction_that_does_not_get_through_is_outbid(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock, relay: Database
) -> None:
    node.base_fee = GWEI
    await abandon(writes, node, 1, 2)
    node.base_fee = 10 * GWEI
    clock.pass_seconds(5)
    await janitor.tidy()
    clock.pass_seconds(90)

    await janitor.tidy()
    assert await states(relay) == ["0.0 replaced", "0.1 sent", "1.0 sent"]
    assert node.pool[ALICE, 0].slot.fees.max_fee == 21 * GWEI
    node.mine()
    clock.pass_seconds(90)
    await janitor.tidy()
    await janitor.tidy()
    node.mine()

    assert [each.slot.nonce for each in node.mined] == [0, 1]
    assert (await writes.write(originate(1))).tx_hash == node.mined[0].hash
    assert (await writes.write(originate(2))).tx_hash == node.mined[1].hash
    assert await states(relay) == ["0.0 replaced", "0.1 confirmed", "1.0 replaced", "1.1 confirmed"]


async def test_an_outbid_pays_an_eighth_more_at_least(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock
) -> None:
    await abandon(writes, node, 1)
    clock.pass_seconds(90)

    await janitor.tidy()

    assert node.pool[ALICE, 0].slot.fees.max_fee == 3 * GWEI * 9 // 8
    assert node.pool[ALICE, 0].slot.fees.priority_fee == GWEI * 9 // 8


async def test_nothing_is_outbid_beyond_the_limit(
    writes: ChainWrites, node: FakeNode, relay: Database, clock: Clock
) -> None:
    await abandon(writes, node, 1)
    clock.pass_seconds(90)

    await ChainJanitor(relay, node, replace(POLICY, max_fee=3 * GWEI), PACE, now=clock).tidy()

    assert await states(relay) == ["0.0 sent"]


async def test_a_signer_whose_key_is_gone_is_not_outbid(
    writes: ChainWrites, node: FakeNode, relay: Database, clock: Clock
) -> None:
    await abandon(writes, node, 1)
    clock.pass_seconds(90)

    await ChainJanitor(relay, node, replace(POLICY, signers=(BOB,)), PACE, now=clock).tidy()

    assert await states(relay) == ["0.0 sent"]


async def test_of_two_janitors_one_outbids(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, relay: Database, clock: Clock
) -> None:
    await abandon(writes, node, 1)
    clock.pass_seconds(90)
    other = ChainJanitor(relay, node, POLICY, PACE, now=clock)

    await asyncio.gather(janitor.tidy(), other.tidy(), janitor.tidy())

    assert await states(relay) == ["0.0 replaced", "0.1 sent"]


async def test_what_was_replaced_and_mined_all_the_same_is_found(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock, relay: Database
) -> None:
    await abandon(writes, node, 1)
    first = node.pool[ALICE, 0]
    clock.pass_seconds(90)
    await janitor.tidy()
    node.pool[ALICE, 0] = first
    node.mine()
    clock.pass_seconds(5)

    await janitor.tidy()

    assert await states(relay) == ["0.0 confirmed", "0.1 replaced"]
    assert (await writes.write(originate(1))).tx_hash == first.hash


async def test_after_a_reorganization_everything_is_mined_again(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock, relay: Database
) -> None:
    node.mines = True
    for loan in (1, 2, 3):
        await writes.write(originate(loan))
    await janitor.tidy()
    node.mines = False
    node.reorganize(2)
    assert len(node.mined) == 1

    await janitor.tidy()
    assert await states(relay) == ["0.0 confirmed", "1.0 sent", "2.0 sent"]
    node.mine()
    clock.pass_seconds(5)
    await janitor.tidy()

    assert [each.slot.nonce for each in node.mined] == [0, 1, 2]
    assert await states(relay) == ["0.0 confirmed", "1.0 confirmed", "2.0 confirmed"]


async def test_a_chain_that_goes_on_reopens_nothing(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, relay: Database
) -> None:
    node.mines = True
    await writes.write(originate(1))
    await janitor.tidy()
    node.mine(2)

    await janitor.tidy()

    assert await states(relay) == ["0.0 confirmed"]


async def test_a_janitor_that_starts_after_a_reorganization_sees_it(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, relay: Database
) -> None:
    node.mines = True
    await writes.write(originate(1))
    node.mines = False
    node.reorganize(1)

    await janitor.tidy()

    assert await states(relay) == ["0.0 sent"]
    assert (ALICE, 0) in node.pool


async def test_what_is_not_deep_enough_is_not_finished(
    writes: ChainWrites, node: FakeNode, relay: Database, clock: Clock
) -> None:
    janitor = ChainJanitor(relay, node, replace(POLICY, confirmations=2), PACE, now=clock)
    await abandon(writes, node, 1)
    node.mine()
    clock.pass_seconds(5)
    await janitor.tidy()
    assert await states(relay) == ["0.0 sent"]

    node.mine(2)
    clock.pass_seconds(5)
    await janitor.tidy()

    assert await states(relay) == ["0.0 confirmed"]


async def test_figures_say_what_waits_and_what_is_left_to_pay_with(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock
) -> None:
    await abandon(writes, node, 1, 2)
    clock.pass_seconds(60)

    await janitor.tidy()

    def figure(name: str) -> float | None:
        return REGISTRY.get_sample_value(name, {"signer": ALICE})

    assert figure("caas_chain_transactions_pending") == 2
    assert figure("caas_chain_oldest_pending_seconds") == pytest.approx(60, abs=5)
    assert figure("caas_chain_signer_balance_ether") == 3


async def test_an_outage_of_the_node_is_waited_out(
    writes: ChainWrites, node: FakeNode, janitor: ChainJanitor, clock: Clock
) -> None:
    await abandon(writes, node, 1, unsent=True)
    node.down_for = {"receipt": 3}
    clock.pass_seconds(5)

    running = asyncio.create_task(janitor.run())
    async with asyncio.timeout(5):
        while not node.pool:
            clock.pass_seconds(5)
            await asyncio.sleep(0.01)
    running.cancel()

    assert len(node.sent) == 1
