"""The books of a whole bank agree with its loans, whatever is posted and closed, in whatever order or at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from activities.close_of_business import BusinessDay, CloseOfBusiness
from models.allocation import Part
from models.errors import Refusal
from models.loan import LoanRef
from models.transactions import TransactionKind
from tests.activities.lending import DISBURSED_ON, TENANT, Bank, open_bank
from workers.embedded.postgres import DatabaseUrls

K = TransactionKind
WITHOUT_AMOUNT = {K.REVERSAL, K.CHARGE_OFF, K.UNDO_CHARGE_OFF, K.RE_AGE, K.RE_AMORTIZE, K.WRITE_OFF}
# How often each happens, out of a hundred.
OFTEN = {
    K.REPAYMENT: 32,
    K.REVERSAL: 16,
    K.PENALTY: 8,
    K.FEE: 8,
    K.WAIVER: 8,
    K.CHARGE_OFF: 4,
    K.UNDO_CHARGE_OFF: 4,
    K.CHARGEBACK: 4,
    K.GOODWILL_CREDIT: 4,
    K.REFUND: 4,
    K.RE_AGE: 3,
    K.RE_AMORTIZE: 3,
    K.SETTLEMENT: 1,
    K.WRITE_OFF: 1,
}


@pytest.fixture
async def bank(database: DatabaseUrls) -> AsyncIterator[Bank]:
    async with open_bank(database) as bank:
        yield bank


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_a_year_of_postings_and_closed_days(bank: Bank, seed: int) -> None:
    chance, today = Random(seed), DISBURSED_ON  # noqa: S311 - the same year on every run
    ref = await bank.lends()
    posted: list[str] = []

    for number in range(30):
        today += timedelta(days=chance.choice((0, 1, 3, 17, 40)))
        await close(bank, today - timedelta(days=1))
        with suppress(Refusal):  # what may not be is refused; what is left must agree all the same
            posted.append(await something(bank, ref, chance, f"txn_{seed}_{number}", posted, today))
        await agree(bank, ref)
    await close(bank, today + timedelta(days=120))

    await agree(bank, ref)
    assert len(posted) > 5


async def test_thirty_loans_are_paid_while_the_day_is_closed(bank: Bank) -> None:
    refs = [await bank.lends() for _ in range(30)]
    today = date(2026, 3, 20)

    await asyncio.gather(
        close(bank, today - timedelta(days=1)),
        *(bank.orders(ref, K.REPAYMENT, 120_00, today=today) for ref in refs),
        close(bank, today - timedelta(days=1)),
    )
    await close(bank, today)

    for ref in refs:
        await agree(bank, ref)
        assert (await bank.loan(ref)).days_past_due > 0
        assert sum(row.paid_minor for row in await bank.schedule(ref)) == 120_00


async def something(bank: Bank, ref: LoanRef, chance: Random, name: str, posted: list[str], today: date) -> str:
    """Let one thing happen to the loan."""
    (kind,) = chance.choices(list(OFTEN), list(OFTEN.values()))
    details: dict[str, Any] = {"today": today, "id": name}
    amount_minor = None if kind in WITHOUT_AMOUNT else chance.randrange(1_00, 150_00)
    if kind is K.REPAYMENT:
        late = min((today - DISBURSED_ON).days, chance.choice((0, 0, 5, 30)))
        details["on"] = today - timedelta(days=late)
    if kind is K.REVERSAL:
        details["reverses"] = chance.choice(posted or ["nothing"])
    if kind is K.WAIVER:
        amount_minor, details["part"] = 50, chance.choice(list(Part))
    await bank.orders(ref, kind, amount_minor, **details)
    return name


async def agree(bank: Bank, ref: LoanRef) -> None:
    """What the ledger holds of the loan is what its rows say."""
    loan, rows, held = await bank.loan(ref), await bank.schedule(ref), await bank.balances(ref)
    lost = loan.charged_off_on is not None
    assert sum(held.values()) == 0
    assert held.get("loans_receivable", 0) == (0 if lost else sum(row.principal_outstanding_minor for row in rows))
    assert held.get("late_fees_receivable", 0) == (0 if lost else sum(row.penalty_outstanding_minor for row in rows))
    paid = sum(row.interest_paid_minor for row in rows)
    assert held.get("interest_receivable", 0) == loan.interest_accrued_minor - paid
    assert held.get("fees_receivable", 0) == loan.fees_accrued_minor - sum(row.fee_paid_minor for row in rows)
    assert held.get("interest_income", 0) == -loan.interest_accrued_minor
    assert held.get("loan_loss_allowance", 0) == -loan.allowance_minor
    assert held.get("borrower_credit", 0) == -loan.overpaid_minor


async def close(bank: Bank, through: date) -> None:
    """What the workflow does."""
    closing = CloseOfBusiness(bank.database)
    while day := await closing.next_day(BusinessDay(TENANT, through)):
        for part in day.partitions:
            await closing.close_partition(part)
        await closing.complete(day.day)
