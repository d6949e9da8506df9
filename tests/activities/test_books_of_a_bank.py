"""The books of a whole bank agree with its loans, whatever is posted and closed, in whatever order or at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, timedelta
from random import Random

import pytest

from activities.close_of_business import BusinessDay, CloseOfBusiness
from models.allocation import Part
from models.errors import Refusal
from models.loan import LoanRef
from models.transactions import TransactionKind
from tests.activities.lending import DISBURSED_ON, TENANT, Bank, open_bank
from workers.embedded.postgres import DatabaseUrls

K = TransactionKind


@pytest.fixture
async def bank(database: DatabaseUrls) -> AsyncIterator[Bank]:
    async with open_bank(database) as bank:
        yield bank


@pytest.mark.parametrize("seed", [0, 3, 14, 15])
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
    assert len(posted) > 10


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
    amount_minor = chance.randrange(1_00, 150_00)
    back = min((today - DISBURSED_ON).days, chance.choice((0, 0, 5, 30)))
    what = chance.choice(("pay", "pay", "pay", "reverse", "penalty", "fee", "waive", "charge_off", "chargeback"))
    on = today - timedelta(days=back)
    match what:
        case "pay":
            await bank.orders(ref, K.REPAYMENT, amount_minor, today=today, on=on, id=name)
        case "reverse":
            chosen = chance.choice(posted or ["nothing"])
            await bank.orders(ref, K.REVERSAL, today=today, reverses=chosen, id=name)
        case "waive":
            part = chance.choice((Part.INTEREST, Part.PENALTY, Part.FEE, Part.PRINCIPAL))
            await bank.orders(ref, K.WAIVER, 50, today=today, part=part, id=name)
        case "charge_off":
            await bank.orders(ref, chance.choice((K.CHARGE_OFF, K.UNDO_CHARGE_OFF)), today=today, id=name)
        case _:
            await bank.orders(ref, K(what), amount_minor, today=today, id=name)
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
