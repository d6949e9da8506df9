"""Providers: registered as the owner printed them, given credentials once, activated when licensed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from api.keys import hash_of, is_well_formed
from api.settings import ApiSettings
from models.records.providers import Provider
from models.records.tenants import ApiKey, IdempotencyKey
from tests.api.worlds import Body, World, opened, provider_body
from workers.embedded.postgres import DatabaseUrls

PATH = "/api/v1/providers/register"


async def test_the_owners_body_is_answered_as_printed(world: World) -> None:
    answer = await world.post(PATH, provider_body())

    assert answer.status_code == 201
    printed = answer.json()
    assert (printed["success"], printed["status"]) == (True, "pending")
    credentials = printed["apiCredentials"]
    assert credentials["providerId"] == printed["providerId"]
    assert is_well_formed(credentials["apiKey"])
    assert credentials["webhookSecret"].startswith("whsec_")
    assert {step["step"]: step["done"] for step in printed["onboarding"]}["approved"] is False


async def test_of_the_key_only_a_hash_is_kept(world: World) -> None:
    credentials = await world.register()

    [key] = [key for key in await world.rows(ApiKey) if key.provider_id]
    assert key.key_hash == hash_of(credentials["apiKey"])
    assert credentials["apiKey"] not in str(key.model_dump())


async def test_a_repeated_registration_gives_the_same_credentials_and_keeps_none(world: World) -> None:
    first = await world.post(PATH, provider_body(), idempotency_key="r-1")
    again = await world.post(PATH, provider_body(), idempotency_key="r-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    [kept] = await world.rows(IdempotencyKey)
    assert kept.body is None
    assert len(await world.rows(Provider)) == 1


async def test_a_registration_number_is_registered_once(world: World) -> None:
    await world.register()

    again = await world.post(PATH, provider_body())

    assert again.status_code == 409
    assert again.json()["field"] == "businessRegistration.registrationNumber"
    assert len(await world.rows(Provider)) == 1


BAD: list[tuple[str, Any, str]] = [
    ("licenses", [], "licenses"),
    ("creditCapacity.supportedCurrencies", ["USD", "ZZZ"], "creditCapacity.supportedCurrencies[1]"),
    ("creditCapacity.geographicCoverage", ["USA"], "creditCapacity.geographicCoverage[0]"),
    ("creditCapacity.maximumLoanAmount", 4999, "creditCapacity.maximumLoanAmount"),
    ("creditCapacity.minimumLoanAmount", 0.001, "creditCapacity.minimumLoanAmount"),
    ("creditCapacity.interestRateRange", {"minimum": 9, "maximum": 8}, "creditCapacity.interestRateRange.maximum"),
    ("creditCapacity.interestRateRange", {"minimum": -1, "maximum": 8}, "creditCapacity.interestRateRange.minimum"),
    ("businessEmail", "api at firstcredit", "businessEmail"),
    ("technicalRequirements.webhookUrl", "ftp://a.example/x", "technicalRequirements.webhookUrl"),
    ("technicalRequirements.webhookUrl", "http://169.254.169.254/latest", "technicalRequirements.webhookUrl"),
    ("technicalRequirements.apiEndpoints.baseUrl", "http://8.8.8.8", "technicalRequirements.apiEndpoints.baseUrl"),
    ("technicalRequirements.authMethod", "none", "technicalRequirements.authMethod"),
    ("rating", "AAA", "rating"),
]


@pytest.mark.parametrize(("path", "value", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(
    world: World, path: str, value: object, field: str
) -> None:
    body = provider_body()
    *parents, last = path.split(".")
    inner = body
    for name in parents:
        inner = inner[name]
    inner[last] = value

    answer = await world.post(PATH, body)

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await world.rows(Provider) == []


async def test_an_expired_license_is_named(world: World) -> None:
    body = provider_body()
    body["licenses"].append(body["licenses"][0] | {"expiryDate": "2020-12-31"})

    answer = await world.post(PATH, body)

    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == ("license_expired", "licenses[1].expiryDate")
    assert answer.json()["errors"][0]["pointer"] == "#/licenses/1/expiryDate"
    assert await world.rows(Provider) == []


async def test_a_local_webhook_is_for_the_sandbox_only(world: World, rows: DatabaseUrls) -> None:
    body = provider_body()
    body["technicalRequirements"]["webhookUrl"] = "http://127.0.0.1:8090/lenders/a/webhooks"
    assert (await world.post(PATH, body)).status_code == 201

    async with opened(rows, ApiSettings(mode="production")) as production:
        answer = await production.post(PATH, body)

    assert (answer.status_code, answer.json()["field"]) == (422, "technicalRequirements.webhookUrl")


async def test_an_activation_makes_a_provider_active(world: World) -> None:
    credentials = await world.register()

    answer = await world.post(f"/api/v1/providers/{credentials['providerId']}/activate")

    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert (await world.get(f"/api/v1/providers/{credentials['providerId']}")).json()["status"] == "active"


async def test_a_license_that_has_expired_meanwhile_stops_the_activation(world: World) -> None:
    credentials = await world.register()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    def expire(session: AsyncSession) -> Any:
        return session.execute(update(Provider).values(licenses=[{"expiryDate": yesterday}]))

    await world.change(expire)
    answer = await world.post(f"/api/v1/providers/{credentials['providerId']}/activate")

    assert (answer.status_code, answer.json()["field"]) == (422, "licenses[0].expiryDate")
    [provider] = await world.rows(Provider)
    assert provider.status == "pending"


async def test_providers_are_listed_by_pages(world: World) -> None:
    for number in range(3):
        await world.register(f"R-{number}")

    first = (await world.get("/api/v1/providers", limit=2)).json()
    second = (await world.get("/api/v1/providers", limit=2, cursor=first["nextCursor"])).json()

    shown: list[Body] = first["data"] + second["data"]
    assert (first["hasMore"], second["hasMore"], second["nextCursor"]) == (True, False, None)
    assert len({provider["providerId"] for provider in shown}) == 3
    assert "webhookSecret" not in str(shown)
    assert "whsec_" not in str(shown)


@pytest.mark.parametrize("limit", [0, 101, "many"])
async def test_a_page_has_one_to_a_hundred_rows(world: World, limit: int | str) -> None:
    answer = await world.get("/api/v1/providers", limit=limit)

    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


async def test_a_provider_sees_itself_and_no_other(world: World) -> None:
    mine, other = await world.register("R-1"), await world.register("R-2")
    key = {"authorization": f"Bearer {mine['apiKey']}"}

    assert (await world.http.get(f"/api/v1/providers/{mine['providerId']}", headers=key)).status_code == 200
    assert (await world.http.get(f"/api/v1/providers/{other['providerId']}", headers=key)).status_code == 404
    assert (await world.http.get("/api/v1/providers", headers=key)).status_code == 403
