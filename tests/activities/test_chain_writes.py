"""The write path, step by step: whatever is lost on the way, an operation is on the chain once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from activities.chain_attempts import attempts_of
from activities.chain_fees import FeesAboveLimit
from activities.chain_writes import ChainBehind, ChainWrites, NotMined, WriteOrder, WritePolicy, Written
from contracts.node import Fees
from models.chain import Call, ContractRefused, TransactionStatus
from models.records.chain_transactions import ChainSigner, ChainTransaction
from models.records.database import Database
from tests.activities.chain_rows import chain_database, clear
from tests.activities.fake_chain import AGGREGATOR, ALICE, BOB, CHAIN_ID, GWEI, FakeNode, NodeDown, key
from workers.embedded.postgres import DatabaseUrls, Postgres

TENANT, LOAN = "tenant_a", "loan_1"
POLICY = WritePolicy((ALICE,), max_fee=100 * GWEI, poll_seconds=0.02, patience_seconds=0.5, displaced_seconds=0.05)
TERMS = {"principal": 1_000}


@pytest.fixture(scope="module")
async def database(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:  # noqa: ARG001 - ordered
    async with chain_database(postgres, "chain_writes") as urls:
        yield urls


@pytest.fixture
async def rows(database: DatabaseUrls) -> AsyncIterator[Database]:
    await clear(database)
    opened = Database(database.app)
    yield opened
    await opened.close()


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def writes(rows: Database, node: FakeNode) -> ChainWrites:
    return ChainWrites(rows, node, POLICY)


def originate(loan: int = 1) -> WriteOrder:
    return WriteOrder(TENANT, f"loan_{loan}", key(100 * loan), Call(AGGREGATOR, "originate", (key(loan), TERMS)))


def fund(loan: int = 1) -> WriteOrder:
    op_id = key(100 * loan + 1)
    return WriteOrder(TENANT, f"loan_{loan}", op_id, Call(AGGREGATOR, "fund", (key(loan), op_id, 1)))


def repay(sequence: int, amount: int = 10, *, op: int | None = None) -> WriteOrder:
    op_id = key(100 + sequence if op is None else op)
    return WriteOrder(TENANT, LOAN, op_id, Call(AGGREGATOR, "repay", (key(1), op_id, sequence, amount)))


def order(function: str, *arguments: Any, op: int = 700) -> WriteOrder:
    return WriteOrder(TENANT, LOAN, key(op), Call("CollateralManager", function, arguments))


async def on_record(rows: Database, op_id: str) -> list[ChainTransaction]:
    async with rows.transaction(TENANT) as session:
        return await attempts_of(session, TENANT, op_id)


async def next_nonce(rows: Database, signer: str = ALICE) -> int:
    async with rows.transaction() as session:
        found = await session.get(ChainSigner, (CHAIN_ID, signer))
        assert found
        return found.next_nonce


async def test_an_operation_is_written_once_however_often_it_is_asked_for(
    writes: ChainWrites, node: FakeNode, rows: Database
) -> None:
    first = await writes.write(originate())
    again = await writes.write(originate())

    assert first == again
    assert first == Written(key(100), node.mined[0].hash, 1, 50_000)
    assert len(node.sent) == 1
    (row,) = await on_record(rows, key(100))
    assert (row.status, row.nonce, row.signer, row.gas) == (TransactionStatus.CONFIRMED, 0, ALICE, 60_000)
    assert row.sent_at is not None


async def test_a_confirmed_operation_is_answered_without_the_node(writes: ChainWrites, node: FakeNode) -> None:
    written = await writes.write(originate())
    node.down_for = dict.fromkeys(("estimate", "send", "receipt"), 99)

    assert await writes.write(originate()) == written


async def test_two_callers_of_an_operation_make_one_transaction(writes: ChainWrites, node: FakeNode) -> None:
    await writes.write(originate())

    one, other = await asyncio.gather(writes.write(fund()), writes.write(fund()))

    assert one.tx_hash == other.tx_hash
    assert [each.call.function for each in node.mined] == ["originate", "fund"]


async def test_nonces_of_many_loans_at_once_have_no_gap(writes: ChainWrites, node: FakeNode) -> None:
    written = await asyncio.gather(*(writes.write(originate(number)) for number in range(1, 13)))

    assert len({each.tx_hash for each in written}) == 12
    assert [each.slot.nonce for each in node.mined] == list(range(12))


async def test_the_first_use_of_a_signer_counts_from_the_chain(
    writes: ChainWrites, node: FakeNode, rows: Database
) -> None:
    node.nonce_used_by_stranger(ALICE)
    node.nonce_used_by_stranger(ALICE)

    await writes.write(originate())

    assert node.mined[-1].slot.nonce == 2
    assert await next_nonce(rows) == 3


async def test_what_the_contract_refuses_uses_no_nonce(writes: ChainWrites, node: FakeNode, rows: Database) -> None:
    await writes.write(originate())
    await writes.write(fund())

    with pytest.raises(ContractRefused) as refused:
        await writes.write(repay(2, amount=5_000))

    assert (refused.value.error, refused.value.values) == ("AmountExceedsOutstanding", (key(1), 5_000, 1_000))
    assert refused.value.code == "contract_refused"
    assert await on_record(rows, key(102)) == []
    assert await next_nonce(rows) == 2
    assert len(node.sent) == 2


async def test_what_was_signed_and_never_sent_is_sent_by_the_next_caller(writes: ChainWrites, node: FakeNode) -> None:
    node.down_for = {"send": 1}
    with pytest.raises(NodeDown):
        await writes.write(originate())

    written = await writes.write(originate())

    assert [each.hash for each in node.mined] == [written.tx_hash]
    assert written.was_applied is False


async def test_what_was_sent_while_the_answer_was_lost_is_not_signed_again(writes: ChainWrites, node: FakeNode) -> None:
    node.down_for = {"after_send": 1}
    with pytest.raises(NodeDown):
        await writes.write(originate())

    written = await writes.write(originate())  # answered with "nonce too low": it is mined

    assert [each.hash for each in node.mined] == [written.tx_hash]
    assert len(set(node.sent)) == 1


async def test_what_waits_in_the_pool_is_waited_for(writes: ChainWrites, node: FakeNode) -> None:
    node.mines = False
    node.down_for = {"after_send": 1}
    with pytest.raises(NodeDown):
        await writes.write(originate())

    waiting = asyncio.create_task(writes.write(originate()))
    await asyncio.sleep(0.1)
    node.mine()

    assert (await waiting).block_number == 1


async def test_patience_ends_as_an_outage_and_the_next_attempt_waits_on(writes: ChainWrites, node: FakeNode) -> None:
    node.mines = False
    with pytest.raises(NotMined, match="originate for loan_1 is not mined"):
        await writes.write(originate())
    node.mine()

    assert (await writes.write(originate())).block_number == 1
    assert len(set(node.sent)) == 1


async def test_a_write_counts_when_enough_blocks_are_above_it(rows: Database, node: FakeNode) -> None:
    writes = ChainWrites(rows, node, replace(POLICY, confirmations=2, patience_seconds=5))
    waiting = asyncio.create_task(writes.write(originate()))
    await asyncio.sleep(0.1)
    node.mine()
    await asyncio.sleep(0.1)
    assert not waiting.done()

    node.mine()

    assert (await waiting).block_number == 1


async def test_a_write_that_is_refused_in_its_block_says_why(
    writes: ChainWrites, node: FakeNode, rows: Database
) -> None:
    await writes.write(originate())
    await writes.write(fund())
    node.mines = False
    waiting = asyncio.create_task(writes.write(repay(2, amount=600)))
    await asyncio.sleep(0.05)
    node.before_mining = [
        replace(
            node.pool[ALICE, 2], call=repay(2, 700, op=999).call, slot=replace(node.pool[ALICE, 2].slot, signer=BOB)
        )
    ]
    node.mine()

    with pytest.raises(ContractRefused) as refused:
        await waiting

    assert refused.value.error == "BadSequence"
    (row,) = await on_record(rows, key(102))
    assert (row.status, row.block_number) == (TransactionStatus.REVERTED, 3)
    assert "BadSequence" in (row.error or "")


async def test_an_operation_that_was_refused_is_signed_anew_when_it_is_asked_for_again(
    rows: Database, node: FakeNode, writes: ChainWrites
) -> None:
    await test_a_write_that_is_refused_in_its_block_says_why(writes, node, rows)
    node.mines = True
    with pytest.raises(ContractRefused):
        await writes.write(repay(2, amount=600))  # nothing has changed: no nonce is used
    assert await next_nonce(rows) == 3

    node.blocks[-1].pop(0)  # what was in the way is gone
    node.blocks[-1].clear()
    node.nonce_used_by_stranger(ALICE)
    written = await writes.write(repay(2, amount=600))

    assert [row.status for row in await on_record(rows, key(102))] == ["reverted", "confirmed"]
    assert written.tx_hash == node.mined[-1].hash


async def test_a_write_that_is_there_without_a_record_is_recognized_by_its_id(
    writes: ChainWrites, node: FakeNode, database: DatabaseUrls
) -> None:
    orders = [originate(), fund(), repay(2)]
    before = [await writes.write(each) for each in orders]
    await clear(database)

    after = [await writes.write(each) for each in orders]

    assert after == [replace(each, was_applied=True) for each in before]
    assert len(node.mined) == 3


async def test_the_number_of_another_operation_is_not_taken_for_ours(writes: ChainWrites) -> None:
    await writes.write(originate())
    await writes.write(fund())
    await writes.write(repay(2, op=555))

    with pytest.raises(ContractRefused) as refused:
        await writes.write(repay(2))

    assert refused.value.error == "BadSequence"


async def test_other_terms_under_the_same_loan_are_refused(writes: ChainWrites) -> None:
    await writes.write(originate())
    other = replace(originate(), op_id=key(8), call=Call(AGGREGATOR, "originate", (key(1), {"principal": 2})))

    with pytest.raises(ContractRefused) as refused:
        await writes.write(other)

    assert refused.value.error == "TermsConflict"


SCORE = {"score": 700, "issuedAt": 5}


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (order("publish", key(7), SCORE), order("publish", key(7), SCORE, op=701)),
        (order("marginCall", key(1)), order("marginCall", key(1), op=701)),
        (order("release", key(1)), order("release", key(1), op=701)),
    ],
    ids=["score", "margin call", "release"],
)
async def test_what_anybody_may_write_is_done_when_it_is_there(
    writes: ChainWrites, node: FakeNode, first: WriteOrder, again: WriteOrder
) -> None:
    node.pledged = {key(1)}
    written = await writes.write(first)

    found = await writes.write(again)

    assert found == Written(again.op_id, written.tx_hash, written.block_number, 50_000, was_applied=True)


async def test_a_margin_call_that_somebody_has_ended_is_ended(writes: ChainWrites) -> None:
    await writes.write(order("marginCall", key(1), op=1))
    ended = await writes.write(order("clearMarginCall", key(1), op=2))

    found = await writes.write(order("clearMarginCall", key(1), op=3))

    assert (found.tx_hash, found.was_applied) == (ended.tx_hash, True)


@pytest.mark.parametrize("function", ["clearMarginCall", "release", "returnCredit"])
async def test_what_never_was_cannot_have_been_ended(writes: ChainWrites, function: str) -> None:
    with pytest.raises(ContractRefused):
        await writes.write(order(function, key(1)))


async def test_a_nonce_that_a_stranger_used_is_not_waited_for(
    writes: ChainWrites, node: FakeNode, rows: Database
) -> None:
    await writes.write(originate())
    node.nonce_used_by_stranger(ALICE)

    written = await writes.write(fund())

    assert [row.status for row in await on_record(rows, key(101))] == ["replaced", "confirmed"]
    assert written.tx_hash == node.mined[-1].hash
    assert (node.mined[-1].slot.nonce, await next_nonce(rows)) == (2, 3)


async def test_fees_above_the_limit_are_an_outage_before_anything_is_signed(
    writes: ChainWrites, node: FakeNode, rows: Database
) -> None:
    node.base_fee = 100 * GWEI

    with pytest.raises(FeesAboveLimit, match=r"asks for 101.000 gwei per gas and CAAS_CHAIN_MAX_FEE_GWEI allows 100"):
        await writes.write(originate())

    assert await on_record(rows, key(100)) == []


async def test_fees_leave_room_for_the_base_fee_to_double_up_to_the_limit(writes: ChainWrites, node: FakeNode) -> None:
    await writes.write(originate(1))
    node.base_fee = 60 * GWEI
    await writes.write(originate(2))

    assert [each.slot.fees for each in node.mined] == [Fees(3 * GWEI, GWEI), Fees(100 * GWEI, GWEI)]


async def test_a_refusal_counts_only_when_what_was_written_before_is_there(writes: ChainWrites, node: FakeNode) -> None:
    await writes.write(originate())
    await writes.write(fund())
    node.reorganize(1)

    with pytest.raises(ChainBehind, match="fund of loan_1 is not on the chain"):
        await writes.write(repay(2))


async def test_a_refusal_waits_for_what_is_on_its_way(writes: ChainWrites, node: FakeNode) -> None:
    node.mines = False
    with pytest.raises(NotMined):
        await writes.write(originate())

    with pytest.raises(ChainBehind, match="originate of loan_1"):
        await writes.write(fund())


async def test_a_node_that_wants_nonces_in_order_gets_them_in_order(writes: ChainWrites, node: FakeNode) -> None:
    node.refuses_gaps = True
    node.down_for = {"send": 1}
    with pytest.raises(NodeDown):
        await writes.write(originate(1))

    second = asyncio.create_task(writes.write(originate(2)))
    await asyncio.sleep(0.1)
    await writes.write(originate(1))

    assert (await second).block_number == 2


async def test_each_loan_has_one_signer_of_several(rows: Database, node: FakeNode) -> None:
    writes = ChainWrites(rows, node, replace(POLICY, signers=(ALICE, BOB)))
    await asyncio.gather(*(writes.write(originate(number)) for number in range(1, 9)))
    await asyncio.gather(*(writes.write(fund(number)) for number in range(1, 9)))

    signers: dict[str, set[str]] = {}
    async with rows.transaction(TENANT) as session:
        for row in (await session.execute(select(ChainTransaction).order_by(col(ChainTransaction.nonce)))).scalars():
            signers.setdefault(row.loan_id, set()).add(row.signer)

    assert {len(each) for each in signers.values()} == {1}
    assert set.union(*signers.values()) == {ALICE, BOB}


async def test_transactions_are_behind_the_wall_of_their_tenant(writes: ChainWrites, rows: Database) -> None:
    await writes.write(originate())

    async with rows.transaction("tenant_b") as session:
        assert (await session.execute(select(ChainTransaction))).scalars().all() == []
