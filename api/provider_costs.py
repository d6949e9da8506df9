"""What a provider was charged in a period; the one place where analytics reads from billing."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Before a bill says what an event costs after tiers and rewards, its list price is the best that is known.
_CHARGED = text("""
    SELECT
        EXISTS (SELECT FROM caas_rate_card WHERE currency = :currency),
        (SELECT coalesce(sum(coalesce(b.fee_minor, e.amount_minor)), 0)
         FROM caas_billable_event e LEFT JOIN caas_billed_event b ON b.event_id = e.id
         WHERE e.provider_id = :provider_id AND e.currency = :currency AND e.kind <> 'clawback'
           AND e.occurred_at >= :start AND e.occurred_at < :end)
      - (SELECT coalesce(sum(amount_minor), 0) FROM caas_credit_note
         WHERE provider_id = :provider_id AND currency = :currency AND issued_at >= :start AND issued_at < :end)
""")


async def charged_minor(
    session: AsyncSession, provider_id: str, currency: str, start: datetime, end: datetime
) -> int | None:
    """The fees of what happened in the period, less the credits given in it; None where no card prices anything.

    A monthly minimum belongs to no lead and is not in it.
    """
    wanted = {"provider_id": provider_id, "currency": currency, "start": start, "end": end}
    is_priced, charged = (await session.execute(_CHARGED, wanted)).one()
    return int(charged) if is_priced else None
