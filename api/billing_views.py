"""How cards, invoices and the running month are shown, and an invoice as a file."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO

from activities.billing import RunningBill
from activities.billing_documents import InvoiceKey, Owed
from api.invoice_pdf import InvoicePaper, printed_invoice
from api.schemas.billing import (
    BilledEventOut,
    CreditNoteOut,
    InvoiceDetailOut,
    InvoiceLineOut,
    InvoiceOut,
    InvoicePaymentOut,
    RateCardOut,
    UsageOut,
)
from api.schemas.values import Number, money, number
from models.billing import Line, LineKind
from models.billing_card import Metric
from models.money import major_units
from models.records.billing import (
    BillableEventRow,
    BilledEvent,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    RateCardRow,
)

_CENT = Decimal("0.01")
_NOTE = "Fees are before taxes. Credit notes and payments are as known on the day of this copy."


@dataclass(frozen=True, slots=True)
class WholeInvoice:
    """An invoice with all that belongs to it."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    credit_notes: Sequence[CreditNote]
    payments: Sequence[InvoicePayment]
    owed: Owed
    leads: int
    provider_name: str


def card_out(row: RateCardRow, *, used: bool) -> RateCardOut:
    """One version of a card."""
    return RateCardOut(
        card_id=row.id,
        version=row.version,
        provider_id=row.provider_id,
        effective_from=row.effective_from,
        terms=row.terms,
        used=used,
    )


def invoice_out(invoice: Invoice, owed: Owed) -> InvoiceOut:
    """An invoice in a list."""
    currency = invoice.currency
    return InvoiceOut(
        invoice_id=invoice.id,
        number=invoice.number,
        provider_id=invoice.provider_id,
        month=f"{invoice.period:%Y-%m}",
        currency=currency,
        total=money(invoice.total_minor, currency),
        credited=money(owed.credited_minor, currency),
        paid=money(owed.paid_minor, currency),
        outstanding=money(owed.outstanding_minor, currency),
        status=owed.status,
        issued_at=invoice.issued_at,
        due_on=invoice.due_on,
    )


def invoice_detail_out(whole: WholeInvoice) -> InvoiceDetailOut:
    """The invoice, whole."""
    invoice, currency = whole.invoice, whole.invoice.currency
    return InvoiceDetailOut(
        **invoice_out(invoice, whole.owed).model_dump(),
        provider_name=whole.provider_name,
        lines=[line_out(line, currency) for line in whole.lines],
        credit_notes=[credit_note_out(note, invoice) for note in whole.credit_notes],
        payments=[
            InvoicePaymentOut(reference=p.reference, amount=money(p.amount_minor, currency), paid_on=p.paid_on)
            for p in whole.payments
        ],
        leads_received=whole.leads,
        cost_per_lead=cost_per_lead(invoice.total_minor - whole.owed.credited_minor, whole.leads, currency),
    )


def line_out(line: InvoiceLine | Line, currency: str) -> InvoiceLineOut:
    """One line."""
    price = Decimal(line.price)
    return InvoiceLineOut(
        kind=LineKind(line.kind),
        description=line.description,
        quantity=line.quantity,
        basis=money(line.basis_minor, currency) if line.basis_minor else None,
        price=_price(LineKind(line.kind), price, currency),
        amount=money(line.amount_minor, currency),
    )


def credit_note_out(note: CreditNote, invoice: Invoice) -> CreditNoteOut:
    """One credit note."""
    return CreditNoteOut(
        credit_note_id=note.id,
        number=note.number,
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        amount=money(note.amount_minor, note.currency),
        currency=note.currency,
        reason=note.reason,
        lines=note.lines,
        issued_at=note.issued_at,
    )


def event_out(event: BillableEventRow, billed: BilledEvent) -> BilledEventOut:
    """One event and what it cost."""
    return BilledEventOut(
        event_id=event.id,
        kind=event.kind,
        about=event.about,
        occurred_at=event.occurred_at,
        basis=money(event.basis_minor, event.currency),
        list_price=money(event.amount_minor, event.currency),
        fee=money(billed.fee_minor, event.currency),
    )


def usage_out(key: InvoiceKey, running: RunningBill) -> UsageOut:
    """The month so far."""
    figures, total = running.measured.figures, running.made.total_minor
    shown = {metric: None if figure is None else number(figure) for metric, figure in figures.items()}
    return UsageOut(
        currency=key.currency,
        month=f"{key.month.first:%Y-%m}",
        leads_received=running.measured.leads,
        loans_funded=running.measured.funded,
        conversion_percent=shown[Metric.CONVERSION_PERCENT],
        median_response_hours=shown[Metric.MEDIAN_RESPONSE_HOURS],
        lines=[line_out(line, key.currency) for line in running.made.lines],
        total=money(total, key.currency),
        cost_per_lead=cost_per_lead(total, running.measured.leads, key.currency),
    )


def cost_per_lead(billed_minor: int, leads: int, currency: str) -> Number | None:
    """What was billed, for each lead received; None without one."""
    return number((major_units(billed_minor, currency) / leads).quantize(_CENT)) if leads else None


def csv_of(whole: WholeInvoice) -> bytes:
    """One row for each line, and one for each credit note and payment."""
    out, currency = StringIO(), whole.invoice.currency
    writer = csv.writer(out)
    writer.writerow(("invoice", "kind", "description", "quantity", "basis", "price", "amount", "currency"))
    for line in whole.lines:
        shown = line_out(line, currency)
        basis, price = shown.basis or "", "" if shown.price is None else shown.price
        row = (
            str(line.kind),
            _unforged(line.description),
            line.quantity,
            basis,
            price,
            _plain(line.amount_minor, currency),
        )
        writer.writerow((whole.invoice.number, *row, currency))
    for note in whole.credit_notes:
        amount = _plain(-note.amount_minor, currency)
        words = _unforged(f"{note.number}: {note.reason}")
        writer.writerow((whole.invoice.number, "credit_note", words, "", "", "", amount, currency))
    for paid in whole.payments:
        amount = _plain(-paid.amount_minor, currency)
        words = _unforged(paid.reference)
        writer.writerow((whole.invoice.number, "payment", words, "", "", "", amount, currency))
    return out.getvalue().encode()


def pdf_of(whole: WholeInvoice, *, issuer: str) -> bytes:
    """The invoice on paper."""
    invoice, owed, currency = whole.invoice, whole.owed, whole.invoice.currency
    sums = [("Total", owed.total_minor)]
    sums += [(f"Credit note {note.number}: {note.reason}", -note.amount_minor) for note in whole.credit_notes]
    sums += [(f"Payment {paid.reference} of {paid.paid_on}", -paid.amount_minor) for paid in whole.payments]
    sums.append(("To be paid", owed.outstanding_minor))
    return printed_invoice(
        InvoicePaper(
            issuer=issuer,
            title=f"Invoice {invoice.number}",
            period=f"{invoice.period:%B %Y}, amounts in {currency}",
            facts=(
                ("Billed to", whole.provider_name),
                ("Issued on", f"{invoice.issued_at:%Y-%m-%d}"),
                ("Due on", invoice.due_on.isoformat()),
                ("Leads received", f"{whole.leads:,}"),
                ("Cost per lead", _cost_words(whole)),
                ("Status", owed.status.replace("_", " ")),
            ),
            rows=[_paper_row(line, currency) for line in whole.lines],
            sums=[(name, _amount(minor, currency)) for name, minor in sums],
            note=_NOTE,
        )
    )


def _price(kind: LineKind, price: Decimal, currency: str) -> Number | None:
    if not price:
        return None
    return number(major_units(int(price), currency) if kind is LineKind.LEADS else price.normalize())


def _paper_row(line: InvoiceLine, currency: str) -> tuple[str, str, str, str]:
    kind, price = LineKind(line.kind), Decimal(line.price)
    words, quantity, priced = line.description, f"{line.quantity:,}" if line.quantity else "", ""
    if kind is LineKind.FUNDED_LOANS:
        words = f"{words}, {_amount(line.basis_minor, currency)} in all"
        priced = f"{price.normalize():f} bps"
    elif kind is LineKind.LEADS:
        priced = _amount(int(price), currency)
    else:
        quantity = ""
        priced = f"{price.normalize():f} %" if price else ""
    return words, quantity, priced, _amount(line.amount_minor, currency)


def _cost_words(whole: WholeInvoice) -> str:
    cost = cost_per_lead(whole.invoice.total_minor - whole.owed.credited_minor, whole.leads, whole.invoice.currency)
    return "none received" if cost is None else f"{cost:,.2f}"


def _unforged(words: str) -> str:
    """A spreadsheet takes some beginnings for a formula."""
    return f"'{words}" if words[:1] in {"=", "+", "-", "@"} else words


def _plain(minor: int, currency: str) -> str:
    return f"{major_units(minor, currency):f}"


def _amount(minor: int, currency: str) -> str:
    return f"{major_units(minor, currency):,f}"
