"""Billing a month: its events are put on record, then each provider's invoice is issued in a transaction of its own.

An invoice is one of its provider, month and currency, and an event is billed once: a run that is repeated, or goes on
after a kill, issues what is missing and nothing twice. What is known late is on the next month's invoice.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from temporalio import activity

from activities.billing_documents import InvoiceKey, alone, credit, issue, owed_on
from models.billing import Bill, BillableEvent, EventKind, Usage, bill, given_back
from models.billing_card import DUE_DAYS
from models.billing_document import card_from
from models.billing_period import Month
from models.ids import derived_id
from models.money import major_units
from models.records.billable import Measured, accounts_of, collect_events, measured_in
from models.records.billing import BillableEventRow, BilledEvent, Invoice, RateCardRow
from models.records.database import Database

_WHOLE = Decimal(100)
_RETURNED = "disbursement_returned"


@dataclass(frozen=True, slots=True)
class BilledMonth:
    """A month of a tenant, by its first day."""

    tenant_id: str
    first: date


@dataclass(frozen=True, slots=True)
class Billed:
    """A provider to be billed for a month in a currency; `at` is when it is."""

    tenant_id: str
    provider_id: str
    currency: str
    first: date
    at: datetime


class Billing:
    """Bills a month."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Billing.collect")
    async def collect(self, month: BilledMonth) -> tuple[tuple[str, str], ...]:
        """Record what happened until the month's end; who is to be billed, in which currency."""
        until = Month(month.first).ends_at
        async with self._database.transaction(month.tenant_id) as session:
            await collect_events(session, month.tenant_id, until)
            return tuple(await accounts_of(session, month.tenant_id, until))

    @activity.defn(name="Billing.invoice")
    async def invoice(self, billed: Billed) -> str | None:
        """Issue the invoice and the credit notes of a provider's month; the invoice's id, None when there is none."""
        key = InvoiceKey(billed.tenant_id, billed.provider_id, Month(billed.first), billed.currency)
        async with self._database.transaction(billed.tenant_id) as session:
            await alone(session, key.tenant_id)
            invoice = await session.get(Invoice, (key.tenant_id, key.id))
            if invoice is None:
                running = await running_bill(session, key)
                if running.made.lines:
                    invoice = await issue(session, key, running.made, at=billed.at, due_days=running.due_days)
                    await _remember(session, invoice, running.made)
            await _claw_back(session, key, at=billed.at)
            return None if invoice is None else invoice.id


@dataclass(frozen=True, slots=True)
class RunningBill:
    """What is not billed yet until a month's end, and what was measured in the month."""

    made: Bill
    measured: Measured
    due_days: int


async def running_bill(session: AsyncSession, key: InvoiceKey) -> RunningBill:
    """The bill of what is on record and not billed."""
    month = key.month
    measured = await measured_in(
        session, key.tenant_id, key.provider_id, key.currency, since=month.begins_at, until=month.ends_at
    )
    standing = await card_in_force(session, key.provider_id, key.currency, month.first)
    usages = await _usages(session, await _unbilled(session, key, (EventKind.LEAD, EventKind.FUNDED)))
    terms = None if standing is None else card_from(standing.terms)
    return RunningBill(bill(usages, terms, measured.figures), measured, DUE_DAYS if terms is None else terms.due_days)


async def card_in_force(session: AsyncSession, provider_id: str, currency: str, on: date) -> RateCardRow | None:
    """The provider's own card before the tenant's, and the latest of it."""
    whose = col(RateCardRow.provider_id)
    found = await session.execute(
        select(RateCardRow)
        .where(whose.is_(None) | (whose == provider_id), col(RateCardRow.currency) == currency)
        .where(col(RateCardRow.effective_from) <= on)
        .order_by(whose.is_(None), col(RateCardRow.effective_from).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _unbilled(session: AsyncSession, key: InvoiceKey, kinds: Sequence[EventKind]) -> Sequence[BillableEventRow]:
    event = BillableEventRow
    is_billed = exists().where(col(BilledEvent.tenant_id) == event.tenant_id, col(BilledEvent.event_id) == event.id)
    found = await session.execute(
        select(event)
        .where(col(event.provider_id) == key.provider_id, col(event.currency) == key.currency)
        .where(col(event.occurred_at) < key.month.ends_at, col(event.kind).in_(kinds), ~is_billed)
        .order_by(col(event.id))
    )
    return found.scalars().all()


async def _usages(session: AsyncSession, events: Sequence[BillableEventRow]) -> list[Usage]:
    """The events by the card that prices them, the earliest card first."""
    by_card: dict[tuple[str, int], list[BillableEvent]] = defaultdict(list)
    for row in events:
        by_card[row.rate_card_id, row.rate_card_version].append(
            BillableEvent(row.id, EventKind(row.kind), row.basis_minor)
        )
    cards = [(await _card(session, each), each) for each in by_card]
    cards.sort(key=lambda found: (found[0].effective_from, found[0].id))
    return [Usage(card_from(row.terms), tuple(by_card[each])) for row, each in cards]


async def _card(session: AsyncSession, key: tuple[str, int]) -> RateCardRow:
    card_id, version = key
    found = select(RateCardRow).where(col(RateCardRow.id) == card_id, col(RateCardRow.version) == version)
    return (await session.execute(found)).scalar_one()


async def _remember(session: AsyncSession, invoice: Invoice, made: Bill) -> None:
    rows = [
        {"tenant_id": invoice.tenant_id, "event_id": event_id, "invoice_id": invoice.id, "fee_minor": fee}
        for event_id, fee in made.fees.items()
    ]
    if rows:
        await session.execute(insert(BilledEvent), rows)


async def _claw_back(session: AsyncSession, key: InvoiceKey, *, at: datetime) -> None:
    """One credit note on each invoice that charged for a loan which failed since, for the very fee that it charged."""
    failed: dict[str, list[tuple[BillableEventRow, int]]] = defaultdict(list)
    for event in await _unbilled(session, key, (EventKind.CLAWBACK,)):
        if (charged := await _charged(session, event.about)) is not None:
            whole = event.reason == _RETURNED
            card = card_from((await _card(session, (event.rate_card_id, event.rate_card_version))).terms)
            part = _WHOLE if whole or card.clawback is None else card.clawback.percent
            failed[charged.invoice_id].append((event, given_back(charged.fee_minor, part)))
    for invoice_id, losses in sorted(failed.items()):
        invoice = await session.get_one(Invoice, (key.tenant_id, invoice_id))
        await _credit_losses(session, invoice, losses, at=at)


async def _charged(session: AsyncSession, loan_id: str) -> BilledEvent | None:
    """What the funding of the loan cost, and on which invoice."""
    funded = select(BilledEvent).join(
        BillableEventRow,
        (col(BillableEventRow.tenant_id) == col(BilledEvent.tenant_id))
        & (col(BillableEventRow.id) == col(BilledEvent.event_id)),
    )
    return (
        await session.execute(funded.where(col(BillableEventRow.source) == f"funded:{loan_id}"))
    ).scalar_one_or_none()


async def _credit_losses(
    session: AsyncSession, invoice: Invoice, losses: Sequence[tuple[BillableEventRow, int]], *, at: datetime
) -> None:
    """The operator may have given back some of the invoice already: what is left of it is the most there is."""
    owed = await owed_on(session, invoice)
    left, lines, rows = owed.total_minor - owed.credited_minor, [], []
    for event, fee in losses:
        amount = min(fee, left)
        left -= amount
        rows.append(
            {"tenant_id": event.tenant_id, "event_id": event.id, "invoice_id": invoice.id, "fee_minor": -amount}
        )
        if amount:
            major = float(major_units(amount, invoice.currency))
            lines.append({"loanId": event.about, "reason": event.reason, "amount": major})
    total = -sum(row["fee_minor"] for row in rows)  # type: ignore[misc]
    if total:
        credit_id = derived_id("cn", invoice.tenant_id, invoice.id, *(event.id for event, _ in losses))
        await credit(session, invoice, credit_id, total, "Clawback", at=at, lines=lines)
    await session.execute(insert(BilledEvent), rows)
