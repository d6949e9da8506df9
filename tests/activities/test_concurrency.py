"""Fifty at once: to one loan, to many loans, and the same thing again and again. Nothing double, nothing lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest

from models.loan import LoanRef
from models.transactions import TransactionKind
from tests.activities.lending import Bank, open_bank
from workers.embedded.postgres import DatabaseUrls

CLIENTS = 50
FEBRUARY = date(2026, 2, 15)


@pytest.fixture
async def bank(database: DatabaseUrls) -> AsyncIterator[Bank]:
    async with open_bank(database) as bank:
        yield bank


async def pay(bank: Bank, ref: LoanRef, name: str, amount_minor: int = 1_00) -> None:
    await bank.orders(ref, TransactionKind.REPAYMENT, amount_minor, today=FEBRUARY, id=name)


async def paid_minor(bank: Bank, ref: LoanRef) -> int:
    loan, schedule = await bank.loan(ref), await bank.schedule(ref)
    return loan.overpaid_minor + sum(row.paid_minor for row in schedule)


async def test_fifty_clients_pay_one_loan(bank: Bank) -> None:
    ref = await bank.lends()

    await asyncio.gather(*(pay(bank, ref, f"txn_{n}") for n in range(CLIENTS)))

    assert len(await bank.splits(ref)) == CLIENTS
    assert await paid_minor(bank, ref) == CLIENTS * 1_00
    assert (await bank.balances(ref))["cash"] == -120_000 + CLIENTS * 1_00


async def test_fifty_clients_pay_fifty_loans(bank: Bank) -> None:
    refs = [await bank.lends() for _ in range(CLIENTS)]

    await asyncio.gather(*(pay(bank, ref, f"txn_{n}", 10_00) for n, ref in enumerate(refs)))

    assert [await paid_minor(bank, ref) for ref in refs] == [10_00] * CLIENTS
    assert (await bank.balances())["cash"] == CLIENTS * (10_00 - 120_000)


async def test_fifty_clients_with_five_keys_are_five_transactions(bank: Bank) -> None:
    ref = await bank.lends()

    await asyncio.gather(*(pay(bank, ref, f"txn_{n % 5}", 7_00) for n in range(CLIENTS)))

    assert len(await bank.splits(ref)) == 5
    assert await paid_minor(bank, ref) == 5 * 7_00


async def test_the_same_payment_told_fifty_times_is_posted_once(bank: Bank) -> None:
    ref = await bank.lends()
    payment_id = await bank.receives(ref, 20_00, FEBRUARY)

    await asyncio.gather(*(bank.posts(ref, payment_id, 20_00, FEBRUARY) for _ in range(CLIENTS)))

    assert await paid_minor(bank, ref) == 20_00
