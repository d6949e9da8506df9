"""What providers are charged: rate cards, the events they price, and the documents that were issued.

Events, invoices, credit notes and payments are append-only; a rate card is, from the first event that it prices.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from models.billing import EventKind, LineKind
from models.records.columns import RecordedRow, document, instant, minor, rate, word


class RateCardRow(RecordedRow, table=True):
    """One version of the card of a provider, or of all who have none of their own (`provider_id` is None).

    `terms` is the whole card. The columns after it are the part by which a statement prices one event alone.
    """

    __tablename__ = "caas_rate_card"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        UniqueConstraint("tenant_id", "id", "effective_from", name="caas_rate_card_month"),
        Index("caas_rate_card_scope", "tenant_id", "currency", "provider_id", "effective_from"),
    )

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    provider_id: str | None = None
    currency: str
    effective_from: date
    terms: dict[str, Any] = document()
    lead_minor: int | None = minor(default=None)
    funded_bps: Decimal | None = rate(default=None)
    funded_minimum_minor: int = minor(default=0)
    funded_maximum_minor: int | None = minor(default=None)
    clawback_percent: Decimal | None = rate(default=None)
    clawback_days_past_due: int | None = None
    clawback_within_days: int | None = None


class BillableEventRow(RecordedRow, table=True):
    """One thing that costs, once: `source` says what it was.

    `amount_minor` is its list price, what it would cost alone, before tiers, rewards and minimums; a clawback's is
    below zero. `basis_minor` is the amount of the loan, and `about` the lead or the loan.
    """

    __tablename__ = "caas_billable_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source", name="caas_billable_event_source"),
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "rate_card_id", "rate_card_version"],
            ["caas_rate_card.tenant_id", "caas_rate_card.id", "caas_rate_card.version"],
            name="caas_billable_event_card",
        ),
        Index("caas_billable_event_account", "tenant_id", "provider_id", "occurred_at"),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    kind: EventKind = word()
    amount_minor: int = minor()
    basis_minor: int = minor(default=0)
    currency: str
    occurred_at: datetime = instant()
    source: str
    about: str
    reason: str | None = None
    rate_card_id: str
    rate_card_version: int


class Invoice(RecordedRow, table=True):
    """What one provider owes for one month in one currency. Its number has no gap before it in its year."""

    __tablename__ = "caas_invoice"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
        UniqueConstraint("tenant_id", "provider_id", "period", "currency", name="caas_invoice_once"),
        UniqueConstraint("tenant_id", "year", "sequence", name="caas_invoice_number"),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    period: date
    year: int
    sequence: int
    currency: str
    total_minor: int = minor()
    issued_at: datetime = instant()
    due_on: date

    @property
    def number(self) -> str:
        """As it is printed."""
        return f"INV-{self.year}-{self.sequence:05}"


class InvoiceLine(RecordedRow, table=True):
    """One line; `price` is in minor units for leads, in basis points for loans, in percent for rewards."""

    __tablename__ = "caas_invoice_line"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),)

    invoice_id: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    kind: LineKind = word()
    description: str
    quantity: int
    basis_minor: int = minor()
    price: Decimal = rate()
    amount_minor: int = minor()


class BilledEvent(RecordedRow, table=True):
    """An event that is billed is so once: on which document, and what it cost after tiers and rewards."""

    __tablename__ = "caas_billed_event"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "event_id"], ["caas_billable_event.tenant_id", "caas_billable_event.id"]),
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        Index("caas_billed_event_invoice", "tenant_id", "invoice_id"),
    )

    event_id: str = Field(primary_key=True)
    invoice_id: str
    fee_minor: int = minor()


class CreditNote(RecordedRow, table=True):
    """What is given back of an invoice, and why; `lines` name the loans of a clawback."""

    __tablename__ = "caas_credit_note"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),
        UniqueConstraint("tenant_id", "year", "sequence", name="caas_credit_note_number"),
    )

    id: str = Field(primary_key=True)
    invoice_id: str
    provider_id: str
    year: int
    sequence: int
    currency: str
    amount_minor: int = minor()
    reason: str
    lines: list[dict[str, Any]] = document(default_factory=list)
    issued_at: datetime = instant()

    @property
    def number(self) -> str:
        """As it is printed."""
        return f"CN-{self.year}-{self.sequence:05}"


class InvoicePayment(RecordedRow, table=True):
    """Money that a provider paid on an invoice; its reference happens once."""

    __tablename__ = "caas_invoice_payment"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "invoice_id"], ["caas_invoice.tenant_id", "caas_invoice.id"]),)

    invoice_id: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    amount_minor: int = minor()
    currency: str
    paid_on: date
