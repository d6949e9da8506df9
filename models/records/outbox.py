"""What must happen because a row changed: events, work for the relay, and messages to the outside."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, delete, func, or_, select, text, update
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
    __table_args__ = (Index("caas_outbox_due", "available_at", "id"), Index("caas_outbox_lane", "lane"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    tenant_id: str
    kind: str
    payload: dict[str, Any] = document()
    lane: str | None = None
    """The endpoint a message is for. Nobody takes up more of a lane than it can hold in flight."""
    correlation_id: str | None = None
    available_at: datetime = instant()
    attempts: int = 0
    last_error: str | None = None


class Delivery(RecordedRow, table=True):
    """A message on its way to one endpoint (webhook) or one person (mail), and how its sending went."""

    __tablename__ = "caas_delivery"
    __table_args__ = (
        Index("caas_delivery_status", "tenant_id", "status"),
        Index("caas_delivery_endpoint", "tenant_id", "endpoint_id", "sequence"),
        Index(
            "caas_delivery_unfinished",
            "tenant_id",
            "endpoint_id",
            "sequence",
            postgresql_where=text("status IN ('pending', 'retrying')"),
        ),
    )

    id: str = Field(primary_key=True)
    message_id: str | None = None
    """The same at every endpoint and on every attempt: the receiver's idempotency key."""
    endpoint_id: str | None = None
    event_type: str | None = None
    sequence: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_args=[Identity(always=True)]
    )
    channel: str
    recipient: str
    subject: str
    body: str
    status: str = "pending"
    attempts: int = 0
    failures: int = 0
    """Failed attempts since it was last sent on its way: its place in the schedule of retries."""
    next_attempt_at: datetime | None = instant(default=None)
    last_error: str | None = None
    delivered_at: datetime | None = instant(default=None)


class OutboxKind(StrEnum):
    """What the relay can be asked to do."""

    START_APPLICATION = "start_application"
    START_PROVIDER = "start_provider"
    IDENTITY_VERIFIED = "identity_verified"
    TRANSFER_NEWS = "transfer_news"
    DISBURSEMENT_RETURNED = "disbursement_returned"
    PAYMENT_RECEIVED = "payment_received"
    CLOSE_OF_BUSINESS = "close_of_business"
    BILL_MONTH = "bill_month"
    CHAIN_OPERATIONS = "chain_operations"
    DELIVER = "deliver"
    SYNC_PLUGIN = "sync_plugin"
    PLUGIN_DECISION = "plugin_decision"
    CHAIN_EVENT = "chain_event"
    CHAIN_RECONCILIATION = "chain_reconciliation"


class Channel(StrEnum):
    """How a message leaves."""

    WEBHOOK = "webhook"
    MAIL = "mail"


PLATFORM = "platform"
"""The recipient of what the platform itself is told, at its own endpoints."""

MAIL_LANE = "mail"


@dataclass(slots=True)
class _Left:
    """What a transaction leaves behind, gathered until its end so that it is written in a few statements."""

    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    work: list[dict[str, Any]] = field(default_factory=list)


def emit(session: AsyncSession, tenant_id: str, event: Event, *, key: str) -> None:
    """Record a domain event with the caller's transaction, and tell it to the platform's endpoints that ask for it.

    The same `key` is the same event.
    """
    left, event_id = _left(session), derived_id("evt", tenant_id, event.application_id, event.type, key)
    left.events.append(
        {
            "tenant_id": tenant_id,
            "id": event_id,
            "type": event.type,
            "application_id": event.application_id,
            "loan_id": event.loan_id,
            "occurred_at": event.occurred_at,
            "actor": event.actor,
            "data": event.data,
        }
    )
    left.messages.append(_message(tenant_id, event_id, PLATFORM, event.type, _told(event_id, event)))


def ask_relay(session: AsyncSession, tenant_id: str, kind: OutboxKind, payload: dict[str, Any]) -> None:
    """Leave work for the relay with the caller's transaction."""
    _left(session).work.append(_work(tenant_id, kind, payload))


def deliver(
    session: AsyncSession, tenant_id: str, channel: Channel, recipient: str, subject: str, body: str, *, key: str
) -> None:
    """Queue one message with the caller's transaction; the same `key` is the same message and leaves once.

    A webhook is for every enabled endpoint of its recipient, a provider or `PLATFORM`, that asks for its `subject`,
    the event type. A message that no endpoint asks for leaves no trace.
    """
    left, message_id = _left(session), derived_id("msg", tenant_id, key)
    if channel is Channel.WEBHOOK:
        left.messages.append(_message(tenant_id, message_id, recipient, subject, body))
        return
    left.mails.append(
        {
            "tenant_id": tenant_id,
            "id": message_id,
            "message_id": message_id,
            "channel": channel,
            "recipient": recipient,
            "subject": subject,
            "body": body,
        }
    )


def deliver_to(session: AsyncSession, tenant_id: str, endpoint_id: str, event_type: str, body: str, *, key: str) -> str:
    """Queue one message for one endpoint, whatever it asks for; the id of the message."""
    message_id = derived_id("msg", tenant_id, key)
    message = _message(tenant_id, message_id, "", event_type, body) | {"endpoint_id": endpoint_id}
    _left(session).messages.append(message)
    return message_id


async def write_what_is_left(session: AsyncSession) -> None:
    """Write the events, messages and work of this transaction; its last act before the commit."""
    left = session.info.pop(_Left, None)
    if left is None:
        return
    if left.events:
        await session.execute(insert(EventRow).values(left.events).on_conflict_do_nothing())
    if left.messages:
        await _fan_out(session, left.messages)
    if left.mails:
        queued = insert(Delivery).values(left.mails).on_conflict_do_nothing()
        for tenant_id, delivery_id in await session.execute(
            queued.returning(col(Delivery.tenant_id), col(Delivery.id))
        ):
            work = _work(tenant_id, OutboxKind.DELIVER, {"deliveryId": delivery_id})
            left.work.append(work | {"lane": MAIL_LANE})
    if left.work:
        await session.execute(insert(OutboxRow).values([row | {"available_at": func.now()} for row in left.work]))


# One statement for all messages and all endpoints. The messages to a FIFO endpoint get their numbers behind a lock
# that is held until the commit: so the order of the numbers is the order of the commits.
_FAN_OUT = text("""
    WITH message AS (
        SELECT * FROM jsonb_to_recordset(CAST(:messages AS jsonb))
            AS m(tenant_id text, id text, audience text, endpoint_id text, event_type text, body text, place int)
    ), matched AS MATERIALIZED (
        SELECT m.*, e.id AS to_endpoint, coalesce(e.provider_id, 'platform') AS recipient,
            CASE WHEN e.fifo THEN pg_advisory_xact_lock(hashtextextended(e.id, 0)) END
        FROM message m JOIN LATERAL (
            SELECT id, provider_id, fifo FROM caas_endpoint
            WHERE tenant_id = m.tenant_id AND enabled
                AND CASE WHEN m.endpoint_id IS NOT NULL THEN id = m.endpoint_id
                    ELSE provider_id IS NOT DISTINCT FROM nullif(m.audience, 'platform')
                        AND (event_types = '[]' OR event_types ? m.event_type) END
        ) e ON true
        ORDER BY e.id, m.place
    ), queued AS (
        INSERT INTO caas_delivery (tenant_id, id, message_id, endpoint_id, event_type, channel, recipient, subject,
                                   body, status, attempts, failures)
        SELECT tenant_id, 'dlv_' || left(encode(sha256(convert_to(id || to_endpoint, 'UTF8')), 'hex'), 26), id,
            to_endpoint, event_type, 'webhook', recipient, event_type, body, 'pending', 0, 0
        FROM matched ORDER BY to_endpoint, place
        ON CONFLICT DO NOTHING
        RETURNING tenant_id, id, endpoint_id
    )
    INSERT INTO caas_outbox (tenant_id, kind, payload, lane, correlation_id, available_at, attempts)
    SELECT tenant_id, 'deliver', jsonb_build_object('deliveryId', id), endpoint_id, :correlation_id, now(), 0
    FROM queued
""").bindparams(correlation_id=None)


async def _fan_out(session: AsyncSession, messages: list[dict[str, Any]]) -> None:
    numbered = [message | {"place": place} for place, message in enumerate(messages)]
    await session.execute(_FAN_OUT, {"messages": json.dumps(numbered), "correlation_id": correlation_id()})


def _told(event_id: str, event: Event) -> str:
    ids = {"applicationId": event.application_id, "loanId": event.loan_id}
    told = {"eventId": event_id, "type": event.type, "timestamp": event.occurred_at.isoformat()}
    return json.dumps(told | {"data": ids | event.data})


def _message(tenant_id: str, message_id: str, audience: str, event_type: str, body: str) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "id": message_id, "audience": audience, "event_type": event_type, "body": body}


def _work(tenant_id: str, kind: OutboxKind, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "kind": kind,
        "payload": payload,
        "lane": None,
        "correlation_id": correlation_id(),
    }


def _left(session: AsyncSession) -> _Left:
    left: _Left = session.info.setdefault(_Left, _Left())
    return left


async def claim(
    session: AsyncSession,
    at_most: int,
    *,
    lease_seconds: int,
    without: Collection[str] = (),
    lanes_only: bool = False,
) -> Sequence[OutboxRow]:
    """Take the rows that are due, oldest first, and hold them for the lease; nobody else sees them meanwhile.

    The rows of the lanes in `without` are passed over, so that an endpoint with a long queue is in nobody's way.
    """
    lane = col(OutboxRow.lane)
    due = (
        select(col(OutboxRow.id))
        .where(col(OutboxRow.available_at) <= func.now())
        .order_by(col(OutboxRow.available_at), col(OutboxRow.id))
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    if lanes_only:
        due = due.where(lane.is_not(None))
    if without:
        due = due.where(or_(lane.is_(None), lane.not_in(without)))
    claimed = await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.id).in_(due))
        .values(available_at=func.now() + timedelta(seconds=lease_seconds), attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow)
    )
    # What an UPDATE returns comes in no order.
    return sorted(claimed.scalars().all(), key=lambda row: row.id or 0)


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


async def hold(session: AsyncSession, ids: Sequence[int], *, seconds: float) -> None:
    """Hold claimed rows for so long from now; zero gives them back."""
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.id).in_(ids))
        .values(available_at=func.now() + timedelta(seconds=seconds))
        .execution_options(synchronize_session=False)
    )
