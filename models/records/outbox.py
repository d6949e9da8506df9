"""What must happen because a row changed: events, work for the relay, and messages to the outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from models.events import Event
from models.ids import derived_id
from models.records.columns import RecordedRow, document, instant
from models.records.correlation import correlation_id


class EventRow(RecordedRow, table=True):
    """A domain event, append-only: the timeline of an application and its loan."""

    __tablename__ = "caas_event"
    __table_args__ = (Index("caas_event_timeline", "tenant_id", "application_id", "occurred_at", "sequence"),)

    id: str = Field(primary_key=True)
    sequence: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_args=[Identity(always=True)]
    )
    type: str
    application_id: str
    loan_id: str | None = None
    occurred_at: datetime = instant()
    actor: str
    data: dict[str, Any] = document()


class OutboxRow(SQLModel, table=True):
    """Work for the relay; the row is deleted when the work is done. A claim is a lease that ends by itself."""

    __tablename__ = "caas_outbox"
    __table_args__ = (Index("caas_outbox_due", "available_at", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    tenant_id: str
    kind: str
    payload: dict[str, Any] = document()
    correlation_id: str | None = None
    available_at: datetime = instant()
    attempts: int = 0
    last_error: str | None = None


class Delivery(RecordedRow, table=True):
    """A message to a provider (webhook) or a person (mail), and how its sending went."""

    __tablename__ = "caas_delivery"
    __table_args__ = (Index("caas_delivery_status", "tenant_id", "status"),)

    id: str = Field(primary_key=True)
    channel: str
    recipient: str
    subject: str
    body: str
    status: str = "pending"
    attempts: int = 0
    last_error: str | None = None
    delivered_at: datetime | None = instant(default=None)


class OutboxKind(StrEnum):
    """What the relay can be asked to do."""

    START_APPLICATION = "start_application"
    IDENTITY_VERIFIED = "identity_verified"
    TRANSFER_NEWS = "transfer_news"
    DISBURSEMENT_RETURNED = "disbursement_returned"
    PAYMENT_RECEIVED = "payment_received"
    CLOSE_OF_BUSINESS = "close_of_business"
    DELIVER = "deliver"
    SYNC_PLUGIN = "sync_plugin"
    PLUGIN_DECISION = "plugin_decision"


class Channel(StrEnum):
    """How a message leaves."""

    WEBHOOK = "webhook"
    MAIL = "mail"


@dataclass(slots=True)
class _Left:
    """What a transaction leaves behind, gathered until its end so that it is written in a few statements."""

    events: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    work: list[dict[str, Any]] = field(default_factory=list)


def emit(session: AsyncSession, tenant_id: str, event: Event, *, key: str) -> None:
    """Record a domain event with the caller's transaction; the same `key` is the same event."""
    _left(session).events.append(
        {
            "tenant_id": tenant_id,
            "id": derived_id("evt", tenant_id, event.application_id, event.type, key),
            "type": event.type,
            "application_id": event.application_id,
            "loan_id": event.loan_id,
            "occurred_at": event.occurred_at,
            "actor": event.actor,
            "data": event.data,
        }
    )


def ask_relay(session: AsyncSession, tenant_id: str, kind: OutboxKind, payload: dict[str, Any]) -> None:
    """Leave work for the relay with the caller's transaction."""
    _left(session).work.append(_work(tenant_id, kind, payload))


def deliver(
    session: AsyncSession, tenant_id: str, channel: Channel, recipient: str, subject: str, body: str, *, key: str
) -> None:
    """Queue one message with the caller's transaction; the same `key` is the same message and leaves once."""
    _left(session).deliveries.append(
        {
            "tenant_id": tenant_id,
            "id": derived_id("msg", tenant_id, key),
            "channel": channel,
            "recipient": recipient,
            "subject": subject,
            "body": body,
        }
    )


async def write_what_is_left(session: AsyncSession) -> None:
    """Write the events, messages and work of this transaction; its last act before the commit."""
    left = session.info.pop(_Left, None)
    if left is None:
        return
    if left.events:
        await session.execute(insert(EventRow).values(left.events).on_conflict_do_nothing())
    if left.deliveries:
        queued = insert(Delivery).values(left.deliveries).on_conflict_do_nothing()
        for tenant_id, delivery_id in await session.execute(
            queued.returning(col(Delivery.tenant_id), col(Delivery.id))
        ):
            left.work.append(_work(tenant_id, OutboxKind.DELIVER, {"deliveryId": delivery_id}))
    if left.work:
        await session.execute(insert(OutboxRow).values([row | {"available_at": func.now()} for row in left.work]))


def _work(tenant_id: str, kind: OutboxKind, payload: dict[str, Any]) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "kind": kind, "payload": payload, "correlation_id": correlation_id()}


def _left(session: AsyncSession) -> _Left:
    left: _Left = session.info.setdefault(_Left, _Left())
    return left


async def claim(session: AsyncSession, at_most: int, *, lease_seconds: int) -> Sequence[OutboxRow]:
    """Take the rows that are due, oldest first, and hold them for the lease; nobody else sees them meanwhile."""
    due = (
        select(col(OutboxRow.id))
        .where(col(OutboxRow.available_at) <= func.now())
        .order_by(col(OutboxRow.available_at), col(OutboxRow.id))
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    claimed = await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.id).in_(due))
        .values(available_at=func.now() + timedelta(seconds=lease_seconds), attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow)
    )
    return claimed.scalars().all()


async def settle(session: AsyncSession, ids: Sequence[int]) -> None:
    """The work of these rows is done."""
    await session.execute(delete(OutboxRow).where(col(OutboxRow.id).in_(ids)))


async def postpone(session: AsyncSession, row_id: int, *, error: str, seconds: int) -> None:
    """Try this row again after a pause."""
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.id) == row_id)
        .values(available_at=func.now() + timedelta(seconds=seconds), last_error=error[:500])
    )
