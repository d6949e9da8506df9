"""The kit over real sockets: the reference provider passes every case, and each broken one fails the right ones."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from rich.console import Console
from typer.testing import CliRunner

from sandbox import reference_provider
from sandbox.decisions import Lender
from tests.sandbox.worlds import platform_alive, serving, world_alive
from workers.cli import app as command_line
from workers.conformance.bench import Bench, Expectations
from workers.conformance.report import show
from workers.conformance.run import NoSuchCase, Report, Verdict, chosen, played
from workers.conformance.stub_api import StubApi

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
ASKED = Expectations("", SECRET, patience_seconds=2, settle_seconds=0.3)
RETRIES = {
    "tries_again_after_503",
    "tries_again_after_500",
    "same_id_and_body_again",
    "obeys_retry_after_of_429",
    "obeys_retry_after_of_503",
}
FORGERIES = {
    "bad_signature",
    "missing_id",
    "missing_timestamp",
    "missing_signature",
    "garbled_timestamp",
    "garbled_signature",
    "wrong_secret",
    "stale_timestamp",
    "future_timestamp",
    "tampered_body",
    "tampered_id",
    "tampered_timestamp",
    "signature_of_the_body_alone",
    "unknown_version_alone",
    "forged_duplicate",
}
REPETITIONS = {
    "duplicate_id",
    "same_lead_in_another_message",
    "concurrent_duplicates",
    "retry_storm",
    "lead_closed",
    "closed_before_received",
}


async def test_the_reference_provider_passes_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    report = await checked(monkeypatch)

    assert [(verdict.name, verdict.fault) for verdict in report.failed] == []
    assert len(report.verdicts) >= 40


def test_the_reference_provider_has_at_most_eighty_lines_and_knows_nothing_of_us() -> None:
    text = Path(reference_provider.__file__).read_text()

    assert len(text.splitlines()) <= 80
    assert not any(f"from {ours}" in text for ours in ("models", "activities", "api", "workers", "temporal", "sandbox"))


async def test_a_lender_of_the_sandbox_passes_all_but_what_it_has_no_policy_for() -> None:
    lends_anything = {"amount_above_your_maximum", "amount_below_your_minimum", "large_amount"}
    lends_anywhere = {"other_currency", "other_country"}
    stub = StubApi()
    async with (
        serving(stub.app()) as api_url,
        platform_alive() as platform,
        world_alive(platform) as world,
        httpx2.AsyncClient() as http,
    ):
        lender = Lender(
            provider_id=ASKED.provider_id, api_key=ASKED.api_key, webhook_secret=SECRET, api_url=api_url
        ).model_dump(mode="json", by_alias=True)
        (await http.put(f"{world.url}/lenders/kit", json=lender)).raise_for_status()
        report = await played(bench(f"{world.url}/lenders/kit/webhooks", stub, http), chosen(()))

    assert {verdict.name for verdict in report.failed} == lends_anything | lends_anywhere


class Forgetful(set[str]):
    def add(self, _: str) -> None:
        """Forget it."""


def first_signature_only(headers: Any, body: bytes) -> bool:
    given = headers["webhook-signature"].split()[0].encode()
    return bool(given == reference_provider.signature(headers["webhook-id"], headers["webhook-timestamp"], body))


def careless(event: dict[str, Any], good: Callable[[Any], dict[str, Any]] = reference_provider.decision_on) -> Any:
    return good(event) | {
        "leadId": "lead_other",
        "approvedAmount": 10**7,
        "interestRate": 99,
        "expiresAt": event["timestamp"],
        "applicant": event["data"]["applicant"],
    }


@pytest.mark.parametrize(
    ("breaking", "fails", "still_passes"),
    [
        pytest.param({"is_genuine": lambda *_: True}, FORGERIES, {"good_delivery", "rotated_secret"}, id="trusting"),
        pytest.param({"leads": Forgetful()}, REPETITIONS, {"expired_lead", "bad_signature"}, id="forgetful"),
        pytest.param({"PASSING": set()}, RETRIES, {"stops_after_409", "good_delivery"}, id="gives up"),
        pytest.param(
            {"PASSING": {404, 409, 422, 429, *range(500, 600)}},
            {"stops_after_404", "stops_after_409", "stops_after_422"},
            {"tries_again_after_503"},
            id="stubborn",
        ),
        pytest.param(
            {"max": lambda pause, _: pause},
            {"obeys_retry_after_of_429", "obeys_retry_after_of_503"},
            {"tries_again_after_500"},
            id="impatient",
        ),
        pytest.param(
            {"TOLERANCE_SECONDS": 10**9},
            {"stale_timestamp", "future_timestamp"},
            {"a_minute_of_drift", "tampered_timestamp"},
            id="timeless",
        ),
        pytest.param(
            {"TOLERANCE_SECONDS": 30}, {"a_minute_of_drift"}, {"stale_timestamp", "good_delivery"}, id="pedantic"
        ),
        pytest.param(
            {"is_genuine": first_signature_only},
            {"rotated_secret", "unknown_version_beside_a_good_one"},
            {"header_capitalization", "signed_as_sent"},
            id="reads one signature",
        ),
        pytest.param(
            {"LEAST": 0, "MOST": 10**18},
            {"amount_above_your_maximum", "amount_below_your_minimum", "large_amount"},
            {"other_currency", "other_country"},
            id="lends anything",
        ),
        pytest.param(
            {"decision_on": careless},
            {
                "decision_has_our_shape",
                "decision_echoes_its_lead",
                "rate_within_what_is_registered",
                "offer_outlives_its_arrival",
                "amount_within_what_was_asked",
                "no_personal_data_comes_back",
            },
            {"decision_is_signed", "decision_has_an_idempotency_key"},
            id="careless",
        ),
        pytest.param({"MOST_BYTES": 10**9}, {"oversize_body"}, {"empty_body", "not_json"}, id="swallows anything"),
    ],
)
async def test_a_broken_provider_fails_the_right_cases(
    monkeypatch: pytest.MonkeyPatch, breaking: dict[str, Any], fails: set[str], still_passes: set[str]
) -> None:
    for name, value in breaking.items():
        monkeypatch.setattr(reference_provider, name, value, raising=False)

    report = await checked(monkeypatch, *fails, *still_passes)

    assert {verdict.name for verdict in report.failed} == fails


async def test_a_decision_under_another_key_and_another_secret_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("decision_is_authenticated", "decision_is_signed", "good_delivery")
    stub = StubApi()
    async with serving(stub.app()) as api_url, referring(monkeypatch, api_url) as url, httpx2.AsyncClient() as http:
        monkeypatch.setenv("CAAS_API_KEY", "caas_test_sk_other")
        keyed = await played(bench(url, stub, http), chosen(names))
        monkeypatch.setattr(reference_provider, "is_genuine", lambda *_: True)
        monkeypatch.setenv("CAAS_WEBHOOK_SECRET", "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")
        signed = await played(bench(url, stub, http), chosen(names))

    assert {verdict.name for verdict in keyed.failed} == {"decision_is_authenticated"}
    assert {verdict.name for verdict in signed.failed} == {"decision_is_authenticated", "decision_is_signed"}


def crashing() -> Response:
    return Response(status_code=500)


def agreeing() -> Response:
    return JSONResponse({"ok": True})


def elsewhere() -> Response:
    return RedirectResponse("/elsewhere")


@pytest.mark.parametrize(
    ("answer", "fails", "passes"),
    [
        (
            crashing,
            {"bad_signature", "challenge", "unknown_event_type", "every_event_type", "test_event", "unicode"},
            set(),
        ),
        (agreeing, {"bad_signature", "challenge", "good_delivery", "get_is_refused", "empty_body"}, {"test_event"}),
        (elsewhere, {"no_redirect", "test_event", "get_is_refused", "bad_signature", "out_of_order"}, set()),
        (crashing, {"json_of_another_shape", "keep_alive", "does_not_hammer", "fast_acknowledgement"}, set()),
    ],
)
async def test_an_endpoint_that_reads_nothing_is_seen_through(
    answer: Callable[[], Response], fails: set[str], passes: set[str]
) -> None:
    endpoint = FastAPI(openapi_url=None)

    @endpoint.api_route("/webhooks", methods=["GET", "POST"])
    async def any_message(_: Request) -> Response:
        return answer()

    stub = StubApi()
    async with serving(endpoint) as url, httpx2.AsyncClient() as http:
        report = await played(bench(f"{url}/webhooks", stub, http), chosen(fails | passes))

    assert {verdict.name for verdict in report.failed} == fails


async def test_an_endpoint_where_nobody_listens_fails_with_a_sentence() -> None:
    async with httpx2.AsyncClient() as http:
        report = await played(bench("http://127.0.0.1:1/webhooks", StubApi(), http), chosen(("good_delivery",)))

    assert [verdict.fault for verdict in report.verdicts] == ["The endpoint did not answer: ConnectError."]


def test_the_report_names_each_case_and_counts() -> None:
    console = Console(record=True, width=120)
    good, bad = Verdict("good", "delivery", "It must.", 0.1), Verdict("bad", "http", "It must not.", 1, "It [did].")

    show(Report("http://lender.example", (good, bad)), console)

    text = console.export_text()
    assert "pass  good" in text
    assert "FAIL  bad" in text
    assert "It [did]." in text
    assert "1 of 2 cases passed at http://lender.example." in text


def test_the_command_fails_when_a_case_does_and_prints_json() -> None:
    arguments = ["provider", "check", "http://127.0.0.1:1/w", "--secret", SECRET, "--port", "0", "--json"]

    ran = CliRunner().invoke(command_line, [*arguments, "--only", "good_delivery"])
    unknown = CliRunner().invoke(command_line, [*arguments, "--only", "perfect_delivery"])

    assert ran.exit_code == 1
    printed = json.loads(ran.stdout)
    assert (printed["passed"], printed["failed"], printed["cases"][0]["name"]) == (0, 1, "good_delivery")
    assert unknown.exit_code == 1


def test_a_case_that_is_not_there_is_refused() -> None:
    with pytest.raises(NoSuchCase, match="perfect_delivery"):
        chosen(("perfect_delivery",))


async def checked(monkeypatch: pytest.MonkeyPatch, *only: str) -> Report:
    stub = StubApi()
    async with serving(stub.app()) as api_url, referring(monkeypatch, api_url) as url, httpx2.AsyncClient() as http:
        return await played(bench(url, stub, http), chosen(only))


@asynccontextmanager
async def referring(monkeypatch: pytest.MonkeyPatch, api_url: str) -> AsyncIterator[str]:
    """The reference provider over a socket, pointed at the stub."""
    known = {"API_URL": api_url, "API_KEY": ASKED.api_key, "PROVIDER_ID": ASKED.provider_id, "WEBHOOK_SECRET": SECRET}
    for name, value in known.items():
        monkeypatch.setenv(f"CAAS_{name}", value)
    async with serving(reference_provider.app) as url:
        yield f"{url}/webhooks/caas"
    for task in list(reference_provider.working):
        task.cancel()


def bench(url: str, stub: StubApi, http: httpx2.AsyncClient) -> Bench:
    asked = {name: getattr(ASKED, name) for name in ASKED.__slots__} | {"url": url}
    return Bench(Expectations(**asked), stub, http, token_hex(4))
