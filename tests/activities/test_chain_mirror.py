"""Whatever is posted to a loan on chain leaves the writes that take its chain along, in the same transaction."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, select

from activities.chain_mirror import call_off
from activities.close_of_business import BusinessDay, CloseOfBusiness
from activities.collection import Collection, Forbearance, WriteOff
from activities.servicing import At, DueStep, Servicing
from models.allocation import Part
from models.chain import ChainOperationKind, ChainState, OperationStatus
from models.ids import derived_id
from models.loan import LoanRef
from models.payment import PaymentKind, PaymentStatus
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.loans import Loan
from models.records.outbox import OutboxKind, OutboxRow
from models.records.payments import Payment
from models.servicing import Step as PlanStep
from models.servicing import StepKind
from models.transactions import NewTerms, TransactionKind
from tests.activities.lending import DISBURSED_ON, TENANT, Bank, noon, open_bank
from tests.aggregator import Contract
from tests.workflows.fake_chain import STATES, step_of
from tests.workflows.fakes import FakeRail
from workers.embedded.postgres import DatabaseUrls

K, S, T = ChainOperationKind, ChainState, TransactionKind
LENT = 1_200_00
MISSED = PlanStep(
    kind=StepKind.MISSED, installment=1, offset_days=1, due_on=date(2026, 2, 15), at=noon(date(2026, 2, 16))
)


@dataclass
class ChainedBank:
    """A bank whose loans are on chain, and the contract that its writes would reach."""

    bank: Bank

    async def lends(self) -> LoanRef:
        """A loan that was originated on chain before it was paid out."""
        return await self.bank.lends(on_chain=True, chained=_chained)

    async def operations(self, ref: LoanRef) -> list[ChainOperation]:
        async with self.bank.database.transaction(TENANT) as session:
            found = select(ChainOperation).where(col(ChainOperation.loan_id) == ref.loan_id)
            return list((await session.execute(found.order_by(col(ChainOperation.position)))).scalars())

    async def kinds(self, ref: LoanRef) -> list[ChainOperationKind]:
        return [each.kind for each in await self.operations(ref)][1:]

    async def chained(self, ref: LoanRef) -> ChainLoan:
        async with self.bank.database.transaction(TENANT) as session:
            return await session.get_one(ChainLoan, (TENANT, ref.loan_id))

    async def contract(self, ref: LoanRef) -> Contract:
        """The contract after every write; what was told is what it has."""
        told = await self.chained(ref)
        contract = Contract.originated(LENT)
        for each in await self.operations(ref):
            contract.apply(step_of(K(each.kind), each.arguments[2:]))
        assert (contract.state, contract.principal, contract.outstanding, contract.interest, contract.seq) == (
            told.told_state,
            told.told_principal,
            told.told_outstanding,
            told.told_interest,
            told.told_sequence,
        )
        return contract

    async def owed(self, ref: LoanRef) -> int:
        return sum(row.principal_outstanding_minor for row in await self.bank.schedule(ref))


def _chained(loan: Loan) -> ChainLoan:
    return ChainLoan(
        tenant_id=TENANT,
        loan_id=loan.id,
        application_id=loan.application_id,
        chain_id=31337,
        aggregator="0x00000000000000000000000000000000000000a1",
        loan_key=f"0x{derived_id('key', loan.id).encode().hex():0>64}"[:66],
        salt="00" * 32,
        terms={"principal": LENT, "interestCapBps": 100_00},
        terms_hash="0x00",
        currency="USD",
        told_state=S.ORIGINATED,
        told_principal=LENT,
    )


@pytest.fixture
async def chained(database: DatabaseUrls) -> AsyncIterator[ChainedBank]:
    async with open_bank(database) as bank:
        yield ChainedBank(bank)


async def test_a_payout_is_recorded_as_funded_and_asks_the_relay_once(chained: ChainedBank) -> None:
    ref = await chained.lends()

    (fund,) = await chained.operations(ref)
    async with chained.bank.database.transaction(TENANT) as session:
        asked = select(OutboxRow).where(col(OutboxRow.kind) == OutboxKind.CHAIN_OPERATIONS)
        rows = [row for row in (await session.execute(asked)).scalars() if row.payload["loanId"] == ref.loan_id]
    told = await chained.chained(ref)
    assert (fund.kind, fund.arguments) == (K.FUND, [told.loan_key, fund.id, 1])
    assert len(rows) == 1
    assert (await chained.contract(ref)).state is S.ACTIVE


async def test_a_loan_off_chain_leaves_nothing(chained: ChainedBank) -> None:
    ref = await chained.bank.lends()
    await chained.bank.receives(ref, 106_62, date(2026, 2, 15))

    assert await chained.operations(ref) == []


async def test_a_payment_is_told_as_it_was_allocated_and_a_repetition_is_not(chained: ChainedBank) -> None:
    ref = await chained.lends()
    payment_id = await chained.bank.receives(ref, 106_62, date(2026, 2, 15))
    await chained.bank.posts(ref, payment_id, 106_62, date(2026, 2, 15))

    assert await chained.kinds(ref) == [K.REPAY]
    contract = await chained.contract(ref)
    assert contract.interest == 12_00
    assert contract.outstanding == await chained.owed(ref) == LENT - 94_62


async def test_a_payment_recorded_late_moves_what_came_after_it(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await chained.bank.receives(ref, 300_00, date(2026, 4, 20))
    await chained.bank.receives(ref, 50_00, date(2026, 2, 15), today=date(2026, 4, 21))

    contract = await chained.contract(ref)
    splits = await chained.bank.splits(ref)
    assert contract.interest == sum(each.interest_minor for each in splits)
    assert contract.outstanding == await chained.owed(ref)


async def test_a_reversal_takes_back_and_opens_a_loan_that_was_closed(chained: ChainedBank) -> None:
    ref = await chained.lends()
    payment_id = await chained.bank.receives(ref, 2_000_00, date(2026, 2, 15))
    closed = (await chained.contract(ref)).state
    transaction = derived_id("txn", payment_id)
    await chained.bank.orders(ref, T.REVERSAL, today=date(2026, 2, 16), reverses=transaction)

    contract = await chained.contract(ref)
    assert closed is S.CLOSED
    # The installment of the day before is unpaid again.
    assert (contract.state, contract.outstanding, contract.interest) == (S.DELINQUENT, LENT, 0)


async def test_a_waiver_of_principal_is_forgiven_and_one_of_interest_is_nothing_to_the_chain(
    chained: ChainedBank,
) -> None:
    ref = await chained.lends()
    await chained.bank.orders(ref, T.WAIVER, 5_00, today=date(2026, 1, 20), part=Part.INTEREST)
    none = await chained.kinds(ref)
    await chained.bank.orders(ref, T.WAIVER, 100_00, today=date(2026, 1, 20), part=Part.PRINCIPAL)

    assert none == []
    assert await chained.kinds(ref) == [K.FORGIVE]
    assert (await chained.contract(ref)).outstanding == LENT - 100_00


async def test_a_chargeback_is_owed_again(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await chained.bank.receives(ref, 106_62, date(2026, 2, 15))
    await chained.bank.orders(ref, T.CHARGEBACK, 94_62, today=date(2026, 2, 15))

    # What was paid stays paid; more is owed now.
    contract = await chained.contract(ref)
    assert await chained.kinds(ref) == [K.REPAY, K.RESTRUCTURE]
    assert contract.outstanding == await chained.owed(ref) == LENT


async def test_a_settlement_forgives_what_it_lets_go(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await chained.bank.orders(ref, T.SETTLEMENT, 800_00, today=date(2026, 2, 20))

    assert await chained.kinds(ref) == [K.REPAY, K.FORGIVE]
    contract = await chained.contract(ref)
    assert (contract.state, contract.outstanding) == (S.CLOSED, 0)


async def test_new_installments_are_new_terms(chained: ChainedBank) -> None:
    ref = await chained.lends()
    new = NewTerms(annual_rate_percent=Decimal(9), installments=24)
    await chained.bank.orders(ref, T.RESCHEDULE, today=date(2026, 1, 20), terms=new)

    _, restructured = await chained.operations(ref)
    terms = restructured.arguments[3]
    assert restructured.kind == K.RESTRUCTURE
    assert (terms["aprBps"], terms["capitalized"], terms["interestCapBps"]) == (9_00, 0, 100_00)
    assert restructured.arguments[4:] == ["0x", "0x"]
    assert (await chained.contract(ref)).outstanding == LENT


async def test_a_charge_off_is_a_default_and_its_undoing_a_cure(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await chained.bank.orders(ref, T.CHARGE_OFF, today=date(2026, 1, 20))
    lost = (await chained.contract(ref)).state
    await chained.bank.orders(ref, T.UNDO_CHARGE_OFF, today=date(2026, 1, 21))

    assert lost is S.DEFAULTED
    assert (await chained.contract(ref)).state is S.ACTIVE
    assert await chained.kinds(ref) == [K.TRANSITION] * 3


async def test_a_loan_that_is_given_up_is_written_off_with_what_is_left(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await chained.bank.receives(ref, 106_62, date(2026, 2, 15))
    await Collection(chained.bank.database).write_off(WriteOff(ref, "no assets", noon(date(2026, 9, 1))))
    await chained.bank.receives(ref, 50_00, date(2026, 9, 2))

    contract = await chained.contract(ref)
    assert (contract.state, contract.outstanding) == (S.WRITTEN_OFF, LENT - 94_62)
    assert (await chained.kinds(ref))[-1] == K.WRITE_OFF


async def test_a_payout_that_came_back_is_cancelled(chained: ChainedBank) -> None:
    ref = await chained.lends()
    async with chained.bank.database.transaction(TENANT) as session:
        session.add(_payout(ref))
    await Servicing(chained.bank.database, FakeRail()).cancel(At(ref, noon(date(2026, 1, 17))))

    assert await chained.kinds(ref) == [K.TRANSITION]
    assert (await chained.contract(ref)).state is S.CANCELLED


async def test_a_missed_day_and_the_money_for_it_are_told(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await Servicing(chained.bank.database, FakeRail()).mark_missed(DueStep(ref, MISSED, MISSED.at))
    late = (await chained.contract(ref)).state
    await chained.bank.receives(ref, 106_62, date(2026, 2, 17))

    assert late is S.DELINQUENT
    assert await chained.kinds(ref) == [K.TRANSITION, K.REPAY, K.TRANSITION]
    assert (await chained.contract(ref)).state is S.ACTIVE


async def test_a_day_that_is_closed_tells_a_loan_that_counts_as_lost(chained: ChainedBank) -> None:
    ref = await chained.lends()
    lost_on = date(2026, 2, 15) + timedelta(days=181)
    closing = CloseOfBusiness(chained.bank.database)
    async with chained.bank.database.transaction(TENANT) as session:
        (await session.get_one(Loan, (TENANT, ref.loan_id))).is_virtual = False
    day = await closing.next_day(BusinessDay(TENANT, lost_on))
    assert day is not None
    for part in (*day.partitions, *day.partitions):
        await closing.close_partition(part)

    assert await chained.kinds(ref) == [K.TRANSITION, K.TRANSITION]
    assert (await chained.contract(ref)).state is S.DEFAULTED


async def test_forbearance_that_ends_the_arrears_is_told(chained: ChainedBank) -> None:
    ref = await chained.lends()
    await Servicing(chained.bank.database, FakeRail()).mark_missed(DueStep(ref, MISSED, MISSED.at))
    until = date(2026, 2, 16) + timedelta(days=20)
    await Collection(chained.bank.database).forbear(Forbearance(ref, until, "illness", noon(date(2026, 2, 16))))

    assert (await chained.contract(ref)).state is S.ACTIVE


async def test_every_write_has_an_id_of_its_own_and_the_next_place(chained: ChainedBank) -> None:
    ref = await chained.lends()
    for day in (15, 16, 17):
        await chained.bank.receives(ref, 10_00, date(2026, 2, day))

    operations = await chained.operations(ref)
    assert [each.position for each in operations] == list(range(1, len(operations) + 1))
    assert len({each.id for each in operations}) == len(operations)
    assert all(each.status == OperationStatus.PENDING and len(each.id) == 66 for each in operations)
    assert operations[0].requested_at == noon(DISBURSED_ON)


async def test_calling_off_what_was_never_prepared_changes_nothing(chained: ChainedBank) -> None:
    ref = await chained.bank.lends()
    async with chained.bank.database.transaction(TENANT) as session:
        await call_off(session, TENANT, ref.loan_id, at=noon(DISBURSED_ON), reason="lapsed")

    assert await chained.operations(ref) == []


def test_the_states_have_the_contracts_order() -> None:
    assert [state.value for state in STATES][1:4] == ["originated", "active", "delinquent"]


def _payout(ref: LoanRef) -> Payment:
    return Payment(
        tenant_id=TENANT,
        id=derived_id("pay", ref.loan_id, "disbursement"),
        loan_id=ref.loan_id,
        kind=PaymentKind.DISBURSEMENT,
        status=PaymentStatus.SUCCEEDED,
        method="bank_transfer",
        rail="fake",
        external_reference=ref.loan_id,
        amount_minor=LENT,
        currency="USD",
    )
