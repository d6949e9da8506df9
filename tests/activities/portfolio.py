"""A lender's book of loans, as the disbursements leave it, for tests that close its days."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from sqlmodel import SQLModel, col, select

from activities.books import book
from activities.loans import installment_rows
from models.amortization import schedule_for
from models.ledger import journal_for
from models.loan import LoanRef
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.ledger import EntryRow, JournalRow
from models.records.loans import InstallmentRow, Loan
from models.records.tenants import Tenant
from models.terms import LoanTerms
from models.transactions import Split, Transaction, TransactionKind

TENANT = "tenant_books"
LENT_ON = date(2026, 1, 15)
# 1,200.00 at 12 %: every thirty days bear 12.00 in the first month.
TERMS = LoanTerms(120_000, "USD", Decimal(12), 12)
_numbers = count(1)


async def open_tenant(database: Database, tenant_id: str = TENANT) -> None:
    async with database.transaction(tenant_id) as session:
        session.add(Tenant(tenant_id=tenant_id, name=tenant_id))


async def lend(
    database: Database, *, loans: int = 1, terms: LoanTerms = TERMS, tenant_id: str = TENANT, **columns: Any
) -> list[LoanRef]:
    """Pay out this many loans; the rows are those of a disbursement, without its workflow."""
    refs = []
    async with database.transaction(tenant_id) as session:
        for _ in range(loans):
            number = next(_numbers)
            ref = LoanRef(tenant_id, f"app_{number:05}", f"loan_{number:05}")
            session.add(_applicant(tenant_id, number))
            await session.flush()
            session.add(_application(ref, number))
            await session.flush()
            loan = _loan(ref, terms, columns)
            session.add(loan)
            await session.flush()
            session.add_all(installment_rows(loan, schedule_for(terms, disbursed_on=loan.disbursed_on)))
            paid_out = Transaction(
                f"txn_{number}", TransactionKind.DISBURSEMENT, loan.disbursed_on, terms.principal_minor
            )
            journal = journal_for(loan.id, paid_out, Split(), currency=loan.currency)
            assert journal is not None
            await book(session, loan, journal)
            refs.append(ref)
    return refs


async def rows_of(database: Database, table: type[SQLModel], tenant_id: str = TENANT) -> list[Any]:
    async with database.transaction(tenant_id) as session:
        return list((await session.execute(select(table))).scalars())


async def loan_of(database: Database, ref: LoanRef) -> Loan:
    async with database.transaction(TENANT) as session:
        return await session.get_one(Loan, (TENANT, ref.loan_id))


async def installments_of(database: Database, ref: LoanRef) -> list[InstallmentRow]:
    async with database.transaction(TENANT) as session:
        rows = select(InstallmentRow).where(col(InstallmentRow.loan_id) == ref.loan_id)
        return list((await session.execute(rows.order_by(col(InstallmentRow.number)))).scalars())


async def keys(database: Database, prefix: str = "") -> list[str]:
    """The keys of the journals, in order."""
    return sorted(row.key for row in await rows_of(database, JournalRow) if row.key.startswith(prefix))


async def balances(database: Database) -> dict[str, int]:
    """The accounts that are not zero."""
    totals: Counter[str] = Counter()
    for entry in await rows_of(database, EntryRow):
        totals[entry.account] += entry.amount_minor
    return {account: total for account, total in totals.items() if total}


def _loan(ref: LoanRef, terms: LoanTerms, columns: dict[str, Any]) -> Loan:
    standing: dict[str, Any] = {
        "disbursed_on": LENT_ON,
        "outstanding_minor": terms.principal_minor,
        "clock_at": datetime.combine(columns.get("disbursed_on", LENT_ON), datetime.min.time(), UTC),
    }
    return Loan(
        tenant_id=ref.tenant_id,
        id=ref.loan_id,
        application_id=ref.application_id,
        provider_id="provider_1",
        offer_id="offer_1",
        principal_minor=terms.principal_minor,
        currency=terms.currency,
        annual_rate_percent=terms.annual_rate_percent,
        apr_percent=terms.annual_rate_percent,
        installments=terms.installments,
        frequency=terms.frequency,
        every=terms.every,
        method=terms.method,
        day_count=terms.day_count,
        processing_fee_minor=terms.processing_fee_minor,
        **(standing | columns),
    )


def _applicant(tenant_id: str, number: int) -> Applicant:
    return Applicant(
        tenant_id=tenant_id,
        id=f"applicant_{number}",
        first_name="Sarah",
        last_name="Johnson",
        email="sarah@email.example",
        phone_number="+15550123",
        address={},
        employment={},
        finances={},
        identity_type="phone_number",
        identity_number=str(number),
    )


def _application(ref: LoanRef, number: int) -> Application:
    return Application(
        tenant_id=ref.tenant_id,
        id=ref.application_id,
        lead_id=f"lead_{number}",
        applicant_id=f"applicant_{number}",
        requested_amount_minor=120_000,
        currency="USD",
        country="US",
        purpose="Business expansion",
        tenure_days=365,
        submitted_at=datetime(2026, 1, 10, tzinfo=UTC),
        status_at=datetime(2026, 1, 15, tzinfo=UTC),
    )
