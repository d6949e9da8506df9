"""Repayments that have arrived, by whatever door: one row and one order to post it, once."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities.token_loans import check_receipt
from models.errors import Conflict, Refused
from models.ids import derived_id
from models.loan import LoanStatus
from models.money import minor_units
from models.payment import PaymentKind, PaymentStatus
from models.records.loans import Loan
from models.records.outbox import OutboxKind, ask_relay
from models.records.payments import Payment

PLATFORM = "platform"
_PROVIDER = "provider:"


class OtherCurrency(Refused):
    """The payment is in another currency than the loan."""


class ReceivedBeforeDisbursement(Refused):
    """The money would have come before the loan."""


class LoanCancelled(Conflict):
    """The disbursement came back: nothing is owed, and no repayment can be due."""


class PaymentKnown(Conflict):
    """A payment of this reference is known, and it was another."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that somebody has received for a loan."""

    rail: str
    reference: str
    method: str
    amount_minor: int
    currency: str
    received_on: date | None
    rail_code: str | None = None

    @property
    def is_a_report(self) -> bool:
        """Whether somebody says so who may be mistaken; what a rail says has happened."""
        return self.rail == PLATFORM or self.rail.startswith(_PROVIDER)


def provider_rail(provider_id: str) -> str:
    """The rail of money that a provider has received itself."""
    return _PROVIDER + provider_id


def amount_for(loan: Loan, amount: Decimal, currency: str | None, *, under: str = "") -> int:
    """The amount in the loan's minor units."""
    if currency not in (None, loan.currency):
        raise OtherCurrency(f"The loan is in {loan.currency}.", f"{under}currency")
    return minor_units(amount, loan.currency, field=f"{under}amount")


async def take_receipt(session: AsyncSession, loan: Loan, receipt: Receipt) -> tuple[Payment, bool]:
    """The payment, and whether it is new. The same reference is the same payment."""
    if receipt.currency != loan.currency:
        raise OtherCurrency(f"The loan is in {loan.currency}.", "currency")
    payment_id = derived_id("pay", loan.tenant_id, receipt.rail, receipt.reference)
    if known := await session.get(Payment, (loan.tenant_id, payment_id)):
        return _the_same(known, loan, receipt), False
    if receipt.is_a_report:
        _check_report(loan, receipt)
        await check_receipt(session, loan)
    added = await session.execute(
        insert(Payment).values(_columns(payment_id, loan, receipt)).on_conflict_do_nothing().returning(col(Payment.id))
    )
    payment = await session.get_one(Payment, (loan.tenant_id, payment_id))
    if added.first() is None:
        return _the_same(payment, loan, receipt), False
    _ask_to_post(session, loan, payment)
    return payment, True


def _check_report(loan: Loan, receipt: Receipt) -> None:
    """What a platform or a lender reports may be a mistake; what a rail reports is posted whatever it is."""
    if receipt.received_on is not None and receipt.received_on < loan.disbursed_on:
        raise ReceivedBeforeDisbursement(f"The loan was disbursed on {loan.disbursed_on}.", "receivedOn")
    if loan.status == LoanStatus.CANCELLED:
        raise LoanCancelled("The disbursement of this loan came back; nothing is owed.", "loanId")


def _the_same(known: Payment, loan: Loan, receipt: Receipt) -> Payment:
    if (known.loan_id, known.amount_minor) != (loan.id, receipt.amount_minor):
        raise PaymentKnown(f"A payment with the reference {receipt.reference} is known, and was another.", "reference")
    return known


def _columns(payment_id: str, loan: Loan, receipt: Receipt) -> dict[str, object]:
    return {
        "tenant_id": loan.tenant_id,
        "id": payment_id,
        "loan_id": loan.id,
        "kind": PaymentKind.REPAYMENT,
        "status": PaymentStatus.PENDING,
        "method": receipt.method,
        "rail": receipt.rail,
        "external_reference": receipt.reference,
        "amount_minor": receipt.amount_minor,
        "currency": receipt.currency,
        "received_on": receipt.received_on,
        "rail_code": receipt.rail_code,
    }


def _ask_to_post(session: AsyncSession, loan: Loan, payment: Payment) -> None:
    payload = {
        "loanId": loan.id,
        "applicationId": loan.application_id,
        "paymentId": payment.id,
        "amountMinor": payment.amount_minor,
        "currency": payment.currency,
        "receivedOn": payment.received_on.isoformat() if payment.received_on else None,
    }
    ask_relay(session, loan.tenant_id, OutboxKind.PAYMENT_RECEIVED, payload)
