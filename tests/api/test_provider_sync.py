"""Two books in step: nothing a provider was told is ever skipped, and nobody overwrites what he has not read."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from activities.provider_news import ProviderNews, tell_provider
from models.events import ProviderEventType
from models.records.provider_messages import ProviderMessage, write_what_was_told
from models.records.provider_notices import ProviderStatus
from tests.api.lenders import Lender, lender
from tests.api.worlds import Body, World

_PATIENCE_SECONDS = 20


@pytest.fixture
async def own(world: World) -> Lender:
    return await lender(world)


def _tell(session: AsyncSession, own: Lender, about: str) -> None:
    news = ProviderNews(ProviderEventType.LEAD_CLOSED, about, datetime.now(UTC), {"leadId": about})
    tell_provider(session, own.world.tenant.tenant_id, own.id, news)


async def _told(own: Lender, *about: str) -> None:
    for each in about:
        async with own.world.database.transaction(own.world.tenant.tenant_id) as session:
            _tell(session, own, each)


class Reader:
    """A provider that polls."""

    def __init__(self, own: Lender) -> None:
        self.own = own
        self.cursor: Body = {}
        self.read: list[str] = []

    async def poll(self, limit: int = 50) -> bool:
        answer = await self.own.get("/changes", limit=limit, **self.cursor)
        assert answer.status_code == 200, answer.text
        self.cursor = {"cursor": answer.json()["nextCursor"]}
        self.read += [each["data"]["leadId"] for each in answer.json()["data"]]
        return bool(answer.json()["hasMore"])

    async def until(self, count: int) -> list[str]:
        """Poll until so many are there; a transaction elsewhere in the cluster may hold them back for a moment."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.read) < count:
                await self.poll()
                await asyncio.sleep(0.01)
        return self.read


async def test_what_was_told_is_read_in_its_order_by_pages_as_the_webhooks_carry_it(own: Lender) -> None:
    await _told(own, "a", "b", "c")
    await _told(await lender(own.world, "R-2"), "not for us")
    await Reader(own).until(3)
    reader = Reader(own)

    more = [await reader.poll(limit=2), await reader.poll(limit=2), await reader.poll(limit=2)]

    assert reader.read == ["a", "b", "c"]
    assert more == [True, False, False]
    first = (await own.get("/changes")).json()["data"][0]
    [kept] = [row for row in await own.world.rows(ProviderMessage) if row.body["data"] == {"leadId": "a"}]
    assert first == kept.body
    assert (first["eventId"], first["eventType"], first["providerId"]) == (kept.id, "lead_closed", own.id)


async def test_the_cursor_of_an_end_goes_on_with_what_comes_later(own: Lender) -> None:
    reader = Reader(own)
    assert await reader.poll() is False

    await _told(own, "a")
    await reader.until(1)
    await _told(own, "b")

    assert await reader.until(2) == ["a", "b"]


async def test_the_same_news_is_told_once(own: Lender) -> None:
    await _told(own, "a", "a")

    assert await Reader(own).until(1) == ["a"]
    assert len(await own.world.rows(ProviderMessage)) == 1


async def test_a_message_that_is_committed_late_is_not_skipped(own: Lender) -> None:
    reader = Reader(own)
    async with own.world.database.transaction(own.world.tenant.tenant_id) as early:
        # The early one is numbered first, and is committed after the late one was asked for.
        _tell(early, own, "early")
        await _numbered(early)
        await _told(own, "late")
        for _ in range(5):
            await reader.poll()
        assert reader.read == []

    assert await reader.until(2) == ["early", "late"]


async def test_what_was_rolled_back_holds_nothing_up_and_is_not_told(own: Lender) -> None:
    with pytest.raises(LookupError):
        await _told_and_undone(own)

    await _told(own, "a")

    assert await Reader(own).until(1) == ["a"]


async def test_a_reader_among_many_writers_misses_none(own: Lender) -> None:
    reader, writers, each = Reader(own), 6, 15

    async def write(writer: int) -> None:
        for number in range(each):
            async with own.world.database.transaction(own.world.tenant.tenant_id) as session:
                _tell(session, own, f"{writer}.{number}")
                await _numbered(session)
                # The slower a writer is, the later is committed what it was numbered for.
                await asyncio.sleep(0.02 * writer)

    async with asyncio.TaskGroup() as group:
        for writer in range(writers):
            group.create_task(write(writer))
        group.create_task(reader.until(writers * each))

    assert sorted(reader.read) == sorted(f"{writer}.{number}" for writer in range(writers) for number in range(each))


async def _told_and_undone(own: Lender) -> None:
    async with own.world.database.transaction(own.world.tenant.tenant_id) as session:
        _tell(session, own, "never")
        await _numbered(session)
        raise LookupError


async def _numbered(session: AsyncSession) -> None:
    """Write the message now, so that its transaction has its number and stays open."""
    await write_what_was_told(session)


@pytest.mark.parametrize(
    "cursor", ["???", "WyJhIiwgImIiXQ", "WyIxIl0", "WyIxIiwgIi0xIl0", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSIsICIxIl0"]
)
async def test_a_cursor_that_is_none_of_ours_is_named(own: Lender, cursor: str) -> None:
    answer = await own.get("/changes", cursor=cursor)

    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


async def test_changes_are_told_to_whom_they_were_told(own: Lender) -> None:
    other = await lender(own.world, "R-2")

    assert (await other.get("/changes", of=own.id)).status_code == 404
    assert (await own.world.get(f"/api/v1/providers/{own.id}/changes")).status_code == 403


async def _synced(own: Lender, body: Body, tag: str | None = None) -> Any:
    return await own.post("/sync", body, headers={} if tag is None else {"if-match": tag})


async def test_a_status_is_kept_changed_in_the_version_that_was_read_and_listed(own: Lender) -> None:
    lead_id = (await own.invited())["leadId"]
    body: Body = {"leadId": lead_id, "internalId": "FL-1", "internalStatus": "in review"}

    first = await _synced(own, body)
    same = await _synced(own, body)
    blind = await _synced(own, body | {"internalStatus": "approved"})
    second = await _synced(own, body | {"internalStatus": "approved"}, first.headers["etag"])
    stale = await _synced(own, body | {"internalStatus": "declined"}, first.headers["etag"])

    assert [each.status_code for each in (first, same, blind, second, stale)] == [200, 200, 428, 200, 412]
    assert [each.headers.get("etag") for each in (first, same, second)] == ['"1"', '"1"', '"2"']
    assert (blind.json()["code"], stale.json()["code"]) == ("precondition_required", "precondition_failed")
    [listed] = (await own.get("/sync")).json()["data"]
    assert (listed["leadId"], listed["internalStatus"], listed["version"]) == (lead_id, "approved", 2)
    assert (await own.get("/sync", kind="loan")).json()["data"] == []


async def test_a_loan_is_kept_in_step_too(own: Lender) -> None:
    submitted = await own.invited()
    loan = await own.wins(submitted)

    answer = await _synced(own, {"loanId": loan.id, "internalStatus": "booked", "details": {"branch": 7}})

    assert (answer.status_code, answer.json()["kind"], answer.json()["details"]) == (200, "loan", {"branch": 7})


async def test_of_two_that_tell_it_for_the_first_time_one_is_kept(own: Lender) -> None:
    lead_id = (await own.invited())["leadId"]

    answers = await asyncio.gather(
        *(_synced(own, {"leadId": lead_id, "internalStatus": status}) for status in ("a", "b", "c"))
    )

    assert {answer.status_code for answer in answers} <= {200, 412, 428}
    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert [row.version for row in await own.world.rows(ProviderStatus)] == [1]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"internalStatus": "x"}, 422, None),
        ({"leadId": "lead_1", "loanId": "loan_1", "internalStatus": "x"}, 422, None),
        ({"leadId": "lead_1"}, 422, "internalStatus"),
        ({"leadId": "lead_1", "internalStatus": ""}, 422, "internalStatus"),
        ({"leadId": "lead_1", "internalStatus": "x", "details": 1}, 422, "details"),
        ({"leadId": "lead_nobody", "internalStatus": "x"}, 404, "leadId"),
        ({"loanId": "loan_nobody", "internalStatus": "x"}, 404, "loanId"),
    ],
)
async def test_a_status_of_nothing_is_refused(own: Lender, body: Body, status: int, field: str | None) -> None:
    answer = await _synced(own, body)

    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert await own.world.rows(ProviderStatus) == []
