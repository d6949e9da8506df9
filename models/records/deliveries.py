"""What an endpoint's owner asks of its deliveries: how they stand, and to send them again."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# The failures are forgotten, so that the schedule of retries begins anew; the attempts that were made stay on record.
_AGAIN = """
    WITH again AS (
        UPDATE caas_delivery SET status = 'pending', failures = 0, next_attempt_at = NULL, delivered_at = NULL
        WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND {which}
        RETURNING tenant_id, id, endpoint_id, sequence
    )
    INSERT INTO caas_outbox (tenant_id, kind, payload, lane, available_at, attempts)
    SELECT tenant_id, 'deliver', jsonb_build_object('deliveryId', id), endpoint_id, now(), 0 FROM again
    ORDER BY sequence
    RETURNING 1
"""
_RESEND = text(_AGAIN.format(which="id = :id AND status IN ('delivered', 'failed')"))
_RECOVER = text(_AGAIN.format(which="status = 'failed' AND recorded_at >= :since"))
_WOULD_RECOVER = text("""
    SELECT count(*) FROM caas_delivery
    WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND status = 'failed' AND recorded_at >= :since
""")
_STATS = text("""
    WITH sent AS (
        SELECT id, status FROM caas_delivery
        WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND recorded_at >= :since
    ), tried AS (
        SELECT a.duration_ms, a.outcome FROM sent
        JOIN caas_delivery_attempt a ON a.tenant_id = :tenant_id AND a.delivery_id = sent.id
    )
    SELECT s.pending, s.retrying, s.delivered, s.failed, t.attempts, t.failed_attempts, t.p50_ms, t.p99_ms
    FROM (SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
            count(*) FILTER (WHERE status = 'retrying') AS retrying,
            count(*) FILTER (WHERE status = 'delivered') AS delivered,
            count(*) FILTER (WHERE status = 'failed') AS failed FROM sent) s,
        (SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome <> 'accepted') AS failed_attempts,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS p50_ms,
            percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ms) AS p99_ms FROM tried) t
""")


async def resend(session: AsyncSession, tenant_id: str, endpoint_id: str, delivery_id: str) -> bool:
    """Send one message again that arrived or was given up; False when it is still on its way."""
    keys = {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "id": delivery_id}
    return (await session.execute(_RESEND, keys)).first() is not None


async def recover(session: AsyncSession, tenant_id: str, endpoint_id: str, *, since: datetime, is_dry_run: bool) -> int:
    """Send everything again that was given up since a moment; how much that is."""
    keys = {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "since": since}
    if is_dry_run:
        return int((await session.execute(_WOULD_RECOVER, keys)).scalar_one())
    return len((await session.execute(_RECOVER, keys)).all())


async def stats(session: AsyncSession, tenant_id: str, endpoint_id: str, *, since: datetime) -> dict[str, Any]:
    """Counts by status, and what the attempts were like."""
    keys = {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "since": since}
    return dict((await session.execute(_STATS, keys)).mappings().one())
