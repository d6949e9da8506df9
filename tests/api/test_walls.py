"""Nobody comes in without a key, with the wrong kind of key, or through another tenant's wall."""

import re

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from api.app import create_app
from api.keys import api_key
from models.records.tenants import ApiKey
from tests.api.bills import billed
from tests.api.rows import lent, matched
from tests.api.worlds import World, opened
from tests.models.plugins import printed
from tests.models.products import WEEKLY
from workers.embedded.postgres import DatabaseUrls

OPEN = {"/health", "/api/webhooks/paystack"}
# A provider may look at itself and its bills, and make products of its own.
# A provider may look at itself and after its keys, and make products of its own.
OF_PROVIDERS = {
    ("get", "/api/v1/providers/{providerId}/rate-card"),
    ("get", "/api/v1/providers/{providerId}/usage"),
    ("get", "/api/v1/providers/{providerId}/invoices"),
    ("get", "/api/v1/providers/{providerId}/invoices/{invoiceId}"),
    ("get", "/api/v1/providers/{providerId}/invoices/{invoiceId}/events"),
    ("get", "/api/v1/providers/{providerId}/credit-notes"),
    ("get", "/api/v1/providers/{providerId}"),
    ("post", "/api/v1/providers/{providerId}/recheck"),
    ("get", "/api/v1/providers/{providerId}/credentials"),
    ("post", "/api/v1/providers/{providerId}/credentials/rotate"),
    ("delete", "/api/v1/providers/{providerId}/credentials/{keyId}"),
    ("get", "/api/products"),
    ("post", "/api/products"),
    ("get", "/api/products/{productId}"),
    ("put", "/api/products/{productId}"),
    ("get", "/api/products/{productId}/versions"),
    ("post", "/api/products/{productId}/submit"),
    ("get", "/api/webhooks/event-types"),
    ("get", "/api/webhooks/event-types/{eventType}/example"),
}
# What drives its own API is its own too; another provider's does not exist for it: tests/api/test_plugins.py
_PLUGINS = "/api/v1/providers/{providerId}/plugins"
OF_PROVIDERS |= {
    ("get", _PLUGINS),
    ("post", _PLUGINS),
    ("get", f"{_PLUGINS}/{{pluginName}}"),
    ("get", f"{_PLUGINS}/{{pluginName}}/runs"),
    ("post", f"{_PLUGINS}/{{pluginName}}/runs/{{runId}}/replay"),
    *(("post", f"{_PLUGINS}/{{pluginName}}/{act}") for act in ("dry-run", "run", "replay", "enable", "disable")),
}
# Its own endpoints; what it finds under another's is tested in test_endpoints.py.
ENDPOINTS_OF_PROVIDERS = "/api/v1/providers/{providerId}/endpoints"
# The same for every tenant, and of nobody.
OF_ALL = {"/api/webhooks/event-types/{eventType}/example"}
# What a provider does with its signature.
SIGNED = ("/decision", "/decisions/bulk", "/disbursed", "/leads/{leadId}/lapse", "/repayments")
# What is a provider's alone; and its figures, which the platform reads too. Of another there is nothing to see.
OF_ITSELF = {
    ("get", "/api/v1/providers/{providerId}/leads"),
    ("get", "/api/v1/providers/{providerId}/leads/{leadId}"),
    ("post", "/api/v1/providers/{providerId}/leads/{leadId}/receipt"),
    ("get", "/api/v1/providers/{providerId}/changes"),
    ("get", "/api/v1/providers/{providerId}/sync"),
    ("post", "/api/v1/providers/{providerId}/sync"),
}
# What needs a loan on chain, or a task: another tenant's is tested in test_chain.py and test_operator_tasks.py.
ON_CHAIN = ("/chain", "/collateral", "/operator-tasks/{")
OF_BOTH = {
    ("get", "/api/v1/providers/{providerId}/rate-limit"),
    ("get", "/api/v1/providers/{providerId}/analytics"),
    ("get", "/api/v1/providers/{providerId}/dashboard"),
}


def _operations() -> list[tuple[str, str]]:
    paths = create_app().openapi()["paths"]
    return sorted((method, path) for path, methods in paths.items() for method in methods)


def _filled(path: str, ids: dict[str, str] | None = None) -> str:
    known = {"kind": "loans", "version": "1"} | (ids or {})
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "some_1"), path)


@pytest.mark.parametrize(("method", "path"), [each for each in _operations() if each[1] not in OPEN])
async def test_every_path_asks_for_a_key(world: World, method: str, path: str) -> None:
    await _revoke(world)
    unknown, revoked = f"Bearer {api_key(b'u' * 32, live=False)}", world.key["authorization"]

    for header in ("", "Bearer", "Bearer caas_test_sk_nope", "Basic abc", unknown, revoked):
        answer = await world.http.request(method, _filled(path), json={}, headers={"authorization": header})

        assert answer.status_code == 401, header
        assert answer.json()["field"] == "Authorization"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        each
        for each in _operations()
        if each[1] not in OPEN and each not in OF_PROVIDERS and not each[1].startswith(ENDPOINTS_OF_PROVIDERS)
    ],
)
async def test_a_providers_key_opens_what_is_its_own_only(world: World, method: str, path: str) -> None:
    credentials = await world.register()
    headers = {"authorization": f"Bearer {credentials['apiKey']}"}

    answer = await world.http.request(method, _filled(path), json={}, headers=headers)

    expected = 404 if (method, path) in OF_ITSELF | OF_BOTH else 401 if path.endswith(SIGNED) else 403
    assert answer.status_code == expected, answer.text


async def test_another_tenant_sees_nothing_of_ours(world: World, rows: DatabaseUrls) -> None:
    loan = await lent(world)
    provider, invoice_path = await billed(world)
    card = (await world.get("/api/v1/billing/rate-cards")).json()["data"][0]
    await world.post("/api/payments", {"loanId": loan.id, "amount": 1, "method": "cash", "reference": "R-1"})
    payment = (await world.get("/api/payments")).json()["data"][0]
    product = (await world.post("/api/products", WEEKLY)).json()
    plugin = (await world.post(f"/api/v1/providers/{provider['providerId']}/plugins", printed())).json()
    lead_id = (await world.get(f"/api/loans/applications/{loan.application_id}")).json()["leadId"]
    await matched(world, {"applicationId": loan.application_id, "leadId": lead_id})
    ids = {
        "applicationId": loan.application_id,
        "leadId": lead_id,
        "loanId": loan.id,
        "providerId": provider["providerId"],
        "paymentId": payment["paymentId"],
        "productId": product["productId"],
        "cardId": card["cardId"],
        "invoiceId": invoice_path.rpartition("/")[2],
        "pluginName": plugin["pluginName"],
    }
    ours = await _endpoint_of(world, "/api/webhooks/endpoints")
    providers = await _endpoint_of(world, ENDPOINTS_OF_PROVIDERS.format(**ids))
    gets = [
        path
        for method, path in _operations()
        if method == "get" and path not in OPEN | OF_ALL and (method, path) not in OF_ITSELF
        if not any(part in path for part in ON_CHAIN)
    ]

    async with opened(rows, world.settings) as other:
        for path in gets:
            ids |= providers if path.startswith(ENDPOINTS_OF_PROVIDERS) else ours
            mine, theirs = await world.get(_filled(path, ids)), await other.get(_filled(path, ids))

            assert mine.status_code == 200, path
            assert theirs.status_code == (404 if "{" in path else 200), path
            assert (
                not any(known in theirs.text for name, known in ids.items() if name != "version")
                or theirs.status_code == 404
            )


async def _endpoint_of(world: World, path: str) -> dict[str, str]:
    """A new endpoint with a message on its way to it."""
    endpoint = (await world.post(path, {"url": "https://platform.example/hook"})).json()["endpointId"]
    sent = (await world.post(f"{path}/{endpoint}/test")).json()
    return {"endpointId": endpoint, "deliveryId": sent["deliveryId"]}


async def test_another_tenant_changes_nothing_of_ours(world: World, rows: DatabaseUrls) -> None:
    loan = await lent(world)
    async with opened(rows, world.settings) as other:
        body = {"loanId": loan.id, "amount": 1, "method": "cash"}
        answers = [
            await other.post("/api/payments", body),
            await other.post(f"/api/loans/{loan.id}/promises", {"promisedOn": "2026-03-01"}),
            await other.post(f"/api/loans/applications/{loan.application_id}/accept", {"offerId": "offer_1"}),
            await other.post(f"/api/loans/applications/{loan.application_id}/withdraw"),
            await other.post(f"/api/sandbox/clock/loans/{loan.id}/advance", {"days": 1}),
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert other.temporal.asked == []


async def _revoke(world: World) -> None:
    def change(session: AsyncSession) -> object:
        return session.execute(update(ApiKey).values(revoked_at=ApiKey.recorded_at))

    await world.change(change)  # type: ignore[arg-type]
