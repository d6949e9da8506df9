"""One exchange with a lender's API, step by step, on real rows."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlmodel import select

from activities.lender_api import LenderAnswer, LenderAway
from activities.plugins import PluginRef, PluginRunRef, Plugins
from activities.provider_news import ProviderNews, tell_provider
from models.events import ProviderEventType
from models.plugin import plugin_of, shown_of
from models.records.database import Database
from models.records.outbox import Delivery, OutboxRow
from models.records.plugins import PluginRow, PluginRunRow, release, tell_plugins
from tests.models.plugins import LEAD, both_ways, configured
from tests.workflows.fakes import FakeLender
from tests.workflows.world import TENANT, populate
from workers.embedded.postgres import DATABASE, OWNER, SUPERUSER, DatabaseUrls, Postgres

PROVIDERS = tuple(f"provider_{number}" for number in range(60))
_numbers = count()
SOON = datetime.now(UTC) + timedelta(hours=48)
APPROVED = {"id": "FC-7", "outcome": "APPROVE", "terms": {"principal": 25000, "ratePercent": 8.5, "days": 365}}


@dataclass
class Scene:
    """A provider with a plugin, and the lender behind it."""

    rows: Database
    outbox: Database
    provider_id: str
    lender: FakeLender = field(default_factory=FakeLender)

    def __post_init__(self) -> None:
        self.plugins = Plugins(self.rows, self.lender)

    async def configure(self, document: dict[str, Any], **changed: Any) -> None:
        plugin = plugin_of(document)
        columns: dict[str, Any] = {
            "sync_frequency": plugin.sync_frequency,
            "events": list(plugin.events),
            "settings": shown_of(document, plugin),
            "secrets": dict(plugin.authentication.secrets),
            "changed_at": datetime.now(UTC),
        }
        async with self.rows.transaction(TENANT) as session:
            row = PluginRow(tenant_id=TENANT, provider_id=self.provider_id, name=plugin.name, **(columns | changed))
            await session.merge(row)

    async def tell(
        self, about: str = "app_1", event: ProviderEventType = ProviderEventType.LEAD_RECEIVED, **data: Any
    ) -> None:
        news = ProviderNews(event, about, datetime.now(UTC), LEAD | data, expires_at=SOON)
        async with self.rows.transaction(TENANT) as session:
            tell_provider(session, TENANT, self.provider_id, news)

    async def run(self) -> PluginRunRow:
        """The one there is."""
        (run,) = await self.runs()
        return run

    async def runs(self) -> list[PluginRunRow]:
        return [run for run in await self.all(PluginRunRow) if run.provider_id == self.provider_id]

    async def advance(self) -> timedelta | None:
        return await self.plugins.advance(PluginRunRef(TENANT, (await self.run()).id))

    async def all(self, table: Any) -> list[Any]:
        database = self.outbox if table is OutboxRow else self.rows
        async with database.transaction(TENANT) as session:
            return list((await session.execute(select(table))).scalars())

    async def work(self, kind: str) -> list[dict[str, Any]]:
        ours = {run.id for run in await self.runs()}
        return [row.payload for row in await self.all(OutboxRow) if row.kind == kind and row.payload["runId"] in ours]


@pytest.fixture(scope="module")
async def urls(postgres: Postgres, migrated: DatabaseUrls) -> DatabaseUrls:  # noqa: ARG001 - ordered
    """One database for all of these tests: each has a provider of its own."""
    fresh, template, owner = (sql.Identifier(name) for name in ("test_plugins", DATABASE, OWNER))
    url = postgres.url(SUPERUSER, "postgres", driver="postgresql")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(fresh, template, owner))
    rows = Database(postgres.urls("test_plugins").app)
    await populate(rows, PROVIDERS)
    await rows.close()
    return postgres.urls("test_plugins")


@pytest.fixture
async def scene(urls: DatabaseUrls) -> AsyncIterator[Scene]:
    rows, outbox = Database(urls.app), Database(urls.relay)
    yield Scene(rows, outbox, PROVIDERS[next(_numbers)])
    await rows.close()
    await outbox.close()


async def test_a_lead_is_sent_in_the_lenders_words(scene: Scene) -> None:
    await scene.configure(configured())
    await scene.tell()

    assert await scene.advance() is None

    run, (call,) = await scene.run(), scene.lender.asked
    assert (call.method, call.url) == ("POST", "https://api.provider.com/sync/loans")
    assert json.loads(call.body) == {
        "applicationId": "lead_xyz789",
        "customer": {"fName": "Sarah"},
        "loanAmount": 25000,
        "creditScore": 8.232727,
    }
    assert call.headers["authorization"] == "Bearer provider_token_abc123"
    assert (call.headers["idempotency-key"], call.headers["x-caas-event"]) == (run.id, "lead_received")
    assert "abc123" not in repr(call)
    assert (run.status, run.lead_id, run.last_status_code) == ("succeeded", "lead_xyz789", 200)


async def test_the_same_event_is_one_exchange_and_one_piece_of_work(scene: Scene) -> None:
    await scene.configure(configured())

    await scene.tell()
    await scene.tell()

    assert await scene.work("sync_plugin") == [{"runId": (await scene.run()).id}]


@pytest.mark.parametrize(
    ("changed", "event"),
    [({"enabled": False}, "lead_received"), ({}, "lead_closed"), ({"provider_id": "provider_59"}, "lead_received")],
)
async def test_a_plugin_hears_what_it_asks_for_of_its_own_provider(
    scene: Scene, changed: dict[str, Any], event: str
) -> None:
    await scene.configure(configured())
    if "provider_id" in changed:
        news = ProviderNews(ProviderEventType.LEAD_RECEIVED, "app_1", SOON, LEAD)
        async with scene.rows.transaction(TENANT) as session:
            tell_provider(session, TENANT, changed["provider_id"], news)
    else:
        await scene.configure(configured(), **changed)
        await scene.tell(event=ProviderEventType(event))

    assert await scene.runs() == []
    assert await scene.work("sync_plugin") == []


async def test_what_is_told_in_the_relays_role_reaches_plugins_too(scene: Scene) -> None:
    await scene.configure(configured(events=["endpoint_disabled"]))
    told = {"eventType": "endpoint_disabled", "eventId": "msg_1"}

    async with scene.outbox.transaction(TENANT) as session:
        tell_plugins(session, TENANT, scene.provider_id, told, expires_at=None)

    assert ((await scene.run()).event_type, len(await scene.work("sync_plugin"))) == ("endpoint_disabled", 1)


async def test_an_answer_that_decides_is_left_to_the_relay(scene: Scene) -> None:
    await scene.configure(both_ways())
    await scene.tell()
    scene.lender.answers = [LenderAnswer(200, APPROVED)]

    assert await scene.advance() is None

    run = await scene.run()
    assert (run.status, run.external_id) == ("succeeded", "FC-7")
    assert run.answer == {"decision": "approved", "approvedAmount": 25000, "interestRate": 8.5, "tenure": 365}
    assert await scene.work("plugin_decision") == [{"runId": run.id}]


async def test_a_lender_that_does_not_know_yet_is_asked_by_the_id_he_gave(scene: Scene) -> None:
    await scene.configure(both_ways())
    await scene.tell()
    scene.lender.answers = [
        LenderAnswer(202, {"id": "FC/7"}),
        LenderAnswer(200, {"id": "FC/7"}),
        LenderAnswer(200, APPROVED),
    ]

    pauses = [await scene.advance() for _ in range(3)]

    assert pauses == [timedelta(seconds=30), timedelta(seconds=60), None]
    assert [(call.method, call.url) for call in scene.lender.asked][1:] == [
        ("GET", "https://api.provider.com/loans/FC%2F7/status")
    ] * 2
    assert (await scene.run()).status == "succeeded"


async def test_a_lender_that_never_knows_is_not_asked_for_ever(scene: Scene) -> None:
    await scene.configure(both_ways())
    await scene.tell()
    scene.lender.answers = [LenderAnswer(202, {"id": "FC-7"})]
    await scene.advance()
    async with scene.rows.transaction(TENANT) as session:
        run = await session.get_one(PluginRunRow, (TENANT, (await scene.run()).id))
        run.expires_at = datetime.now(UTC)

    assert await scene.advance() is None
    assert (await scene.run()).status == "unanswered"
    assert await scene.advance() is None
    assert len(scene.lender.asked) == 2


async def test_what_cannot_be_read_in_an_answer_is_shown_and_no_decision(scene: Scene) -> None:
    await scene.configure(both_ways())
    await scene.tell()
    scene.lender.answers = [LenderAnswer(200, {"outcome": "PERHAPS"})]

    assert await scene.advance() == timedelta(seconds=30)

    run = await scene.run()
    assert run.last_error == "configuration.transformations[1]: There is no word for 'PERHAPS'."
    assert await scene.work("plugin_decision") == []


TROUBLE = [LenderAway("no answer"), LenderAnswer(500), LenderAnswer(429), LenderAnswer(503)]


@pytest.mark.parametrize("trouble", TROUBLE, ids=repr)
async def test_trouble_is_tried_again_and_then_queued(scene: Scene, trouble: LenderAnswer | Exception) -> None:
    await scene.configure(configured())
    await scene.tell()
    scene.lender.answers = [trouble]

    pauses = [await scene.advance() for _ in range(5)]

    assert pauses == [timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=45), None, None]
    run = await scene.run()
    assert (run.status, run.failures, len(scene.lender.asked)) == ("queued", 4, 4)


async def test_a_lender_may_ask_us_to_wait_longer(scene: Scene) -> None:
    await scene.configure(configured())
    await scene.tell()
    scene.lender.answers = [LenderAnswer(429, retry_after_seconds=120)]

    assert await scene.advance() == timedelta(seconds=120)


@pytest.mark.parametrize("status_code", [301, 302, 400, 401, 404, 410, 422])
async def test_a_no_is_not_asked_again(scene: Scene, status_code: int) -> None:
    await scene.configure(configured())
    await scene.tell()
    scene.lender.answers = [LenderAnswer(status_code, excerpt="no")]

    assert await scene.advance() is None

    run = await scene.run()
    assert (run.status, run.last_error) == ("queued", f"HTTP {status_code}: no")


async def test_what_cannot_be_mapped_is_queued_and_says_why(scene: Scene) -> None:
    await scene.configure(configured())
    await scene.tell(creditAssessment={"creditScore": "good"})

    assert await scene.advance() is None

    run = await scene.run()
    assert (run.status, scene.lender.asked) == ("queued", [])
    assert run.last_error == "configuration.transformations[0]: 'good' is not a number."


@pytest.mark.parametrize(
    ("action", "status", "mails"), [("drop", "dropped", 0), ("queue", "queued", 0), ("alert", "queued", 1)]
)
async def test_what_could_not_be_sent_falls_back_as_the_plugin_says(
    scene: Scene, action: str, status: str, mails: int
) -> None:
    document = configured()
    document["errorHandling"] = {"retryAttempts": 0, "fallbackAction": action}
    await scene.configure(document)
    await scene.tell()
    scene.lender.answers = [LenderAway("no answer")]

    assert await scene.advance() is None

    assert (await scene.run()).status == status
    assert len([each for each in await scene.all(Delivery) if (await scene.run()).id in each.body]) == mails


async def test_what_is_on_its_way_when_the_plugin_is_disabled_is_kept(scene: Scene) -> None:
    await scene.configure(configured())
    await scene.tell()
    await scene.configure(configured(), enabled=False)

    assert await scene.advance() is None

    run = await scene.run()
    assert (run.status, run.last_error, scene.lender.asked) == ("queued", "the plugin is disabled", [])


async def test_what_is_sent_by_the_hour_waits_for_it(scene: Scene) -> None:
    await scene.configure(configured() | {"syncFrequency": "hourly"})
    await scene.tell("app_1")
    await scene.tell("app_2")
    assert await scene.work("sync_plugin") == []

    ref = PluginRef(TENANT, scene.provider_id, "loan_sync_v2")
    assert (await scene.plugins.release(ref), await scene.plugins.release(ref)) == (2, 0)

    assert len(await scene.work("sync_plugin")) == 2
    assert {run.status for run in await scene.runs()} == {"pending"}


async def test_a_disabled_plugin_has_no_hour(scene: Scene) -> None:
    await scene.configure(configured() | {"syncFrequency": "daily"})
    await scene.tell()
    await scene.configure(configured() | {"syncFrequency": "daily"}, enabled=False)

    async with scene.rows.transaction(TENANT) as session:
        assert await release(session, TENANT, scene.provider_id, "loan_sync_v2") == 0


HEADERS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"type": "api_key", "header": "X-API-Key", "key": "k"}, {"x-api-key": "k"}),
    ({"type": "basic", "username": "us", "password": "p:w"}, {"authorization": "Basic dXM6cDp3"}),
]


@pytest.mark.parametrize(("authentication", "headers"), HEADERS, ids=["api_key", "basic"])
async def test_the_lender_knows_us_in_his_way(
    scene: Scene, authentication: dict[str, str], headers: dict[str, str]
) -> None:
    await scene.configure(configured(authentication=authentication))
    await scene.tell()

    await scene.advance()

    assert scene.lender.asked[0].headers.items() >= headers.items()


async def test_a_body_can_be_signed_instead(scene: Scene) -> None:
    await scene.configure(configured(authentication={"type": "hmac", "secret": "s3", "header": "X-Sig"}))
    await scene.tell()

    await scene.advance()

    call = scene.lender.asked[0]
    seconds, digest = (part.split("=")[1] for part in call.headers["x-sig"].split(","))
    assert digest == hmac.new(b"s3", f"{seconds}.".encode() + call.body, hashlib.sha256).hexdigest()


OAUTH = {"type": "oauth2_client_credentials", "tokenUrl": "https://a.example/t", "clientId": "c", "clientSecret": "s&s"}


async def test_a_token_is_asked_for_once_and_again_when_it_is_not_taken(scene: Scene) -> None:
    await scene.configure(configured(authentication=OAUTH))
    token = LenderAnswer(200, {"access_token": "tok", "expires_in": 3600})
    scene.lender.answers = [token, LenderAnswer(503), LenderAnswer(401), token, LenderAnswer(200, {})]
    await scene.tell()

    await scene.advance()  # asks for the token; the lender is not well
    await scene.advance()  # has the token; it is not taken
    async with scene.rows.transaction(TENANT) as session:
        run = await session.get_one(PluginRunRow, (TENANT, (await scene.run()).id))
        run.status = "pending"
    await scene.advance()

    asked = scene.lender.asked
    assert [call.url for call in asked].count("https://a.example/t") == 2
    assert asked[0].body == b"grant_type=client_credentials&client_id=c&client_secret=s%26s"
    assert asked[-1].headers["authorization"] == "Bearer tok"
    assert (await scene.run()).status == "succeeded"


@pytest.mark.parametrize(
    "answer", [LenderAnswer(401), LenderAnswer(200, {}), LenderAnswer(200, {"access_token": "a\nb"})]
)
async def test_without_a_token_nothing_is_sent_and_nothing_told(scene: Scene, answer: LenderAnswer) -> None:
    await scene.configure(configured(authentication=OAUTH))
    await scene.tell()
    scene.lender.answers = [answer]

    assert await scene.advance() == timedelta(seconds=5)

    assert len(scene.lender.asked) == 1
    assert (await scene.run()).last_error == f"the token was not given: HTTP {answer.status_code}"
