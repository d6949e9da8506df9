"""Plugins over HTTP: the owner's document in, its secrets never out, and each provider sees its own."""

from typing import Any

import pytest

from models.plugin_authentication import SHOWN_INSTEAD
from models.records.outbox import OutboxKind, OutboxRow
from models.records.plugins import PluginRevisionRow, PluginRow, PluginRunRow, tell_plugins
from tests.api.worlds import Body, World
from tests.models.plugins import both_ways, configured, printed

SECRET = "provider_token_abc123"  # noqa: S105 - the owner's example


class Lender:
    """A provider with its own key."""

    def __init__(self, world: World, credentials: Body) -> None:
        self.world, self.provider_id = world, credentials["providerId"]
        self.key = {"authorization": f"Bearer {credentials['apiKey']}"}
        self.path = f"/api/v1/providers/{self.provider_id}/plugins"

    async def post(self, path: str = "", body: object = None, *, of: str = "") -> Any:
        return await self.world.http.post(f"{of or self.path}{path}", json=body, headers=self.key)

    async def get(self, path: str = "", *, of: str = "") -> Any:
        return await self.world.http.get(f"{of or self.path}{path}", headers=self.key)

    async def hears(self, lead_id: str) -> None:
        """The platform tells of a lead."""
        told = {"eventType": "lead_received", "eventId": f"msg_{self.provider_id}_{lead_id}", "leadId": lead_id}
        await self.world.change(self._tell(told))

    def _tell(self, told: dict[str, Any]) -> Any:
        async def tell(session: Any) -> None:
            tell_plugins(session, self.world.tenant.tenant_id, self.provider_id, told, expires_at=None)

        return tell


@pytest.fixture
async def lender(world: World) -> Lender:
    return Lender(world, await world.register())


async def test_the_owners_plugin_is_taken_as_printed_and_its_token_never_shown(lender: Lender) -> None:
    made = await lender.post(body=printed())
    shown, listed = await lender.get("/loan_sync_v2"), await lender.get()

    assert made.status_code == 201, made.text
    expected = configured(authentication={"type": "bearer_token", "token": SHOWN_INSTEAD})
    assert (made.json()["plugin"], made.json()["revision"], made.json()["enabled"]) == (expected, 1, True)
    assert [each["plugin"] for each in listed.json()["data"]] == [shown.json()["plugin"]] == [expected]
    assert SECRET not in made.text + shown.text + listed.text
    (row,) = await lender.world.rows(PluginRow)
    assert row.secrets == {"token": SECRET}


async def test_a_plugin_is_replaced_and_every_revision_kept(lender: Lender) -> None:
    shown = (await lender.post(body=printed())).json()["plugin"]

    again = await lender.post(body=shown | {"version": "2.2.0", "syncFrequency": "daily"})

    assert (again.status_code, again.json()["revision"]) == (201, 2)
    (row,) = await lender.world.rows(PluginRow)
    assert (row.secrets, row.sync_frequency) == ({"token": SECRET}, "daily")
    revisions = await lender.world.rows(PluginRevisionRow)
    assert sorted((each.revision, each.settings["version"]) for each in revisions) == [(1, "2.1.0"), (2, "2.2.0")]
    assert SECRET not in str([each.settings for each in revisions])


async def test_a_covered_secret_is_not_sent_anywhere_else(lender: Lender) -> None:
    """Whoever may change the plugin could otherwise have the lender's token posted to himself."""
    shown = (await lender.post(body=printed())).json()["plugin"]
    shown["configuration"]["endpoints"]["baseUrl"] = "https://api.attacker.com"

    answer = await lender.world.post(lender.path, shown)

    assert (answer.status_code, answer.json()["field"]) == (422, "configuration.authentication.token")


@pytest.mark.parametrize(
    ("base_url", "field"),
    [
        ("http://8.8.8.8", "baseUrl"),
        ("https://169.254.169.254", "baseUrl"),
        ("https://user:pw@api.provider.com", "baseUrl"),
        ("ftp://api.provider.com", "baseUrl"),
        ("https://api.provider.com?x=", "baseUrl"),
        ("https://api.provider.com\\", "baseUrl"),
    ],
)
async def test_a_lender_is_not_asked_at_a_forbidden_place(lender: Lender, base_url: str, field: str) -> None:
    document = printed()
    document["configuration"]["endpoints"]["baseUrl"] = base_url

    answer = await lender.post(body=document)

    assert (answer.status_code, answer.json()["field"]) == (422, f"configuration.endpoints.{field}")


async def test_nor_for_a_token(lender: Lender) -> None:
    authentication = {
        "type": "oauth2_client_credentials",
        "tokenUrl": "https://169.254.169.254/token",
        "clientId": "c",
        "clientSecret": "s",
    }

    answer = await lender.post(body=configured(authentication=authentication))

    assert (answer.status_code, answer.json()["field"]) == (422, "configuration.authentication.tokenUrl")


async def test_a_malformed_mapping_is_refused_by_its_path(lender: Lender) -> None:
    answer = await lender.post(body=configured(mappings={"caas.leadId": "provider.__proto__.x"}))

    assert (answer.status_code, answer.json()["field"]) == (422, "configuration.mappings.caas.leadId")
    assert (await lender.get()).json()["data"] == []


async def test_a_dry_run_shows_both_directions_and_sends_nothing(lender: Lender) -> None:
    await lender.post(body=both_ways())
    answer = {"id": "FC-7", "outcome": "APPROVE", "terms": {"principal": 25000, "ratePercent": 8.5, "days": 365}}

    tried = await lender.post("/loan_sync_v2/dry-run", {"answer": answer})

    assert tried.status_code == 200, tried.text
    assert tried.json() == {
        "success": True,
        "sendsTo": "https://api.provider.com/sync/loans",
        "sent": {
            "applicationId": "lead_xyz789",
            "customer": {"fName": "Sarah"},
            "loanAmount": 25000,
            "creditScore": 8.232727,
        },
        "missing": [],
        "decision": {
            "decision": "approved",
            "externalId": "FC-7",
            "approvedAmount": 25000,
            "interestRate": 8.5,
            "tenure": 365,
        },
        "decisionProblem": None,
    }
    assert await lender.world.rows(PluginRunRow) == []


async def test_a_dry_run_says_what_is_missing_and_what_is_no_decision(lender: Lender) -> None:
    await lender.post(body=both_ways())

    tried = await lender.post("/loan_sync_v2/dry-run", {"lead": {"leadId": "l"}, "answer": {"terms": {"days": "soon"}}})
    refused = await lender.post("/loan_sync_v2/dry-run", {"answer": {"outcome": "PERHAPS"}})

    assert tried.json()["sent"] == {"applicationId": "l"}
    assert tried.json()["missing"][0] == "caas.applicant.firstName"
    assert tried.json()["decisionProblem"].startswith("decision: ")
    assert (refused.status_code, refused.json()["field"]) == (422, "configuration.transformations[1]")


async def test_what_waits_is_sent_when_told_to(lender: Lender) -> None:
    await lender.post(body=printed() | {"syncFrequency": "hourly"})
    await lender.hears("lead_1")

    released = [(await lender.post("/loan_sync_v2/run")).json()["released"] for _ in range(2)]

    assert released == [1, 0]
    (run,) = (await lender.get("/loan_sync_v2/runs")).json()["data"]
    assert (run["leadId"], run["status"], run["eventType"]) == ("lead_1", "pending", "lead_received")


async def test_a_disabled_plugin_hears_nothing(lender: Lender) -> None:
    await lender.post(body=printed())

    disabled = await lender.post("/loan_sync_v2/disable")
    await lender.hears("lead_1")
    enabled = await lender.post("/loan_sync_v2/enable")
    await lender.hears("lead_2")

    assert (disabled.json()["enabled"], enabled.json()["enabled"]) == (False, True)
    assert [run["leadId"] for run in (await lender.get("/loan_sync_v2/runs")).json()["data"]] == ["lead_2"]


async def test_what_is_queued_is_replayed_once(lender: Lender) -> None:
    await lender.post(body=printed())
    for lead_id in ("lead_1", "lead_2", "lead_3"):
        await lender.hears(lead_id)
    await lender.world.change(_all_queued)
    queued = (await lender.get("/loan_sync_v2/runs?status=queued&limit=1")).json()

    one = await lender.post(f"/loan_sync_v2/runs/{queued['data'][0]['runId']}/replay")
    again = await lender.post(f"/loan_sync_v2/runs/{queued['data'][0]['runId']}/replay")
    rest = await lender.post("/loan_sync_v2/replay")

    assert (queued["hasMore"], one.json()["status"], one.json()["failures"]) == (True, "pending", 0)
    assert (again.status_code, again.json()["code"]) == (409, "not_queued")
    assert rest.json()["released"] == 2
    assert (await lender.get("/loan_sync_v2/runs?status=queued")).json()["data"] == []


async def _all_queued(session: Any) -> None:
    from sqlalchemy import update  # noqa: PLC0415 - of this one test

    await session.execute(update(PluginRunRow).values(status="queued", failures=4))


async def test_another_providers_plugins_are_not_there(lender: Lender) -> None:
    await lender.post(body=printed())
    await lender.hears("lead_1")
    stranger = Lender(lender.world, await lender.world.register("R-2"))
    run = (await lender.get("/loan_sync_v2/runs")).json()["data"][0]["runId"]

    reads = [await stranger.get(path, of=lender.path) for path in ("", "/loan_sync_v2", "/loan_sync_v2/runs")]
    acts = ("/loan_sync_v2/run", "/loan_sync_v2/enable", "/loan_sync_v2/replay", f"/loan_sync_v2/runs/{run}/replay")
    writes = [await stranger.post(path, of=lender.path) for path in acts]
    writes.append(await stranger.post("/loan_sync_v2/dry-run", {}, of=lender.path))
    writes.append(await stranger.post("", printed(), of=lender.path))

    assert {answer.status_code for answer in (*reads, *writes)} == {404}
    assert {answer.json()["code"] for answer in (*reads, *writes)} == {"unknown_plugin"}


async def test_the_platform_may_look_after_its_providers_plugins(lender: Lender) -> None:
    assert (await lender.world.post(lender.path, printed())).status_code == 201
    assert (await lender.world.get(f"{lender.path}/loan_sync_v2")).json()["revision"] == 1
    assert (await lender.world.get("/api/v1/providers/provider_nobody/plugins")).status_code == 404


async def test_a_provider_has_room_for_so_many(lender: Lender) -> None:
    made = [await lender.post(body=printed() | {"pluginName": f"p{number}"}) for number in range(21)]

    assert {answer.status_code for answer in made[:20]} == {201}
    assert (made[20].status_code, made[20].json()["field"]) == (422, "pluginName")


async def test_the_same_request_is_one_revision(lender: Lender) -> None:
    headers = lender.key | {"idempotency-key": "k-1"}

    answers = [await lender.world.http.post(lender.path, json=printed(), headers=headers) for _ in range(2)]

    assert [answer.json()["revision"] for answer in answers] == [1, 1]


async def test_a_body_without_a_bottom_is_refused(lender: Lender) -> None:
    await lender.post("", printed())
    sample: object = "lead_1"
    for _ in range(800):
        sample = {"a": sample}

    answer = await lender.post("/loan_sync_v2/dry-run", {"lead": {"leadId": sample}})

    assert (answer.status_code, answer.json()["detail"]) == (422, "The body is not valid JSON.")


async def test_nobody_outside_learns_of_the_work(lender: Lender) -> None:
    await lender.hears("lead_1")

    assert await lender.world.rows(PluginRunRow) == []
    # The registration's own work, and nothing of a plugin.
    assert {row.kind for row in await lender.world.rows(OutboxRow)} == {OutboxKind.START_PROVIDER}
