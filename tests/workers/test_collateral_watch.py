"""The watch over collateral: healthy loans cost one question, and what is due is left once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from activities.chain_collateral import ChainCollateral
from models.chain import ChainOperationKind, ChainState, ContractRefused, OperationStatus
from models.collateral import WAD
from models.loan import LoanRef
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.database import Database
from models.records.loans import Loan
from models.sightings import STATES
from tests.activities.chain_rows import chain_database
from tests.activities.chained import CHAIN_ID, chained_of, operations_of, put_on_chain, tasks_of
from tests.activities.lending import TENANT, Bank, open_bank
from tests.workers.chains import FakeNode
from workers.collateral_watch import CollateralWatch
from workers.embedded.postgres import DatabaseUrls, Postgres

K = ChainOperationKind
MANAGER, AGGREGATOR = "CollateralManager", "CreditAggregator"


@pytest.fixture(scope="module")
async def urls(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:  # noqa: ARG001 - ordered
    async with chain_database(postgres, "test_collateral") as urls:
        yield urls


@pytest.fixture(scope="module")
async def bank(urls: DatabaseUrls) -> AsyncIterator[Bank]:
    async with open_bank(urls) as bank:
        yield bank


@pytest.fixture
async def relay(urls: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(urls.relay)
    yield opened
    await opened.close()


class Watching:
    """One secured loan, what its contracts answer, and the watch over it."""

    def __init__(self, bank: Bank, relay: Database, ref: LoanRef, chain_id: int) -> None:
        self.bank, self.ref, self.node = bank, ref, FakeNode(chain_id)
        self.watch = CollateralWatch(self.node, ChainCollateral(relay, bank.database, chain_id))
        self.node.answers = {
            (MANAGER, "healthFactor"): WAD * 2,
            (MANAGER, "hasCollateral"): True,
            (MANAGER, "marginCallOf"): 0,
            (MANAGER, "auctionOf"): {"startedAt": 0, "endsAt": 0},
            (AGGREGATOR, "stateOf"): STATES.index(ChainState.ACTIVE),
            (AGGREGATOR, "debtOf"): {"asset": "0x00", "amount": 120_000},
        }

    async def looks(self, **answers: Any) -> list[ChainOperation]:
        """At a new block, with these answers."""
        for function, answer in answers.items():
            contract = AGGREGATOR if function in {"stateOf", "debtOf"} else MANAGER
            self.node.answers[contract, function] = answer
        self.node.mine()
        await self.watch.turn()
        return await operations_of(self.bank, self.ref)

    async def written(self) -> None:
        """What was left is on chain, in the block that is the newest."""
        done = {"status": OperationStatus.DONE, "block_number": self.node.chain[-1].block.number}
        mine = col(ChainOperation.loan_id) == self.ref.loan_id
        async with self.bank.database.transaction(TENANT) as session:
            await session.execute(update(ChainOperation).where(mine).values(done))


_chains = iter(range(CHAIN_ID, CHAIN_ID + 100))


async def watching(bank: Bank, relay: Database, **columns: Any) -> Watching:
    ref, chain_id = await bank.lends(), next(_chains)
    await put_on_chain(bank, ref, secured=True)
    mine = col(ChainLoan.loan_id) == ref.loan_id
    async with bank.database.transaction(TENANT) as session:
        await session.execute(update(ChainLoan).where(mine).values(chain_id=chain_id, **columns))
    return Watching(bank, relay, ref, chain_id)


async def test_a_healthy_loan_costs_one_question_a_block(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay)

    left = await loan.looks()
    await loan.watch.turn()

    assert left == []
    assert [call.function for call in loan.node.reads] == ["healthFactor"]
    assert (await chained_of(bank, loan.ref)).health_factor == WAD * 2


async def test_a_margin_call_is_left_once_and_again_only_when_it_is_due_again(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay)

    await loan.looks(healthFactor=WAD)
    (call,) = await loan.looks()
    await loan.written()
    now = loan.node.chain[-1].block.timestamp
    still = await loan.looks(marginCallOf=now + 86_400)
    again = await loan.looks(marginCallOf=0)

    assert (call.kind, call.contract, call.function) == (K.MARGIN_CALL, MANAGER, "marginCall")
    assert call.arguments == [(await chained_of(bank, loan.ref)).loan_key]
    assert (len(still), len(again)) == (1, 2)


async def test_what_was_applied_after_the_block_that_was_looked_at_is_not_left_again(
    bank: Bank, relay: Database
) -> None:
    loan = await watching(bank, relay)
    await loan.looks(healthFactor=WAD)
    for _ in range(3):
        loan.node.mine()
    await loan.written()
    loan.node.reorganize(3, [[]])

    assert len(await loan.looks()) == 1


async def test_a_cured_call_is_cleared(bank: Bank, relay: Database) -> None:
    until = datetime(2026, 11, 25, tzinfo=UTC)
    loan = await watching(bank, relay, margin_called_until=until)
    running = await loan.looks(healthFactor=WAD, marginCallOf=int(until.timestamp()))

    (cleared,) = await loan.looks(healthFactor=WAD * 2)

    assert running == []

    assert cleared.kind == K.CLEAR_MARGIN_CALL


async def test_a_liquidation_claims_what_is_owed_beside_the_principal_and_is_told(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay)

    (started,) = await loan.looks(healthFactor=WAD * 94 // 100)

    chained = await chained_of(bank, loan.ref)
    assert (started.kind, started.function) == (K.START_LIQUIDATION, "startLiquidation")
    assert started.arguments[:3] == [chained.loan_key, started.id, 2]
    assert started.arguments[3] >= 0
    assert (chained.told_state, chained.told_sequence) == (ChainState.LIQUIDATING, 2)


async def test_an_auction_that_is_over_is_settled(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay, seen_state=ChainState.LIQUIDATING, told_sequence=2)

    running = await loan.looks(stateOf=STATES.index(ChainState.LIQUIDATING), auctionOf=[1, 2_000_000])
    (settled,) = await loan.looks(debtOf=["0x00", 0])

    assert running == []
    assert (settled.kind, settled.arguments[1:]) == (K.SETTLE_LIQUIDATION, [settled.id, 3])


async def test_collateral_of_an_ended_loan_is_released_and_then_it_is_watched_no_more(
    bank: Bank, relay: Database
) -> None:
    loan = await watching(bank, relay)
    await loan.looks()
    mine = col(ChainLoan.loan_id) == loan.ref.loan_id
    async with bank.database.transaction(TENANT) as session:
        await session.execute(update(ChainLoan).where(mine).values(seen_state=ChainState.CLOSED))

    owing = await loan.looks(stateOf=STATES.index(ChainState.CLOSED), healthFactor=2**256 - 1)
    async with bank.database.transaction(TENANT) as session:
        await session.execute(update(Loan).where(col(Loan.id) == loan.ref.loan_id).values(outstanding_minor=0))
    await loan.watch.turn()
    (released,) = await operations_of(bank, loan.ref)
    await loan.written()
    await loan.looks(hasCollateral=False)
    asked = len(loan.node.reads)
    await loan.looks()

    assert owing == [], "while the ledger is owed something, a closed loan may be opened again"
    assert (released.kind, released.function) == (K.RELEASE, "release")
    assert (await chained_of(bank, loan.ref)).health_factor is None
    assert len(loan.node.reads) == asked


async def test_collateral_that_nobody_can_value_is_a_task_until_somebody_can(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay)

    await loan.looks(healthFactor=ContractRefused("too old", error="PriceStale"))
    await loan.looks()
    (task,) = await tasks_of(bank, loan.ref)
    await loan.looks(healthFactor=WAD * 2)

    assert task.kind == "collateral_unwatched"
    assert await tasks_of(bank, loan.ref) == []


async def test_a_loan_in_default_is_sold_without_a_price(bank: Bank, relay: Database) -> None:
    stale = ContractRefused("too old", error="PriceStale")
    loan = await watching(bank, relay, seen_state=ChainState.DEFAULTED, told_state=ChainState.DEFAULTED)

    (started,) = await loan.looks(healthFactor=stale, stateOf=STATES.index(ChainState.DEFAULTED))

    assert started.kind == K.START_LIQUIDATION
    assert [task.kind for task in await tasks_of(bank, loan.ref)] == ["collateral_unwatched"]


async def test_without_a_price_nothing_is_decided_by_one(bank: Bank, relay: Database) -> None:
    stale = ContractRefused("too old", error="PriceStale")
    loan = await watching(bank, relay, seen_state=ChainState.DEFAULTED)

    left = await loan.looks(healthFactor=stale, stateOf=STATES.index(ChainState.ACTIVE), marginCallOf=1)

    assert left == []


async def test_an_outage_of_the_node_is_waited_out(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay)
    loan.node.is_up = False

    with pytest.raises(ConnectionError):
        await loan.looks()
    loan.node.is_up = True
    left = await loan.looks(healthFactor=WAD)

    assert [each.kind for each in left] == [K.MARGIN_CALL]


async def test_a_loan_that_the_rows_show_late_is_looked_at_without_another_block(bank: Bank, relay: Database) -> None:
    loan = await watching(bank, relay, seen_state=ChainState.ORIGINATED)
    await loan.looks(healthFactor=WAD)
    mine = col(ChainLoan.loan_id) == loan.ref.loan_id
    async with bank.database.transaction(TENANT) as session:
        await session.execute(update(ChainLoan).where(mine).values(seen_state=ChainState.ACTIVE))

    await loan.watch.turn()

    assert [each.kind for each in await operations_of(bank, loan.ref)] == [K.MARGIN_CALL]
