"""Webhook endpoints over HTTP: made, changed, rotated, looked into, sent to again; and whose they are."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx2
import pytest
from sqlmodel import col, select

from activities.provider_news import ProviderNews, tell_provider
from models.delivery import AttemptOutcome, BreakerState, DeliveryStatus
from models.events import Event, EventType, ProviderEventType
from models.records.database import Database
from models.records.dispatch import Outcome, load, note_failure, record
from models.records.endpoints import Endpoint, EndpointHealth
from models.records.outbox import Delivery, OutboxKind, OutboxRow, emit
from tests.api.worlds import Body, World, decision_body, signed
from workers.embedded.postgres import DatabaseUrls

URL = "https://platform.example/hook"
PLATFORM = "/api/webhooks/endpoints"


@pytest.fixture
async def relay(rows: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(rows.relay)
    yield opened
    await opened.close()


async def made(world: World, **changes: Any) -> Body:
    answer = await world.post(PLATFORM, {"url": URL} | changes)
    assert answer.status_code == 201, answer.text
    return cast("Body", answer.json())


async def a_test_event(world: World, endpoint_id: str) -> Body:
    answer = await world.post(f"{PLATFORM}/{endpoint_id}/test")
    assert answer.status_code == 202, answer.text
    return cast("Body", answer.json())


async def came_to(world: World, relay: Database, delivery_id: str, status: DeliveryStatus) -> None:
    """Write down, as the relay does, how one attempt went."""
    tenant_id = world.tenant.tenant_id
    async with relay.transaction(tenant_id) as session:
        (parcel,) = await load(session, tenant_id, [delivery_id])
        outcome = AttemptOutcome.ACCEPTED if status is DeliveryStatus.DELIVERED else AttemptOutcome.REFUSED
        code = 200 if outcome is AttemptOutcome.ACCEPTED else 500
        made = Outcome(
            parcel, datetime.now(UTC), status, outcome=outcome, status_code=code, duration_ms=12, excerpt="so it says"
        )
        await record(session, tenant_id, [made])


def as_provider(world: World, credentials: Body) -> Any:
    """The same API with a provider's key."""
    headers = {"authorization": f"Bearer {credentials['apiKey']}"}
    base = f"/api/v1/providers/{credentials['providerId']}/endpoints"

    async def ask(method: str, path: str = "", body: object = None, **params: str) -> httpx2.Response:
        return await world.http.request(method, base + path, json=body, headers=headers, params=params)

    return ask


async def test_an_endpoint_shows_its_secret_once(world: World) -> None:
    endpoint = await made(world, eventTypes=["loan.application.submitted"], rateLimitPerSecond=5)

    (secret,) = endpoint["newSecrets"]
    assert secret["secret"].startswith("whsec_")
    shown = (await world.get(f"{PLATFORM}/{endpoint['endpointId']}")).json()
    assert "newSecrets" not in shown
    assert secret["secret"] not in str(shown)
    assert (shown["eventTypes"], shown["rateLimitPerSecond"]) == (["loan.application.submitted"], 5)
    assert shown["health"]["breaker"] == "closed"


async def test_the_same_key_makes_one_endpoint_and_shows_the_same_secret(world: World) -> None:
    answers = [await world.post(PLATFORM, {"url": URL}, idempotency_key="once") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["newSecrets"] == answers[1].json()["newSecrets"]
    assert len((await world.get(PLATFORM)).json()["data"]) == 1
    kept = await world.post(PLATFORM, {"url": URL}, idempotency_key="another")
    assert kept.json()["newSecrets"] != answers[0].json()["newSecrets"]


async def test_an_asymmetric_endpoint_shows_its_public_key_and_never_the_private_one(world: World) -> None:
    endpoint = await made(world, schemes=["v1a"])

    (secret,) = endpoint["newSecrets"]
    assert secret["publicKey"].startswith("whpk_")
    assert secret["secret"] is None
    assert "whsk_" not in str(endpoint)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "ftp://platform.example"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://user@platform.example/"}, "url"),
        ({"url": ""}, "url"),
        ({"eventTypes": ["no.such.event"]}, "eventTypes[0]"),
        ({"rateLimitPerSecond": 0}, "rateLimitPerSecond"),
        ({"rateLimitPerSecond": True}, "rateLimitPerSecond"),
        ({"maxInFlight": 1000}, "maxInFlight"),
        ({"schemes": []}, "schemes"),
        ({"schemes": ["v2"]}, "schemes[0]"),
        ({"fifo": "yes"}, "fifo"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_bad_input_names_its_field_and_makes_nothing(world: World, change: Body, field: str) -> None:
    answer = await world.post(PLATFORM, {"url": URL} | change)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert (await world.get(PLATFORM)).json()["data"] == []


async def test_what_is_named_is_changed_and_nothing_else(world: World) -> None:
    endpoint = await made(world, eventTypes=["payment.failed"], rateLimitPerSecond=5)
    path = f"{PLATFORM}/{endpoint['endpointId']}"

    changed = await world.http.patch(path, json={"fifo": True, "rateLimitPerSecond": None}, headers=world.key)

    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert (shown["fifo"], shown["rateLimitPerSecond"], shown["eventTypes"]) == (True, None, ["payment.failed"])
    refused = await world.http.patch(path, json={"url": "gopher://x"}, headers=world.key)
    assert (refused.status_code, refused.json()["field"]) == (422, "url")


async def test_a_deleted_endpoint_is_unknown_and_gets_nothing_more(world: World) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}"

    assert (await world.http.delete(path, headers=world.key)).status_code == 204

    assert (await world.get(path)).status_code == 404
    assert (await world.post(f"{path}/test")).status_code == 404
    await _tell(world, EventType.PAYMENT_FAILED)
    assert await world.rows(Delivery) == []


async def _tell(world: World, *events: EventType) -> None:
    async with world.database.transaction(world.tenant.tenant_id) as session:
        for number, type_ in enumerate(events):
            event = Event(type_, "app_1", datetime(2026, 3, 1, tzinfo=UTC), data={"amount": number})
            emit(session, world.tenant.tenant_id, event, key=str(number))


async def test_an_event_goes_to_the_enabled_endpoints_that_ask_for_it_under_one_id(world: World) -> None:
    everything = await made(world)
    payments = await made(world, eventTypes=["payment.failed", "payment.processed"])
    off = await made(world)
    await world.http.patch(f"{PLATFORM}/{off['endpointId']}", json={"enabled": False}, headers=world.key)
    await world.register()

    await _tell(world, EventType.PAYMENT_FAILED, EventType.LOAN_CLOSED)

    rows = await world.rows(Delivery)
    told = {(row.endpoint_id, row.event_type) for row in rows}
    assert told == {
        (everything["endpointId"], "payment.failed"),
        (payments["endpointId"], "payment.failed"),
        (everything["endpointId"], "credit.loan.closed"),
    }
    assert len({row.message_id for row in rows if row.event_type == "payment.failed"}) == 1
    assert len({row.id for row in rows}) == 3
    work = [row for row in await world.rows(OutboxRow) if row.kind == OutboxKind.DELIVER]
    assert {row.lane for row in work} == {everything["endpointId"], payments["endpointId"]}


async def test_the_same_event_is_told_once(world: World) -> None:
    await made(world)

    for _ in range(2):
        await _tell(world, EventType.PAYMENT_FAILED)

    assert len(await world.rows(Delivery)) == 1
    assert len(await world.rows(OutboxRow)) == 1


async def test_a_message_nobody_asks_for_leaves_no_trace(world: World) -> None:
    await made(world, eventTypes=["payment.failed"])

    await _tell(world, EventType.LOAN_CLOSED)

    assert await world.rows(Delivery) == []
    assert await world.rows(OutboxRow) == []


async def test_a_provider_is_told_at_each_of_its_endpoints_and_the_platform_is_not(world: World) -> None:
    await made(world)
    credentials = await world.register()
    second = (await as_provider(world, credentials)("POST", "", {"url": "https://lender.example/2"})).json()

    async with world.database.transaction(world.tenant.tenant_id) as session:
        news = ProviderNews(ProviderEventType.LEAD_CLOSED, "lead_1", datetime.now(UTC), {})
        tell_provider(session, world.tenant.tenant_id, credentials["providerId"], news)

    rows = await world.rows(Delivery)
    assert len(rows) == 2
    assert second["endpointId"] in {row.endpoint_id for row in rows}
    assert {row.recipient for row in rows} == {credentials["providerId"]}


async def test_registration_opens_the_first_endpoint(world: World) -> None:
    credentials = await world.register()

    listed = (await as_provider(world, credentials)("GET")).json()["data"]

    (first,) = listed
    assert (first["providerId"], first["enabled"], first["schemes"]) == (credentials["providerId"], True, ["v1"])


async def test_whoever_rotates_may_sign_with_the_old_secret_and_the_new_one(world: World) -> None:
    credentials = await world.register()
    ask = as_provider(world, credentials)
    first = (await ask("GET")).json()["data"][0]["endpointId"]

    rotated = (await ask("POST", f"/{first}/secret/rotate", {})).json()

    assert rotated["secret"] != credentials["webhookSecret"]
    shown = (await ask("GET", f"/{first}")).json()["secrets"]
    assert [each["expiresAt"] is None for each in shown] == [True, False]
    for secret in (credentials["webhookSecret"], rotated["secret"]):
        assert await _signed_with(world, credentials | {"webhookSecret": secret}) != 401
    assert await _signed_with(world, credentials | {"webhookSecret": "whsec_" + "QUJD" * 8}) == 401


async def test_without_overlap_the_old_secret_is_worth_nothing(world: World) -> None:
    credentials = await world.register()
    ask = as_provider(world, credentials)
    first = (await ask("GET")).json()["data"][0]["endpointId"]

    rotated = (await ask("POST", f"/{first}/secret/rotate", {"overlapHours": 0})).json()

    assert await _signed_with(world, credentials) == 401
    assert await _signed_with(world, credentials | {"webhookSecret": rotated["secret"]}) != 401


async def _signed_with(world: World, credentials: Body) -> int:
    body = json.dumps(decision_body("lead_none", credentials["providerId"])).encode()
    path = f"/api/v1/providers/{credentials['providerId']}/leads/lead_none/decision"
    answer = await world.http.post(path, content=body, headers=signed(credentials, body))
    return answer.status_code


async def test_symmetric_and_asymmetric_take_turns(world: World, relay: Database) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}"

    rotated = (await world.post(f"{path}/secret/rotate", {"scheme": "v1a"})).json()

    assert rotated["publicKey"].startswith("whpk_")
    assert (await world.get(path)).json()["schemes"] == ["v1a"]
    sent = await a_test_event(world, endpoint["endpointId"])
    async with relay.transaction(world.tenant.tenant_id) as session:
        (parcel,) = await load(session, world.tenant.tenant_id, [sent["deliveryId"]])
    assert parcel.address is not None
    assert [secret.partition("_")[0] for secret in parcel.address.secrets] == ["whsk", "whsec"]


async def test_ten_old_secrets_are_enough(world: World) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}/secret/rotate"

    answers = [(await world.post(path, {})).status_code for _ in range(11)]

    assert answers == [200] * 10 + [409]


async def test_a_test_event_reaches_an_endpoint_whatever_it_asks_for(world: World) -> None:
    endpoint = await made(world, eventTypes=["payment.failed"])

    sent = await a_test_event(world, endpoint["endpointId"])

    (row,) = await world.rows(Delivery)
    assert (row.id, row.message_id, row.event_type) == (sent["deliveryId"], sent["messageId"], "test")


async def test_repeating_a_test_event_under_its_key_sends_it_once(world: World) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}/test"

    answers = [(await world.post(path, idempotency_key="k")).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(await world.rows(Delivery)) == 1


async def test_deliveries_are_found_by_status_time_and_type(world: World, relay: Database) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}/deliveries"
    first, second = [await a_test_event(world, endpoint["endpointId"]) for _ in range(2)]
    await came_to(world, relay, first["deliveryId"], DeliveryStatus.DELIVERED)

    async def found(**params: str) -> list[str]:
        return [each["deliveryId"] for each in (await world.get(path, **params)).json()["data"]]

    assert await found() == [second["deliveryId"], first["deliveryId"]]
    assert await found(status="delivered") == [first["deliveryId"]]
    assert await found(type="payment.failed") == []
    assert await found(since=(datetime.now(UTC) + timedelta(hours=1)).isoformat()) == []
    page = (await world.get(path, limit=1)).json()
    assert [each["deliveryId"] for each in (await world.get(path, cursor=page["nextCursor"])).json()["data"]] == [
        first["deliveryId"]
    ]
    assert (await world.get(path, status="lost")).status_code == 422


async def test_a_delivery_shows_every_attempt(world: World, relay: Database) -> None:
    endpoint = await made(world)
    sent = await a_test_event(world, endpoint["endpointId"])
    for status in (DeliveryStatus.RETRYING, DeliveryStatus.DELIVERED):
        await came_to(world, relay, sent["deliveryId"], status)

    shown = (await world.get(f"{PLATFORM}/{endpoint['endpointId']}/deliveries/{sent['deliveryId']}")).json()

    assert (shown["status"], shown["attempts"]) == ("delivered", 2)
    log = [(each["number"], each["statusCode"], each["durationMs"], each["excerpt"]) for each in shown["attemptLog"]]
    assert log == [(1, 500, 12, "so it says"), (2, 200, 12, "so it says")]


async def test_one_message_is_sent_again_under_its_id(world: World, relay: Database) -> None:
    endpoint = await made(world)
    sent = await a_test_event(world, endpoint["endpointId"])
    path = f"{PLATFORM}/{endpoint['endpointId']}/deliveries/{sent['deliveryId']}"
    assert (await world.post(f"{path}/resend")).status_code == 409
    await came_to(world, relay, sent["deliveryId"], DeliveryStatus.DELIVERED)

    again = await world.post(f"{path}/resend")

    assert (again.status_code, again.json()["messageId"]) == (202, sent["messageId"])
    assert (await world.get(path)).json()["status"] == "pending"


async def test_what_was_given_up_is_recovered_as_often_as_it_is_counted(world: World, relay: Database) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}"
    sent = [await a_test_event(world, endpoint["endpointId"]) for _ in range(5)]
    for each in sent[:3]:
        await came_to(world, relay, each["deliveryId"], DeliveryStatus.FAILED)
    await came_to(world, relay, sent[3]["deliveryId"], DeliveryStatus.DELIVERED)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    waiting = len(await world.rows(OutboxRow))

    dry = await world.post(f"{path}/recover", {"since": since, "dryRun": True})
    assert (dry.json()["recovered"], len(await world.rows(OutboxRow))) == (3, waiting)
    assert (await world.post(f"{path}/recover", {"since": since})).json()["recovered"] == 3
    assert (await world.post(f"{path}/recover", {"since": since})).json()["recovered"] == 0
    assert len(await world.rows(OutboxRow)) == waiting + 3


async def test_recovery_fails_if_it_starts_too_long_ago(world: World) -> None:
    endpoint = await made(world)
    path = f"{PLATFORM}/{endpoint['endpointId']}/recover"

    answer = await world.post(path, {"since": (datetime.now(UTC) - timedelta(days=31)).isoformat()})

    assert (answer.status_code, answer.json()["field"]) == (422, "since")
    assert (await world.post(path, {"since": "2026-03-01T00:00:00"})).status_code == 422


async def test_statistics_count_what_happened(world: World, relay: Database) -> None:
    endpoint = await made(world)
    sent = [await a_test_event(world, endpoint["endpointId"]) for _ in range(3)]
    await came_to(world, relay, sent[0]["deliveryId"], DeliveryStatus.DELIVERED)
    await came_to(world, relay, sent[1]["deliveryId"], DeliveryStatus.FAILED)

    counted = (await world.get(f"{PLATFORM}/{endpoint['endpointId']}/stats")).json()

    assert (counted["pending"], counted["delivered"], counted["failed"]) == (1, 1, 1)
    assert (counted["attempts"], counted["failedAttempts"], counted["p99Ms"]) == (2, 1, 12)


async def test_enabling_an_endpoint_forgets_how_it_failed(world: World, relay: Database) -> None:
    endpoint = await made(world)
    endpoint_id, tenant_id, now = endpoint["endpointId"], world.tenant.tenant_id, datetime.now(UTC)
    async with relay.transaction(tenant_id) as session:
        await note_failure(session, tenant_id, endpoint_id, now, gap=timedelta(days=1), trips=3, retry_at=now)
    path = f"{PLATFORM}/{endpoint_id}"
    await world.http.patch(path, json={"enabled": False}, headers=world.key)
    assert (await world.get(path)).json()["disabledReason"] == "Switched off by its owner."
    assert (await world.post(f"{path}/test")).status_code == 409

    enabled = (await world.http.patch(path, json={"enabled": True}, headers=world.key)).json()

    assert (enabled["enabled"], enabled["disabledReason"], enabled["disabledAt"]) == (True, None, None)
    assert (enabled["health"]["failingSince"], enabled["health"]["breaker"]) == (None, "closed")
    (health,) = await world.rows(EndpointHealth)
    assert (health.breaker, health.trips) == (BreakerState.CLOSED, 0)


async def test_what_belongs_to_another_is_unknown(world: World) -> None:
    mine = await made(world)
    one, two = await world.register("BC000000001"), await world.register("BC000000002")
    ask = as_provider(world, one)
    theirs = (await as_provider(world, two)("GET")).json()["data"][0]["endpointId"]

    for endpoint_id in (theirs, mine["endpointId"], "ep_none"):
        for method, path, body in _operations(endpoint_id):
            answer = await ask(method, path, body)
            assert answer.status_code == 404, (method, path, answer.text)
    foreign = f"/api/v1/providers/{two['providerId']}/endpoints"
    key = {"authorization": f"Bearer {one['apiKey']}"}
    assert (await world.http.get(foreign, headers=key)).status_code == 404
    assert (await world.http.get(PLATFORM, headers=key)).status_code == 403
    async with world.database.transaction(world.tenant.tenant_id) as session:
        untouched = (await session.execute(select(Endpoint).where(col(Endpoint.id) == theirs))).scalar_one()
    assert untouched.enabled


def _operations(endpoint_id: str) -> list[tuple[str, str, object]]:
    since = datetime.now(UTC).isoformat()
    return [
        ("GET", f"/{endpoint_id}", None),
        ("PATCH", f"/{endpoint_id}", {"enabled": False}),
        ("DELETE", f"/{endpoint_id}", None),
        ("POST", f"/{endpoint_id}/secret/rotate", {}),
        ("POST", f"/{endpoint_id}/test", None),
        ("GET", f"/{endpoint_id}/deliveries", None),
        ("GET", f"/{endpoint_id}/deliveries/dlv_1", None),
        ("POST", f"/{endpoint_id}/deliveries/dlv_1/resend", None),
        ("POST", f"/{endpoint_id}/recover", {"since": since}),
        ("GET", f"/{endpoint_id}/stats", None),
    ]


async def test_every_event_has_an_example(world: World) -> None:
    names = (await world.get("/api/webhooks/event-types")).json()["data"]

    assert "lead_received" in names
    for name in names:
        shown = (await world.get(f"/api/webhooks/event-types/{name}/example")).json()
        assert shown["payload"]["type"] == name
    assert (await world.get("/api/webhooks/event-types/nothing/example")).status_code == 404


async def test_deliveries_are_asked_for_by_an_event_of_ours(world: World) -> None:
    path = f"{PLATFORM}/{(await made(world))['endpointId']}/deliveries"

    answers = [await world.get(path, type=each) for each in ("\0", "no_such_event")]

    assert [(each.status_code, each.json()["field"]) for each in answers] == [(422, "type")] * 2
