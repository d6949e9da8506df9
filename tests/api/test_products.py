"""Loan products: made by one key, approved by another, and never changed once they are in force."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.records.applications import Application
from models.records.products import LoanProductRow
from tests.api import rows as loans
from tests.api.worlds import Body, World, application_body, copy, lead_body, opened
from tests.models.products import WEEKLY, weekly
from workers.embedded.postgres import DatabaseUrls
from workers.tenants import another_key

PATH = "/api/products"


@pytest.fixture
async def checker(world: World) -> dict[str, str]:
    """The headers of another person of the same platform."""
    key = await another_key(world.database, world.tenant.api_key)
    return {"authorization": f"Bearer {key}"}


async def made(world: World, **changes: Any) -> str:
    answer = await world.post(PATH, weekly(**changes))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["productId"])


async def lent(world: World, checker: dict[str, str], **changes: Any) -> str:
    product_id = await made(world, **changes)
    await approved(world, checker, product_id)
    return product_id


async def approved(world: World, checker: dict[str, str], product_id: str) -> Body:
    assert (await world.post(f"{PATH}/{product_id}/submit")).status_code == 200
    answer = await world.http.post(f"{PATH}/{product_id}/approve", headers=checker)
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


async def test_a_product_is_made_as_a_draft_and_shown_whole(world: World) -> None:
    answer = await world.post(PATH, WEEKLY)

    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["success"], shown["version"], shown["status"], shown["providerId"]) == (True, 1, "draft", None)
    assert shown["settings"]["principal"] == WEEKLY["principal"]
    assert shown["settings"]["schedule"]["monthEnd"] == "last_day"
    assert [act["action"] for act in shown["history"]] == ["made"]
    assert (await world.get(f"{PATH}/{shown['productId']}")).json() == shown


async def test_the_same_idempotency_key_is_the_same_product(world: World) -> None:
    first = await world.post(PATH, WEEKLY, idempotency_key="p-1")
    again = await world.post(PATH, WEEKLY, idempotency_key="p-1")

    assert first.json() == again.json()
    assert len(await world.rows(LoanProductRow)) == 1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"principal": {"minimum": 5, "default": 1, "maximum": 9}}, "principal.default", "invalid_range"),
        ({"principal": {"minimum": 0.001, "default": 1, "maximum": 9}}, "principal.minimum", "invalid_amount"),
        ({"schedule": {"method": "magic"}}, "schedule.method", "invalid_document"),
        ({"chain": {"funds": "token"}}, "chain.asset", "invalid_chain_rules"),
        ({"chain": {"secured": True}}, "chain.asset", "invalid_chain_rules"),
        ({"schedule": {"moratorium": 52}}, "schedule.moratorium", "invalid_terms"),
        ({"schedule": {"businessDays": {"country": "XX"}}}, "schedule.businessDays.country", "unknown_calendar"),
        (
            {"schedule": {"businessDays": {"country": "US", "holidays": 5}}},
            "schedule.businessDays.holidays",
            "invalid_document",
        ),
        ({"schedule": {"businessDays": 5}}, "schedule.businessDays", "invalid_document"),
        ({"schedule": 5}, "schedule", "invalid_document"),
        ({"jurisdiction": "EU"}, "coolingOff", "cooling_off_too_short"),
        ({"providerId": "provider_none"}, "providerId", "unknown_owner"),
        ({"providerId": 5}, "providerId", "unknown_owner"),
        ({"intrest": 5}, "intrest", "invalid_document"),
        (
            {
                "jurisdiction": "US",
                "license": "military_lending_act",
                "annualRate": {"minimum": 1, "default": 2, "maximum": 36.5},
            },
            "annualRate.maximum",
            "rate_over_cap",
        ),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(
    world: World, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = await world.post(PATH, weekly(**changes))

    assert (answer.status_code, answer.json()["field"], answer.json()["code"]) == (422, field, code), answer.text
    assert await world.rows(LoanProductRow) == []


async def test_the_holidays_of_a_country_are_written_out(world: World) -> None:
    product_id = await made(world, schedule={"businessDays": {"country": "US", "holidays": ["2031-01-02"]}})

    [row] = await world.rows(LoanProductRow)
    calendar = row.settings["schedule"]["businessDays"]
    year = datetime.now(UTC).year
    assert row.id == product_id
    assert {f"{year}-12-25", f"{year + 14}-07-04", "2031-01-02"} <= set(calendar["holidays"])
    assert "country" not in calendar


async def test_what_one_key_has_made_another_approves(world: World, checker: dict[str, str]) -> None:
    product_id = await made(world)
    await world.post(f"{PATH}/{product_id}/submit", x_operator="Ada")

    own = await world.post(f"{PATH}/{product_id}/approve", x_operator="Grace")
    answer = await world.http.post(f"{PATH}/{product_id}/approve", headers=checker | {"x-operator": "Grace"})

    assert (own.status_code, own.json()["code"], own.json()["field"]) == (409, "same_person", "Authorization")
    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    history = answer.json()["history"]
    assert [(act["action"], act["operator"]) for act in history] == [
        ("made", None),
        ("submitted", "Ada"),
        ("approved", "Grace"),
    ]
    assert history[1]["keyId"] != history[2]["keyId"]


async def test_who_changed_a_draft_does_not_decide_on_it_either(world: World, checker: dict[str, str]) -> None:
    product_id = await made(world)
    changed = await world.http.put(f"{PATH}/{product_id}", json=weekly(name="Kiosk"), headers=checker)
    await world.post(f"{PATH}/{product_id}/submit")

    answer = await world.http.post(f"{PATH}/{product_id}/approve", headers=checker)

    assert (changed.json()["version"], changed.json()["name"]) == (1, "Kiosk")
    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")


async def test_a_rejection_says_why_and_is_final(world: World, checker: dict[str, str]) -> None:
    product_id = await made(world)
    await world.post(f"{PATH}/{product_id}/submit")

    own = await world.post(f"{PATH}/{product_id}/reject", {"reason": "too dear"})
    silent = await world.http.post(f"{PATH}/{product_id}/reject", json={}, headers=checker)
    answer = await world.http.post(f"{PATH}/{product_id}/reject", json={"reason": "too dear"}, headers=checker)
    late = await world.http.post(f"{PATH}/{product_id}/approve", headers=checker)

    assert own.json()["code"] == "same_person"
    assert (silent.status_code, silent.json()["field"]) == (422, "reason")
    assert (answer.json()["status"], answer.json()["history"][-1]["reason"]) == ("rejected", "too dear")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")


async def test_a_draft_is_not_approved_and_not_submitted_twice(world: World, checker: dict[str, str]) -> None:
    product_id = await made(world)

    early = await world.http.post(f"{PATH}/{product_id}/approve", headers=checker)
    await world.post(f"{PATH}/{product_id}/submit")
    twice = await world.post(f"{PATH}/{product_id}/submit")
    changed = await world.http.put(f"{PATH}/{product_id}", json=WEEKLY, headers=world.key)

    assert (early.status_code, twice.status_code) == (409, 409)
    assert (changed.status_code, changed.json()["code"]) == (409, "product_pending")


async def test_a_change_of_an_approved_product_is_a_new_version(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker)

    changed = await world.http.put(f"{PATH}/{product_id}", json=weekly(name="Kiosk"), headers=world.key)
    before = (await world.get(f"{PATH}/{product_id}/versions")).json()["data"]
    second = await approved(world, checker, product_id)
    after = (await world.get(f"{PATH}/{product_id}/versions")).json()["data"]

    assert (changed.json()["version"], changed.json()["status"]) == (2, "draft")
    assert [(each["version"], each["name"], each["status"]) for each in before] == [
        (2, "Kiosk", "draft"),
        (1, "Market trader", "approved"),
    ]
    assert second["version"] == 2
    assert [each["status"] for each in after] == ["approved", "retired"]
    assert after[1]["history"][-1]["reason"] == "version 2 was approved"


@pytest.mark.parametrize("status", ["pending_approval", "approved"])
async def test_the_database_itself_keeps_what_has_left_its_draft(
    world: World, checker: dict[str, str], status: str
) -> None:
    product_id = await made(world)
    await world.post(f"{PATH}/{product_id}/submit")
    if status == "approved":
        await world.http.post(f"{PATH}/{product_id}/approve", headers=checker)

    def falsify(session: AsyncSession) -> Any:
        return session.execute(update(LoanProductRow).values(settings={}))

    def remove(session: AsyncSession) -> Any:
        return session.execute(delete(LoanProductRow))

    for change in (falsify, remove):
        with pytest.raises(DBAPIError):
            await world.change(change)


async def test_a_retired_product_is_lent_no_more(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker)

    answer = await world.post(f"{PATH}/{product_id}/retire")
    again = await world.post(f"{PATH}/{product_id}/retire")
    asked = await world.post("/api/loans/applications", asking(product_id))

    assert (answer.json()["status"], again.status_code) == ("retired", 409)
    assert (asked.status_code, asked.json()["code"], asked.json()["field"]) == (422, "product_not_lent", "productId")


async def test_products_are_listed_by_their_newest_version(world: World, checker: dict[str, str]) -> None:
    first = await lent(world, checker)
    await world.http.put(f"{PATH}/{first}", json=weekly(name="Kiosk"), headers=world.key)
    await made(world)

    pages = [(await world.get(PATH, limit=1)).json()]
    pages.append((await world.get(PATH, limit=1, cursor=pages[0]["nextCursor"])).json())

    shown = {each["productId"]: each["version"] for page in pages for each in page["data"]}
    assert sorted(shown.values()) == [1, 2]
    assert shown[first] == 2
    assert (pages[0]["hasMore"], pages[1]["hasMore"]) == (True, False)


@pytest.mark.parametrize("act", ["submit", "approve", "retire"])
async def test_an_unknown_product_is_named(world: World, act: str) -> None:
    for answer in (await world.get(f"{PATH}/product_1"), await world.post(f"{PATH}/product_1/{act}")):
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            404,
            "unknown_product",
            "productId",
        )


# ---------------------------------------------------------------- a provider's products


async def test_a_provider_makes_a_product_of_its_own_which_the_platform_approves(world: World) -> None:
    mine, other = await world.register("R-1"), await world.register("R-2")
    key = {"authorization": f"Bearer {mine['apiKey']}"}

    answer = await world.http.post(PATH, json=WEEKLY, headers=key)
    product_id = answer.json()["productId"]
    await world.http.post(f"{PATH}/{product_id}/submit", headers=key)
    own = await world.http.post(f"{PATH}/{product_id}/approve", headers=key)
    approval = await world.post(f"{PATH}/{product_id}/approve")

    assert (answer.status_code, answer.json()["providerId"]) == (201, mine["providerId"])
    assert own.status_code == 403
    assert (approval.status_code, approval.json()["status"]) == (200, "approved")
    stranger = {"authorization": f"Bearer {other['apiKey']}"}
    assert (await world.http.get(f"{PATH}/{product_id}", headers=stranger)).status_code == 404
    assert (await world.http.get(PATH, headers=stranger)).json()["data"] == []
    assert len((await world.http.get(PATH, headers=key)).json()["data"]) == 1


async def test_a_provider_makes_no_product_for_another(world: World) -> None:
    mine, other = await world.register("R-1"), await world.register("R-2")
    key = {"authorization": f"Bearer {mine['apiKey']}"}

    answer = await world.http.post(PATH, json=weekly(providerId=other["providerId"]), headers=key)

    assert (answer.status_code, answer.json()["field"]) == (422, "providerId")


# ---------------------------------------------------------------- an application for a product


def asking(product_id: str, **wanted: Any) -> Body:
    body = application_body(productId=product_id)
    body["loanApplication"] |= {"requestedAmount": 5000, "tenure": 180} | wanted
    return body


async def test_an_application_pins_the_version_in_force(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker)
    first = await world.post("/api/loans/applications", asking(product_id))
    await world.http.put(f"{PATH}/{product_id}", json=weekly(name="Kiosk"), headers=world.key)
    between = await world.post("/api/loans/applications", asking(product_id))
    await approved(world, checker, product_id)
    last = await world.post("/api/loans/applications", asking(product_id))

    assert [answer.status_code for answer in (first, between, last)] == [201, 201, 201]
    versions = {row.id: row.product_version for row in await world.rows(Application)}
    assert [versions[answer.json()["applicationId"]] for answer in (first, between, last)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"requestedAmount": 99.99}, "loanApplication.requestedAmount"),
        ({"requestedAmount": 25000.01}, "loanApplication.requestedAmount"),
        ({"tenure": 730}, "loanApplication.tenure"),
        ({"currency": "EUR"}, "loanApplication.currency"),
    ],
)
async def test_an_application_beyond_the_product_is_refused_by_name(
    world: World, checker: dict[str, str], wanted: dict[str, Any], field: str
) -> None:
    product_id = await lent(world, checker)

    answer = await world.post("/api/loans/applications", asking(product_id, **wanted))

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await world.rows(Application) == []


async def test_an_application_for_a_product_is_in_its_currency(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker, currency="EUR")

    await world.post("/api/loans/applications", asking(product_id))

    [application] = await world.rows(Application)
    assert (application.currency, application.product_id) == ("EUR", product_id)


async def test_a_draft_cannot_be_applied_for(world: World) -> None:
    product_id = await made(world)

    answer = await world.post("/api/loans/applications", asking(product_id))

    assert (answer.status_code, answer.json()["field"]) == (422, "productId")


async def test_a_lead_names_a_product_too(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker)
    lead = lead_body() | {"productId": product_id}
    lead["loanApplication"] |= {"requestedAmount": 5000, "tenure": 180}
    big = copy(lead) | {"leadId": "lead_big"}
    big["loanApplication"] |= {"requestedAmount": 26000}

    refused = await world.post("/api/v1/leads/distribute", big)
    await world.post("/api/v1/leads/distribute", lead)

    assert (refused.status_code, refused.json()["field"]) == (422, "loanApplication.requestedAmount")
    [application] = await world.rows(Application)
    assert (application.product_id, application.product_version) == (product_id, 1)


async def test_another_tenants_product_cannot_be_applied_for(
    world: World, checker: dict[str, str], rows: DatabaseUrls
) -> None:
    product_id = await lent(world, checker)

    async with opened(rows, world.settings) as other:
        asked: httpx2.Response = await other.post("/api/loans/applications", asking(product_id))
        seen = await other.get(f"{PATH}/{product_id}")

    assert (asked.status_code, seen.status_code) == (422, 404)


# ---------------------------------------------------------------- a loan of a product


async def test_a_loan_is_shown_as_its_product_ages_it(world: World, checker: dict[str, str]) -> None:
    product_id = await lent(world, checker, jurisdiction="IN")
    plain = await loans.lent(world)
    loan = await loans.lent(world, product_id=product_id, product_version=1)
    on = (loans.DISBURSED_ON + timedelta(days=31 + 14)).isoformat()

    shown, standard = [(await world.get(f"/api/loans/{each.id}", on=on)).json() for each in (loan, plain)]

    assert (shown["terms"]["productId"], shown["terms"]["productVersion"]) == (product_id, 1)
    assert (shown["flags"]["daysPastDue"], shown["flags"]["delinquencyBucket"]) == (14, "lost")
    assert shown["flags"]["classification"] == "sma_0"
    assert shown["terms"]["netDisbursed"] == 1200 - 5 - 18
    assert (standard["terms"]["productId"], standard["flags"]["delinquencyBucket"]) == (None, "1-30")
    assert (standard["flags"]["classification"], standard["terms"]["netDisbursed"]) == (None, 1195)


async def test_days_of_forbearance_are_not_shown_as_days_past_due(world: World) -> None:
    due = loans.DISBURSED_ON + timedelta(days=31)
    loan = await loans.lent(
        world, forbearance_since=due + timedelta(days=6), forbearance_until=due + timedelta(days=15)
    )

    answer = await world.get(f"/api/loans/{loan.id}", on=(due + timedelta(days=20)).isoformat())

    assert (answer.json()["flags"]["daysPastDue"], answer.json()["flags"]["forbearanceUntil"]) == (10, "2026-03-02")


async def test_a_loan_that_has_ended_is_shown_as_it_was_left(world: World) -> None:
    loan = await loans.lent(world, status="closed_written_off", days_past_due=130, delinquency_bucket="121-150")

    answer = await world.get(f"/api/loans/{loan.id}", on="2027-01-15")

    assert (answer.json()["flags"]["daysPastDue"], answer.json()["flags"]["delinquencyBucket"]) == (130, "121-150")


async def test_a_secured_product_asks_from_which_wallet_the_collateral_comes(
    world: World, checker: dict[str, str]
) -> None:
    product_id = await lent(world, checker, chain={"secured": True, "asset": "USDC"})
    wallet = f"0x{'b0' * 20}"

    without = await world.post("/api/loans/applications", asking(product_id))
    wrong = await world.post("/api/loans/applications", asking(product_id) | {"walletAddress": "0x12"})
    taken = await world.post("/api/loans/applications", asking(product_id) | {"walletAddress": wallet})

    assert [(each.status_code, each.json()["field"]) for each in (without, wrong)] == [(422, "walletAddress")] * 2
    assert taken.status_code == 201
    (application,) = await world.rows(Application)
    assert application.wallet_address == wallet
