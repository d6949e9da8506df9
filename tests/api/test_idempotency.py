"""The same key is the same request: done once, answered the same."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from models.records.applications import Application
from models.records.tenants import IdempotencyKey
from tests.api.worlds import World, application_body, opened
from workers.embedded.postgres import DatabaseUrls

PATH = "/api/loans/applications"


async def test_a_repeated_request_is_answered_the_same_and_done_once(world: World) -> None:
    first = await world.post(PATH, application_body(), idempotency_key="k-1")
    again = await world.post(PATH, application_body(), idempotency_key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await world.rows(Application)) == 1


async def test_a_quoted_key_is_the_bare_key(world: World) -> None:
    first = await world.post(PATH, application_body(), idempotency_key="k-1")
    again = await world.post(PATH, application_body(), idempotency_key='"k-1"')

    assert first.json() == again.json()


async def test_a_key_is_not_used_for_another_request(world: World) -> None:
    await world.post(PATH, application_body(), idempotency_key="k-1")

    answer = await world.post(PATH, application_body(userId="somebody"), idempotency_key="k-1")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert answer.json()["field"] == "Idempotency-Key"
    assert len(await world.rows(Application)) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "k\x07"])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    answer = await world.post(PATH, application_body(), idempotency_key=key)

    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    assert await world.rows(Application) == []


async def test_what_was_refused_may_be_mended_under_its_key(world: World) -> None:
    refused = await world.post(PATH, {}, idempotency_key="k-1")

    mended = await world.post(PATH, application_body(), idempotency_key="k-1")

    assert (refused.status_code, mended.status_code) == (422, 201)


async def test_requests_side_by_side_are_done_once(world: World) -> None:
    answers = await asyncio.gather(*(world.post(PATH, application_body(), idempotency_key="k-1") for _ in range(5)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert len(await world.rows(Application)) == 1


async def _as_if_the_holder_had_died(world: World, *, locked_for: timedelta) -> None:
    def change(session: AsyncSession) -> object:
        locked_until = datetime.now(UTC) + locked_for
        return session.execute(update(IdempotencyKey).values(status_code=None, body=None, locked_until=locked_until))

    await world.change(change)  # type: ignore[arg-type]


async def test_a_request_that_still_runs_is_waited_for(world: World) -> None:
    await world.post(PATH, application_body(), idempotency_key="k-1")
    await _as_if_the_holder_had_died(world, locked_for=timedelta(seconds=30))

    answer = await world.post(PATH, application_body(), idempotency_key="k-1")

    assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
    assert answer.headers["Retry-After"]


async def test_what_a_dead_holder_did_is_found_and_not_done_twice(world: World) -> None:
    first = await world.post(PATH, application_body(), idempotency_key="k-1")
    await _as_if_the_holder_had_died(world, locked_for=timedelta(seconds=-1))

    again = await world.post(PATH, application_body(), idempotency_key="k-1")

    assert again.status_code == 201
    assert again.json() == first.json()
    assert "idempotency-replayed" not in again.headers
    assert len(await world.rows(Application)) == 1


async def test_a_key_belongs_to_its_caller(world: World, rows: DatabaseUrls) -> None:
    mine = await world.post(PATH, application_body(), idempotency_key="k-1")

    async with opened(rows, world.settings) as other:
        theirs = await other.post(PATH, application_body(), idempotency_key="k-1")

    assert mine.json()["applicationId"] != theirs.json()["applicationId"]


async def test_a_removal_is_repeated_with_its_key(world: World) -> None:
    made = await world.post("/api/webhooks/endpoints", {"url": "https://platform.example/hook"})
    path, headers = f"/api/webhooks/endpoints/{made.json()['endpointId']}", world.key | {"idempotency-key": "k-1"}

    first, again = [await world.http.delete(path, headers=headers) for _ in range(2)]

    assert (first.status_code, first.content) == (again.status_code, again.content) == (204, b"")
    assert again.headers["idempotency-replayed"] == "true"
