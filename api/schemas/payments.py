"""Payments in and out, and what became of them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from api.schemas.values import Amount, Currency, Day, Identifier, In, Number, Out
from models.payment import PaymentKind, PaymentStatus

Method = Literal["credit_card", "bank_transfer", "debit_card", "check", "cash", "crypto"]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\x21-\x7e]{1,100}$")]


class PaymentIn(In):
    loan_id: Identifier
    amount: Amount
    currency: Currency | None = None
    method: Method
    reference: Reference | None = None
    received_on: Day | None = None


class AllocationOut(Out):
    """Where a repayment went."""

    principal: Number
    interest: Number
    fees: Number
    penalties: Number
    overpaid: Number


class PaymentOut(Out):
    payment_id: str
    loan_id: str
    kind: PaymentKind
    status: PaymentStatus
    amount: Number
    currency: str
    method: str
    rail: str
    reference: str
    rail_code: str | None
    received_on: date | None
    posted_at: datetime | None
    failure_reason: str | None
    allocation: AllocationOut | None


class PaymentDetailOut(PaymentOut):
    success: bool = True
