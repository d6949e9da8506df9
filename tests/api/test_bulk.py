"""Decisions in bulk: one signature, each line judged as if alone, a bad one named, and repeating repeats nothing."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from api.settings import ApiSettings
from models.bidding import BiddingClosed
from models.records.leads import Decision
from tests.api.lenders import Lender, lender
from tests.api.worlds import RAIL_SECRET, Body, World, decision_body
from workflows.application_state import Decided

NDJSON = {"content-type": "application/x-ndjson"}


class Sender:
    """A lender with leads that wait for a decision."""

    def __init__(self, own: Lender) -> None:
        self.own, self.world = own, own.world
        self.leads: list[str] = []
        self.workflows: list[str] = []

    async def with_leads(self, count: int) -> "Sender":
        for _ in range(count):
            submitted = await self.own.invited()
            self.leads.append(submitted["leadId"])
            self.workflows.append(f"application/{submitted['applicationId']}")
            self.answers(-1, Decided(accepted=True, answered=1, invited=2))
        return self

    def answers(self, number: int, answer: Any) -> None:
        self.world.temporal.running[self.workflows[number]] = {"decide": answer}

    def line(self, number: int, message_id: str = "", **changes: Any) -> Body:
        return decision_body(self.leads[number], self.own.id, **changes) | {"messageId": message_id or f"m-{number}"}

    async def send(self, *lines: Body | bytes, headers: dict[str, str] | None = None) -> httpx2.Response:
        raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return await self.own.send("/decisions/bulk", raw, headers=NDJSON | (headers or {}))


@pytest.fixture
async def sender(world: World) -> Sender:
    return await Sender(await lender(world)).with_leads(3)


async def test_every_line_is_put_to_its_workflow_and_reported(sender: Sender) -> None:
    answer = await sender.send(*(sender.line(number) for number in range(3)))

    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["refused"]) == (3, 0)
    assert answer.json()["results"][1] == {
        "line": 2,
        "leadId": sender.leads[1],
        "messageId": "m-1",
        "status": 200,
        "code": "accepted",
        "detail": "The decision was taken.",
        "field": None,
    }
    assert sorted(asked[3] for asked in sender.world.temporal.asked) == [f"{sender.own.id}:m-{n}" for n in range(3)]


async def test_a_bad_line_names_itself_and_its_field_and_spoils_nobody_else(sender: Sender) -> None:
    sender.answers(1, BiddingClosed("Bidding has closed."))
    lines: list[Body | bytes] = [
        sender.line(0),
        b'{"leadId": ',
        b"[]",
        b"",
        sender.line(0, "m-5", interestRate="cheap"),
        sender.line(0, "m-6", leadId="lead_nobody"),
        sender.line(0, "m-7", providerId="provider_other"),
        sender.line(1),
        {k: v for k, v in sender.line(2).items() if k != "messageId"},
        sender.line(2, "m 10"),
        sender.line(2, "m-11", approvedAmount=25000.001),
        sender.line(2),
    ]

    answer = await sender.send(*lines)

    report = [(r["line"], r["status"], r["code"], r["field"]) for r in answer.json()["results"]]
    assert report == [
        (1, 200, "accepted", None),
        (2, 422, "not_one_json_per_line", None),
        (3, 422, "not_one_json_per_line", None),
        (5, 422, "validation_failed", "interestRate"),
        (6, 404, "unknown_lead", "leadId"),
        (7, 422, "path_mismatch", "providerId"),
        (8, 409, "bidding_closed", None),
        (9, 422, "validation_failed", "messageId"),
        (10, 422, "validation_failed", "messageId"),
        (11, 422, "invalid_amount", "approvedAmount"),
        (12, 200, "accepted", None),
    ]
    assert (answer.json()["accepted"], answer.json()["refused"]) == (2, 9)


async def test_a_line_that_breaks_something_of_ours_is_a_500_of_its_own(sender: Sender) -> None:
    sender.answers(0, RuntimeError("a mistake of ours"))

    answer = await sender.send(sender.line(0), sender.line(1))

    assert [(r["status"], r["code"]) for r in answer.json()["results"]] == [(500, "internal_error"), (200, "accepted")]


async def test_repeating_the_bulk_repeats_no_effect_and_answers_the_same(sender: Sender) -> None:
    lines = [sender.line(number) for number in range(3)]

    first = await sender.send(*lines, headers={"idempotency-key": "bulk-1"})
    again = await sender.send(*lines, headers={"idempotency-key": "bulk-1"})

    assert first.json() == again.json()
    assert len(await sender.world.rows(Decision)) == 3
    assert len({asked[3] for asked in sender.world.temporal.asked}) == 3


async def test_a_line_that_found_the_engine_away_is_taken_when_the_bulk_is_repeated(sender: Sender) -> None:
    sender.world.temporal.is_up = False
    away = await sender.send(sender.line(0), headers={"idempotency-key": "bulk-1"})
    sender.world.temporal.is_up = True
    back = await sender.send(sender.line(0), headers={"idempotency-key": "bulk-1"})

    assert [each.json()["results"][0]["code"] for each in (away, back)] == ["engine_away", "accepted"]


async def test_a_line_is_the_same_message_as_the_decision_sent_alone(sender: Sender) -> None:
    body = decision_body(sender.leads[0], sender.own.id)
    alone = await sender.own.tell(f"/leads/{sender.leads[0]}/decision", body, headers={"idempotency-key": "m-0"})
    bulk = await sender.send(sender.line(0))

    assert (alone.status_code, bulk.json()["accepted"]) == (200, 1)
    assert len(await sender.world.rows(Decision)) == 1
    assert len({asked[3] for asked in sender.world.temporal.asked}) == 1


async def test_lines_of_one_lead_keep_their_order_and_others_a_few_at_a_time(sender: Sender) -> None:
    await sender.with_leads(9)
    at_once, most = 0, 0

    async def slowly() -> Decided:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return Decided(accepted=True, answered=1, invited=2)

    for number in range(12):
        sender.answers(number, slowly)
    await sender.send(*(sender.line(n % 12, f"{n % 12}.{n // 12}") for n in range(36)))

    by_lead: dict[str, list[str]] = {}
    for workflow_id, _, _, update_id in sender.world.temporal.asked:
        by_lead.setdefault(workflow_id, []).append(update_id.rpartition(".")[2])
    assert list(by_lead.values()) == [["0", "1", "2"]] * 12
    assert most == sender.world.settings.bulk_at_once


@pytest.mark.parametrize(
    ("raw", "code"), [(b"", "no_lines"), (b"\n \n", "no_lines"), (b"{}\n" * 10_001, "too_many_lines")]
)
async def test_what_is_no_bulk_is_refused_as_a_whole(sender: Sender, raw: bytes, code: str) -> None:
    answer = await sender.send(raw)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_the_body_is_said_to_be_json_lines(sender: Sender) -> None:
    answer = await sender.send(sender.line(0), headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["field"]) == (422, "Content-Type")


async def test_the_signature_covers_every_line(sender: Sender) -> None:
    forged = await sender.send(sender.line(0), headers={"webhook-signature": "v1,AAAA"})
    other = await lender(sender.world, "R-2")
    foreign = await other.send("/decisions/bulk", json.dumps(sender.line(0)).encode(), of=sender.own.id, headers=NDJSON)

    assert (forged.status_code, foreign.status_code) == (401, 404)
    assert await sender.world.rows(Decision) == []


async def test_a_line_has_its_limit_too(sender: Sender) -> None:
    answer = await sender.send(sender.line(0, customData={"note": "x" * 70_000}), sender.line(1))

    assert [r["code"] for r in answer.json()["results"]] == ["line_too_long", "accepted"]


class TestLargeBodies:
    @pytest.fixture
    def settings(self) -> ApiSettings:
        small = ApiSettings(mode="sandbox", rail_secret_key=SecretStr(RAIL_SECRET), process_timeout_seconds=0.3)
        return small.model_copy(update={"max_body_bytes": 4_000, "max_bulk_bytes": 8_000})

    async def test_the_larger_limit_is_of_this_path_alone(self, sender: Sender) -> None:
        line = sender.line(0, customData={"note": "x" * 5_000})

        assert (await sender.send(line)).json()["accepted"] == 1
        beyond = await sender.send(line, line)
        assert (beyond.status_code, beyond.json()["code"]) == (413, "body_too_large")
        for path in (f"/leads/{sender.leads[0]}/decision", "/decisions/bulk/", "/x/decisions/bulk"):
            assert (await sender.own.tell(path, line)).status_code == 413, path

    async def test_a_body_that_does_not_say_its_length_is_cut_off(self, sender: Sender) -> None:
        async def endless() -> Any:
            for _ in range(10):
                yield b"x" * 1_000

        key = {"authorization": f"Bearer {sender.own.credentials['apiKey']}"}
        path = f"/api/v1/providers/{sender.own.id}/decisions/bulk"
        answer = await sender.world.http.post(path, content=endless(), headers=NDJSON | key)

        assert answer.status_code == 413

    async def test_who_is_not_known_is_not_listened_to(self, sender: Sender) -> None:
        read = 0

        async def counted() -> Any:
            nonlocal read
            for _ in range(7):
                read += 1
                yield b"x" * 1_000

        path = f"/api/v1/providers/{sender.own.id}/decisions/bulk"
        answer = await sender.world.http.post(path, content=counted(), headers=NDJSON)

        assert (answer.status_code, read) == (401, 0)
