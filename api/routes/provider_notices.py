"""Notices of a provider, signed as its decisions are: money has left, money has come back."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.idempotency import Ids, SignedRoute
from api.own import OwnSignedProvider, ProviderId
from api.provider_leads import lead_of
from api.provider_notices import Notice, disbursed, own_loan, repaid
from api.receipts import amount_for
from api.resources import Having
from api.routes.decisions import LeadId
from api.schemas.provider_notices import (
    DifferenceOut,
    DisbursedNoticeIn,
    DisbursedNoticeOut,
    RepaymentNoticeIn,
    RepaymentNoticeOut,
)
from api.schemas.values import Identifier, money
from models.money import minor_units
from models.payment import PaymentStatus
from models.records.provider_notices import NoticeKind

router = APIRouter(prefix="/api/v1/providers", tags=["provider api"], route_class=SignedRoute)

LoanId = Annotated[Identifier, Path(alias="loanId")]


@router.post("/{providerId}/leads/{leadId}/disbursed", status_code=201)
async def tell_disbursed(
    provider_id: ProviderId,
    lead_id: LeadId,
    body: DisbursedNoticeIn,
    caller: OwnSignedProvider,
    having: Having,
    response: Response,
    _: Ids,
) -> DisbursedNoticeOut:
    """Tell that the money has left the provider's books, and read whether our rail says the same. 200 when known.

    A lead whose winner is another does not exist here: 404. Another currency is refused; another amount is kept, and
    named in `differences`.
    """
    async with having.database.transaction(caller.tenant_id) as session:
        application = (await lead_of(session, provider_id, lead_id)).application
        notice = Notice(
            provider_id=provider_id,
            kind=NoticeKind.DISBURSED,
            reference=body.external_reference,
            amount_minor=minor_units(body.amount, body.currency, field="amount"),
            currency=body.currency,
            moved_on=body.disbursed_on,
            body=body.model_dump(mode="json", by_alias=True),
        )
        kept, is_new = await disbursed(session, application, notice)
    response.status_code = 201 if is_new else 200
    return DisbursedNoticeOut(
        notice_id=kept.id,
        lead_id=lead_id,
        loan_id=kept.loan_id,
        external_reference=kept.external_reference,
        matched=not kept.differences,
        differences=[DifferenceOut(**each) for each in kept.differences],
    )


@router.post("/{providerId}/loans/{loanId}/repayments", status_code=201)
async def tell_repaid(
    provider_id: ProviderId,
    loan_id: LoanId,
    body: RepaymentNoticeIn,
    caller: OwnSignedProvider,
    having: Having,
    response: Response,
    _: Ids,
) -> RepaymentNoticeOut:
    """Tell that the borrower has paid the provider itself; it is posted to the loan in a moment. 200 when known."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await own_loan(session, provider_id, caller.tenant_id, loan_id)
        notice = Notice(
            provider_id=provider_id,
            kind=NoticeKind.REPAYMENT,
            reference=body.external_reference,
            amount_minor=amount_for(loan, body.amount, body.currency),
            currency=loan.currency,
            moved_on=body.received_on,
            body=body.model_dump(mode="json", by_alias=True) | {"loanId": loan_id},
        )
        kept, payment, is_new = await repaid(session, loan, notice, method=body.method)
    response.status_code = 201 if is_new else 200
    return RepaymentNoticeOut(
        notice_id=kept.id,
        loan_id=loan_id,
        external_reference=kept.external_reference,
        payment_id=payment.id,
        status=PaymentStatus(payment.status),
        amount=money(payment.amount_minor, payment.currency),
        currency=payment.currency,
    )
