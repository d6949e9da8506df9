"""A new tenant is a wall with one key in it."""

from sqlmodel import select

from api.keys import hash_of
from models.records.tenants import ApiKey, Tenant
from tests.api.worlds import World
from workers.embedded.postgres import DatabaseUrls
from workers.tenants import another_key, create_tenant, key_beside


async def test_a_new_tenant_calls_with_its_key(world: World) -> None:
    made = await create_tenant(world.database, "Lagos Loans", country="NG", currency="NGN", live=True)

    answer = await world.http.get("/api/loans", headers={"authorization": f"Bearer {made.api_key}"})

    assert answer.status_code == 200
    assert made.api_key.startswith("caas_live_sk_")
    assert made.api_key not in repr(made)


async def test_only_the_hash_of_the_key_is_kept(world: World) -> None:
    made = await create_tenant(world.database, "Lagos Loans", country="NG", currency="NGN")

    async with world.database.transaction(made.tenant_id) as session:
        tenant = await session.get_one(Tenant, made.tenant_id)
        [key] = (await session.execute(select(ApiKey))).scalars()

    assert (tenant.name, tenant.country, tenant.currency) == ("Lagos Loans", "NG", "NGN")
    assert (key.key_hash, key.last_four, key.provider_id) == (hash_of(made.api_key), made.api_key[-4:], None)
    assert made.api_key not in str(key.model_dump())


async def test_whoever_holds_a_key_can_be_given_another_beside_it(world: World, rows: DatabaseUrls) -> None:
    first = await another_key(world.database, world.tenant.api_key)
    second = await key_beside(rows.app, world.tenant.api_key)

    for key in (world.tenant.api_key, first, second):
        answer = await world.http.get("/api/loans", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200
    assert len({key.id for key in await world.rows(ApiKey)}) == 3
    assert str(first).startswith("caas_test_sk_")


async def test_nobody_is_given_a_key_of_a_tenant_he_is_not(world: World) -> None:
    provider = await world.register()

    assert await another_key(world.database, provider["apiKey"]) is None
    assert await another_key(world.database, "caas_test_sk_" + "0" * 49) is None
