"""Tenants, and the keys they call us with: a new platform has one, and is given another for each who must check."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import urandom

from sqlmodel import col, select

from api.keys import ENTROPY_BYTES, api_key, hash_of, key_prefix
from models.money import exponent_of
from models.records.database import Database, new_id
from models.records.tenants import ApiKey, Tenant


@dataclass(frozen=True, slots=True)
class NewTenant:
    """The tenant's id and its key, which is shown here and never again."""

    tenant_id: str
    api_key: str = field(repr=False)


async def create_tenant(
    database: Database, name: str, *, country: str = "US", currency: str = "USD", live: bool = False
) -> NewTenant:
    """Write the tenant and the hash of its key."""
    tenant_id, key = new_id("tenant"), api_key(urandom(ENTROPY_BYTES), live=live)
    async with database.transaction(tenant_id) as session:
        session.add(Tenant(tenant_id=tenant_id, name=name, country=country, currency=currency))
        session.add(_key_row(tenant_id, key, key_prefix(live=live)))
    return NewTenant(tenant_id, key)


async def another_key(database: Database, known_key: str) -> str | None:
    """One more key for the tenant that holds this one; None when nobody does, or a provider."""
    hashed = hash_of(known_key)
    async with database.transaction("", api_key_hash=hashed) as session:
        known = (await session.execute(select(ApiKey).where(col(ApiKey.key_hash) == hashed))).scalar_one_or_none()
    if known is None or known.provider_id is not None or not known.opens(datetime.now(UTC)):
        return None
    key = api_key(urandom(ENTROPY_BYTES), live=known.prefix == key_prefix(live=True))
    async with database.transaction(known.tenant_id) as session:
        session.add(_key_row(known.tenant_id, key, known.prefix))
    return key


async def new_key(
    database_url: str, name: str, *, country: str = "US", currency: str = "USD", live: bool = False
) -> str:
    """Create a tenant in a database that is not open yet; its key."""
    exponent_of(currency)
    database = Database(database_url, pool_size=1)
    try:
        return (await create_tenant(database, name, country=country, currency=currency, live=live)).api_key
    finally:
        await database.close()


async def key_beside(database_url: str, known_key: str) -> str | None:
    """The same in a database that is not open yet."""
    database = Database(database_url, pool_size=1)
    try:
        return await another_key(database, known_key)
    finally:
        await database.close()


def _key_row(tenant_id: str, key: str, prefix: str) -> ApiKey:
    return ApiKey(tenant_id=tenant_id, id=new_id("key"), key_hash=hash_of(key), prefix=prefix, last_four=key[-4:])
