"""What is to be sent now, and what came of it: read and written for many messages in few statements."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import BreakerState, DeliveryStatus
from models.records.outbox import Channel

UNFINISHED = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint as its next message finds it."""

    endpoint_id: str
    provider_id: str | None
    url: str
    enabled: bool
    fifo: bool
    rate_limit_per_second: int | None
    max_in_flight: int
    secrets: tuple[str, ...]
    is_ailing: bool
    breaker: BreakerState
    trips: int
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way to one endpoint or, when it has none, to a mailbox."""

    tenant_id: str
    delivery_id: str
    message_id: str
    channel: str
    recipient: str
    subject: str
    body: str
    status: str
    attempts: int
    failures: int
    next_attempt_at: datetime | None
    address: Address | None
    is_next: bool
    """Whether nothing that must arrive before it is still on its way."""

    @property
    def is_unfinished(self) -> bool:
        """Whether there is still something to send."""
        return self.status in UNFINISHED

    @property
    def has_nowhere_to_go(self) -> bool:
        """Whether it is a webhook whose endpoint is switched off."""
        return self.channel == Channel.WEBHOOK and not (self.address and self.address.enabled)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a parcel: of one attempt, or of not making one."""

    parcel: Parcel
    at: datetime
    status: DeliveryStatus
    error: str | None = None
    next_attempt_at: datetime | None = None
    outcome: str | None = None
    status_code: int | None = None
    duration_ms: int = 0
    excerpt: str = ""
    gone: bool = False
    row: int | None = None
    """The outbox row that is done with it."""

    @property
    def is_attempt(self) -> bool:
        """Whether something was sent."""
        return self.outcome is not None

    @property
    def failed(self) -> bool:
        """Whether an attempt was made in vain."""
        return self.is_attempt and self.status != DeliveryStatus.DELIVERED

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be sent."""
        return self.status not in UNFINISHED

    def done_with(self, row: int | None) -> "Outcome":
        """The same, ending this row of the outbox."""
        return replace(self, row=row)


_LOAD = text("""
    SELECT d.id, d.message_id, d.channel, d.recipient, d.subject, d.body, d.status, d.attempts, d.failures,
        d.next_attempt_at, e.id, e.provider_id, e.url, e.enabled, e.fifo, e.rate_limit_per_second, e.max_in_flight,
        ARRAY(SELECT s.secret FROM caas_endpoint_secret s
            WHERE s.tenant_id = e.tenant_id AND s.endpoint_id = e.id
                AND (s.expires_at IS NULL OR s.expires_at > now())
            ORDER BY s.expires_at DESC NULLS FIRST, s.recorded_at DESC, s.id),
        h.failing_since IS NOT NULL OR coalesce(h.breaker, 'closed') <> 'closed', coalesce(h.breaker, 'closed'),
        coalesce(h.trips, 0), h.retry_at,
        NOT coalesce(e.fifo, false) OR NOT EXISTS (
            SELECT FROM caas_delivery b WHERE b.tenant_id = d.tenant_id AND b.endpoint_id = d.endpoint_id
                AND b.status IN ('pending', 'retrying') AND b.sequence < d.sequence)
    FROM caas_delivery d
    LEFT JOIN caas_endpoint e ON e.tenant_id = d.tenant_id AND e.id = d.endpoint_id
    LEFT JOIN caas_endpoint_health h ON h.tenant_id = e.tenant_id AND h.endpoint_id = e.id
    WHERE d.tenant_id = :tenant_id AND d.id = ANY(:ids)
    ORDER BY d.sequence
""")


async def load(session: AsyncSession, tenant_id: str, delivery_ids: Collection[str]) -> list[Parcel]:
    """These messages with everything it takes to send them, in their order."""
    found = await session.execute(_LOAD, {"tenant_id": tenant_id, "ids": list(delivery_ids)})
    return [_parcel(tenant_id, *row) for row in found]


def _parcel(tenant_id: str, *columns: Any) -> Parcel:
    """From the columns of `_LOAD`, in their order."""
    delivery_id, message_id, channel, recipient, subject, body, status, attempts, failures, next_attempt_at = columns[
        :10
    ]
    return Parcel(
        tenant_id,
        delivery_id,
        message_id or delivery_id,
        channel,
        recipient,
        subject,
        body,
        status,
        attempts,
        failures,
        next_attempt_at,
        address=None if columns[10] is None else _address(*columns[10:22]),
        is_next=columns[22],
    )


def _address(endpoint_id: str, provider_id: str | None, url: str, enabled: bool, fifo: bool, *columns: Any) -> Address:  # noqa: FBT001 - columns
    rate_limit, in_flight, secrets, is_ailing, breaker, trips, retry_at = columns
    return Address(
        endpoint_id,
        provider_id,
        url,
        enabled,
        fifo,
        rate_limit,
        in_flight,
        tuple(secrets),
        is_ailing,
        BreakerState(breaker),
        trips,
        retry_at,
    )


_RECORD = text("""
    WITH o AS (
        SELECT * FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS o(
            delivery_id text, endpoint_id text, number int, at timestamptz, status text, error text, failures int,
            next_attempt_at timestamptz, outcome text, status_code int, duration_ms int, excerpt text, "row" bigint)
    ), attempt AS (
        INSERT INTO caas_delivery_attempt
            (tenant_id, delivery_id, endpoint_id, number, at, status_code, duration_ms, outcome, excerpt, error)
        SELECT :tenant_id, delivery_id, endpoint_id, number, at, status_code, duration_ms, outcome, excerpt, error
        FROM o WHERE outcome IS NOT NULL
    ), delivery AS (
        UPDATE caas_delivery d SET attempts = d.attempts + (o.outcome IS NOT NULL)::int, failures = o.failures,
            status = o.status, last_error = o.error, next_attempt_at = o.next_attempt_at,
            delivered_at = CASE WHEN o.status = 'delivered' THEN o.at END
        FROM o WHERE d.tenant_id = :tenant_id AND d.id = o.delivery_id AND d.status <> 'delivered'
    )
    DELETE FROM caas_outbox USING o WHERE caas_outbox.id = o."row"
""")


async def record(session: AsyncSession, tenant_id: str, outcomes: Sequence[Outcome]) -> None:
    """Write attempts, statuses and what is done of the outbox, all together: a crash loses none of it."""
    written = json.dumps([_written(each) for each in outcomes])
    await session.execute(_RECORD, {"tenant_id": tenant_id, "outcomes": written})


def _written(outcome: Outcome) -> dict[str, Any]:
    parcel = outcome.parcel
    return {
        "delivery_id": parcel.delivery_id,
        "endpoint_id": parcel.address.endpoint_id if parcel.address else None,
        "number": parcel.attempts + 1,
        "at": outcome.at.isoformat(),
        "status": outcome.status,
        "error": _storable(outcome.error),
        "failures": parcel.failures + outcome.failed,
        "next_attempt_at": outcome.next_attempt_at.isoformat() if outcome.next_attempt_at else None,
        "outcome": outcome.outcome,
        "status_code": outcome.status_code,
        "duration_ms": outcome.duration_ms,
        "excerpt": _storable(outcome.excerpt),
        "row": outcome.row,
    }


def _storable(said: str | None) -> str | None:
    """A stranger's words as PostgreSQL can keep them: no NUL, no half characters, and not all of them."""
    if said is None:
        return None
    return said[:2048].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


_FAILED = text("""
    INSERT INTO caas_endpoint_health AS h
        (tenant_id, endpoint_id, failing_since, last_failed_at, breaker, trips, retry_at)
    VALUES (:tenant_id, :endpoint_id, :at, :at, :breaker, :trips, :retry_at)
    ON CONFLICT (tenant_id, endpoint_id) DO UPDATE SET
        failing_since = CASE WHEN h.failing_since IS NULL OR h.last_failed_at < :at - CAST(:gap AS interval)
            THEN excluded.failing_since ELSE h.failing_since END,
        last_failed_at = greatest(h.last_failed_at, excluded.last_failed_at),
        breaker = CASE WHEN :trips > 0 THEN excluded.breaker ELSE h.breaker END,
        trips = CASE WHEN :trips > 0 THEN excluded.trips ELSE h.trips END,
        retry_at = CASE WHEN :trips > 0 THEN excluded.retry_at ELSE h.retry_at END
    RETURNING failing_since
""")


async def note_failure(
    session: AsyncSession,
    tenant_id: str,
    endpoint_id: str,
    at: datetime,
    *,
    gap: timedelta,
    trips: int = 0,
    retry_at: datetime | None = None,
) -> datetime:
    """Note that an endpoint failed, and open its breaker when it has tripped so often; since when it only fails."""
    values = {
        "tenant_id": tenant_id,
        "endpoint_id": endpoint_id,
        "at": at,
        "gap": gap,
        "breaker": BreakerState.OPEN if trips else BreakerState.CLOSED,
        "trips": trips,
        "retry_at": retry_at,
    }
    failing_since: datetime = (await session.execute(_FAILED, values)).scalar_one()
    return failing_since


async def note_success(session: AsyncSession, tenant_id: str, endpoint_ids: Collection[str]) -> None:
    """One success makes an ailing endpoint well."""
    await session.execute(
        text("""
            UPDATE caas_endpoint_health SET failing_since = NULL, breaker = 'closed', trips = 0, retry_at = NULL
            WHERE tenant_id = :tenant_id AND endpoint_id = ANY(:ids)
                AND (failing_since IS NOT NULL OR breaker <> 'closed')
        """),
        {"tenant_id": tenant_id, "ids": list(endpoint_ids)},
    )


async def take_probe(
    session: AsyncSession, tenant_id: str, endpoint_id: str, *, at: datetime, for_: timedelta
) -> tuple[BreakerState, datetime] | None:
    """Be the one that may try an endpoint whose breaker is open; else how it stands and when another may.

    Whoever takes it and dies loses it after `for_`.
    """
    keys = {"tenant_id": tenant_id, "id": endpoint_id}
    taken = await session.execute(_TAKE_PROBE, keys | {"at": at, "until": at + for_})
    if taken.first():
        return None
    found = (await session.execute(_PROBE, keys)).one_or_none()
    return None if found is None else (BreakerState(found[0]), found[1])


_TAKE_PROBE = text("""
    UPDATE caas_endpoint_health SET
        retry_at = CASE WHEN breaker = 'closed' THEN retry_at ELSE :until END,
        breaker = CASE WHEN breaker = 'closed' THEN breaker ELSE 'half_open' END
    WHERE tenant_id = :tenant_id AND endpoint_id = :id AND (breaker = 'closed' OR retry_at <= :at)
    RETURNING 1
""")
_PROBE = text("SELECT breaker, retry_at FROM caas_endpoint_health WHERE tenant_id = :tenant_id AND endpoint_id = :id")


async def switch_off(
    session: AsyncSession, tenant_id: str, endpoint_id: str, *, reason: str, at: datetime
) -> tuple[str | None, str, str | None] | None:
    """Switch an endpoint off; whose it was, its URL and whom to write to. None when it was off."""
    switched = await session.execute(
        text("""
            UPDATE caas_endpoint e SET enabled = false, disabled_reason = :reason, disabled_at = :at
            WHERE e.tenant_id = :tenant_id AND e.id = :id AND e.enabled
            RETURNING e.provider_id, e.url, (SELECT business_email FROM caas_provider p
                WHERE p.tenant_id = e.tenant_id AND p.id = e.provider_id)
        """),
        {"tenant_id": tenant_id, "id": endpoint_id, "reason": reason, "at": at},
    )
    row = switched.one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def keep_order(
    session: AsyncSession, tenant_id: str, rows: Collection[int], endpoint_ids: Collection[str]
) -> None:
    """Take the messages that are not next at their FIFO endpoint from the relay: whatever is before them calls them.

    Behind the lock of the endpoint, so that what was before cannot end between the look and the taking. What has become
    next meanwhile stays.
    """
    await _lock(session, endpoint_ids)
    await session.execute(
        text("""
            DELETE FROM caas_outbox o USING caas_delivery d
            WHERE o.id = ANY(:rows) AND d.tenant_id = :tenant_id AND d.id = o.payload->>'deliveryId' AND EXISTS (
                SELECT FROM caas_delivery b WHERE b.tenant_id = d.tenant_id AND b.endpoint_id = d.endpoint_id
                    AND b.status IN ('pending', 'retrying') AND b.sequence < d.sequence)
        """),
        {"tenant_id": tenant_id, "rows": list(rows)},
    )


async def lock_order(session: AsyncSession, endpoint_ids: Collection[str]) -> None:
    """Before anything of these FIFO endpoints ends: see `keep_order`."""
    await _lock(session, endpoint_ids)


async def call_next(session: AsyncSession, tenant_id: str, endpoint_ids: Collection[str]) -> None:
    """Ask the relay for the next message of each of these FIFO endpoints."""
    await session.execute(
        text("""
            INSERT INTO caas_outbox (tenant_id, kind, payload, lane, available_at, attempts)
            SELECT :tenant_id, 'deliver', jsonb_build_object('deliveryId', d.id), e.id, now(), 0
            FROM unnest(CAST(:ids AS text[])) AS e(id) JOIN LATERAL (
                SELECT id, status FROM caas_delivery WHERE tenant_id = :tenant_id AND endpoint_id = e.id
                    AND status IN ('pending', 'retrying') ORDER BY sequence LIMIT 1
            ) d ON d.status = 'pending'
            WHERE NOT EXISTS (SELECT FROM caas_outbox o WHERE o.lane = e.id AND o.payload->>'deliveryId' = d.id)
        """),
        {"tenant_id": tenant_id, "ids": list(endpoint_ids)},
    )


async def call_all(session: AsyncSession, tenant_id: str, endpoint_id: str) -> None:
    """Ask the relay for every message that waits for this endpoint: it keeps no order any more."""
    await session.execute(
        text("""
            INSERT INTO caas_outbox (tenant_id, kind, payload, lane, available_at, attempts)
            SELECT tenant_id, 'deliver', jsonb_build_object('deliveryId', id), endpoint_id, now(), 0
            FROM caas_delivery d WHERE tenant_id = :tenant_id AND endpoint_id = :id AND status = 'pending'
                AND NOT EXISTS (SELECT FROM caas_outbox o WHERE o.lane = :id AND o.payload->>'deliveryId' = d.id)
        """),
        {"tenant_id": tenant_id, "id": endpoint_id},
    )


async def _lock(session: AsyncSession, endpoint_ids: Collection[str]) -> None:
    """One after the other, in the order in which whoever publishes takes them."""
    await session.execute(
        text("""
            SELECT pg_advisory_xact_lock(hashtextextended(id, 0))
            FROM (SELECT id FROM unnest(CAST(:ids AS text[])) AS e(id) ORDER BY id) AS e
        """),
        {"ids": list(endpoint_ids)},
    )
