"""Invoices, credit notes and what is paid on them: issued once, numbered without a gap, booked as they are issued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities.books import book, check_open, open_day
from activities.provider_news import ProviderNews, tell_provider
from models.billing import Bill, refuse_excess_credit, refuse_excess_payment
from models.billing_period import Month
from models.chart import Account
from models.errors import Conflict
from models.events import ProviderEventType
from models.ids import derived_id
from models.ledger import Entry, Journal
from models.money import major_units
from models.records.billing import CreditNote, Invoice, InvoiceLine, InvoicePayment

# Whoever issues a document waits for whoever issues another: the numbers have no gaps, and nobody gives back or takes
# what another is giving back or taking. A transaction that fails takes its number with it.
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext('caas_billing:' || :tenant_id))")


class PaymentReferenceUsed(Conflict):
    """Another payment of this invoice has the reference."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What has become of an invoice's total."""

    total_minor: int
    credited_minor: int
    paid_minor: int

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid; below zero it is the provider's."""
        return self.total_minor - self.credited_minor - self.paid_minor

    @property
    def status(self) -> Literal["open", "partly_paid", "paid", "credited"]:
        """Where the invoice stands."""
        if self.outstanding_minor <= 0:
            return "paid" if self.paid_minor or not self.total_minor else "credited"
        return "partly_paid" if self.paid_minor else "open"


@dataclass(frozen=True, slots=True)
class InvoiceKey:
    """Whose invoice, of which month, in which currency."""

    tenant_id: str
    provider_id: str
    month: Month
    currency: str

    @property
    def id(self) -> str:
        """The invoice's id, the same for whoever issues it."""
        return derived_id("inv", self.tenant_id, self.provider_id, self.month.first.isoformat(), self.currency)


async def alone(session: AsyncSession, tenant_id: str) -> None:
    """Wait for whoever else issues a document of the tenant, until the end of this transaction."""
    await session.execute(_ALONE, {"tenant_id": tenant_id})


async def issue(session: AsyncSession, key: InvoiceKey, made: Bill, *, at: datetime, due_days: int) -> Invoice:
    """Issue the invoice, book it, and tell the provider. The caller is `alone`."""
    invoice = Invoice(
        tenant_id=key.tenant_id,
        id=key.id,
        provider_id=key.provider_id,
        period=key.month.first,
        year=at.year,
        sequence=await _next_number(session, Invoice, at.year),
        currency=key.currency,
        total_minor=made.total_minor,
        issued_at=at,
        due_on=at.date() + timedelta(days=due_days),
    )
    session.add(invoice)
    await session.flush()
    await session.execute(insert(InvoiceLine).values(_line_rows(invoice, made)))
    await _book(
        session,
        invoice,
        f"invoice:{invoice.id}",
        f"Invoice {invoice.number} to {invoice.provider_id}",
        await open_day(session, key.tenant_id, at.date()),
        (Account.PROVIDERS_RECEIVABLE, Account.PROVIDER_FEE_INCOME, invoice.total_minor),
    )
    news = ProviderNews(ProviderEventType.INVOICE_ISSUED, invoice.id, at, _told(invoice))
    tell_provider(session, key.tenant_id, key.provider_id, news)
    return invoice


async def credit(
    session: AsyncSession,
    invoice: Invoice,
    credit_id: str,
    amount_minor: int,
    reason: str,
    *,
    at: datetime,
    lines: list[dict[str, Any]] | None = None,
) -> CreditNote:
    """Give back a part of an invoice, never more than is left of it. The same id is the same credit note."""
    await alone(session, invoice.tenant_id)
    if known := await session.get(CreditNote, (invoice.tenant_id, credit_id)):
        return known
    owed = await owed_on(session, invoice)
    refuse_excess_credit(amount_minor, total_minor=owed.total_minor, credited_minor=owed.credited_minor)
    note = CreditNote(
        tenant_id=invoice.tenant_id,
        id=credit_id,
        invoice_id=invoice.id,
        provider_id=invoice.provider_id,
        year=at.year,
        sequence=await _next_number(session, CreditNote, at.year),
        currency=invoice.currency,
        amount_minor=amount_minor,
        reason=reason,
        lines=lines or [],
        issued_at=at,
    )
    session.add(note)
    await session.flush()
    await _book(
        session,
        invoice,
        f"credit_note:{note.id}",
        f"Credit note {note.number} on {invoice.number}",
        await open_day(session, invoice.tenant_id, at.date()),
        (Account.PROVIDER_FEE_CREDITS, Account.PROVIDERS_RECEIVABLE, amount_minor),
    )
    return note


async def pay(session: AsyncSession, invoice: Invoice, reference: str, amount_minor: int, paid_on: date) -> None:
    """Record money that was paid on an invoice. The same reference is the same payment."""
    await alone(session, invoice.tenant_id)
    if known := await session.get(InvoicePayment, (invoice.tenant_id, invoice.id, reference)):
        if (known.amount_minor, known.paid_on) != (amount_minor, paid_on):
            raise PaymentReferenceUsed(f"{reference} is another payment of this invoice.", "reference")
        return
    await check_open(session, invoice.tenant_id, paid_on, field="paidOn")
    refuse_excess_payment(amount_minor, outstanding_minor=(await owed_on(session, invoice)).outstanding_minor)
    session.add(
        InvoicePayment(
            tenant_id=invoice.tenant_id,
            invoice_id=invoice.id,
            reference=reference,
            amount_minor=amount_minor,
            currency=invoice.currency,
            paid_on=paid_on,
        )
    )
    await session.flush()
    await _book(
        session,
        invoice,
        f"invoice_payment:{invoice.id}:{reference}",
        f"Payment {reference} of {invoice.number}",
        paid_on,
        (Account.CASH, Account.PROVIDERS_RECEIVABLE, amount_minor),
    )


async def owed_on(session: AsyncSession, invoice: Invoice) -> Owed:
    """What was given back of an invoice and what was paid on it."""
    return (await owed_on_each(session, [invoice]))[invoice.id]


async def owed_on_each(session: AsyncSession, invoices: Sequence[Invoice]) -> dict[str, Owed]:
    """The same of many, in two statements, by the invoice's id."""
    ids = [invoice.id for invoice in invoices]
    credited, paid = [await _sums_of(session, table, ids) for table in (CreditNote, InvoicePayment)]
    return {each.id: Owed(each.total_minor, credited.get(each.id, 0), paid.get(each.id, 0)) for each in invoices}


async def _sums_of(
    session: AsyncSession, table: type[CreditNote | InvoicePayment], invoice_ids: Sequence[str]
) -> dict[str, int]:
    of = col(table.invoice_id)
    sums = select(of, func.sum(col(table.amount_minor))).where(of.in_(invoice_ids)).group_by(of)
    return {invoice_id: int(total) for invoice_id, total in await session.execute(sums)}


async def _next_number(session: AsyncSession, table: type[Invoice | CreditNote], year: int) -> int:
    latest = select(func.max(col(table.sequence))).where(col(table.year) == year)
    return ((await session.execute(latest)).scalar() or 0) + 1


async def _book(
    session: AsyncSession, invoice: Invoice, key: str, words: str, on: date, moved: tuple[Account, Account, int]
) -> None:
    """What is nothing is not booked: the rewards of a month may be all of its fees."""
    debit, credited, amount_minor = moved
    if amount_minor:
        entries = (Entry(debit, amount_minor), Entry(credited, -amount_minor))
        await book(session, invoice, Journal(key, on, invoice.currency, words, entries))


def _line_rows(invoice: Invoice, made: Bill) -> list[dict[str, Any]]:
    return [
        {
            "tenant_id": invoice.tenant_id,
            "invoice_id": invoice.id,
            "line": number,
            "kind": str(line.kind),
            "description": line.description,
            "quantity": line.quantity,
            "basis_minor": line.basis_minor,
            "price": line.price,
            "amount_minor": line.amount_minor,
        }
        for number, line in enumerate(made.lines, 1)
    ]


def _told(invoice: Invoice) -> dict[str, Any]:
    return {
        "invoiceId": invoice.id,
        "number": invoice.number,
        "period": f"{invoice.period:%Y-%m}",
        "total": float(major_units(invoice.total_minor, invoice.currency)),
        "currency": invoice.currency,
        "dueOn": invoice.due_on.isoformat(),
    }
