"""The ledger and the chain are compared; a difference is one task, that ends with the difference."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from activities.chain_reconciliation import ChainReconciliation, Reconciled
from activities.close_of_business import BusinessDay, CloseOfBusiness
from models.chain import ChainState, OperationStatus
from models.loan import LoanRef
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.outbox import OutboxKind, OutboxRow
from models.sightings import STATES
from models.transactions import TransactionKind
from tests.activities.chain_rows import chain_database
from tests.activities.chained import chained_of, operations_of, put_on_chain, tasks_of
from tests.activities.lending import DISBURSED_ON, TENANT, Bank, open_bank
from tests.workers.chains import FakeNode
from workers.embedded.postgres import DatabaseUrls, Postgres

DUE_ON = DISBURSED_ON + timedelta(days=31)


@pytest.fixture(scope="module")
async def bank(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[Bank]:  # noqa: ARG001 - ordered
    """One for all: each test has loans of its own."""
    async with chain_database(postgres, "test_reconciliation") as rows, open_bank(rows) as bank:
        yield bank


class Comparing:
    """A loan, and what the contract says of it."""

    def __init__(self, bank: Bank, ref: LoanRef) -> None:
        self.bank, self.ref, self.node = bank, ref, FakeNode()
        self.shows(ChainState.ACTIVE, 120_000, 0, 1)

    def shows(self, state: ChainState, outstanding: int, interest: int, sequence: int) -> None:
        self.node.answers["CreditAggregator", "loan"] = {
            "state": STATES.index(state),
            "outstanding": outstanding,
            "interestPaid": interest,
            "seq": sequence,
        }

    async def check(self) -> Reconciled:
        return await ChainReconciliation(self.bank.database, self.node).check(self.ref)

    async def change(self, **columns: Any) -> None:
        mine = col(ChainLoan.loan_id) == self.ref.loan_id
        async with self.bank.database.transaction(TENANT) as session:
            await session.execute(update(ChainLoan).where(mine).values(columns))

    async def all_written(self) -> None:
        """What was left is done, and the chain shows it."""
        async with self.bank.database.transaction(TENANT) as session:
            mine = col(ChainOperation.loan_id) == self.ref.loan_id
            await session.execute(update(ChainOperation).where(mine).values(status=OperationStatus.DONE))
        told = await chained_of(self.bank, self.ref)
        self.shows(ChainState(told.told_state), int(told.told_outstanding), int(told.told_interest), told.told_sequence)


async def comparing(bank: Bank) -> Comparing:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    return Comparing(bank, ref)


async def test_a_loan_that_is_the_same_everywhere_needs_nobody(bank: Bank) -> None:
    loan = await comparing(bank)

    assert (await loan.check()).agrees
    assert await tasks_of(bank, loan.ref) == []


async def test_writes_that_are_open_explain_what_the_chain_does_not_show_yet(bank: Bank) -> None:
    loan = await comparing(bank)
    await bank.receives(loan.ref, 106_62, DUE_ON)
    assert await operations_of(bank, loan.ref)

    before = await loan.check()
    await loan.all_written()
    after = await loan.check()

    assert (before.differences, after.differences) == ((), ())


async def test_a_write_that_is_applied_and_not_yet_known_to_be_counts_once(bank: Bank) -> None:
    loan = await comparing(bank)
    await bank.receives(loan.ref, 106_62, DUE_ON)
    told = await chained_of(bank, loan.ref)
    loan.shows(ChainState.ACTIVE, int(told.told_outstanding), int(told.told_interest), told.told_sequence)

    assert (await loan.check()).differences == ()


async def test_a_whole_life_agrees_at_every_step(bank: Bank) -> None:
    loan = await comparing(bank)
    found = []
    for kind, amount, days in (
        (TransactionKind.REPAYMENT, 106_62, 31),
        (TransactionKind.PENALTY, 15_00, 60),
        (TransactionKind.REPAYMENT, 50_00, 62),
        (TransactionKind.GOODWILL_CREDIT, 10_00, 70),
        (TransactionKind.REPAYMENT, 1_300_00, 75),
    ):
        more = {"due_on": DISBURSED_ON + timedelta(days=days)} if kind is TransactionKind.PENALTY else {}
        await bank.orders(loan.ref, kind, amount, today=DISBURSED_ON + timedelta(days=days), **more)
        found += [*(await loan.check()).differences]
        await loan.all_written()
        found += [*(await loan.check()).differences]

    assert found == []
    assert (await bank.loan(loan.ref)).status == "overpaid"


async def test_a_planted_difference_is_one_task_that_names_both_figures(bank: Bank) -> None:
    loan = await comparing(bank)
    loan.shows(ChainState.ACTIVE, 119_999, 0, 1)

    await loan.check()
    await loan.check()

    (task,) = await tasks_of(bank, loan.ref)
    assert "chain 119999, told 120000" in task.summary
    assert task.details["differences"][0] == {
        "what": "outstanding principal",
        "chain": "119999",
        "told": "120000",
    }
    assert (await bank.events(loan.ref)).count("system.alert") == 1


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ({"told_outstanding": 119_000}, "outstanding principal: ledger 120000, told 119000"),
        ({"told_interest": 1}, "interest and fees received: ledger 0, told 1"),
        ({"told_state": ChainState.CLOSED}, "state: ledger active, told closed"),
        ({"seen_outstanding": 1}, "outstanding principal: seen 1, chain 120000"),
        ({"seen_state": ChainState.DEFAULTED}, "state: seen defaulted, chain active"),
    ],
)
async def test_whichever_side_is_wrong_is_named(bank: Bank, planted: dict[str, Any], named: str) -> None:
    loan = await comparing(bank)
    await loan.change(**planted)

    assert named in (await loan.check()).differences


async def test_what_has_not_been_seen_yet_is_no_difference(bank: Bank) -> None:
    loan = await comparing(bank)
    await loan.change(seen_outstanding=1, seen_sequence=0)

    assert (await loan.check()).differences == ()


async def test_a_difference_that_is_gone_resolves_its_task_and_one_that_returns_opens_it_again(bank: Bank) -> None:
    loan = await comparing(bank)
    loan.shows(ChainState.ACTIVE, 1, 0, 1)
    await loan.check()
    loan.shows(ChainState.ACTIVE, 120_000, 0, 1)
    await loan.check()
    (resolved,) = await tasks_of(bank, loan.ref, is_open=False)
    loan.shows(ChainState.ACTIVE, 2, 0, 1)

    await loan.check()

    assert (resolved.resolved_by, resolved.resolution) == ("engine", "The ledger and the chain agree again.")
    (again,) = await tasks_of(bank, loan.ref)
    assert again.id == resolved.id
    assert "chain 2" in again.summary
    assert (await bank.events(loan.ref)).count("system.alert") == 2


async def test_the_close_of_business_has_loans_on_chain_compared(bank: Bank) -> None:
    on_chain, plain = await comparing(bank), await bank.lends()

    await CloseOfBusiness(bank.database).complete(BusinessDay(TENANT, DUE_ON))

    async with bank.database.transaction(TENANT) as session:
        rows = (await session.execute(select(OutboxRow))).scalars().all()
    (work,) = [row for row in rows if row.kind == OutboxKind.CHAIN_RECONCILIATION]
    assert [on_chain.ref.loan_id, on_chain.ref.application_id] in work.payload["loans"]
    assert plain.loan_id not in {loan_id for loan_id, _ in work.payload["loans"]}


async def test_what_is_no_loan_yet_or_not_on_chain_is_passed_over(bank: Bank) -> None:
    plain, planned = await bank.lends(), LoanRef(TENANT, "app_planned", "loan_planned")
    for ref in (plain, planned):
        assert (await Comparing(bank, ref).check()).agrees

    assert [await tasks_of(bank, ref) for ref in (plain, planned)] == [[], []]
