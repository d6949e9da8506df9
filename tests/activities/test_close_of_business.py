"""A business day is closed once on every loan, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities import close_of_business
from activities.accruals import accrue
from activities.close_of_business import BusinessDay, CloseOfBusiness, OpenDay
from activities.loans import installment_of, locked_loan, schedule_in
from models.accrual import earned_minor
from models.loan import LoanRef
from models.records.database import Database
from models.records.ledger import BusinessDayRow
from models.records.loans import InstallmentRow
from tests.activities.portfolio import (
    LENT_ON,
    TENANT,
    balances,
    installments_of,
    keys,
    lend,
    loan_of,
    open_tenant,
    rows_of,
)
from workers.embedded.postgres import DatabaseUrls


@pytest.fixture
async def books(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.app)
    await open_tenant(opened)
    yield opened
    await opened.close()


async def test_a_day_earns_a_thirtieth_of_the_months_interest(books: Database) -> None:
    (ref,) = await lend(books)

    await close(books, LENT_ON + timedelta(days=1))

    loan = await loan_of(books, ref)
    assert loan.interest_accrued_minor == 1200 * 1 // 31
    assert await keys(books, "cob:") == [f"cob:{ref.loan_id}:2026-01-16"]
    assert await balances(books) == {
        "loans_receivable": 120_000,
        "cash": -120_000,
        "interest_receivable": 38,
        "interest_income": -38,
        "provision_expense": 1_200,
        "loan_loss_allowance": -1_200,
    }


async def test_the_database_accrues_as_the_model_does(books: Database) -> None:
    (ref,) = await lend(books)
    rows = [installment_of(row) for row in await installments_of(books, ref)]

    for days in (1, 14, 30, 31, 32, 100, 364, 365, 366, 400):
        on = LENT_ON + timedelta(days=days)
        await close(books, on)
        loan = await loan_of(books, ref)
        expected = earned_minor(rows, on, LENT_ON) if loan.non_accrual_since is None else 0
        assert loan.interest_accrued_minor == expected, on


async def test_missed_days_are_closed_in_order(books: Database) -> None:
    (ref,) = await lend(books)
    await close(books, date(2026, 1, 20))

    await close(books, date(2026, 1, 23))

    days = [row.business_date.day for row in await rows_of(books, BusinessDayRow) if row.completed_at]
    assert sorted(days) == [20, 21, 22, 23]
    assert await keys(books, "cob:") == [f"cob:{ref.loan_id}:2026-01-{day}" for day in (20, 21, 22, 23)]
    assert (await loan_of(books, ref)).closed_business_on == date(2026, 1, 23)


async def test_a_day_that_is_closed_again_changes_nothing(books: Database) -> None:
    await lend(books, loans=3)
    day = await begin(books, date(2026, 1, 20))
    await close(books, date(2026, 1, 20))
    before = await balances(books), await keys(books)

    again = [await CloseOfBusiness(books).close_partition(part) for part in day.partitions]

    assert again == [0]
    assert await CloseOfBusiness(books).next_day(BusinessDay(TENANT, date(2026, 1, 20))) is None
    assert (await balances(books), await keys(books)) == before


async def test_a_close_that_was_killed_between_partitions_goes_on_where_it_was(
    books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close_of_business, "LOANS_PER_PARTITION", 2)
    refs = await lend(books, loans=5)
    killed = await begin(books, date(2026, 1, 20))
    await CloseOfBusiness(books).close_partition(killed.partitions[1])

    day = await begin(books, date(2026, 1, 20))
    await close(books, date(2026, 1, 20))

    ids = [ref.loan_id for ref in refs]
    assert [(p.first_id, p.last_id) for p in killed.partitions] == [
        (ids[0], ids[1]),
        (ids[2], ids[3]),
        (ids[4], ids[4]),
    ]
    assert [(p.first_id, p.last_id) for p in day.partitions] == [(ids[0], ids[1]), (ids[4], ids[4])]
    assert await keys(books, "cob:") == [f"cob:{loan_id}:2026-01-20" for loan_id in ids]
    (closed,) = await rows_of(books, BusinessDayRow)
    assert (closed.loans, closed.completed_at is not None) == (5, True)


async def test_arrears_are_aged_and_interest_stops_after_ninety_days(books: Database) -> None:
    (ref,) = await lend(books)
    due = date(2026, 2, 15)

    await close(books, due + timedelta(days=89))
    late = await loan_of(books, ref)
    await close(books, due + timedelta(days=90))
    stopped = await loan_of(books, ref)
    await close(books, due + timedelta(days=120))
    lost = await loan_of(books, ref)

    assert (late.days_past_due, late.delinquency_bucket, late.ifrs_stage) == (89, "61-90", 2)
    assert late.interest_accrued_minor > 0
    assert (stopped.ifrs_stage, stopped.non_accrual_since) == (3, due + timedelta(days=90))
    assert stopped.interest_accrued_minor == 0
    assert (late.allowance_minor, stopped.allowance_minor) == (12_000, 60_000)
    assert (stopped.charge_off_due, lost.charge_off_due) == (False, True)
    assert "interest_receivable" not in await balances(books)


async def test_interest_is_earned_again_when_the_arrears_are_paid(books: Database) -> None:
    (ref,) = await lend(books)
    due = date(2026, 2, 15)
    await close(books, due + timedelta(days=90))
    await settle(books, ref, through=due + timedelta(days=90))

    await close(books, due + timedelta(days=91))

    loan = await loan_of(books, ref)
    rows = [installment_of(row) for row in await installments_of(books, ref)]
    assert loan.non_accrual_since is None
    assert loan.interest_accrued_minor == earned_minor(rows, due + timedelta(days=91), LENT_ON)


async def test_a_loan_on_a_virtual_clock_lives_its_own_days(books: Database) -> None:
    (ref,) = await lend(books, is_virtual=True)

    await close(books, date(2026, 3, 20))

    assert (await loan_of(books, ref)).closed_business_on is None
    assert await keys(books, "cob:") == []


async def test_a_loan_that_has_moved_on_is_passed_over(books: Database) -> None:
    (ref,) = await lend(books, accrued_on=date(2026, 1, 21))

    await close(books, date(2026, 1, 20))

    assert (await loan_of(books, ref)).closed_business_on == date(2026, 1, 20)
    assert await keys(books, "cob:") == []


async def test_a_repayment_in_the_middle_of_the_close_is_waited_for(books: Database) -> None:
    (ref,) = await lend(books)
    day = await begin(books, date(2026, 3, 20))
    locked = asyncio.Event()

    async def pay() -> None:
        async with books.transaction(TENANT) as session:
            loan = await locked_loan(session, ref)
            locked.set()
            await asyncio.sleep(0.2)
            await _pay(session, ref, date(2026, 3, 20))
            await accrue(session, loan, await schedule_in(session, loan), on=date(2026, 3, 20), cause="txn_1")

    async def close_when_locked() -> None:
        await locked.wait()
        await CloseOfBusiness(books).close_partition(day.partitions[0])

    await asyncio.gather(pay(), close_when_locked())

    loan = await loan_of(books, ref)
    rows = [installment_of(row) for row in await installments_of(books, ref)]
    assert loan.days_past_due == 0
    assert loan.interest_accrued_minor == earned_minor(rows, date(2026, 3, 20), LENT_ON)
    assert sum((await balances(books)).values()) == 0
    # The payment has accrued the day, so the close has nothing left to accrue.
    assert await keys(books, "cob:") == []
    assert len(await keys(books, f"accrual:{ref.loan_id}")) == 1


async def begin(books: Database, on: date) -> OpenDay:
    day = await CloseOfBusiness(books).next_day(BusinessDay(TENANT, on))
    assert day is not None
    return day


async def close(books: Database, through: date) -> None:
    """What the workflow does."""
    closing = CloseOfBusiness(books)
    while day := await closing.next_day(BusinessDay(TENANT, through)):
        for part in day.partitions:
            await closing.close_partition(part)
        await closing.complete(day.day)


async def settle(books: Database, ref: LoanRef, *, through: date) -> None:
    async with books.transaction(TENANT) as session:
        await locked_loan(session, ref)
        await _pay(session, ref, through)


async def _pay(session: AsyncSession, ref: LoanRef, through: date) -> None:
    await session.execute(
        update(InstallmentRow)
        .where(col(InstallmentRow.loan_id) == ref.loan_id, col(InstallmentRow.due_on) <= through)
        .values(principal_paid_minor=InstallmentRow.principal_minor, interest_paid_minor=InstallmentRow.interest_minor)
    )
