"""What providers are charged: cards, invoices, credit notes and the month that runs."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.schemas.values import Amount, Day, In, Line, Number, Out
from models.billing import EventKind, LineKind

BilledMonthText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
CardBody = Annotated[
    dict[str, Any],
    Field(description="`currency`, `effectiveFrom`, perhaps a `providerId`, and the terms."),
]
InvoiceStatus = Literal["open", "partly_paid", "paid", "credited"]


class RateCardOut(Out):
    card_id: str
    version: int
    provider_id: str | None
    effective_from: date
    terms: dict[str, Any]
    used: bool


class RateCardAnswerOut(Out):
    success: bool = True
    rate_card: RateCardOut


class BillIn(In):
    """A month that is over; the last one when none is named."""

    month: BilledMonthText | None = None


class BillingOut(Out):
    success: bool = True
    month: str
    workflow_id: str
    temporal_url: str


class InvoiceLineOut(Out):
    """`price` is an amount for leads, basis points of `basis` for loans, percent for rewards."""

    kind: LineKind
    description: str
    quantity: int
    basis: Number | None
    price: Number | None
    amount: Number


class InvoiceOut(Out):
    invoice_id: str
    number: str
    provider_id: str
    month: str
    currency: str
    total: Number
    credited: Number
    paid: Number
    outstanding: Number
    status: InvoiceStatus
    issued_at: datetime
    due_on: date


class CreditNoteOut(Out):
    credit_note_id: str
    number: str
    invoice_id: str
    invoice_number: str
    amount: Number
    currency: str
    reason: str
    lines: list[dict[str, Any]]
    issued_at: datetime


class InvoicePaymentOut(Out):
    reference: str
    amount: Number
    paid_on: date


class InvoiceDetailOut(InvoiceOut):
    """`costPerLead` is the total less what was credited, for each lead received in the month."""

    success: bool = True
    provider_name: str
    lines: list[InvoiceLineOut]
    credit_notes: list[CreditNoteOut]
    payments: list[InvoicePaymentOut]
    leads_received: int
    cost_per_lead: Number | None


class BilledEventOut(Out):
    """One thing that was billed; `fee` is what it cost after tiers and rewards."""

    event_id: str
    kind: EventKind
    about: str
    occurred_at: datetime
    basis: Number
    list_price: Number
    fee: Number


class CreditIn(In):
    amount: Amount
    reason: Line


class PaymentIn(In):
    amount: Amount
    paid_on: Day
    reference: Line


class UsageOut(Out):
    """What the month has cost so far, in one currency; nothing of it is billed yet."""

    currency: str
    month: str
    leads_received: int
    loans_funded: int
    conversion_percent: Number | None
    median_response_hours: Number | None
    lines: list[InvoiceLineOut]
    total: Number
    cost_per_lead: Number | None


class UsagesOut(Out):
    success: bool = True
    provider_id: str
    as_of: datetime
    data: list[UsageOut]
