"""What a rail's webhook means for us: whose it is, whether it is news, and what has to happen."""

from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.loans import UnknownLoan
from activities.rails import RailEvent, RailEventKind, TransferStatus
from api.receipts import Receipt, take_receipt
from models.errors import NotFound
from models.records.database import Database
from models.records.loans import Loan
from models.records.outbox import OutboxKind, ask_relay
from models.records.payments import InboundWebhook, RailAddress

_STATUSES = {
    RailEventKind.TRANSFER_SUCCEEDED: TransferStatus.SUCCEEDED,
    RailEventKind.TRANSFER_FAILED: TransferStatus.FAILED,
    RailEventKind.TRANSFER_REVERSED: TransferStatus.REVERSED,
}


class UnknownRailAddress(NotFound):
    """The account or the reference is nobody's. The rail tells again, so news that comes early is not lost."""


async def take_news(database: Database, rail: str, event: RailEvent, raw: bytes) -> bool:
    """Act on the event, in one transaction; False when it is known, and nothing was changed."""
    address = await _address(database, event)
    async with database.transaction(address.tenant_id) as session:
        if not await _is_news(session, address, rail, event, raw):
            return False
        if event.kind is RailEventKind.PAYMENT_RECEIVED:
            await _take_payment(session, address, rail, event)
        else:
            await _take_transfer(session, address, event)
    return True


async def _address(database: Database, event: RailEvent) -> RailAddress:
    is_payment = event.kind is RailEventKind.PAYMENT_RECEIVED
    wanted = (event.account_number if is_payment else event.reference) or ""
    # Nobody knows the tenant yet: row-level security shows the one row of this address.
    async with database.transaction("", rail_address=wanted) as session:
        found = await session.execute(select(RailAddress).where(RailAddress.address == wanted))
        address = found.scalar_one_or_none()
    if address is None:
        field = "data.authorization.receiver_bank_account_number" if is_payment else "data.reference"
        raise UnknownRailAddress("This account or reference is not one of ours.", field)
    return address


async def _is_news(session: AsyncSession, address: RailAddress, rail: str, event: RailEvent, raw: bytes) -> bool:
    row = {
        "tenant_id": address.tenant_id,
        "rail": rail,
        "event": event.kind,
        "reference": event.reference,
        "body": raw.decode(),
    }
    added = await session.execute(
        insert(InboundWebhook).values(row).on_conflict_do_nothing().returning(col(InboundWebhook.reference))
    )
    return added.first() is not None


async def _take_payment(session: AsyncSession, address: RailAddress, rail: str, event: RailEvent) -> None:
    loan = await session.get(Loan, (address.tenant_id, address.loan_id))
    if loan is None:
        raise UnknownLoan("The loan of this account is not open yet.", "loanId")
    receipt = Receipt(
        rail=rail,
        reference=event.reference,
        method="bank_transfer",
        amount_minor=event.amount_minor,
        currency=event.currency,
        received_on=(event.occurred_at or datetime.now(UTC)).astimezone(UTC).date(),
        rail_code=event.rail_code,
    )
    await take_receipt(session, loan, receipt)


async def _take_transfer(session: AsyncSession, address: RailAddress, event: RailEvent) -> None:
    loan = await session.get(Loan, (address.tenant_id, address.loan_id))
    if event.kind is RailEventKind.TRANSFER_REVERSED and loan is not None:
        payload = {"loanId": address.loan_id, "applicationId": address.application_id}
        ask_relay(session, address.tenant_id, OutboxKind.DISBURSEMENT_RETURNED, payload)
        return
    news = {
        "applicationId": address.application_id,
        "reference": event.reference,
        "status": _STATUSES[event.kind],
        "railCode": event.rail_code,
        "reason": event.reason,
    }
    ask_relay(session, address.tenant_id, OutboxKind.TRANSFER_NEWS, news)
