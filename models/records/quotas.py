"""How often a caller may ask, and the one instant per caller that says how often it has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, bindparam, case, func, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, col, select

from models.quota import Quota
from models.records.columns import RecordedRow, TenantRow, instant
from models.records.tenants import ApiKey

PLATFORM = "platform"


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


@dataclass(frozen=True, slots=True)
class Standards:
    """What may be asked in a minute where no operator has said otherwise."""

    provider: int
    platform: int


def _counting() -> Select[Any]:
    provider_id = col(ApiKey.provider_id)
    standard = case(
        (provider_id.is_(None), bindparam("platform", type_=Integer)), else_=bindparam("provider", type_=Integer)
    )
    taken = (
        func.caas_take_request(col(ApiKey.tenant_id), func.coalesce(provider_id, PLATFORM), standard)
        .table_valued("requests_per_minute", "is_taken", "debt_seconds")
        .lateral("taken")
    )
    columns: tuple[Any, ...] = (ApiKey, taken.c.requests_per_minute, taken.c.is_taken, taken.c.debt_seconds)
    counting: Select[Any] = select(*columns).join(taken, true()).where(col(ApiKey.key_hash) == bindparam("key_hash"))
    return counting


# Made once: it is asked with every request, and making it takes longer than asking.
_COUNTING = _counting()


async def counted_key(session: AsyncSession, key_hash: str, standards: Standards) -> tuple[ApiKey, Quota] | None:
    """The key of this hash, and one request counted for its holder, in one statement.

    Concurrent requests wait for each other on the holder's row. The statement also sets the tenant of the transaction,
    which is known from here on.
    """
    asked = {"key_hash": key_hash, "platform": standards.platform, "provider": standards.provider}
    found = (await session.execute(_COUNTING, asked)).one_or_none()
    if found is None:
        return None
    key, requests_per_minute, is_taken, debt_seconds = found
    name = "platform" if key.provider_id is None else "provider"
    return key, Quota(name, requests_per_minute, debt_seconds, is_exceeded=not is_taken)
