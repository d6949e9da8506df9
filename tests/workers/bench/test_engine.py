"""What `caas bench engine` measures does what it counts."""

from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlmodel import col

from activities.close_of_business import BusinessDay, CloseOfBusiness
from models.amortization import schedule_for
from models.records.database import Database
from models.records.ledger import JournalRow
from models.records.loans import Loan
from models.terms import LoanTerms
from workers.bench.engine import naive_annuity, rate_of
from workers.bench.portfolio import TENANT, copy, lend, live_through
from workers.embedded.postgres import DatabaseUrls

LENT_ON = date(2026, 1, 31)


async def test_a_day_closes_on_every_copy_of_a_loan(database: DatabaseUrls) -> None:
    rows = Database(database.app)
    await lend(rows, disbursed_on=LENT_ON)
    await copy(rows, first=1, last=24)
    await live_through(rows, days=3, until=LENT_ON)
    closing, day = CloseOfBusiness(rows), BusinessDay(TENANT, LENT_ON + timedelta(days=1))

    opened = await closing.next_day(day)
    assert opened is not None
    closed = sum([await closing.close_partition(part) for part in opened.partitions])

    async with rows.transaction(TENANT) as session:
        journals = await session.execute(select(func.count()).select_from(JournalRow))
        accrued = await session.execute(select(func.min(col(Loan.interest_accrued_minor))))
        assert (closed, journals.scalar_one()) == (25, 25 * 3 + 25 * 2)  # an accrual and a provision each
        assert accrued.scalar_one() == 3_57  # 1 % of 10,000.00 for the first of 28 days
    await rows.close()


def test_the_naive_annuity_gives_the_same_cents_as_ours() -> None:
    terms = LoanTerms(25_000_00, "USD", Decimal("7.5"), 12)

    naive = naive_annuity(Decimal(25_000), Decimal("7.5"), 12)

    assert [(int(part * 100), int(interest * 100)) for part, interest in naive] == [
        (row.principal_minor, row.interest_minor) for row in schedule_for(terms, disbursed_on=LENT_ON)
    ]


def test_work_is_counted_as_it_says() -> None:
    measured = rate_of("nothing", lambda: 7, rounds=1)

    assert measured.median == measured.per_second[0] > 0
