"""A loan on real rows, posted to without any workflow: what the tests of the activities act on."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from sqlmodel import col, select

from activities.aftermath import ENGINE
from activities.history import Recorded, history_in, reversed_in
from activities.loans import schedule_in
from activities.postings import Note, disbursement_transaction_id, post_transaction
from activities.repayments import Posting, Repayments
from activities.transactions import Ordered, TransactionOrder, Transactions
from models.installment import Installment
from models.loan import LoanPosition, LoanRef
from models.payment import PaymentKind, PaymentReceived, PaymentStatus
from models.records.applications import Applicant, Application
from models.records.chain_loans import ChainLoan
from models.records.database import Database
from models.records.ledger import ClosedPeriodRow, EntryRow, JournalRow
from models.records.loans import Loan
from models.records.outbox import EventRow
from models.records.payments import Payment
from models.records.tenants import Tenant
from models.transactions import Split, Transaction, TransactionKind
from workers.embedded.postgres import DatabaseUrls

TENANT = "tenant_test"
DISBURSED_ON = date(2026, 1, 15)
_numbers = count(1)


@dataclass
class Bank:
    """One tenant and the activities that post."""

    database: Database
    transactions: Transactions
    repayments: Repayments

    async def lends(self, *, chained: Callable[[Loan], ChainLoan] | None = None, **columns: Any) -> LoanRef:
        """A loan of 1,200.00 at 12 % over twelve months, paid out."""
        number = next(_numbers)
        loan = _loan(number, columns)
        async with self.database.transaction(TENANT) as session:
            for row in (_applicant(number), _application(number), loan):
                session.add(row)
                await session.flush()
            if chained is not None:
                session.add(chained(loan))
                await session.flush()
            disbursement = Transaction(
                disbursement_transaction_id(loan.id),
                TransactionKind.DISBURSEMENT,
                loan.disbursed_on,
                loan.principal_minor,
            )
            await post_transaction(session, loan, disbursement, at=noon(loan.disbursed_on), note=Note(ENGINE))
        return LoanRef(TENANT, loan.application_id, loan.id)

    async def orders(
        self, ref: LoanRef, kind: TransactionKind, amount_minor: int | None = None, *, today: date, **what: Any
    ) -> LoanPosition:
        """Carry out an order on a day."""
        order = TransactionOrder(
            **({"id": f"txn_{next(_numbers)}", "kind": kind, "amount_minor": amount_minor, "reason": "test"} | what)
        )
        return await self.transactions.post(Ordered(ref, order, noon(today)))

    async def receives(self, ref: LoanRef, amount_minor: int, on: date, *, today: date | None = None) -> str:
        """Money over the rail, posted; the payment's id."""
        payment_id = f"pay_{next(_numbers):026}"
        async with self.database.transaction(TENANT) as session:
            session.add(_payment(payment_id, ref, amount_minor))
        await self.posts(ref, payment_id, amount_minor, on, today=today)
        return payment_id

    async def posts(
        self, ref: LoanRef, payment_id: str, amount_minor: int, on: date, *, today: date | None = None
    ) -> LoanPosition:
        """Post a payment that is on record."""
        received = PaymentReceived(payment_id, amount_minor, "USD", on)
        return await self.repayments.post(Posting(ref, received, noon(today or on)))

    async def closes_books(self, through: date) -> None:
        async with self.database.transaction(TENANT) as session:
            session.add(ClosedPeriodRow(tenant_id=TENANT, closed_through=through))

    async def loan(self, ref: LoanRef) -> Loan:
        async with self.database.transaction(TENANT) as session:
            return await session.get_one(Loan, (TENANT, ref.loan_id))

    async def schedule(self, ref: LoanRef) -> tuple[Installment, ...]:
        async with self.database.transaction(TENANT) as session:
            return await schedule_in(session, await session.get_one(Loan, (TENANT, ref.loan_id)))

    async def history(self, ref: LoanRef, *, known_at: datetime | None = None) -> tuple[Recorded, ...]:
        async with self.database.transaction(TENANT) as session:
            loan = await session.get_one(Loan, (TENANT, ref.loan_id))
            return await history_in(session, loan, known_at=known_at)

    async def splits(self, ref: LoanRef, kind: TransactionKind = TransactionKind.REPAYMENT) -> list[Split]:
        """Where the money of every transaction of a kind went, by value date."""
        history = sorted(await self.history(ref), key=lambda each: each.transaction.on)
        return [each.split for each in history if each.transaction.kind is kind]

    async def undone(self, ref: LoanRef) -> frozenset[str]:
        return reversed_in(await self.history(ref))

    async def payment(self, payment_id: str) -> Payment:
        async with self.database.transaction(TENANT) as session:
            return await session.get_one(Payment, (TENANT, payment_id))

    async def events(self, ref: LoanRef) -> list[str]:
        async with self.database.transaction(TENANT) as session:
            found = await session.execute(select(EventRow).where(col(EventRow.loan_id) == ref.loan_id))
            return sorted(row.type for row in found.scalars())

    async def journals(self, ref: LoanRef) -> list[JournalRow]:
        async with self.database.transaction(TENANT) as session:
            found = await session.execute(select(JournalRow).where(col(JournalRow.loan_id) == ref.loan_id))
            return list(found.scalars())

    async def balances(self, ref: LoanRef | None = None) -> dict[str, int]:
        """The accounts that are not zero; of one loan, or of all."""
        query = select(EntryRow).join(JournalRow, col(JournalRow.id) == col(EntryRow.journal_id))
        if ref is not None:
            query = query.where(col(JournalRow.loan_id) == ref.loan_id)
        totals: Counter[str] = Counter()
        async with self.database.transaction(TENANT) as session:
            for entry in (await session.execute(query)).scalars():
                totals[entry.account] += entry.amount_minor
        assert sum(totals.values()) == 0
        return {account: total for account, total in totals.items() if total}


@asynccontextmanager
async def open_bank(urls: DatabaseUrls, *, pool_size: int = 10) -> AsyncIterator[Bank]:
    database = Database(urls.app, pool_size=pool_size)
    async with database.transaction(TENANT) as session:
        session.add(Tenant(tenant_id=TENANT, name="Test Platform"))
    yield Bank(database, Transactions(database), Repayments(database))
    await database.close()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def owed(schedule: Sequence[Installment]) -> list[int]:
    """What is still to be paid of each installment."""
    return [row.outstanding_minor for row in schedule]


def _payment(payment_id: str, ref: LoanRef, amount_minor: int) -> Payment:
    return Payment(
        tenant_id=TENANT,
        id=payment_id,
        loan_id=ref.loan_id,
        kind=PaymentKind.REPAYMENT,
        status=PaymentStatus.PENDING,
        method="bank_transfer",
        rail="fake",
        external_reference=payment_id,
        amount_minor=amount_minor,
        currency="USD",
    )


def _applicant(number: int) -> Applicant:
    return Applicant(
        tenant_id=TENANT,
        id=f"applicant_{number}",
        first_name="Sarah",
        last_name="Johnson",
        email="sarah@email.example",
        phone_number="+15550123",
        address={},
        employment={},
        finances={},
        identity_type="phone_number",
        identity_number="+15550123",
    )


def _application(number: int) -> Application:
    return Application(
        tenant_id=TENANT,
        id=f"app_{number:026}",
        lead_id=f"lead_{number:026}",
        applicant_id=f"applicant_{number}",
        requested_amount_minor=120_000,
        currency="USD",
        country="US",
        purpose="Business expansion",
        submitted_at=noon(DISBURSED_ON),
        status_at=noon(DISBURSED_ON),
        tenure_days=365,
    )


def _loan(number: int, columns: dict[str, Any]) -> Loan:
    agreed: dict[str, Any] = {
        "principal_minor": 120_000,
        "annual_rate_percent": Decimal(12),
        "installments": 12,
        "processing_fee_minor": 0,
        "disbursed_on": DISBURSED_ON,
    } | columns
    return Loan(
        tenant_id=TENANT,
        id=f"loan_{number:026}",
        application_id=f"app_{number:026}",
        provider_id="provider_1",
        offer_id="offer_1",
        currency="USD",
        apr_percent=Decimal("12.5"),
        frequency="months",
        every=1,
        method="equal_installment",
        day_count="30/360",
        outstanding_minor=0,
        clock_at=noon(agreed["disbursed_on"]),
        **agreed,
    )
