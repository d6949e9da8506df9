"""What strangers say of a provider: the sandbox's bureau and lenders, asked over HTTP by the adapters themselves."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from sqlalchemy import update

from activities.adapters.http_delivery import HttpDelivery
from activities.adapters.prembly import Prembly
from activities.adapters.vetted_http import KeptConnections, VettedHttp
from activities.provider_checks import EndpointNotReady, ProviderChecks
from activities.signing import BadSignature, StaleSignature, verify
from models.onboarding import ProviderRef, Step
from models.records.database import Database
from models.records.endpoints import Endpoint
from models.records.tenants import Tenant
from sandbox import magic
from tests.activities.newcomers import SECRET, arrived, newcomer
from tests.sandbox.worlds import BUREAU_KEY, World, platform_alive, serving, world_alive
from workers.embedded.postgres import DatabaseUrls

TENANT, REF = "tenant_checks", ProviderRef("tenant_checks", "provider_1")


class Checks:
    """The checks of one newcomer whose lender is in the sandbox."""

    def __init__(self, database: Database, world: World, connections: KeptConnections) -> None:
        bureau = Prembly(world.client, f"{world.url}/prembly", BUREAU_KEY)
        postbox = HttpDelivery(VettedHttp(connections, allow_local=True, deadline_seconds=5))
        self.ask = ProviderChecks(database, bureau, bureau, postbox)
        self._database, self._world = database, world

    async def add(self, *, webhook_url: str = "", behavior: dict[str, Any] | None = None, **columns: Any) -> None:
        async with self._database.transaction(TENANT) as session:
            session.add(Tenant(tenant_id=TENANT, name="Platform"))
            url = webhook_url or f"{self._world.url}/lenders/first/webhooks"
            await arrived(session, newcomer(TENANT, REF.provider_id, webhook_url=url, **columns))
        lender = {"providerId": REF.provider_id, "apiKey": "k", "webhookSecret": SECRET, "apiUrl": self._world.url}
        await self._world.client.put("/lenders/first", json=lender | {"behavior": behavior or {}})

    async def close_endpoints(self) -> None:
        async with self._database.transaction(TENANT) as session:
            await session.execute(update(Endpoint).values(deleted_at=datetime.now(UTC)))


@pytest.fixture
async def checks(database: DatabaseUrls) -> AsyncIterator[Checks]:
    rows = Database(database.app)
    async with platform_alive() as platform, world_alive(platform) as world, KeptConnections() as connections:
        yield Checks(rows, world, connections)
    await rows.close()


async def test_a_company_in_order_passes_every_check(checks: Checks) -> None:
    await checks.add()

    found = [
        await checks.ask.verify_company(REF),
        await checks.ask.screen(REF),
        await checks.ask.challenge(REF),
        await checks.ask.certify(REF),
    ]

    assert [(each.step, each.passed) for each in found] == [
        (Step.KYB_VERIFIED, True),
        (Step.SANCTIONS_CLEAR, True),
        (Step.WEBHOOK_URL_VERIFIED, True),
        (Step.SANDBOX_CERTIFIED, True),
    ]
    assert "sandbox-sanctions" in found[1].reason


async def test_a_company_nobody_knows_or_somebody_fears_is_found_out(checks: Checks) -> None:
    await checks.add(company_name=f"Bank of {magic.NAME_SANCTIONED}", registration_number=magic.NUMBER_NOT_FOUND)

    company, sanctions = await checks.ask.verify_company(REF), await checks.ask.screen(REF)

    assert (company.passed, company.reason) == (False, "the company register does not know the number")
    assert (sanctions.passed, sanctions.reason[:15]) == (False, "a hit: score 97")


async def test_an_endpoint_that_does_not_repeat_the_challenge_is_not_verified(checks: Checks) -> None:
    await checks.add(behavior={"muteChallenge": True})

    with pytest.raises(EndpointNotReady, match="does not begin with the challenge"):
        await checks.ask.challenge(REF)


async def test_a_provider_that_has_closed_its_endpoints_is_not_verified(checks: Checks) -> None:
    await checks.add()
    await checks.close_endpoints()

    with pytest.raises(EndpointNotReady, match="has no endpoint"):
        await checks.ask.challenge(REF)


async def test_an_endpoint_that_takes_what_is_not_ours_is_not_certified(checks: Checks) -> None:
    await checks.add(behavior={"acceptsForged": True})

    with pytest.raises(EndpointNotReady, match="signed by somebody else was answered with HTTP 200, not with 4xx"):
        await checks.ask.certify(REF)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/webhooks", "no answer"),
        ("http://169.254.169.254/latest", "not on the public Internet"),
    ],
)
async def test_an_endpoint_we_cannot_or_must_not_reach_is_not_verified(checks: Checks, url: str, reason: str) -> None:
    await checks.add(webhook_url=url)

    for check in (checks.ask.challenge, checks.ask.certify):
        with pytest.raises(EndpointNotReady, match=reason):
            await check(REF)


Answers = Callable[[bool, bool], int]
PICKY: list[tuple[Answers, str]] = [
    (lambda good, _: 500 if good else 401, "a test message was answered with HTTP 500"),
    (lambda good, again: 409 if again else 200 if good else 401, "the same message again was answered with HTTP 409"),
    (lambda good, _: 200 if good else 500, "a message signed by somebody else was answered with HTTP 500"),
    (lambda good, _: 200 if good else 302, "a message signed by somebody else was answered with HTTP 302"),
]


@pytest.mark.parametrize(("answers", "reason"), PICKY)
async def test_a_certification_says_which_message_was_answered_wrongly(
    checks: Checks, answers: Answers, reason: str
) -> None:
    async with serving(_receiver(answers)) as url:
        await checks.add(webhook_url=f"{url}/webhooks")

        with pytest.raises(EndpointNotReady, match=reason):
            await checks.ask.certify(REF)


async def test_an_endpoint_that_forgets_the_time_takes_an_old_message(checks: Checks) -> None:
    async with serving(_receiver(lambda good, _: 200 if good else 401, checks_time=False)) as url:
        await checks.add(webhook_url=f"{url}/webhooks")

        with pytest.raises(EndpointNotReady, match="signed an hour ago was answered with HTTP 200"):
            await checks.ask.certify(REF)


def _receiver(answers: Answers, *, checks_time: bool = True) -> FastAPI:
    """An endpoint of somebody's own: what it answers hangs on whether a message is good and was there before."""
    app, seen = FastAPI(), set[str]()

    @app.post("/webhooks")
    async def receive(request: Request) -> Response:
        body, message_id = await request.body(), request.headers["webhook-id"]
        assert json.loads(body)["data"] == {"purpose": "certification"}
        try:
            verify(SECRET, request.headers, body, now=datetime.now(UTC))
            good = True
        except StaleSignature:
            good = not checks_time
        except BadSignature:
            good = False
        again = message_id in seen
        seen.add(message_id)
        return Response(status_code=answers(good, again))

    return app
