"""What the chain says of a loan becomes money, letters and events; once, and in the chain's own order."""

from collections.abc import AsyncIterator

import pytest

from activities.chain_news import ChainNewsTaking, TakeNews, UnknownChainEvent, factor_of
from activities.token_loans import MoneyMovesOnChain
from models.chain import ChainFunds, ChainOperationKind, ChainState
from models.loan import LoanPosition, LoanRef, LoanStatus
from models.records.chain_events import EventStatus
from models.sightings import STATES
from models.transactions import TransactionKind
from tests.activities.chain_rows import chain_database
from tests.activities.chained import chained_of, mails, operations_of, put_on_chain, said
from tests.activities.lending import DISBURSED_ON, Bank, noon, open_bank
from tests.workers.chains import hash_of
from workers.embedded.postgres import DatabaseUrls, Postgres

WAD = 10**18


@pytest.fixture(scope="module")
async def bank(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[Bank]:  # noqa: ARG001 - ordered
    """One for all: each test has loans of its own."""
    async with chain_database(postgres, "test_chain_news") as rows, open_bank(rows) as bank:
        yield bank


async def takes(bank: Bank, ref: LoanRef, event_id: str) -> LoanPosition:
    return await ChainNewsTaking(bank.database).take(TakeNews(ref, event_id, noon(DISBURSED_ON)))


async def amounts(bank: Bank, ref: LoanRef) -> list[int]:
    return [each.transaction.amount_minor for each in await bank.history(ref)][1:]


async def test_tokens_that_were_paid_are_a_repayment_and_are_told_back_to_the_chain(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, scale=4)
    event_id = await said(bank, ref, "Paid", payer="0x01", amount=106_62 * 10**4, credit=106_62 * 10**4)

    position = await takes(bank, ref, event_id)

    assert position.outstanding_minor < 120_000
    assert await amounts(bank, ref) == [106_62]
    (payment,) = [await bank.payment(str(each.row.payment_id)) for each in (await bank.history(ref))[1:]]
    assert (payment.rail, payment.status) == ("chain", "succeeded")
    assert "payment.processed" in await bank.events(ref)
    (operation,) = await operations_of(bank, ref)
    assert operation.kind == ChainOperationKind.REPAY
    assert sum(operation.arguments[3:]) == 106_62 * 10**4


async def test_money_that_moved_on_chain_is_not_taken_back_by_word(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    await takes(bank, ref, await said(bank, ref, "Paid", payer="0x01", amount=5_00, credit=5_00))
    (paid,) = (await bank.history(ref))[1:]

    with pytest.raises(MoneyMovesOnChain):
        await bank.orders(ref, TransactionKind.REVERSAL, reverses=paid.transaction.id, today=DISBURSED_ON)

    assert await amounts(bank, ref) == [5_00]


@pytest.mark.parametrize("kind", [TransactionKind.REPAYMENT, TransactionKind.GOODWILL_CREDIT, TransactionKind.REFUND])
async def test_a_loan_in_tokens_takes_nobodys_word_for_money(bank: Bank, kind: TransactionKind) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, funds=ChainFunds.TOKEN)

    with pytest.raises(MoneyMovesOnChain):
        await bank.orders(ref, kind, 5_00, today=DISBURSED_ON)

    assert await amounts(bank, ref) == []


async def test_credit_that_was_returned_on_chain_is_refunded_in_the_ledger(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, funds=ChainFunds.TOKEN)
    owed = (await bank.loan(ref)).outstanding_minor
    await takes(bank, ref, await said(bank, ref, "Paid", payer="0x01", amount=owed + 7_00, credit=owed + 7_00))
    overpaid = await bank.loan(ref)

    await takes(bank, ref, await said(bank, ref, "CreditReturned", borrower="0x01", amount=overpaid.overpaid_minor))

    assert overpaid.overpaid_minor >= 7_00
    returned = await bank.loan(ref)
    assert (returned.overpaid_minor, returned.status) == (0, LoanStatus.CLOSED_OBLIGATIONS_MET)
    assert ChainOperationKind.RETURN_CREDIT in [each.kind for each in await operations_of(bank, ref)]


async def test_news_that_come_twice_or_at_once_are_taken_once(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    paid = await said(bank, ref, "Paid", payer="0x01", amount=5_00, credit=5_00)

    await takes(bank, ref, paid)
    await takes(bank, ref, paid)

    assert await amounts(bank, ref) == [5_00]


async def test_a_payment_that_a_reorganization_moves_to_another_block_is_the_same_payment(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    tx_hash = hash_of("paid once")
    first = await said(bank, ref, "Paid", payer="0x01", amount=5_00, credit=5_00, tx_hash=tx_hash, log_index=4)
    await takes(bank, ref, first)
    async with bank.database.transaction(ref.tenant_id) as session:
        from models.records.chain_events import ChainEvent  # noqa: PLC0415

        (await session.get_one(ChainEvent, (ref.tenant_id, first))).status = EventStatus.ORPHANED
    again = await said(bank, ref, "Paid", payer="0x01", amount=5_00, credit=5_00, tx_hash=tx_hash, log_index=9)

    await takes(bank, ref, again)

    assert await amounts(bank, ref) == [5_00]


async def test_two_payments_in_one_transaction_are_two(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    where = {"tx_hash": hash_of("paid twice"), "block_hash": hash_of("one block"), "block_number": 10**6}
    await said(bank, ref, "Paid", payer="0x01", amount=5_00, credit=5_00, log_index=1, **where)
    second = await said(bank, ref, "Paid", payer="0x01", amount=7_00, credit=12_00, log_index=2, **where)

    await takes(bank, ref, second)

    assert await amounts(bank, ref) == [5_00, 7_00]


async def test_parts_of_a_cent_add_up(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, scale=4)
    events = [await said(bank, ref, "Paid", payer="0x01", amount=1_00_4000, credit=0) for _ in range(4)]

    await takes(bank, ref, events[-1])

    assert await amounts(bank, ref) == [1_00, 1_00, 1_01, 1_00]


async def test_what_came_before_is_taken_first_and_what_is_not_confirmed_is_left(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref)
    await said(bank, ref, "Paid", payer="0x01", amount=1_00, credit=0)
    await said(bank, ref, "Paid", payer="0x01", amount=2_00, credit=0, status=EventStatus.ORPHANED)
    told = await said(bank, ref, "Paid", payer="0x01", amount=3_00, credit=0)
    await said(bank, ref, "Paid", payer="0x01", amount=4_00, credit=0)

    await takes(bank, ref, told)

    assert await amounts(bank, ref) == [1_00, 3_00]


async def test_a_margin_call_and_its_cure_are_events_and_letters(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True)
    await said(bank, ref, "MarginCalled", healthFactor=105 * WAD // 100, cureBy=1_800_000_000)
    cured = await said(bank, ref, "MarginCallCured", healthFactor=2**256 - 1)

    await takes(bank, ref, cured)
    await takes(bank, ref, cured)

    events = await bank.events(ref)
    assert events.count("credit.collateral.margin_called") == 1
    assert events.count("credit.collateral.margin_call_cured") == 1
    letters = await mails(bank)
    assert (
        letters.count("Please add collateral to your loan") == letters.count("Your collateral is sufficient again") == 1
    )


async def test_proceeds_of_collateral_repay_the_loan_and_are_not_told_twice(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True, told_state=ChainState.LIQUIDATING)
    started = await said(bank, ref, "LiquidationStarted", opId="0x01", seq=2, debt=120_000)
    await takes(bank, ref, started)
    sold = await said(bank, ref, "LiquidationProceeds", fee=5_00, interest=12_00, principal=94_62, surplus=0)

    await takes(bank, ref, sold)

    assert await amounts(bank, ref) == [106_62]
    chained = await chained_of(bank, ref)
    assert (chained.told_outstanding, chained.told_interest) == (120_000 - 94_62, 12_00)
    assert [each for each in await operations_of(bank, ref) if each.kind == ChainOperationKind.REPAY] == []
    assert "credit.collateral.liquidation_started" in await bank.events(ref)


@pytest.mark.parametrize(
    ("to", "status", "journals"),
    [
        (ChainState.WRITTEN_OFF, LoanStatus.CLOSED_WRITTEN_OFF, 1),
        (ChainState.DEFAULTED, LoanStatus.ACTIVE, 0),
    ],
)
async def test_what_the_collateral_did_not_cover_is_written_off_when_nothing_is_left_to_sell(
    bank: Bank, to: ChainState, status: LoanStatus, journals: int
) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True, told_state=ChainState.LIQUIDATING)
    where = {"tx_hash": hash_of("settled", to), "block_hash": hash_of("block", to), "block_number": 10**6}
    settled = await said(bank, ref, "LiquidationSettled", opId="0x02", seq=3, deficit=120_000, **where)
    await said(bank, ref, "StateChanged", opId="0x02", seq=3, to=STATES.index(to), log_index=1, **where)

    position = await takes(bank, ref, settled)
    await takes(bank, ref, settled)

    assert position.status == status
    assert len([each for each in await bank.journals(ref) if each.key.startswith("write_off:")]) == journals
    assert (await bank.events(ref)).count("credit.collateral.liquidated") == 1


async def test_parts_of_a_cent_that_several_sales_paid_add_up(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, scale=4, secured=True, told_state=ChainState.LIQUIDATING)
    sales = [
        await said(bank, ref, "LiquidationProceeds", fee=0, interest=0, principal=1_00_6000, surplus=0)
        for _ in range(2)
    ]

    await takes(bank, ref, sales[-1])

    assert await amounts(bank, ref) == [1_00, 1_01]


async def test_money_that_came_during_a_sale_is_told_when_it_is_over(bank: Bank) -> None:
    ref = await bank.lends()
    await put_on_chain(bank, ref, secured=True, told_state=ChainState.LIQUIDATING, told_sequence=3)
    await bank.receives(ref, 106_62, DISBURSED_ON)
    meanwhile = await operations_of(bank, ref)
    where = {"tx_hash": hash_of("settled", ref), "block_hash": hash_of("block", ref), "block_number": 10**6}
    settled = await said(bank, ref, "LiquidationSettled", opId="0x02", seq=3, deficit=120_000, **where)
    to = STATES.index(ChainState.DEFAULTED)
    await said(bank, ref, "StateChanged", opId="0x02", seq=3, to=to, log_index=1, **where)

    await takes(bank, ref, settled)
    await takes(bank, ref, settled)

    told = await operations_of(bank, ref)
    assert meanwhile == []
    assert [each.kind for each in told] == [ChainOperationKind.REPAY, ChainOperationKind.TRANSITION]
    assert told[0].arguments[2] == 4
    assert sum(told[0].arguments[3:]) == 106_62


async def test_an_event_of_another_loan_is_refused(bank: Bank) -> None:
    ref, other = await bank.lends(), await bank.lends()
    await put_on_chain(bank, ref)
    event_id = await said(bank, other, "Paid", payer="0x01", amount=1, credit=1)

    with pytest.raises(UnknownChainEvent):
        await takes(bank, ref, event_id)


def test_a_health_factor_has_four_places_and_without_a_debt_there_is_none() -> None:
    assert factor_of(1_142_857_142_857_142_857) == 1.1428
    assert factor_of(2**256 - 1) is None
