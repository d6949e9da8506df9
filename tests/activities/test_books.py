"""The ledger: booked once, reversed once, never changed, and never dated into what is closed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from activities.books import UnknownJournal, book, check_open, journal_in, open_day, reverse
from activities.loans import locked_loan
from models.chart import Account
from models.ids import derived_id
from models.ledger import Entry, Journal, JournalReversed, PeriodClosed
from models.loan import LoanRef
from models.records.database import Database
from models.records.ledger import ClosedPeriodRow, JournalRow
from tests.activities.portfolio import TENANT, balances, keys, lend, open_tenant, rows_of
from workers.embedded.postgres import DatabaseUrls

ON = date(2026, 3, 10)
FEE = Journal("fee", ON, "USD", "A fee", (Entry(Account.FEES_RECEIVABLE, 500), Entry(Account.FEE_INCOME, -500)))


@pytest.fixture
async def books(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.app)
    await open_tenant(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def ref(books: Database) -> LoanRef:
    (ref,) = await lend(books)
    return ref


async def test_a_business_event_is_booked_once(books: Database, ref: LoanRef) -> None:
    assert [await _booked(books, ref), await _booked(books, ref)] == [True, False]
    assert (await balances(books))["fees_receivable"] == 500


async def test_a_reversal_takes_a_journal_back_once_and_stays(books: Database, ref: LoanRef) -> None:
    await _booked(books, ref)

    reversed_ = [await _reversed(books, ref, "fee"), await _reversed(books, ref, "fee")]

    assert reversed_ == [True, False]
    assert "fees_receivable" not in await balances(books)
    with pytest.raises(JournalReversed, match="Journal reversal:fee is a reversal"):
        await _reversed(books, ref, "reversal:fee")


async def test_a_journal_is_read_as_it_was_booked(books: Database, ref: LoanRef) -> None:
    await _booked(books, ref)

    async with books.transaction(TENANT) as session:
        assert await journal_in(session, await locked_loan(session, ref), "fee") == FEE
        with pytest.raises(UnknownJournal, match="The books hold no journal nothing"):
            await journal_in(session, await locked_loan(session, ref), "nothing")


async def test_the_database_itself_refuses_the_reversal_of_a_reversal(books: Database, ref: LoanRef) -> None:
    await _booked(books, ref)
    await _reversed(books, ref, "fee")

    with pytest.raises(IntegrityError, match="journal again reverses a reversal"):
        async with books.transaction(TENANT) as session:
            await _append(session, ref, "again", reverses=derived_id("jrn", TENANT, "reversal:fee"))


async def test_a_day_in_a_closed_period_is_refused_by_name(books: Database) -> None:
    await _close(books, ON)

    async with books.transaction(TENANT) as session:
        await check_open(session, TENANT, date(2026, 3, 11))
        with pytest.raises(PeriodClosed, match="closed through 2026-03-10") as refused:
            await check_open(session, TENANT, ON, field="on")
        assert refused.value.field == "on"
        assert await open_day(session, TENANT, ON) == date(2026, 3, 11)
        assert await open_day(session, TENANT, date(2026, 4, 1)) == date(2026, 4, 1)


async def test_the_database_itself_keeps_a_closed_period_closed(books: Database, ref: LoanRef) -> None:
    await _close(books, ON)

    with pytest.raises(IntegrityError, match="journal fee is dated into the period closed through 2026-03-10"):
        await _booked(books, ref)


async def test_a_closure_waits_for_the_posting_it_would_overtake(books: Database, ref: LoanRef) -> None:
    posting, order = asyncio.Event(), []

    async def post() -> None:
        async with books.transaction(TENANT) as session:
            await book(session, await locked_loan(session, ref), FEE)
            posting.set()
            await asyncio.sleep(0.2)
            order.append("posted")

    async def close() -> None:
        await posting.wait()
        await _close(books, ON)
        order.append("closed")

    await asyncio.gather(post(), close())

    assert order == ["posted", "closed"]


@pytest.mark.parametrize("table", ["caas_journal", "caas_entry", "caas_closed_period"])
@pytest.mark.parametrize("change", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}"])
async def test_what_is_written_in_the_books_stays(books: Database, table: str, change: str) -> None:
    with pytest.raises(ProgrammingError, match=f"permission denied for table {table}"):
        async with books.transaction(TENANT) as session:
            await session.execute(text(change.format(table)))


async def test_a_correction_is_seen_from_the_day_it_counts_and_the_moment_it_was_known(
    books: Database, ref: LoanRef
) -> None:
    await _booked(books, ref)
    (before,) = [row.recorded_at for row in await rows_of(books, JournalRow) if row.key == "fee"]
    await _reversed(books, ref, "fee")
    corrected = Journal("fee:2", ON, "USD", "", (Entry(Account.FEES_RECEIVABLE, 400), Entry(Account.FEE_INCOME, -400)))
    async with books.transaction(TENANT) as session:
        await book(session, await locked_loan(session, ref), corrected)

    known_then = await _balance(books, "recorded_at <= :at", at=before)
    known_now = await _balance(books, "booked_on <= :at", at=ON)
    day_before = await _balance(books, "booked_on < :at", at=ON)

    assert (known_then, known_now, day_before) == (500, 400, None)
    assert await keys(books, "fee") == ["fee", "fee:2"]


async def _booked(books: Database, ref: LoanRef) -> bool:
    async with books.transaction(TENANT) as session:
        return await book(session, await locked_loan(session, ref), FEE)


async def _reversed(books: Database, ref: LoanRef, key: str) -> bool:
    async with books.transaction(TENANT) as session:
        return await reverse(session, await locked_loan(session, ref), key)


async def _close(books: Database, through: date) -> None:
    async with books.transaction(TENANT) as session:
        session.add(ClosedPeriodRow(tenant_id=TENANT, closed_through=through))


async def _append(session: AsyncSession, ref: LoanRef, key: str, *, reverses: str) -> None:
    session.add(
        JournalRow(
            tenant_id=TENANT,
            id=f"jrn_{key}",
            key=key,
            loan_id=ref.loan_id,
            booked_on=ON,
            currency="USD",
            description="",
            reverses=reverses,
        )
    )
    await session.flush()


async def _balance(books: Database, condition: str, *, at: object) -> int | None:
    query = text(f"""
        SELECT sum(amount_minor) FROM caas_entry JOIN caas_journal ON caas_journal.id = journal_id
        WHERE account = 'fees_receivable' AND caas_journal.{condition}
    """)  # noqa: S608 - the conditions of these tests
    async with books.transaction(TENANT) as session:
        held = (await session.execute(query, {"at": at})).scalar_one()
    return None if held is None else int(held)
