"""Writes about collateral that the contract refuses because they are due no more: dropped, and nothing else waits."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.chain_attempts import WriteOrder
from activities.chain_loans import ChainLoans, Performed
from activities.chain_mirror import Happened, call_off, leave
from activities.chain_writes import Written
from models.chain import ChainOperationKind, ChainState, ContractRefused, OperationStatus
from models.loan import LoanRef
from models.records.chain_loans import ChainLoan
from tests.activities.chain_rows import chain_database
from tests.activities.chained import chained_of, operations_of, put_on_chain, tasks_of
from tests.activities.lending import DISBURSED_ON, TENANT, Bank, open_bank
from workers.embedded.postgres import DatabaseUrls, Postgres

K = ChainOperationKind
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Unwilling:
    """A contract that refuses everything."""

    def __init__(self, error: str) -> None:
        self.error = error

    async def write(self, order: WriteOrder) -> Written:
        raise ContractRefused(f"{order.call.function} is refused", error=self.error)


@pytest.fixture(scope="module")
async def bank(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[Bank]:  # noqa: ARG001 - ordered
    async with chain_database(postgres, "test_chain_loans") as rows, open_bank(rows) as bank:
        yield bank


async def left(bank: Bank, kind: ChainOperationKind, *arguments: Any, **columns: Any) -> LoanRef:
    """A secured loan with one write that is open."""
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True, **columns)
    async with bank.database.transaction(TENANT) as session:
        chained = await session.get_one(ChainLoan, (TENANT, ref.loan_id))
        await leave(session, chained, kind, ("CollateralManager", kind), list(arguments), Happened("test", NOW))
    return ref


async def refused(bank: Bank, ref: LoanRef, error: str) -> Performed:
    return await ChainLoans(bank.database, Unwilling(error)).perform(ref)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (K.MARGIN_CALL, "Healthy"),
        (K.MARGIN_CALL, "MarginCallRunning"),
        (K.CLEAR_MARGIN_CALL, "HealthTooLow"),
        (K.CLEAR_MARGIN_CALL, "NoMarginCall"),
        (K.RELEASE, "NothingToRelease"),
    ],
)
async def test_what_is_due_no_more_is_dropped(bank: Bank, kind: ChainOperationKind, error: str) -> None:
    ref = await left(bank, kind)

    performed = await refused(bank, ref, error)

    (operation,) = await operations_of(bank, ref)
    assert (performed.left, performed.is_halted) == (0, False)
    assert (operation.status, operation.error) == (OperationStatus.DROPPED, error)
    assert await tasks_of(bank, ref) == []


async def test_another_refusal_waits_for_an_operator(bank: Bank) -> None:
    ref = await left(bank, K.MARGIN_CALL)

    performed = await refused(bank, ref, "EnforcedPause")

    assert performed.is_halted
    assert len(await tasks_of(bank, ref)) == 1


async def test_a_sale_that_a_price_has_overtaken_leaves_the_loan_as_it_was_and_tells_what_came(bank: Bank) -> None:
    ref = await left(bank, K.START_LIQUIDATION, 2, 0, told_state=ChainState.LIQUIDATING, told_sequence=2)
    await bank.receives(ref, 106_62, DISBURSED_ON)

    performed = await refused(bank, ref, "LiquidationNotAllowed")

    dropped, repaid = await operations_of(bank, ref)
    chained = await chained_of(bank, ref)
    assert (performed.left, dropped.status) == (1, OperationStatus.DROPPED)
    assert (repaid.kind, repaid.arguments[2], sum(repaid.arguments[3:])) == (K.REPAY, 2, 106_62)
    assert (chained.told_state, chained.told_sequence) == (ChainState.ACTIVE, 2)


async def test_a_loan_that_is_called_off_gives_its_collateral_back(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True, told_state=ChainState.ORIGINATED, told_sequence=0)

    async with bank.database.transaction(TENANT) as session:
        await call_off(session, TENANT, ref.loan_id, at=NOW, reason="the payout failed")

    assert [each.kind for each in await operations_of(bank, ref)] == [K.TRANSITION, K.RELEASE]
