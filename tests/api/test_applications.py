"""Applications over HTTP: taken in as the owner printed them, refused by name, never lost."""

import json
from typing import Any

import httpx2
import pytest

from models.application import ApplicationStatus
from models.events import EventType
from models.records.applications import Applicant, Application
from models.records.outbox import EventRow, OutboxKind, OutboxRow
from tests.api.rows import moved, offered
from tests.api.worlds import Body, World, application_body

PATH = "/api/loans/applications"


async def test_the_owners_body_is_taken_as_printed(world: World) -> None:
    body = application_body()
    del body["disbursementAccount"]

    answer = await world.post(PATH, body)

    assert answer.status_code == 201
    assert answer.json()["success"] is True
    assert answer.json()["status"] == "submitted"
    [application] = await world.rows(Application)
    assert (application.requested_amount_minor, application.currency, application.tenure_days) == (
        2_500_000,
        "USD",
        365,
    )
    assert application.beneficiary_account_number is None, "a masked account is no account to pay out to"
    [applicant] = await world.rows(Applicant)
    assert (applicant.identity_type, applicant.identity_number) == ("phone_number", "+1-555-0123")
    assert applicant.employment["monthlyIncome"] == 8500


async def test_application_events_and_the_order_to_start_are_one_transaction(world: World) -> None:
    submitted = await world.apply()

    events = {event.type for event in await world.rows(EventRow)}
    assert events == {EventType.APPLICATION_SUBMITTED, EventType.CREDIT_APPLICATION_SUBMITTED}
    [order] = await world.rows(OutboxRow)
    assert order.kind == OutboxKind.START_APPLICATION
    assert order.payload == {"applicationId": submitted["applicationId"], "currency": "USD", "preAssessed": False}


async def test_an_application_is_taken_while_temporal_is_away(world: World) -> None:
    world.temporal.is_up = False

    answer = await world.post(PATH, application_body())

    assert answer.status_code == 201
    assert len(await world.rows(OutboxRow)) == 1


async def test_cents_arrive_exactly(world: World) -> None:
    raw = b'{"requestedAmount": 1234567890123.45, "purpose": "x", "tenure": 365}'
    body = await _raw_with(world, raw)

    assert body.status_code == 201
    [application] = await world.rows(Application)
    assert application.requested_amount_minor == 123_456_789_012_345


async def test_an_amount_may_be_a_string_and_a_currency_without_cents_is_counted_whole(world: World) -> None:
    await world.apply(loanApplication={"requestedAmount": "25000", "purpose": "x", "tenure": 90, "currency": "JPY"})

    [application] = await world.rows(Application)
    assert (application.requested_amount_minor, application.currency) == (25_000, "JPY")


BAD: list[tuple[str, Any, str]] = [
    ("loanApplication.requestedAmount", -5, "loanApplication.requestedAmount"),
    ("loanApplication.requestedAmount", 0, "loanApplication.requestedAmount"),
    ("loanApplication.requestedAmount", 10.001, "loanApplication.requestedAmount"),
    ("loanApplication.requestedAmount", "a lot", "loanApplication.requestedAmount"),
    ("loanApplication.requestedAmount", True, "loanApplication.requestedAmount"),
    ("loanApplication.requestedAmount", 10**16, "loanApplication.requestedAmount"),
    ("loanApplication.currency", "XXX", "loanApplication.currency"),
    ("loanApplication.currency", "usd", "loanApplication.currency"),
    ("loanApplication.tenure", 0, "loanApplication.tenure"),
    ("loanApplication.tenure", 3651, "loanApplication.tenure"),
    ("loanApplication.tenure", "365", "loanApplication.tenure"),
    ("loanApplication.tenure", 1.5, "loanApplication.tenure"),
    ("loanApplication.purpose", "", "loanApplication.purpose"),
    ("loanApplication.hurry", True, "loanApplication.hurry"),
    ("applicant.personalInfo.email", "nobody", "applicant.personalInfo.email"),
    ("applicant.personalInfo.email", "a@b.c\r\nBcc: d@e.f", "applicant.personalInfo.email"),
    ("applicant.personalInfo.firstName", "Sa\nrah", "applicant.personalInfo.firstName"),
    ("applicant.personalInfo.phoneNumber", "call me", "applicant.personalInfo.phoneNumber"),
    ("applicant.personalInfo.birthDate", "2999-01-01", "applicant.personalInfo.birthDate"),
    ("applicant.personalInfo.first_name", "Sarah", "applicant.personalInfo.first_name"),
    ("applicant.personalInfo.address.country", "ZZ", "applicant.personalInfo.address.country"),
    ("applicant.employmentInfo.monthlyIncome", -1, "applicant.employmentInfo.monthlyIncome"),
    ("applicant.employmentInfo.monthlyIncome", 8500.005, "applicant.employmentInfo.monthlyIncome"),
    ("applicant.employmentInfo.employmentDuration", "long", "applicant.employmentInfo.employmentDuration"),
    (
        "applicant.financialInfo.existingLoans",
        [{"monthlyPayment": 1}, {"monthlyPayment": 1.001}],
        "applicant.financialInfo.existingLoans[1].monthlyPayment",
    ),
    ("disbursementAccount.accountNumber", "****1234", "disbursementAccount.accountNumber"),
    ("disbursementAccount.accountName", "Somebody Else", "disbursementAccount.accountName"),
    ("identity", {"type": "horoscope", "number": "1"}, "identity.type"),
    ("surprise", 1, "surprise"),
]


@pytest.mark.parametrize(("path", "value", "field"), BAD)
async def test_bad_input_names_its_field_and_changes_nothing(
    world: World, path: str, value: object, field: str
) -> None:
    body = application_body()
    _put(body, path, value)

    answer = await world.post(PATH, body)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["success"], problem["field"]) == (False, field)
    assert problem["errors"][0]["pointer"] == "#/" + field.replace(".", "/").replace("[", "/").replace("]", "")
    assert await world.rows(Application) == []
    assert await world.rows(OutboxRow) == []


async def test_every_missing_field_is_named_at_once(world: World) -> None:
    body = application_body()
    del body["applicant"]["personalInfo"]["lastName"]
    del body["loanApplication"]["tenure"]

    answer = await world.post(PATH, body)

    fields = {fault["field"] for fault in answer.json()["errors"]}
    assert fields == {"applicant.personalInfo.lastName", "loanApplication.tenure"}


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b"[" * 100_000,
        b'{"a": 1' + b"1" * 5000 + b"}",
        b'{"a": "\\u0000"}',
        b'"\\ud800"',
    ],
)
async def test_what_is_no_json_is_refused(world: World, raw: bytes) -> None:
    answer = await world.http.post(PATH, content=raw, headers=world.key | {"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body is not valid JSON."


async def test_an_unknown_application_is_not_found(world: World) -> None:
    for path in ("", "/offers", "/timeline"):
        answer = await world.get(f"{PATH}/app_nobody{path}")

        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_application")


async def test_offers_are_sealed_while_bids_come_in(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    await moved(world, submitted, ApplicationStatus.BIDDING)

    sealed = (await world.get(submitted["links"]["offers"])).json()

    assert (sealed["sealed"], sealed["status"], sealed["offers"]) == (True, "bidding", [])


async def test_offers_show_their_true_cost(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)

    shown = (await world.get(submitted["links"]["offers"])).json()

    assert shown["sealed"] is False
    [offer] = shown["offers"]
    expected = {
        "apr": 10.48,
        "aprMethod": "us_reg_z_appendix_j",
        "totalRepayable": 26124.27,
        "financeCharge": 1424.27,
        "installment": 2177.02,
        "netDisbursed": 24700,
        "processingFee": 300,
        "interestRate": 8.2,
        "rank": 1,
        "status": "submitted",
    }
    assert offer | expected == offer


async def test_the_timeline_turns_its_pages_in_order(world: World) -> None:
    submitted = await world.apply()
    path = submitted["links"]["timeline"]

    first = (await world.get(path, limit=1)).json()
    second = (await world.get(path, limit=1, cursor=first["nextCursor"])).json()

    assert [first["hasMore"], second["hasMore"]] == [True, False]
    assert [page["data"][0]["type"] for page in (first, second)] == [
        "loan.application.submitted",
        "credit.application.submitted",
    ]


@pytest.mark.parametrize("cursor", ["nonsense", "WyJ4Il0", "W10", "é", "WyJhIiwgImIiXQ"])
async def test_a_made_up_cursor_is_refused(world: World, cursor: str) -> None:
    submitted = await world.apply()

    answer = await world.get(submitted["links"]["timeline"], cursor=cursor)

    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def _put(body: Body, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        body = body[name]
    body[last] = value


async def _raw_with(world: World, loan_application: bytes) -> httpx2.Response:
    body = application_body() | {"loanApplication": "HERE"}
    raw = json.dumps(body).encode().replace(b'"HERE"', loan_application)
    return await world.http.post(PATH, content=raw, headers=world.key | {"content-type": "application/json"})
