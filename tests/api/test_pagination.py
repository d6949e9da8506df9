"""A cursor is anybody's to make up: what is none of a list's is refused, and breaks nothing."""

import pytest

from api.pagination import cursor_at
from tests.api.worlds import World

LISTS = (
    "/api/v1/billing/rate-cards",
    "/api/v1/providers/{providerId}/invoices",
    "/api/v1/providers/{providerId}/credit-notes",
    "/api/v1/providers/{providerId}/leads",
    "/api/v1/providers/{providerId}/changes",
    "/api/v1/providers/{providerId}/sync",
    "/api/ledger/journals",
    "/api/ledger/close-of-business",
    "/api/loans/applications/{applicationId}/timeline",
    "/api/webhooks/endpoints/{endpointId}/deliveries",
)
CURSORS = (
    cursor_at(("a", "b", "c", "d")),
    cursor_at(("a",)),
    cursor_at(("a", "b")),
    cursor_at(("a", "b", "c")),
    cursor_at(("9999-12-31T23:59:59-12:00", "9" * 400)),
    "bm9uZQ",
)


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_that_was_made_up_is_refused(world: World, path: str) -> None:
    lender, submitted = await world.register(), await world.apply()
    endpoint = (await world.post("/api/webhooks/endpoints", {"url": "https://platform.example/hook"})).json()
    key = {"authorization": f"Bearer {lender['apiKey']}"} if "{providerId}" in path else world.key
    url = path.format(**endpoint | submitted | lender)

    answers = [await world.http.get(url, params={"cursor": each}, headers=key) for each in CURSORS]

    # Two names are a place in the list of statuses, whether there is anything or not.
    assert {(each.status_code, each.json().get("field")) for each in answers} - {(200, None)} == {(422, "cursor")}
    assert [each.status_code for each in answers].count(200) <= path.endswith("/sync") * 2
