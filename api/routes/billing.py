"""What providers are charged: their invoices, credit notes, payments and running month.

A provider sees what is its own; of another's it learns nothing, not even that it is there.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy import tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.billing import running_bill
from activities.billing_documents import InvoiceKey, credit, owed_on, owed_on_each, pay
from api.billing_views import (
    WholeInvoice,
    credit_note_out,
    csv_of,
    event_out,
    invoice_detail_out,
    invoice_out,
    pdf_of,
    usage_out,
)
from api.idempotency import IdempotentRoute, Ids
from api.own import ProviderId, provider_of
from api.pagination import PageOut, Pages, moment
from api.resources import Having
from api.schemas.billing import (
    BilledEventOut,
    BillIn,
    BillingOut,
    CreditIn,
    CreditNoteOut,
    InvoiceDetailOut,
    InvoiceOut,
    PaymentIn,
    UsagesOut,
)
from api.schemas.transactions import FileKind
from api.schemas.values import Identifier
from api.security import AnyCaller, TenantCaller
from models.billing_period import month_of
from models.errors import NotFound, Refused
from models.money import minor_units
from models.records.billable import collect_events, measured_in
from models.records.billing import (
    BillableEventRow,
    BilledEvent,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    RateCardRow,
)
from models.records.outbox import OutboxKind, ask_relay
from models.records.providers import Provider
from models.records.tenants import Tenant
from workflows.billing import billing_id

router = APIRouter(prefix="/api/v1", tags=["billing"], route_class=IdempotentRoute)

InvoiceId = Annotated[Identifier, Path(alias="invoiceId")]
AsFile = Annotated[FileKind | None, Query(alias="format", description="Or by the header Accept.")]

_MEDIA: dict[FileKind, str] = {"json": "application/json", "csv": "text/csv", "pdf": "application/pdf"}
_FILES: dict[str, Any] = {"content": {_MEDIA["csv"]: {}, _MEDIA["pdf"]: {}}}


class UnknownInvoice(NotFound):
    """The provider has no such invoice."""


class MonthNotOver(Refused):
    """A month is billed when it has passed."""


class NotPaidYet(Refused):
    """Money is recorded on the day it came, or later."""


@router.post("/billing/runs", status_code=202)
async def run(body: BillIn, caller: TenantCaller, having: Having) -> BillingOut:
    """Bill a month now, as the schedule does on the first of the next; what is billed already stays as it is."""
    this_month = month_of(_today())
    first = date.fromisoformat(f"{body.month}-01") if body.month else this_month.before.first
    if first >= this_month.first:
        raise MonthNotOver("A month is billed when it has passed.", "month")
    async with having.database.transaction(caller.tenant_id) as session:
        ask_relay(session, caller.tenant_id, OutboxKind.BILL_MONTH, {"first": first.isoformat()})
    workflow_id = billing_id(caller.tenant_id, first)
    return BillingOut(month=f"{first:%Y-%m}", workflow_id=workflow_id, temporal_url=having.pages.of(workflow_id))


@router.get("/providers/{providerId}/invoices")
async def invoices(provider_id: ProviderId, caller: AnyCaller, having: Having, paging: Pages) -> PageOut[InvoiceOut]:
    """A provider's invoices, the latest first."""
    order = (col(Invoice.issued_at), col(Invoice.id))
    query = select(Invoice).where(col(Invoice.provider_id) == provider_id)
    if (after := paging.position(moment, str)) is not None:
        query = query.where(tuple_(*order) < after)
    async with having.database.transaction(caller.tenant_id) as session:
        await provider_of(session, caller, provider_id)
        latest = query.order_by(*(each.desc() for each in order)).limit(paging.fetched)
        found = (await session.execute(latest)).scalars().all()
        owed = await owed_on_each(session, found)
    return paging.page(
        found, lambda row: invoice_out(row, owed[row.id]), lambda row: (row.issued_at.isoformat(), row.id)
    )


@router.get("/providers/{providerId}/invoices/{invoiceId}", response_model=InvoiceDetailOut, responses={200: _FILES})
async def invoice(
    provider_id: ProviderId,
    invoice_id: InvoiceId,
    caller: AnyCaller,
    having: Having,
    file: AsFile = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """One invoice as JSON, CSV or PDF."""
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await provider_of(session, caller, provider_id)
        whole = await _whole(session, await _invoice_in(session, provider, invoice_id), provider)
        issuer = (await session.get_one(Tenant, caller.tenant_id)).name
    wanted = file or _accepted(accept)
    if wanted == "json":
        return JSONResponse(invoice_detail_out(whole).model_dump(mode="json", by_alias=True))
    body = csv_of(whole) if wanted == "csv" else pdf_of(whole, issuer=issuer)
    name = f"{whole.invoice.number}.{wanted}"
    return Response(body, media_type=_MEDIA[wanted], headers={"Content-Disposition": f'inline; filename="{name}"'})


@router.get("/providers/{providerId}/invoices/{invoiceId}/events")
async def billed_events(
    provider_id: ProviderId, invoice_id: InvoiceId, caller: AnyCaller, having: Having, paging: Pages
) -> PageOut[BilledEventOut]:
    """What an invoice is made of, and what was given back of it: each lead and loan with its own fee."""
    query = (
        select(BillableEventRow, BilledEvent)
        .join(BilledEvent, col(BilledEvent.event_id) == col(BillableEventRow.id))
        .where(col(BilledEvent.invoice_id) == invoice_id)
        .order_by(col(BillableEventRow.id))
        .limit(paging.fetched)
    )
    if paging.after is not None:
        query = query.where(col(BillableEventRow.id) > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await provider_of(session, caller, provider_id)
        await _invoice_in(session, provider, invoice_id)
        rows = [(event, billed) for event, billed in await session.execute(query)]
    return paging.page(rows, lambda found: event_out(*found), lambda found: (found[0].id,))


@router.get("/providers/{providerId}/credit-notes")
async def credit_notes(
    provider_id: ProviderId, caller: AnyCaller, having: Having, paging: Pages
) -> PageOut[CreditNoteOut]:
    """What was given back to a provider, the latest first."""
    order = (col(CreditNote.issued_at), col(CreditNote.id))
    query = (
        select(CreditNote, Invoice)
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .where(col(CreditNote.provider_id) == provider_id)
    )
    if (after := paging.position(moment, str)) is not None:
        query = query.where(tuple_(*order) < after)
    async with having.database.transaction(caller.tenant_id) as session:
        await provider_of(session, caller, provider_id)
        latest = query.order_by(*(each.desc() for each in order)).limit(paging.fetched)
        rows = [(note, of) for note, of in await session.execute(latest)]
    return paging.page(
        rows, lambda found: credit_note_out(*found), lambda found: (found[0].issued_at.isoformat(), found[0].id)
    )


@router.post("/providers/{providerId}/invoices/{invoiceId}/credit-notes", status_code=201)
async def give_credit(
    provider_id: ProviderId, invoice_id: InvoiceId, body: CreditIn, caller: TenantCaller, having: Having, ids: Ids
) -> CreditNoteOut:
    """Give back a part of an invoice, and say why."""
    async with having.database.transaction(caller.tenant_id) as session:
        found = await _invoice_in(session, await provider_of(session, caller, provider_id), invoice_id)
        amount_minor = minor_units(body.amount, found.currency, field="amount")
        note = await credit(session, found, ids("cn"), amount_minor, body.reason, at=datetime.now(UTC))
    return credit_note_out(note, found)


@router.post("/providers/{providerId}/invoices/{invoiceId}/payments", status_code=201)
async def record_payment(
    provider_id: ProviderId, invoice_id: InvoiceId, body: PaymentIn, caller: TenantCaller, having: Having
) -> InvoiceDetailOut:
    """Record money that a provider has paid. The same reference is the same payment."""
    if body.paid_on > _today():
        raise NotPaidYet(f"{body.paid_on} has not come.", "paidOn")
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await provider_of(session, caller, provider_id)
        found = await _invoice_in(session, provider, invoice_id)
        amount_minor = minor_units(body.amount, found.currency, field="amount")
        await pay(session, found, body.reference, amount_minor, body.paid_on)
        whole = await _whole(session, found, provider)
    return invoice_detail_out(whole)


@router.get("/providers/{providerId}/usage")
async def usage(provider_id: ProviderId, caller: AnyCaller, having: Having) -> UsagesOut:
    """What the running month has cost so far, by currency.

    Reading it puts on record what has happened since; those are facts, and the same whoever records them.
    """
    now = datetime.now(UTC)
    month = month_of(now.date())
    async with having.database.transaction(caller.tenant_id) as session:
        provider = await provider_of(session, caller, provider_id)
        await collect_events(session, caller.tenant_id, now, since=month.begins_at, provider_id=provider_id)
        keys = [
            InvoiceKey(caller.tenant_id, provider_id, month, currency)
            for currency in await _currencies(session, provider)
        ]
        shown = [usage_out(key, await running_bill(session, key)) for key in keys]
    return UsagesOut(provider_id=provider_id, as_of=now, data=shown)


def _accepted(accept: str) -> FileKind:
    """The first kind we have among those the header names."""
    for part in accept.split(","):
        for name, media in _MEDIA.items():
            if part.split(";")[0].strip() == media:
                return name
    return "json"


def _today() -> date:
    return datetime.now(UTC).date()


async def _invoice_in(session: AsyncSession, provider: Provider, invoice_id: str) -> Invoice:
    found = await session.get(Invoice, (provider.tenant_id, invoice_id))
    if found is None or found.provider_id != provider.id:
        raise UnknownInvoice(f"There is no invoice {invoice_id}.", "invoiceId")
    return found


async def _whole(session: AsyncSession, found: Invoice, provider: Provider) -> WholeInvoice:
    month = month_of(found.period)
    lines = select(InvoiceLine).where(col(InvoiceLine.invoice_id) == found.id).order_by(col(InvoiceLine.line))
    notes = select(CreditNote).where(col(CreditNote.invoice_id) == found.id).order_by(col(CreditNote.sequence))
    paid = select(InvoicePayment).where(col(InvoicePayment.invoice_id) == found.id)
    measured = await measured_in(
        session, found.tenant_id, provider.id, found.currency, since=month.begins_at, until=month.ends_at
    )
    return WholeInvoice(
        invoice=found,
        lines=(await session.execute(lines)).scalars().all(),
        credit_notes=(await session.execute(notes)).scalars().all(),
        payments=(await session.execute(paid.order_by(col(InvoicePayment.paid_on)))).scalars().all(),
        owed=await owed_on(session, found),
        leads=measured.leads,
        provider_name=provider.company_name,
    )


async def _currencies(session: AsyncSession, provider: Provider) -> list[str]:
    """Those in which the provider may be charged: by a card for it, or for all."""
    whose = col(RateCardRow.provider_id)
    cards_ = select(RateCardRow.currency).where(whose.is_(None) | (whose == provider.id)).distinct()
    return sorted((await session.execute(cards_)).scalars().all())
