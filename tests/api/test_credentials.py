"""A provider's API keys: shown once, rotated with an overlap, revoked at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from api.keys import hash_of, is_well_formed
from models.records.providers import ProviderHistory
from models.records.tenants import ApiKey
from tests.api.worlds import Body, World


async def test_both_keys_are_good_in_the_overlap_and_one_after_it(world: World) -> None:
    credentials = await world.register()

    made = (await _rotate(world, credentials)).json()

    until = datetime.fromisoformat(made["previousKeysValidUntil"])
    assert timedelta(hours=23) < until - datetime.now(UTC) <= timedelta(hours=24)
    assert is_well_formed(made["apiKey"])
    assert [await _opens(world, credentials, key) for key in (credentials["apiKey"], made["apiKey"])] == [200, 200]

    await _end(world, credentials["apiKey"])

    assert [await _opens(world, credentials, key) for key in (credentials["apiKey"], made["apiKey"])] == [401, 200]


async def test_without_an_overlap_the_old_key_ends_at_once(world: World) -> None:
    credentials = await world.register()

    made = (await _rotate(world, credentials, overlapHours=0)).json()

    assert [await _opens(world, credentials, key) for key in (credentials["apiKey"], made["apiKey"])] == [401, 200]


async def test_a_rotation_asked_for_twice_is_one_and_shows_the_same_key(world: World) -> None:
    credentials = await world.register()

    first = await _rotate(world, credentials, idempotency_key="k-1", overlapHours=1)
    again = await _rotate(world, credentials, idempotency_key="k-1", overlapHours=1)
    other = await _rotate(
        world, credentials | {"apiKey": first.json()["apiKey"]}, idempotency_key="k-1", overlapHours=1
    )

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "shown_to_another")
    keys = [key for key in await world.rows(ApiKey) if key.provider_id]
    assert {key.key_hash for key in keys} == {hash_of(each) for each in (credentials["apiKey"], first.json()["apiKey"])}
    assert [row.action for row in await world.rows(ProviderHistory)] == ["rotate_key"]


async def test_a_second_rotation_prolongs_nothing(world: World) -> None:
    credentials = await world.register()
    first = (await _rotate(world, credentials, overlapHours=1)).json()

    await _rotate(world, credentials, overlapHours=168)

    [oldest] = [key for key in await world.rows(ApiKey) if key.key_hash == hash_of(credentials["apiKey"])]
    assert oldest.expires_at == datetime.fromisoformat(first["previousKeysValidUntil"])


async def test_the_platform_rotates_and_revokes_for_its_provider(world: World) -> None:
    credentials = await world.register()
    path = f"/api/v1/providers/{credentials['providerId']}/credentials"

    made = await world.post(f"{path}/rotate")
    listed = (await world.get(path)).json()["keys"]
    revoked = await world.http.delete(f"{path}/{listed[0]['keyId']}", headers=world.key)

    assert made.status_code == 201
    assert [key["lastFour"] for key in listed] == [credentials["apiKey"][-4:], made.json()["apiKey"][-4:]]
    assert "apiKey" not in str(listed)
    assert revoked.status_code == 200
    assert await _opens(world, credentials, credentials["apiKey"]) == 401
    assert await _opens(world, credentials, made.json()["apiKey"]) == 200


async def test_a_provider_does_not_lock_itself_out(world: World) -> None:
    credentials = await world.register()
    path = f"/api/v1/providers/{credentials['providerId']}/credentials"
    [key] = (await world.http.get(path, headers=_bearer(credentials["apiKey"]))).json()["keys"]

    answer = await world.http.delete(f"{path}/{key['keyId']}", headers=_bearer(credentials["apiKey"]))

    assert (answer.status_code, answer.json()["code"]) == (409, "last_key")


async def test_keys_of_another_provider_are_not_there(world: World) -> None:
    mine, other = await world.register("R-1"), await world.register("R-2")
    path, key = f"/api/v1/providers/{other['providerId']}/credentials", _bearer(mine["apiKey"])
    [theirs] = (await world.get(path)).json()["keys"]

    answers = [
        await world.http.get(path, headers=key),
        await world.http.post(f"{path}/rotate", headers=key),
        await world.http.delete(f"{path}/{theirs['keyId']}", headers=key),
        await world.http.delete(f"/api/v1/providers/{mine['providerId']}/credentials/{theirs['keyId']}", headers=key),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert await _opens(world, other, other["apiKey"]) == 200


@pytest.mark.parametrize("hours", [-1, 169, 1.5, "1", True])
async def test_an_overlap_is_a_number_of_hours_up_to_a_week(world: World, hours: Any) -> None:
    credentials = await world.register()

    answer = await _rotate(world, credentials, overlapHours=hours)

    assert (answer.status_code, answer.json()["field"]) == (422, "overlapHours")


async def _rotate(world: World, credentials: Body, *, idempotency_key: str | None = None, **body: Any) -> Any:
    headers = _bearer(credentials["apiKey"]) | ({"idempotency-key": idempotency_key} if idempotency_key else {})
    path = f"/api/v1/providers/{credentials['providerId']}/credentials/rotate"
    return await world.http.post(path, json=body, headers=headers)


async def _opens(world: World, credentials: Body, key: str) -> int:
    path = f"/api/v1/providers/{credentials['providerId']}"
    return (await world.http.get(path, headers=_bearer(key))).status_code


async def _end(world: World, key: str) -> None:
    over = update(ApiKey).where(col(ApiKey.key_hash) == hash_of(key)).values(expires_at=datetime.now(UTC))
    await world.change(lambda session: session.execute(over))


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
