"""Providers: registered as the owner printed them, given credentials once, activated when licensed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.onboarding import ProviderOrder
from api.keys import hash_of, is_well_formed
from api.settings import ApiSettings
from models.onboarding import OnboardingIncomplete, ProviderStatus, Step
from models.records.outbox import Delivery, OutboxKind, OutboxRow
from models.records.providers import Provider
from models.records.tenants import ApiKey, IdempotencyKey
from tests.api.worlds import Body, World, opened, provider_body
from workers.embedded.postgres import DatabaseUrls
from workflows.provider import ProviderAnswer

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


LICENSE = provider_body()["licenses"][0]
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
    ("businessRegistration.registrationNumber", "!", "businessRegistration.registrationNumber"),
    ("businessRegistration.registrationNumber", "07-1234567", "businessRegistration.registrationNumber"),
    ("businessRegistration.registrationCountry", "FR", "businessRegistration.registrationNumber"),
    ("businessRegistration.registrationCountry", "XX", "businessRegistration.registrationCountry"),
    ("licenses", [{"licenseType": "B", "licenseNumber": "1", "issuingAuthority": "F"}], "licenses[0].expiryDate"),
    ("licenses", [LICENSE | {"expiryDate": "9999-12-31"}], "licenses[0].expiryDate"),
    ("creditCapacity.exposureLimit", 499_999, "creditCapacity.exposureLimit"),
    ("creditCapacity.exposureLimit", -1, "creditCapacity.exposureLimit"),
    ("creditCapacity.exposureLimit", 500_000.001, "creditCapacity.exposureLimit"),
    ("creditCapacity.dailyLeadCap", 0, "creditCapacity.dailyLeadCap"),
    ("creditCapacity.dailyLeadCap", "many", "creditCapacity.dailyLeadCap"),
    ("creditCapacity.geographicCoverage", [], "creditCapacity.geographicCoverage"),
    ("companyName", "", "companyName"),
    ("companyName", None, "companyName"),
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


async def test_limits_may_be_named(world: World) -> None:
    body = provider_body()
    body["creditCapacity"] |= {"exposureLimit": 2_000_000, "dailyLeadCap": 40}

    provider_id = (await world.post(PATH, body)).json()["providerId"]

    shown = (await world.get(f"/api/v1/providers/{provider_id}")).json()
    assert (shown["exposureLimit"], shown["dailyLeadCap"]) == (2_000_000, 40)


async def test_a_registration_asks_the_relay_for_its_process_in_the_same_transaction(world: World) -> None:
    credentials = await world.register()

    orders = await _orders(world)

    assert orders == [(OutboxKind.START_PROVIDER, {"providerId": credentials["providerId"]})]
    await world.post(PATH, provider_body())
    assert await _orders(world) == orders


async def test_what_is_missing_is_shown_to_the_provider_and_its_history_to_the_platform(world: World) -> None:
    credentials = await world.register()
    path, key = f"/api/v1/providers/{credentials['providerId']}", _bearer(credentials["apiKey"])
    await _write_hit(world)

    platform, provider = (await world.get(path)).json(), (await world.http.get(path, headers=key)).json()

    assert platform["missing"] == provider["missing"] == [step for step in Step if step is not Step.APPROVED]
    assert (platform["history"], provider["history"]) == ([], None)
    reasons = [
        next(each["reason"] for each in seen["checklist"] if each["step"] == "sanctions_clear")
        for seen in (platform, provider)
    ]
    assert reasons == ["a hit: score 97 on list L1", None]


async def test_the_short_cut_waives_what_has_not_passed_and_writes_it_down(world: World) -> None:
    credentials = await world.register()
    path = f"/api/v1/providers/{credentials['providerId']}"

    await world.post(f"{path}/activate", idempotency_key="a-1")
    again = await world.post(f"{path}/activate")

    shown = (await world.get(path)).json()
    assert (again.status_code, again.json()["status"]) == (200, "active")
    assert {each["step"]: each["state"] for each in shown["checklist"]} == {
        "registration_number_valid": "passed",
        "licenses_valid": "passed",
        "kyb_verified": "waived",
        "sanctions_clear": "waived",
        "webhook_url_verified": "waived",
        "capacity_assessed": "passed",
        "sandbox_certified": "waived",
        "approved": "passed",
    }
    assert shown["missing"] == []
    [deed] = shown["history"]
    assert (deed["action"], deed["status"], deed["reason"]) == ("approve", "active", "activated")
    assert world.temporal.asked == []
    channels = [row.channel for row in await world.rows(Delivery)]
    assert channels == ["mail"]


async def test_the_short_cut_goes_through_the_process_once_that_has_begun(world: World) -> None:
    credentials = await world.register()
    await _has_status(world, ProviderStatus.IN_REVIEW)
    workflow = _process(world, credentials, approve=ProviderAnswer(ProviderStatus.ACTIVE, ()))

    answer = await world.post(f"/api/v1/providers/{credentials['providerId']}/activate")

    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    [(asked, name, (order,), _)] = world.temporal.asked
    assert (asked, name) == (workflow, "approve")
    assert isinstance(order, ProviderOrder)
    assert {each.step for each in order.waive} == set(Step) - {Step.LICENSES_VALID, Step.APPROVED}


async def test_in_production_there_is_no_short_cut_around_the_checks(rows: DatabaseUrls) -> None:
    async with opened(rows, ApiSettings(mode="production")) as production:
        credentials = await production.register()

        answer = await production.post(f"/api/v1/providers/{credentials['providerId']}/activate")

        assert (answer.status_code, answer.json()["code"]) == (409, "onboarding_incomplete")
        assert "kyb_verified" in answer.json()["detail"]
        [provider] = await production.rows(Provider)
        assert provider.status == "pending"

        await _has_status(production, ProviderStatus.IN_REVIEW)
        answer = await production.post(f"/api/v1/providers/{credentials['providerId']}/activate")

        assert (answer.status_code, answer.json()["code"]) == (409, "onboarding_incomplete")
        assert production.temporal.asked == []


ORDERS: list[tuple[str, str, str, Body]] = [
    ("post", "approve", "approve", {"waive": [{"step": "kyb_verified", "reason": "seen the papers"}]}),
    ("post", "reject", "reject", {}),
    ("post", "suspend", "suspend", {}),
    ("post", "reinstate", "reinstate", {}),
    ("post", "recheck", "recheck", {"registrationNumber": "BC000000001"}),
    ("patch", "licenses", "renew_license", {"licenses": provider_body()["licenses"]}),
]


@pytest.mark.parametrize(("method", "path", "name", "body"), ORDERS)
async def test_an_order_reaches_the_process_with_who_and_why(
    world: World, method: str, path: str, name: str, body: Body
) -> None:
    credentials = await world.register()
    missing = (Step.KYB_VERIFIED,)
    workflow = _process(world, credentials, **{name: ProviderAnswer(ProviderStatus.IN_REVIEW, missing)})
    url = f"/api/v1/providers/{credentials['providerId']}/{path}"

    nameless = await world.http.request(method, url, json=body, headers=world.key)
    answer = await world.http.request(
        method, url, json=body | {"reason": "because"}, headers=world.key | {"idempotency-key": "o-1"}
    )

    assert (nameless.status_code, nameless.json()["field"]) == (422, "reason")
    assert answer.json() == {
        "success": True,
        "providerId": credentials["providerId"],
        "status": "in_review",
        "missing": ["kyb_verified"],
    }
    [(asked, update, (order,), update_id)] = world.temporal.asked
    [operator] = [key.id for key in await world.rows(ApiKey) if key.provider_id is None]
    assert isinstance(order, ProviderOrder)
    assert (asked, update, order.id) == (workflow, name, update_id)
    assert (order.kind, order.actor, order.reason) == (name, operator, "because")


async def test_an_order_for_a_provider_that_is_not_there_starts_nothing(world: World) -> None:
    for path in ("approve", "suspend"):
        answer = await world.post(f"/api/v1/providers/provider_nobody/{path}", {"reason": "because"})

        assert (answer.status_code, answer.json()["field"]) == (404, "providerId")
    assert world.temporal.asked == []


async def test_a_refusal_of_the_process_is_answered_with_its_field(world: World) -> None:
    credentials = await world.register()
    _process(world, credentials, approve=OnboardingIncomplete("kyb_verified is missing", "waive"))

    answer = await world.post(f"/api/v1/providers/{credentials['providerId']}/approve", {"reason": "because"})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        409,
        "onboarding_incomplete",
        "waive",
    )


EXPIRED = provider_body()["licenses"][0] | {"expiryDate": "2020-01-01"}
BAD_ORDERS: list[tuple[str, str, Body, str]] = [
    ("post", "approve", {"waive": [{"step": "everything", "reason": "x"}]}, "waive[0].step"),
    ("post", "approve", {"waive": [{"step": "kyb_verified"}]}, "waive[0].reason"),
    ("post", "reject", {"because": "x"}, "because"),
    ("post", "recheck", {"registrationNumber": "!"}, "registrationNumber"),
    ("patch", "licenses", {"licenses": []}, "licenses"),
    (
        "patch",
        "licenses",
        {"licenses": [EXPIRED]},
        "licenses[0].expiryDate",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), BAD_ORDERS)
async def test_a_bad_order_names_its_field(world: World, method: str, path: str, body: Body, field: str) -> None:
    credentials = await world.register()
    url = f"/api/v1/providers/{credentials['providerId']}/{path}"

    answer = await world.http.request(method, url, json=body | {"reason": "because"}, headers=world.key)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert world.temporal.asked == []


async def test_a_provider_may_ask_to_be_checked_anew_but_not_for_another(world: World) -> None:
    mine, other = await world.register("R-1"), await world.register("R-2")
    _process(world, mine, recheck=ProviderAnswer(ProviderStatus.IN_REVIEW, ()))
    key, body = _bearer(mine["apiKey"]), {"reason": "the endpoint is up"}

    own = await world.http.post(f"/api/v1/providers/{mine['providerId']}/recheck", json=body, headers=key)
    foreign = await world.http.post(f"/api/v1/providers/{other['providerId']}/recheck", json=body, headers=key)

    assert (own.status_code, foreign.status_code) == (200, 404)
    [(_, _, (order,), _)] = world.temporal.asked
    assert isinstance(order, ProviderOrder)
    assert not order.asks_everything


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _process(world: World, credentials: Body, **answers: object) -> str:
    workflow_id = f"provider/{credentials['providerId']}"
    world.temporal.running[workflow_id] = dict(answers)
    return workflow_id


async def _orders(world: World) -> list[tuple[str, Body]]:
    return [(row.kind, row.payload) for row in await world.rows(OutboxRow)]


async def _has_status(world: World, status: ProviderStatus) -> None:
    await world.change(lambda session: session.execute(update(Provider).values(status=status)))


async def _write_hit(world: World) -> None:
    marks = {"sanctions_clear": {"state": "failed", "reason": "a hit: score 97 on list L1", "at": None}}
    await world.change(lambda session: session.execute(update(Provider).values(checklist=marks)))
