"""What a provider was charged in a period; the one place where analytics reads from billing."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_IS_BILLED = text("SELECT to_regclass('caas_billable_event') IS NOT NULL")
_CHARGED = text("""
    SELECT coalesce(sum(amount_minor), 0) FROM caas_billable_event
    WHERE provider_id = :provider_id AND currency = :currency AND occurred_at >= :start AND occurred_at < :end
""")


async def charged_minor(
    session: AsyncSession, provider_id: str, currency: str, start: datetime, end: datetime
) -> int | None:
    """Charges less credits; None where nothing is billed at all, which is not the same as nothing charged."""
    if not (await session.execute(_IS_BILLED)).scalar_one():
        return None
    wanted = {"provider_id": provider_id, "currency": currency, "start": start, "end": end}
    return int((await session.execute(_CHARGED, wanted)).scalar_one())
