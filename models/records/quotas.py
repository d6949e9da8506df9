"""How often a caller may ask, and the one instant per caller that says how often it has."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from models.quota import Quota
from models.records.columns import RecordedRow, TenantRow, instant

_TAKE = text("SELECT requests_per_minute, is_taken, debt_seconds FROM caas_take_request(:tenant, :holder, :standard)")


class RateLimit(RecordedRow, table=True):
    """A limit an operator has set for one caller (a provider's id); without a row the settings hold."""

    __tablename__ = "caas_rate_limit"

    holder: str = Field(primary_key=True)
    requests_per_minute: int
    version: int


class RateState(TenantRow, table=True):
    """When a caller's budget is whole again. Unlogged: after a crash everybody begins with a whole one."""

    __tablename__ = "caas_rate_state"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    holder: str = Field(primary_key=True)
    full_at: datetime = instant()


async def take_request(session: AsyncSession, tenant_id: str, holder: str, *, name: str, standard: int) -> Quota:
    """Count one request of this caller, in one statement; concurrent ones wait for each other on the caller's row.

    The statement sets the tenant of the transaction, which at this point is only just known.
    """
    taken = await session.execute(_TAKE, {"tenant": tenant_id, "holder": holder, "standard": standard})
    requests_per_minute, is_taken, debt_seconds = taken.one()
    return Quota(name, requests_per_minute, debt_seconds, is_exceeded=not is_taken)
