"""A new tenant: a platform, and the one key it calls us with."""

from dataclasses import dataclass, field
from os import urandom

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
        session.add(
            ApiKey(
                tenant_id=tenant_id,
                id=new_id("key"),
                key_hash=hash_of(key),
                prefix=key_prefix(live=live),
                last_four=key[-4:],
            )
        )
    return NewTenant(tenant_id, key)


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
