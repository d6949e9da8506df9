"""Billing over HTTP: cards by version, the month that runs, invoices as JSON, CSV and PDF, and who may see them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.records.outbox import OutboxKind, OutboxRow
from tests.api.bills import CARDS, TERMS, THIS, billed, invited, made_card
from tests.api.worlds import Body, World


async def test_a_card_is_made_changed_and_removed_until_it_has_priced_something(world: World) -> None:
    lender = await world.register()
    made = (await made_card(world, effectiveFrom=THIS.next.first)).json()["rateCard"]
    path = f"{CARDS}/{made['cardId']}/versions/1"
    body = TERMS | {"lead": {"tiers": [{"price": 9}]}, "effectiveFrom": THIS.first.isoformat()}

    changed = await put(world, path, body)
    await invited(world, lender)
    (used,) = (await usage(world, lender, world.key))["data"]
    refused = [await put(world, path, body), await world.http.delete(path, headers=world.key)]
    second = await made_card(world, effectiveFrom=THIS.next.first)

    assert changed.json()["rateCard"]["terms"]["lead"]["tiers"] == [{"price": 9}]
    assert used["lines"][0]["amount"] == 9
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "rate_card_used")] * 2
    assert second.json()["rateCard"]["version"] == 2
    gone = await world.http.delete(f"{CARDS}/{made['cardId']}/versions/2", headers=world.key)
    assert gone.status_code == 204
    listed = (await world.get(CARDS)).json()["data"]
    assert [(each["version"], each["used"]) for each in listed] == [(1, True)]
    assert (await world.get(path)).json()["rateCard"] == listed[0]


async def test_a_card_that_cannot_be_is_refused_by_its_field(world: World) -> None:
    wrong: list[tuple[Body, str, str]] = [
        ({"effectiveFrom": None}, "effectiveFrom", "invalid_document"),
        ({"effectiveFrom": (THIS.first + timedelta(days=40)).replace(day=2).isoformat()}, "effectiveFrom", "mid_month"),
        ({"effectiveFrom": THIS.before.first.isoformat()}, "effectiveFrom", "begins_in_the_past"),
        ({"providerId": "provider_nobody"}, "providerId", "unknown_card_holder"),
        ({"lead": {"tiers": [{"price": -1}]}}, "lead.tiers", "invalid_tiers"),
        ({"lead": {"tiers": [{"upTo": 3, "price": 1}]}}, "lead.tiers", "invalid_tiers"),
        ({"price": 3}, "price", "invalid_document"),
    ]

    for change, field, code in wrong:
        answer = await made_card(world, **change)
        assert (answer.status_code, answer.json()["field"], answer.json()["code"]) == (422, field, code), change
    await made_card(world)
    again = await made_card(world)
    assert (again.status_code, again.json()["code"]) == (409, "rate_card_month_taken")
    assert (await world.get(f"{CARDS}/card_x/versions/1")).status_code == 404


async def test_a_provider_sees_what_its_month_has_cost_so_far(world: World) -> None:
    lender = await world.register()
    await made_card(world)
    await made_card(world, currency="EUR", lead=None, monthlyMinimum=1)
    await invited(world, lender, times=3)

    shown = await usage(world, lender, key_of(lender))
    again = await usage(world, lender, key_of(lender))

    euros, dollars = shown["data"]
    assert (euros["currency"], euros["total"], euros["costPerLead"]) == ("EUR", 1, None)
    assert dollars == {
        "currency": "USD",
        "month": f"{THIS.first:%Y-%m}",
        "leadsReceived": 3,
        "loansFunded": 0,
        "conversionPercent": 0,
        "medianResponseHours": None,
        "lines": [
            {"kind": "leads", "description": "Leads", "quantity": 3, "basis": None, "price": 12.5, "amount": 37.5}
        ],
        "total": 37.5,
        "costPerLead": 12.5,
    }
    assert again["data"] == shown["data"]
    card = await world.http.get(f"/api/v1/providers/{lender['providerId']}/rate-card", headers=key_of(lender))
    assert card.json()["rateCard"]["terms"]["lead"]["tiers"] == [{"price": 12.5}]
    none = await world.get(f"/api/v1/providers/{lender['providerId']}/rate-card", currency="JPY")
    assert (none.status_code, none.json()["field"]) == (404, "currency")


async def test_an_invoice_is_read_paid_and_credited(world: World) -> None:
    lender, path = await billed(world)

    credited = await world.post(f"{path}/credit-notes", {"amount": 7.5, "reason": "Goodwill"}, Idempotency_Key="one")
    repeated = await world.post(f"{path}/credit-notes", {"amount": 7.5, "reason": "Goodwill"}, Idempotency_Key="one")
    today = datetime.now(UTC).date().isoformat()
    paid = await world.post(f"{path}/payments", {"amount": 10, "paidOn": today, "reference": "wire 1"})
    whole = (await world.http.get(path, headers=key_of(lender))).json()

    assert (credited.status_code, paid.status_code) == (201, 201), (credited.text, paid.text)
    assert repeated.json() == credited.json()
    assert whole == paid.json()
    names = ("total", "credited", "paid", "outstanding", "status", "leadsReceived", "costPerLead")
    assert [whole[name] for name in names] == [25, 7.5, 10, 7.5, "partly_paid", 2, 8.75]
    assert [note["number"][:3] for note in whole["creditNotes"]] == ["CN-"]
    notes = await world.http.get(f"/api/v1/providers/{lender['providerId']}/credit-notes", headers=key_of(lender))
    assert notes.json()["data"] == whole["creditNotes"]
    events = (await world.http.get(f"{path}/events", headers=key_of(lender))).json()["data"]
    assert [(e["kind"], e["listPrice"], e["fee"]) for e in events] == [("lead", 12.5, 12.5)] * 2
    first = (await world.get(f"/api/v1/providers/{lender['providerId']}/invoices", limit=1)).json()
    assert (first["data"][0]["number"], first["hasMore"]) == (whole["number"], False)
    journals = (await world.get("/api/ledger/journals")).json()["data"]
    assert {(j["loanId"], j["invoiceId"]) for j in journals} == {(None, whole["invoiceId"])}


async def test_what_is_more_than_there_is_or_too_early_is_refused_by_its_field(world: World) -> None:
    _, path = await billed(world)
    today = datetime.now(UTC).date()
    wrong: list[tuple[str, Body, str, str]] = [
        ("credit-notes", {"amount": 25.01, "reason": "All and more"}, "amount", "credit_exceeds_invoice"),
        ("credit-notes", {"amount": 0.001, "reason": "A tenth of a cent"}, "amount", "invalid_amount"),
        (
            "payments",
            {"amount": 26, "paidOn": today.isoformat(), "reference": "w"},
            "amount",
            "payment_exceeds_invoice",
        ),
        (
            "payments",
            {"amount": 1, "paidOn": (today + timedelta(days=2)).isoformat(), "reference": "w"},
            "paidOn",
            "not_paid_yet",
        ),
    ]

    for what, body, field, code in wrong:
        answer = await world.post(f"{path}/{what}", body)
        assert (answer.status_code, answer.json()["field"], answer.json()["code"]) == (422, field, code), body


async def test_an_invoice_is_a_file_by_the_accept_header_or_by_name(world: World) -> None:
    lender, path = await billed(world)
    await world.post(f"{path}/credit-notes", {"amount": 1, "reason": "=HYPERLINK(1)"})

    sheet = await world.http.get(path, headers=key_of(lender) | {"accept": "text/csv"})
    paper = await world.http.get(path, headers=key_of(lender), params={"format": "pdf"})

    assert sheet.headers["content-type"].startswith("text/csv")
    heading, line, note = sheet.text.splitlines()
    assert heading == "invoice,kind,description,quantity,basis,price,amount,currency"
    assert line.split(",")[1:] == ["leads", "Leads", "2", "", "12.5", "25.00", "USD"]
    assert "HYPERLINK" in note
    assert ",=" not in note
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


async def test_a_provider_learns_nothing_of_anothers_bills(world: World) -> None:
    lender, path = await billed(world)
    rival = await world.register("BC222222222")
    provider = f"/api/v1/providers/{lender['providerId']}"
    rivals_own = path.replace(lender["providerId"], rival["providerId"])

    for foreign in (path, f"{path}/events", f"{provider}/invoices", f"{provider}/usage", f"{provider}/credit-notes"):
        answer = await world.http.get(foreign, headers=key_of(rival))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_provider"), foreign
    mixed = await world.http.get(rivals_own, headers=key_of(rival))
    assert (mixed.status_code, mixed.json()["code"]) == (404, "unknown_invoice")
    for operators in (CARDS, f"{CARDS}/c/versions/1"):
        assert (await world.http.get(operators, headers=key_of(lender))).status_code == 403
    own = await world.http.post(f"{path}/credit-notes", json={"amount": 1, "reason": "Mine"}, headers=key_of(lender))
    assert own.status_code == 403


async def test_a_month_is_billed_by_hand_once_it_is_over(world: World) -> None:
    early = await world.post("/api/v1/billing/runs", {"month": f"{THIS.first:%Y-%m}"})
    wrong = await world.post("/api/v1/billing/runs", {"month": "2026-13"})
    asked = await world.post("/api/v1/billing/runs", {})

    assert (early.status_code, early.json()["code"]) == (422, "month_not_over")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "month")
    month = f"{THIS.before.first:%Y-%m}"
    assert (asked.status_code, asked.json()["month"]) == (202, month)
    assert asked.json()["workflowId"] == f"billing/{world.tenant.tenant_id}/{month}"
    rows = [row for row in await world.rows(OutboxRow) if row.kind == OutboxKind.BILL_MONTH]
    assert [row.payload for row in rows] == [{"first": THIS.before.first.isoformat()}]


async def usage(world: World, lender: Body, key: dict[str, str]) -> Body:
    answer = await world.http.get(f"/api/v1/providers/{lender['providerId']}/usage", headers=key)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


async def put(world: World, path: str, body: Body) -> Any:
    return await world.http.put(path, json=body, headers=world.key)


def key_of(lender: Body) -> dict[str, str]:
    return {"authorization": f"Bearer {lender['apiKey']}"}
