"""What an operator sees: one correlated line a request, measurements by template, and no more of people than ids."""

import json
import logging

import httpx2
import pytest
import structlog

from api.observability import configure_logging
from api.resources import Resources
from models.records.database import Database
from tests.api.worlds import World, application_body
from workers.embedded.postgres import DatabaseUrls


async def test_a_given_correlation_id_is_kept(world: World) -> None:
    answer = await world.http.get("/api/loans", headers={"x-correlation-id": "trace-1"})

    assert answer.headers["x-correlation-id"] == "trace-1"
    assert answer.json()["correlationId"] == "trace-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb"])
async def test_an_unusable_correlation_id_is_replaced(world: World, given: str) -> None:
    answer = await world.http.get("/health", headers={"x-correlation-id": given})

    assert answer.headers["x-correlation-id"].startswith("req_")


async def test_every_request_is_one_line_with_its_ids_and_no_names(world: World) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        submitted = await world.apply()
        await world.get(submitted["links"]["self"])

    taken, shown = [line for line in lines if line["event"] == "request"]
    assert (taken["route"], taken["status"]) == ("/api/loans/applications", 201)
    assert shown["route"] == "/api/loans/applications/{applicationId}"
    assert shown["application_id"] == submitted["applicationId"]
    assert shown["tenant_id"] == world.tenant.tenant_id
    assert taken["correlation_id"] != shown["correlation_id"]
    for canary in ("Sarah", "sarah@email.com", "0123", world.tenant.api_key):
        assert canary not in str(lines)


async def test_requests_are_measured_by_template(world: World) -> None:
    submitted = await world.apply()
    await world.get(submitted["links"]["self"])

    text = (await world.http.get("/metrics")).text

    labels = 'method="GET",route="/api/loans/applications/{applicationId}",status="200"'
    assert f"caas_http_requests_total{{{labels}}}" in text
    assert "caas_http_request_seconds_bucket" in text
    assert submitted["applicationId"] not in text


async def test_a_mistake_of_ours_says_nothing_of_our_insides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret insides")

    monkeypatch.setattr(Database, "transaction", broken)
    with structlog.testing.capture_logs() as lines:
        answer = await world.get("/api/loans")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["correlationId"] == answer.headers["x-correlation-id"]
    assert "secret insides" not in answer.text
    assert "request failed" in {line["event"] for line in lines}


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    body = application_body(userId="x" * 1024 * 1024)

    answer = await world.post("/api/loans/applications", body)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_health_tells_what_is_away(world: World) -> None:
    healthy = await world.http.get("/health")
    world.temporal.is_up = False
    degraded = await world.http.get("/health")

    assert (healthy.status_code, healthy.json()["status"]) == (200, "healthy")
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert degraded.json()["dependencies"] == {
        "database": "healthy",
        "temporal": "down",
        "blockchain": "off",
    }


async def test_without_rows_nothing_works(world: World, rows: DatabaseUrls) -> None:
    nowhere = DatabaseUrls(rows.owner, rows.app.replace("test_api", "nowhere"), rows.relay)
    database = Database(nowhere.app)
    app = world.http._transport.app  # type: ignore[attr-defined] # noqa: SLF001 - the way to swap one part of it
    known: Resources = app.state.resources
    app.state.resources = Resources(known.settings, database, known.processes, known.pages)

    health, loans = await world.http.get("/health"), await world.get("/api/loans")

    assert (health.status_code, health.json()["status"]) == (503, "down")
    assert (loans.status_code, loans.json()["code"]) == (503, "database_away")
    assert int(loans.headers["retry-after"]) > 0
    await database.close()


async def test_an_unknown_path_and_method_are_problems(world: World) -> None:
    nowhere, wrong = await world.http.get("/api/nowhere"), await world.http.delete("/api/loans")

    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "no_such_path")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


async def test_the_description_is_complete_and_has_the_owners_bodies(world: World) -> None:
    described: httpx2.Response = await world.http.get("/openapi.json")

    document = described.json()
    examples = document["paths"]["/api/v1/providers/register"]["post"]["requestBody"]["content"]["application/json"]
    assert examples["examples"]["firstcredit"]["value"]["companyName"] == "FirstCredit Bank"
    named = {text.split('"')[0] for text in described.text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])
    assert (await world.http.get("/docs")).status_code == 200


def test_logs_are_json_lines_without_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    secret, root = "a borrower's name", logging.getLogger()
    before = root.handlers[:], root.level
    configuration = structlog.get_config()
    try:
        configure_logging()
        with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
            logging.getLogger("somebody.else").warning("a library speaks")
            try:
                _fail(len(secret))
            except ValueError:
                structlog.get_logger().exception("we speak")
    finally:
        root.handlers[:], root.level = before
        structlog.configure(**configuration)
    theirs, ours = (json.loads(line) for line in capsys.readouterr().out.splitlines())

    assert (theirs["event"], theirs["level"], theirs["correlation_id"]) == ("a library speaks", "warning", "c-1")
    assert "ValueError: 17" in ours["exception"]
    assert secret not in ours["exception"]


def _fail(length: int) -> None:
    raise ValueError(length)


async def test_the_documentation_page_needs_no_other_host(world: World) -> None:
    page = await world.http.get("/docs")

    assert page.status_code == 200
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs/assets/{asset}" in page.text
        assert (await world.http.get(f"/docs/assets/{asset}")).status_code == 200
