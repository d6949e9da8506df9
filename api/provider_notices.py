"""A provider's notices: kept once by its own reference, compared with our books, and a repayment becomes a payment."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.loans import UnknownLoan
from api.decisions import UnknownLead
from api.receipts import OtherCurrency, Receipt, provider_rail, take_receipt
from api.schemas.provider_notices import DifferenceOut
from api.schemas.values import money
from models.errors import Conflict
from models.ids import derived_id
from models.offer import OfferStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.applications import Application
from models.records.loans import Loan
from models.records.offers import Offer
from models.records.payments import Payment
from models.records.provider_notices import NoticeKind, ProviderNotice

# By the alphabet: an offer that stands before one that has lapsed.
_ONCE_ACCEPTED = (OfferStatus.ACCEPTED, OfferStatus.FUNDED, OfferStatus.LAPSED)
_LAPSED = DifferenceOut(
    field="status",
    ours=OfferStatus.LAPSED,
    theirs="disbursed",
    detail="The offer has lapsed: no money of it may leave.",
)
_NEVER_LEFT = frozenset({PaymentStatus.FAILED, PaymentStatus.REVERSED})


class NoticeKnown(Conflict):
    """A notice of this reference is known, and it was another."""


class NothingToDisburse(Conflict):
    """No offer of this provider was accepted, so no money of its leaves."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider says, in our terms."""

    provider_id: str
    kind: NoticeKind
    reference: str
    amount_minor: int
    currency: str
    moved_on: date | None
    body: dict[str, Any]


async def take_notice(
    session: AsyncSession,
    application: Application,
    loan_id: str | None,
    notice: Notice,
    *,
    payment_id: str | None = None,
    differences: list[DifferenceOut] | None = None,
) -> tuple[ProviderNotice, bool]:
    """The notice, and whether it is new. The same reference is the same notice."""
    notice_id = derived_id("ntc", application.tenant_id, notice.provider_id, notice.reference)
    row = {
        "tenant_id": application.tenant_id,
        "id": notice_id,
        "provider_id": notice.provider_id,
        "kind": notice.kind,
        "external_reference": notice.reference,
        "application_id": application.id,
        "loan_id": loan_id,
        "payment_id": payment_id,
        "amount_minor": notice.amount_minor,
        "currency": notice.currency,
        "moved_on": notice.moved_on,
        "differences": [each.model_dump(mode="json", by_alias=True) for each in differences or []],
        "body": notice.body,
    }
    added = await session.execute(
        insert(ProviderNotice).values(row).on_conflict_do_nothing().returning(col(ProviderNotice.id))
    )
    is_new = added.first() is not None
    kept = await session.get_one(ProviderNotice, (application.tenant_id, notice_id))
    if (kept.kind, kept.application_id, kept.body) != (notice.kind, application.id, notice.body):
        raise NoticeKnown(
            f"A notice with the reference {notice.reference} is known, and was another.", "externalReference"
        )
    return kept, is_new


async def disbursed(session: AsyncSession, application: Application, notice: Notice) -> tuple[ProviderNotice, bool]:
    """Keep the notice beside what our rail did. Another currency cannot be compared, and is refused."""
    if await _accepted_status(session, application, notice.provider_id) == OfferStatus.LAPSED:
        return await take_notice(session, application, None, notice, differences=[_LAPSED])
    payment = await _payout_of(session, application)
    if notice.currency != payment.currency:
        raise OtherCurrency(f"The loan is paid out in {payment.currency}.", "currency")
    return await take_notice(session, application, payment.loan_id, notice, differences=_differences(payment, notice))


async def repaid(
    session: AsyncSession, loan: Loan, notice: Notice, *, method: str
) -> tuple[ProviderNotice, Payment, bool]:
    """Keep the notice and let its money be posted, in one transaction: neither is ever there without the other."""
    application = await session.get_one(Application, (loan.tenant_id, loan.application_id))
    receipt = Receipt(
        rail=provider_rail(notice.provider_id),
        reference=notice.reference,
        method=method,
        amount_minor=notice.amount_minor,
        currency=notice.currency,
        received_on=notice.moved_on,
    )
    payment_id = derived_id("pay", loan.tenant_id, receipt.rail, receipt.reference)
    kept, is_new = await take_notice(session, application, loan.id, notice, payment_id=payment_id)
    payment, _ = await take_receipt(session, loan, receipt)
    assert payment.id == payment_id, "the notice names the payment that came of it"
    return kept, payment, is_new


async def own_loan(session: AsyncSession, provider_id: str, tenant_id: str, loan_id: str) -> Loan:
    """A loan this provider has granted, or `UnknownLoan`: another's does not exist for it."""
    loan = await session.get(Loan, (tenant_id, loan_id))
    if loan is None or loan.provider_id != provider_id:
        raise UnknownLoan(f"There is no loan {loan_id} of this provider.", "loanId")
    return loan


async def _accepted_status(session: AsyncSession, application: Application, provider_id: str) -> str:
    """What became of this provider's offer, or `UnknownLead` when the borrower never accepted it."""
    found = await session.execute(
        select(col(Offer.status))
        .where(
            col(Offer.application_id) == application.id,
            col(Offer.provider_id) == provider_id,
            col(Offer.status).in_(_ONCE_ACCEPTED),
        )
        .order_by(col(Offer.status))
    )
    status = found.scalars().first()
    if status is None:
        raise UnknownLead(f"No offer of this provider for the lead {application.lead_id} was accepted.", "leadId")
    return status


async def _payout_of(session: AsyncSession, application: Application) -> Payment:
    found = await session.execute(
        select(Payment).where(
            col(Payment.loan_id) == application.loan_id, col(Payment.kind) == PaymentKind.DISBURSEMENT
        )
    )
    payment = found.scalar_one_or_none()
    if payment is None:
        raise NothingToDisburse("No payout was ordered for this lead.", "leadId")
    return payment


def _differences(payment: Payment, notice: Notice) -> list[DifferenceOut]:
    found = []
    if notice.amount_minor != payment.amount_minor:
        ours, theirs = (money(minor, payment.currency) for minor in (payment.amount_minor, notice.amount_minor))
        detail = f"Our rail was told to pay {ours} {payment.currency}."
        found.append(DifferenceOut(field="amount", ours=ours, theirs=theirs, detail=detail))
    if payment.status in _NEVER_LEFT:
        detail = payment.failure_reason or "Our rail has not paid this out, or it came back."
        found.append(DifferenceOut(field="status", ours=payment.status, theirs="disbursed", detail=detail))
    return found
