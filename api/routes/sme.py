"""Events of the platform's own services: an identity it has verified, a payment it has received."""

from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Body
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.loans import UnknownLoan
from api.examples import SME_EVENT
from api.idempotency import IdempotentRoute, Ids
from api.problems import InvalidFields
from api.receipts import PLATFORM, Receipt, amount_for, take_receipt
from api.resources import Having
from api.routes.loans import loan_in
from api.schemas.messages import HeardOut, KycVerifiedIn, PaymentReceivedIn, SmeEventIn
from api.schemas.values import In
from api.security import Caller, TenantCaller
from models.application import ApplicationStatus
from models.records.applications import Applicant, Application, VerifiedUser
from models.records.loans import Loan
from models.records.outbox import OutboxKind, ask_relay
from models.records.payments import RailAddress

router = APIRouter(prefix="/api/sme", tags=["platform events"], route_class=IdempotentRoute)

Data = TypeVar("Data", bound=In)

_LOAN_REFERENCE = "LOAN_"


@router.post("/events")
async def hear(
    event: Annotated[SmeEventIn, Body(openapi_examples=SME_EVENT)], caller: TenantCaller, having: Having, _: Ids
) -> HeardOut:
    """Take one event; the same event, or the same payment, changes nothing the second time."""
    async with having.database.transaction(caller.tenant_id) as session:
        if event.event_type == "sme.kyc.verified":
            is_news = await _verified(session, caller, event, _data(KycVerifiedIn, event))
        else:
            is_news = await _paid(session, caller, event, _data(PaymentReceivedIn, event))
    return HeardOut(status="accepted" if is_news else "duplicate")


def _data(model: type[Data], event: SmeEventIn) -> Data:
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", "data", *fault["loc"])} for fault in error.errors()]
        raise InvalidFields(faults, {"data": event.data}) from None


async def _verified(session: AsyncSession, caller: Caller, event: SmeEventIn, data: KycVerifiedIn) -> bool:
    row = {
        "tenant_id": caller.tenant_id,
        "user_id": data.user_id,
        "verified_at": _verified_at(data.verification_date or event.timestamp),
        "source_event_id": event.event_id,
    }
    if await _is_known(session, caller, event, data):
        return False
    await session.execute(
        insert(VerifiedUser).values(row).on_conflict_do_update(index_elements=["tenant_id", "user_id"], set_=row)
    )
    waiting = await session.execute(
        select(Application.id)
        .join(Applicant, col(Applicant.id) == col(Application.applicant_id))
        .where(Applicant.user_id == data.user_id, Application.status == ApplicationStatus.ACTION_REQUIRED)
    )
    for application_id in waiting.scalars():
        payload = {"applicationId": application_id}
        ask_relay(session, caller.tenant_id, OutboxKind.IDENTITY_VERIFIED, payload)
    return True


async def _is_known(session: AsyncSession, caller: Caller, event: SmeEventIn, data: KycVerifiedIn) -> bool:
    known = await session.get(VerifiedUser, (caller.tenant_id, data.user_id))
    return known is not None and known.source_event_id == event.event_id


def _verified_at(given: datetime | date | None) -> datetime:
    if isinstance(given, datetime):
        return given
    return datetime(given.year, given.month, given.day, tzinfo=UTC) if given else datetime.now(UTC)


async def _paid(session: AsyncSession, caller: Caller, event: SmeEventIn, data: PaymentReceivedIn) -> bool:
    loan = await _loan_of(session, caller, data)
    paid_at = data.paid_at or event.timestamp
    receipt = Receipt(
        rail=PLATFORM,
        reference=data.payment_id,
        method="bank_transfer",
        amount_minor=amount_for(loan, data.amount, data.currency, under="data."),
        currency=loan.currency,
        received_on=paid_at.astimezone(UTC).date() if paid_at else None,
    )
    _, is_news = await take_receipt(session, loan, receipt)
    return is_news


async def _loan_of(session: AsyncSession, caller: Caller, data: PaymentReceivedIn) -> Loan:
    if data.loan_id is not None:
        return await loan_in(session, caller, data.loan_id)
    if data.reference is not None and data.reference.startswith(_LOAN_REFERENCE):
        return await loan_in(session, caller, data.reference.removeprefix(_LOAN_REFERENCE))
    address = await session.get(RailAddress, (caller.tenant_id, data.account_number or data.reference or ""))
    if address is None:
        raise UnknownLoan("No loan of ours is paid under this account or reference.", "data.reference")
    return await loan_in(session, caller, address.loan_id)
