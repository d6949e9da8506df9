"""Payments: repayments the platform has received, and every movement of money there was."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from sqlmodel import select

from api.examples import PAYMENT
from api.idempotency import IdempotentRoute, Ids
from api.pagination import PageOut, Pages
from api.receipts import PLATFORM, Receipt, amount_for, take_receipt
from api.resources import Having
from api.routes.loans import loan_in
from api.schemas.payments import AllocationOut, PaymentDetailOut, PaymentIn, PaymentOut
from api.schemas.values import Identifier, money
from api.security import TenantCaller
from models.errors import NotFound
from models.payment import PaymentKind, PaymentStatus
from models.records.payments import Payment

router = APIRouter(prefix="/api/payments", tags=["payments"], route_class=IdempotentRoute)

PaymentId = Annotated[Identifier, Path(alias="paymentId")]


class UnknownPayment(NotFound):
    """The tenant has no such payment."""


@router.post("", status_code=201)
async def receive(
    body: Annotated[PaymentIn, Body(openapi_examples=PAYMENT)],
    caller: TenantCaller,
    having: Having,
    ids: Ids,
    response: Response,
) -> PaymentDetailOut:
    """Take a repayment the platform has received; it is posted to the loan in a moment. 200 when it is known."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, body.loan_id)
        receipt = Receipt(
            rail=PLATFORM,
            reference=body.reference or ids("ref"),
            method=body.method,
            amount_minor=amount_for(loan, body.amount, body.currency),
            currency=loan.currency,
            received_on=body.received_on,
        )
        payment, is_new = await take_receipt(session, loan, receipt)
    response.status_code = 201 if is_new else 200
    return _detail(payment)


@router.get("")
async def find(
    caller: TenantCaller,
    having: Having,
    paging: Pages,
    loan_id: Annotated[Identifier | None, Query(alias="loanId")] = None,
    status: PaymentStatus | None = None,
    kind: PaymentKind | None = None,
) -> PageOut[PaymentOut]:
    """The tenant's payments, filtered."""
    wanted = {Payment.loan_id: loan_id, Payment.status: status, Payment.kind: kind}
    query = select(Payment).where(*(column == value for column, value in wanted.items() if value is not None))
    if paging.after is not None:
        query = query.where(Payment.id > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query.order_by(Payment.id).limit(paging.fetched))).scalars().all()
    return paging.page(rows, payment_out, lambda payment: (payment.id,))


@router.get("/{paymentId}")
async def show(payment_id: PaymentId, caller: TenantCaller, having: Having) -> PaymentDetailOut:
    """One payment."""
    async with having.database.transaction(caller.tenant_id) as session:
        payment = await session.get(Payment, (caller.tenant_id, payment_id))
    if payment is None:
        raise UnknownPayment(f"There is no payment {payment_id}.", "paymentId")
    return _detail(payment)


def payment_out(payment: Payment) -> PaymentOut:
    """The row as the platform reads it."""
    return PaymentOut(
        payment_id=payment.id,
        loan_id=payment.loan_id,
        kind=PaymentKind(payment.kind),
        status=PaymentStatus(payment.status),
        amount=money(payment.amount_minor, payment.currency),
        currency=payment.currency,
        method=payment.method,
        rail=payment.rail,
        reference=payment.external_reference,
        rail_code=payment.rail_code,
        received_on=payment.received_on,
        posted_at=payment.posted_at,
        failure_reason=payment.failure_reason,
        allocation=_allocation(payment),
    )


def _detail(payment: Payment) -> PaymentDetailOut:
    return PaymentDetailOut(**payment_out(payment).model_dump())


def _allocation(payment: Payment) -> AllocationOut | None:
    if payment.kind != PaymentKind.REPAYMENT or payment.posted_at is None:
        return None
    return AllocationOut(
        principal=money(payment.principal_minor, payment.currency),
        interest=money(payment.interest_minor, payment.currency),
        fees=money(payment.fee_minor, payment.currency),
        penalties=money(payment.penalty_minor, payment.currency),
        overpaid=money(payment.overpaid_minor, payment.currency),
    )
