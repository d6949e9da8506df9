"""How often a caller may ask: said on every answer, refused by name, counted right under a rush, and each by itself."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from tests.api.lenders import Lender, lender
from tests.api.worlds import World


@pytest.fixture
async def own(world: World) -> Lender:
    return await lender(world)


async def _limited(own: Lender, per_minute: int) -> None:
    answer = await own.world.http.put(
        f"/api/v1/providers/{own.id}/rate-limit", json={"requestsPerMinute": per_minute}, headers=own.world.key
    )
    assert answer.status_code == 200, answer.text


async def _later(own: Lender, seconds: float) -> None:
    """The time in which a budget refills, without waiting for it."""
    moved = text("UPDATE caas_rate_state SET full_at = full_at - make_interval(secs => :seconds)")
    await own.world.change(lambda session: session.execute(moved, {"seconds": seconds}))


async def test_every_answer_says_what_is_left(own: Lender) -> None:
    await _limited(own, 3)
    first, second, refused = await own.get("/leads"), await own.get("/leads"), await own.get("/leads", status="maybe")

    policies = {answer.headers["ratelimit-policy"] for answer in (first, second, refused)}
    assert policies == {'"provider";q=3;w=60'}
    left = [answer.headers["ratelimit"].partition(";t=") for answer in (first, second, refused)]
    assert [policy for policy, _, _ in left] == ['"provider";r=2', '"provider";r=1', '"provider";r=0']
    assert 40 < int(left[2][2]) <= 60


async def test_the_platforms_budget_is_another_and_large(own: Lender) -> None:
    answer = await own.world.get("/api/v1/providers")

    assert answer.headers["ratelimit-policy"] == '"platform";q=60000;w=60'


async def test_who_is_not_known_has_no_budget(world: World) -> None:
    answer = await world.http.get("/api/v1/providers", headers={"authorization": "Bearer nobody"})

    assert "ratelimit" not in answer.headers


async def test_beyond_the_budget_is_429_with_the_registered_type(own: Lender) -> None:
    await _limited(own, 2)

    answers = [await own.get("/leads") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    problem = answers[2].json()
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert (problem["violated-policies"], problem["code"]) == (["provider"], "quota_exceeded")
    assert 20 <= int(answers[2].headers["retry-after"]) <= 30
    assert answers[2].headers["ratelimit"].startswith('"provider";r=0;')


async def test_a_budget_refills_steadily_and_a_refusal_costs_nothing(own: Lender) -> None:
    await _limited(own, 2)
    for _ in range(6):
        await own.get("/leads")
    await _later(own, 31)

    assert [(await own.get("/leads")).status_code for _ in range(2)] == [200, 429]
    await _later(own, 3600)
    assert [(await own.get("/leads")).status_code for _ in range(3)] == [200, 200, 429]


async def test_one_providers_rush_is_nobody_elses(own: Lender) -> None:
    other = await lender(own.world, "R-2")
    await _limited(own, 1)
    await own.get("/leads")

    assert (await own.get("/leads")).status_code == 429
    assert (await other.get("/leads")).status_code == 200
    assert (await own.world.get("/api/v1/providers")).status_code == 200


async def test_of_a_rush_exactly_as_many_come_through_as_there_is_budget_for(own: Lender) -> None:
    await _limited(own, 3)

    answers = await asyncio.gather(*(own.get("/rate-limit") for _ in range(30)))

    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 27}


async def test_a_limit_is_changed_in_the_version_that_was_read(own: Lender) -> None:
    path = f"/api/v1/providers/{own.id}/rate-limit"
    world = own.world

    async def put(per_minute: object, **headers: str) -> int:
        sent = world.key | {name.replace("_", "-"): value for name, value in headers.items()}
        return (await world.http.put(path, json={"requestsPerMinute": per_minute}, headers=sent)).status_code

    standard = await world.get(path)
    assert (standard.json()["requestsPerMinute"], standard.headers["etag"]) == (600, '"0"')
    assert await put(10) == 200
    assert await put(20) == 428
    assert await put(20, if_match='"0"') == 412
    assert await put(20, if_match='"1"') == 200
    assert [await put(wrong, if_match='"2"') for wrong in (0, -1, 1.5, "many", 10**9)] == [422] * 5
    assert (await own.get("/rate-limit")).json()["requestsPerMinute"] == 20


async def test_a_provider_does_not_change_its_own_limit_nor_see_anothers(own: Lender) -> None:
    other = await lender(own.world, "R-2")
    path = f"/api/v1/providers/{own.id}/rate-limit"
    key = {"authorization": f"Bearer {own.credentials['apiKey']}"}

    assert (await own.world.http.put(path, json={"requestsPerMinute": 9}, headers=key)).status_code == 403
    assert (await other.get("/rate-limit", of=own.id)).status_code == 404
    assert (await own.world.get("/api/v1/providers/provider_nobody/rate-limit")).status_code == 404
