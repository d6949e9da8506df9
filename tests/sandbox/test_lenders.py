import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Response
from standardwebhooks import Webhook, WebhookVerificationError

from tests.sandbox.worlds import World, a_moment, platform_alive, until, world_alive

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"  # noqa: S105 - made up for this test
LEAD = {
    "eventId": "evt_1",
    "eventType": "lead_received",
    "providerId": "provider_1",
    "timestamp": "2030-01-01T00:00:00Z",
    "data": {"leadId": "lead_1", "loanApplication": {"requestedAmount": 25000, "tenure": 365}},
}


async def configure(world: World, **behavior: Any) -> None:
    lender = {
        "providerId": "provider_1",
        "apiKey": "caas_test_sk_1",
        "webhookSecret": SECRET,
        "apiUrl": world.platform.url,
        "behavior": behavior,
    }
    answer = await world.client.put("/lenders/first", json=lender)
    assert answer.json() == {"webhookPath": "/lenders/first/webhooks"}


async def notify(
    world: World, event: dict[str, Any] = LEAD, *, secret: str = SECRET, at: datetime | None = None
) -> httpx2.Response:
    body, moment = json.dumps(event), at or datetime.now(UTC)
    headers = {
        "webhook-id": str(event["eventId"]),
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(event["eventId"]), moment, body),
    }
    return await world.client.post("/lenders/first/webhooks", content=body, headers=headers)


async def history(world: World) -> dict[str, Any]:
    seen: dict[str, Any] = (await world.client.get("/lenders/first/events")).json()
    return seen


async def until_answered(world: World, times: int = 1) -> list[dict[str, Any]]:
    async def answered() -> bool:
        return len((await history(world))["answers"]) == times

    await until(answered)
    answers: list[dict[str, Any]] = (await history(world))["answers"]
    return answers


async def test_an_offer_is_the_seeds_decision_signed_and_sent_back(world: World) -> None:
    await configure(world, kind="offer", interestRate=8.2, processingFee=300, conditions=["Proof of income"])

    assert (await notify(world)).status_code == 200

    (answer,) = await until_answered(world)
    (callback,) = world.platform.received
    assert callback.path == "/api/v1/providers/provider_1/leads/lead_1/decision"
    assert callback.headers["authorization"] == "Bearer caas_test_sk_1"
    assert callback.headers["idempotency-key"]
    Webhook(SECRET).verify(callback.body, callback.headers)
    assert json.loads(callback.body) == {
        "leadId": "lead_1",
        "providerId": "provider_1",
        "decision": "approved",
        "approvedAmount": 25000,
        "interestRate": 8.2,
        "tenure": 365,
        "processingFee": 300,
        "conditions": ["Proof of income"],
        "expiresAt": "2030-01-15T00:00:00+00:00",
        "customData": {"internalLoanId": "provider_1-lead_1"},
    }
    assert answer["status"] == 200


async def test_a_decline_says_why(world: World) -> None:
    await configure(world, kind="decline", reason="Too young a company")

    await notify(world)

    (answer,) = await until_answered(world)
    assert (answer["decision"]["decision"], answer["decision"]["reasonCode"]) == ("declined", "outside_policy")
    assert answer["decision"]["customData"] == {"reason": "Too young a company"}


@pytest.mark.parametrize("kind", ["silent", "late"])
async def test_a_lender_may_say_nothing_until_it_is_told_to(world: World, kind: str) -> None:
    await configure(world, kind=kind)
    await notify(world)
    await notify(world, LEAD | {"eventId": "evt_2", "eventType": "lead_closed"})

    await a_moment()
    assert (await history(world))["answers"] == []
    assert world.platform.received == []

    world.platform.statuses.append(409)
    late = (await world.client.post("/lenders/first/leads/lead_1/answer")).json()
    assert (late["status"], late["decision"]["decision"]) == (409, "approved")
    assert (await world.client.post("/lenders/first/leads/lead_2/answer")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("twice", {"decision": "approved", "interestRate": 8.2}),
        ("rebid", {"decision": "approved", "interestRate": 7.7}),
        ("withdraw", {"decision": "withdrawn", "reasonCode": "capacity_exhausted"}),
    ],
)
async def test_a_lender_that_decides_a_second_time_uses_another_key(
    world: World, kind: str, second: dict[str, Any]
) -> None:
    await configure(world, kind=kind, interestRate=8.2)

    await notify(world)

    answers = await until_answered(world, times=2)
    assert answers[0]["decision"]["interestRate"] == 8.2
    assert second.items() <= answers[1]["decision"].items()
    assert len({each.headers["idempotency-key"] for each in world.platform.received}) == 2


@pytest.mark.parametrize(("behavior", "amount"), [({}, 20000), ({"approvedAmount": 7500}, 7500)])
async def test_a_lender_may_counter_with_less(world: World, behavior: dict[str, Any], amount: int) -> None:
    await configure(world, kind="counter", fundingHours=6, **behavior)

    await notify(world)

    (answer,) = await until_answered(world)
    decision = answer["decision"]
    assert (decision["decision"], decision["approvedAmount"], decision["fundingHours"]) == ("counter_offer", amount, 6)


async def test_a_lender_that_needs_information_offers_when_it_has_been_told(world: World) -> None:
    await configure(world, kind="need_information", informationNeeded=["Payslip"])
    await notify(world)
    (question,) = await until_answered(world)

    told = {"eventId": "evt_2", "eventType": "information_provided", "data": {"leadId": "lead_1", "answer": {"a": 1}}}
    await notify(world, told)
    await notify(world, told)

    answers = await until_answered(world, times=2)
    assert question["decision"]["informationNeeded"] == ["Payslip"]
    assert [each["decision"]["decision"] for each in answers] == ["need_information", "approved"]


@pytest.mark.parametrize(("kind", "because"), [("forged", "No matching signature"), ("stale", "too old")])
async def test_a_bad_lender_signs_badly(world: World, kind: str, because: str) -> None:
    await configure(world, kind=kind)

    await notify(world)

    await until_answered(world)
    (callback,) = world.platform.received
    with pytest.raises(WebhookVerificationError, match=because):
        Webhook(SECRET).verify(callback.body, callback.headers)


async def test_a_message_signed_by_somebody_else_or_long_ago_is_turned_away(world: World) -> None:
    await configure(world)

    forged = await notify(world, secret="whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")  # noqa: S106 - made up for this test
    stale = await notify(world, at=datetime(2026, 1, 1, tzinfo=UTC))
    bare = await world.client.post("/lenders/first/webhooks", json=LEAD)

    assert [each.status_code for each in (forged, stale, bare)] == [401, 401, 401]
    assert [each["fault"] for each in (await history(world))["events"]] == ["bad signature", "stale", "headers missing"]
    assert world.platform.received == []


async def test_a_message_delivered_again_is_decided_once(world: World) -> None:
    await configure(world)

    for _ in range(3):
        assert (await notify(world)).status_code == 200

    await until_answered(world)
    await a_moment()
    (event,) = (await history(world))["events"]
    assert event["answeredWith"] == [200, 200, 200]
    assert len(world.platform.received) == 1


async def test_a_lead_in_another_message_is_decided_once(world: World) -> None:
    await configure(world)

    await notify(world)
    await notify(world, LEAD | {"eventId": "evt_2"})

    await until_answered(world)
    await a_moment()
    assert len(world.platform.received) == 1


@pytest.mark.parametrize("told", ["closed before", "over by now"])
async def test_a_lead_that_is_over_is_taken_and_not_decided(world: World, told: str) -> None:
    await configure(world)
    if told == "closed before":
        await notify(world, LEAD | {"eventId": "evt_0", "eventType": "lead_closed"})

    answer = await notify(world, LEAD | {"expiresAt": "2020-01-01T00:00:00Z" if told == "over by now" else None})

    await a_moment()
    assert (answer.status_code, world.platform.received) == (200, [])


@pytest.mark.parametrize(("body", "status"), [("", 400), ("[]", 400), ("{}", 200), ('"' + "x" * 2**20 + '"', 413)])
async def test_a_signed_message_that_is_no_event_is_no_crash(world: World, body: str, status: int) -> None:
    await configure(world)
    now = datetime.now(UTC)
    signed = {"webhook-timestamp": str(int(now.timestamp())), "webhook-signature": Webhook(SECRET).sign("m", now, body)}

    answer = await world.client.post("/lenders/first/webhooks", content=body, headers={"webhook-id": "m"} | signed)

    assert answer.status_code == status


async def test_an_unwell_lender_takes_the_message_at_a_later_attempt(world: World) -> None:
    await configure(world, refuseFirst=2)

    assert [(await notify(world)).status_code for _ in range(3)] == [503, 503, 200]

    await until_answered(world)


async def test_a_decision_is_repeated_while_the_other_side_restarts(world: World) -> None:
    await configure(world)
    world.platform.statuses += [503, 500, 429]

    await notify(world)

    (answer,) = await until_answered(world)
    assert answer["status"] == 200
    assert len({each.headers["idempotency-key"] for each in world.platform.received}) == 1


async def test_a_decision_comes_again_no_sooner_than_it_was_asked_to(world: World) -> None:
    await configure(world)
    world.platform.statuses.append(Response(status_code=429, headers={"retry-after": "1"}))
    began = datetime.now(UTC)

    await notify(world)

    await until_answered(world)
    assert (datetime.now(UTC) - began).total_seconds() >= 1


async def test_a_decision_is_repeated_while_an_attempt_before_it_holds_the_key(world: World) -> None:
    await configure(world)
    world.platform.statuses.append(Response('{"code": "still_running"}', 409))

    await notify(world)

    (answer,) = await until_answered(world)
    assert (answer["status"], len(world.platform.received)) == (200, 2)


@pytest.mark.parametrize("status", [409, 422])
async def test_a_refused_decision_is_not_repeated(world: World, status: int) -> None:
    await configure(world)
    world.platform.statuses.append(status)

    await notify(world)

    (answer,) = await until_answered(world)
    await a_moment()
    assert (answer["status"], len(world.platform.received)) == (status, 1)


async def test_a_lender_nobody_configured_is_not_there(world: World) -> None:
    assert (await notify(world)).status_code == 404
    assert (await world.client.get("/lenders/first/events")).status_code == 404
    assert (await world.client.get("/lenders")).json() == []


async def test_a_lead_taken_before_a_restart_is_answered_after_it(tmp_path: Path) -> None:
    state = tmp_path / "world.jsonl"
    async with platform_alive() as platform:
        async with world_alive(platform, state) as world:
            await configure(world, delaySeconds=0.2)
            await notify(world)
        assert platform.received == []

        async with world_alive(platform, state) as world:
            await until_answered(world)
        async with world_alive(platform, state) as world:
            assert len((await history(world))["answers"]) == 1
    assert len(platform.received) == 1


CHALLENGE = {"eventId": "msg_1", "type": "endpoint.challenge", "challenge": "a-nonce"}
CERTIFICATION = {"eventId": "msg_2", "type": "test", "data": {"purpose": "certification"}}


async def test_a_challenge_is_answered_and_is_no_event(world: World) -> None:
    await configure(world, kind="offer", refuseFirst=1)

    answer = await notify(world, CHALLENGE)

    assert (answer.status_code, answer.json()) == (200, {"challenge": "a-nonce"})
    seen = await history(world)
    assert (seen["events"], [each["type"] for each in seen["checks"]]) == ([], ["endpoint.challenge"])


async def test_a_certification_is_passed_by_a_lender_that_checks_what_it_is_sent(world: World) -> None:
    await configure(world)

    answers = [
        await notify(world, CERTIFICATION),
        await notify(world, CERTIFICATION),
        await notify(world, CERTIFICATION, secret="whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"),
        await notify(world, CERTIFICATION, at=datetime(2026, 1, 1, tzinfo=UTC)),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]


async def test_a_lender_may_be_told_to_misbehave_when_it_is_checked(world: World) -> None:
    await configure(world, muteChallenge=True, acceptsForged=True)

    muted = await notify(world, CHALLENGE)
    forged = await notify(world, CERTIFICATION, secret="whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")

    assert (muted.status_code, muted.content) == (200, b"")
    assert forged.status_code == 200
