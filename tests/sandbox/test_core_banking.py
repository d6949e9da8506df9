"""The lender's own API, as whoever drives it by a plugin meets it."""

from typing import Any

import pytest

from tests.sandbox.worlds import World

CALLER = {"authorization": "Bearer first-core-token", "idempotency-key": "run_1"}
REQUEST = {"applicationId": "lead_1", "loanAmount": 25000}


async def behave(world: World, **behavior: Any) -> None:
    lender = {"providerId": "p", "apiKey": "-", "webhookSecret": "-", "apiUrl": "-", "behavior": behavior}
    (await world.client.put("/lenders/first", json=lender)).raise_for_status()


async def asked(world: World, request_id: str = "FIRST-1") -> Any:
    answer = await world.client.get(f"/lenders/first/core/requests/{request_id}", headers=CALLER)
    return answer.json()


async def test_a_request_is_taken_once_and_decided_when_it_is_asked_after(world: World) -> None:
    await behave(world, kind="offer", interestRate=8.5)

    taken = [await world.client.post("/lenders/first/core/requests", json=REQUEST, headers=CALLER) for _ in range(2)]

    assert [(each.status_code, each.json()) for each in taken] == [(202, {"id": "FIRST-1", "outcome": "IN_REVIEW"})] * 2
    by_both_names = [await asked(world), await asked(world, "lead_1")]
    assert [each["outcome"] for each in by_both_names] == ["APPROVE", "APPROVE"]
    assert by_both_names[0]["terms"]["principal"] == 25000
    (kept,) = (await world.client.get("/lenders/first/core/requests")).json()["requests"]
    assert kept["times"] == 2


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("decline", ["REJECT", "REJECT"]),
        ("late", ["IN_REVIEW", "APPROVE"]),
        ("silent", ["IN_REVIEW", "IN_REVIEW"]),
    ],
)
async def test_it_behaves_as_the_lender_is_told(world: World, kind: str, outcomes: list[str]) -> None:
    await behave(world, kind=kind)
    await world.client.post("/lenders/first/core/requests", json=REQUEST, headers=CALLER)

    assert [(await asked(world))["outcome"] for _ in range(2)] == outcomes


async def test_it_is_unwell_as_often_as_it_is_told(world: World) -> None:
    await behave(world, refuseFirst=1)

    taken = [await world.client.post("/lenders/first/core/requests", json=REQUEST, headers=CALLER) for _ in range(2)]

    assert [each.status_code for each in taken] == [503, 202]


async def test_it_asks_who_is_there(world: World) -> None:
    await behave(world)
    form = {"grant_type": "client_credentials", "client_id": "caas", "client_secret": "first-core-secret"}

    stranger = await world.client.post("/lenders/first/core/requests", json=REQUEST, headers={"idempotency-key": "k"})
    token = await world.client.post("/lenders/first/core/oauth/token", data=form)
    forged = await world.client.post("/lenders/first/core/oauth/token", data=form | {"client_secret": "x"})

    assert (stranger.status_code, token.json()["access_token"], forged.status_code) == (401, "first-core-token", 401)


async def test_what_it_does_not_know_is_not_found(world: World) -> None:
    await behave(world)

    assert await asked(world, "FIRST-9") == {"error": "no such request"}
    assert (await world.client.get("/lenders/nobody/core/requests")).status_code == 404
