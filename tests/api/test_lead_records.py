"""What is on record of a lead, for the platform alone: the match, the releases, the questions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.leads import invite
from models.application import ApplicationStatus
from models.records.applications import Application
from models.records.disclosures import DisclosureReason, DisclosureRow
from models.records.information import InformationRow
from models.records.matching import MatchingWeightsRow
from tests.api.rows import matched, moved, offered
from tests.api.worlds import Body, World, application_body


@pytest.fixture
async def submitted(world: World) -> Body:
    """A lead that was sent out to one provider."""
    submitted, credentials = await world.apply(), await world.register()
    await world.post(f"/api/v1/providers/{credentials['providerId']}/activate", {})
    await moved(world, submitted, ApplicationStatus.DISTRIBUTING)

    async def sent(session: Any) -> None:
        application = await session.get_one(Application, (world.tenant.tenant_id, submitted["applicationId"]))
        await invite(session, application, at=datetime.now(UTC))

    await world.change(sent)
    return submitted | {"credentials": credentials, "providerId": credentials["providerId"]}


async def asked(world: World, submitted: Body, **columns: Any) -> None:
    row: dict[str, Any] = {
        "tenant_id": world.tenant.tenant_id,
        "id": "decision_1",
        "application_id": submitted["applicationId"],
        "lead_id": submitted["leadId"],
        "provider_id": submitted["providerId"],
        "needed": ["Payslip"],
        "asked_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    await world.add(InformationRow(**row | columns))


def answering(world: World, submitted: Body, answer: object) -> None:
    world.temporal.running[f"application/{submitted['applicationId']}"] = {"inform": answer}


async def test_a_match_is_shown_with_its_features_weights_and_result_and_replays(world: World, submitted: Body) -> None:
    shown = (await world.get(f"/api/v1/leads/{submitted['leadId']}/matching")).json()

    assert (shown["success"], shown["replays"], shown["weightsVersion"], shown["explored"]) == (True, True, 1, None)
    (invited,) = shown["result"]["invited"]
    assert invited["providerId"] == submitted["providerId"]
    assert len(invited["reasons"]) == 6
    assert shown["candidates"][0]["received"] == 0
    assert sum(shown["weights"]["points"].values()) == 100


async def test_a_match_that_does_not_come_out_the_same_says_so(world: World) -> None:
    submitted = await world.apply()
    await matched(world, submitted)

    assert (await world.get(f"/api/v1/leads/{submitted['leadId']}/matching")).json()["replays"] is False


@pytest.mark.parametrize("what", ["matching", "disclosures", "information"])
async def test_what_is_on_record_is_the_platforms_alone(world: World, submitted: Body, what: str) -> None:
    key = {"authorization": f"Bearer {submitted['credentials']['apiKey']}"}

    foreign = await world.http.get(f"/api/v1/leads/{submitted['leadId']}/{what}", headers=key)
    unknown = await world.get(f"/api/v1/leads/lead_unknown/{what}")

    assert foreign.status_code == 403
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_lead")


async def test_every_release_of_personal_data_is_shown(world: World, submitted: Body) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for number, why in enumerate(DisclosureReason):
        await world.add(
            DisclosureRow(
                tenant_id=world.tenant.tenant_id,
                id=f"disclosure_{submitted['leadId']}_{number}",
                application_id=submitted["applicationId"],
                lead_id=submitted["leadId"],
                provider_id=submitted["providerId"],
                what=["personalInfo"],
                why=why,
                reference="offer_1",
                disclosed_at=at + timedelta(hours=number),
            )
        )

    shown = (await world.get(f"/api/v1/leads/{submitted['leadId']}/disclosures")).json()

    assert [each["why"] for each in shown["data"]] == list(DisclosureReason)
    assert shown["data"][0]["what"] == ["personalInfo"]
    assert "Sarah" not in str(shown)


async def test_a_question_is_shown_and_its_answer_is_passed_on(world: World, submitted: Body) -> None:
    await asked(world, submitted, note="For the last three months")
    answering(world, submitted, answer=True)
    path = f"/api/v1/leads/{submitted['leadId']}/information"

    (shown,) = (await world.get(path)).json()["data"]
    answer = await world.post(f"{path}/decision_1", {"answer": {"income": 8500.5, "files": ["a"]}})

    assert (shown["informationNeeded"], shown["note"], shown["answeredAt"]) == (
        ["Payslip"],
        "For the last three months",
        None,
    )
    assert answer.json() == {"success": True, "informationId": "decision_1", "provided": True}
    [(_, name, (given,), update_id)] = world.temporal.asked
    assert (name, update_id) == ("inform", "inform:decision_1")
    assert "8500" not in repr(given), "what the platform answers does not travel through the workflow"
    (row,) = await world.rows(InformationRow)
    assert row.answer == {"income": 8500.5, "files": ["a"]}


async def test_the_first_answer_stays(world: World, submitted: Body) -> None:
    await asked(world, submitted, id="decision_2")
    answering(world, submitted, answer=True)
    path = f"/api/v1/leads/{submitted['leadId']}/information/decision_2"
    await world.post(path, {"answer": {"income": 8500}})

    same, other = await world.post(path, {"answer": {"income": 8500}}), await world.post(path, {"answer": {"x": 1}})

    assert same.status_code == 200
    assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "information_known", "answer")


async def test_an_answer_nobody_waits_for_is_refused(world: World, submitted: Body) -> None:
    await asked(world, submitted, id="decision_3")
    path = f"/api/v1/leads/{submitted['leadId']}/information"

    unknown = await world.post(f"{path}/decision_9", {"answer": {"x": 1}})
    empty = await world.post(f"{path}/decision_3", {"answer": {}})
    ended = await world.post(f"{path}/decision_3", {"answer": {"x": 1}})
    answering(world, submitted, answer=False)
    late = await world.post(f"{path}/decision_3", {"answer": {"x": 1}})

    assert (unknown.status_code, unknown.json()["field"]) == (404, "informationId")
    assert (empty.status_code, empty.json()["field"]) == (422, "answer")
    assert [(each.status_code, each.json()["code"]) for each in (ended, late)] == [(409, "bidding_closed")] * 2


# ---------------------------------------------------------------- weights


async def test_a_new_version_of_the_weights_is_in_force_and_the_old_ones_stay(world: World) -> None:
    before = (await world.get("/api/v1/matching/weights")).json()
    points = before["data"][0]["weights"]["points"] | {"speed": 5, "firmness": 20}

    made = await world.http.post(
        "/api/v1/matching/weights",
        json={"weights": {"points": points, "openLeadsAtMost": 50}, "reason": "Word counts more than speed"},
        headers=world.key | {"X-Operator": "ada"},
    )

    assert (before["inForce"], [each["version"] for each in before["data"]]) == (1, [1])
    assert (made.status_code, made.json()["version"], made.json()["operator"]) == (201, 2, "ada")
    after = (await world.get("/api/v1/matching/weights")).json()
    assert (after["inForce"], [each["version"] for each in after["data"]]) == (2, [2, 1])
    assert after["data"][0]["weights"]["explorationPercent"] == 5
    assert len(await world.rows(MatchingWeightsRow)) == 1


@pytest.mark.parametrize(
    ("weights", "field"),
    [
        ({"points": {"speed": 16}}, "weights.points"),
        ({"payout": 1}, "weights.payout"),
        ({"inviteAtMost": 0}, "weights.inviteAtMost"),
        ({"conversionPrior": {"share": 2, "weighs": 1}}, "weights.conversionPrior.share"),
    ],
)
async def test_weights_that_are_wrong_are_refused_by_name(world: World, weights: Body, field: str) -> None:
    answer = await world.post("/api/v1/matching/weights", {"weights": weights, "reason": "try"})

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await world.rows(MatchingWeightsRow) == []


async def test_a_provider_does_not_weigh_itself(world: World, submitted: Body) -> None:
    key = {"authorization": f"Bearer {submitted['credentials']['apiKey']}"}

    read = await world.http.get("/api/v1/matching/weights", headers=key)
    made = await world.http.post("/api/v1/matching/weights", json={"weights": {}, "reason": "mine"}, headers=key)

    assert (read.status_code, made.status_code) == (403, 403)


# ---------------------------------------------------------------- offers, side by side


async def test_offers_are_compared_and_the_best_says_why(world: World, submitted: Body) -> None:
    sealed = (await world.get(f"/api/loans/applications/{submitted['applicationId']}/offers")).json()
    await offered(world, submitted)

    shown = (await world.get(f"/api/loans/applications/{submitted['applicationId']}/offers")).json()

    assert (sealed["sealed"], sealed["comparison"], sealed["bestOffer"]) == (True, [], None)
    assert (shown["leadId"], shown["biddingWindow"]) == (submitted["leadId"], "48 hours")
    (line,) = shown["comparison"]
    assert line["prepayment"] == {
        "allowed": True,
        "fee": 0,
        "effect": "reduce_installment",
        "recalculatesInterest": False,
    }
    assert {"apr", "financeCharge", "netDisbursed", "totalRepayable", "installment", "fundingHours"} <= line.keys()
    offer = shown["offers"][0]
    assert shown["bestOffer"] == {
        "providerId": offer["providerId"],
        "offerId": offer["offerId"],
        "reason": offer["reason"],
    }


@pytest.mark.parametrize(("hours", "field"), [(0, True), (721, True), (1.5, True), (24, False)])
async def test_a_request_may_shorten_its_own_window(world: World, hours: object, field: bool) -> None:  # noqa: FBT001
    body = {"requestedAmount": 25000, "purpose": "Stock", "tenure": 365, "biddingWindowHours": hours}

    answer = await world.post(
        "/api/loans/applications",
        application_body(loanApplication=body),
    )

    assert (answer.json().get("field") == "loanApplication.biddingWindowHours") is field


# ---------------------------------------------------------------- an operator's lapse


async def test_an_operator_lets_an_accepted_offer_lapse(world: World, submitted: Body) -> None:
    world.temporal.running[f"application/{submitted['applicationId']}"] = {"lapse": "offered"}
    path = f"/api/loans/applications/{submitted['applicationId']}/lapse"

    answer = await world.http.post(path, json={"reason": "fraud alert"}, headers=world.key | {"X-Operator": "ada"})
    silent = await world.post(path, {})
    key = {"authorization": f"Bearer {submitted['credentials']['apiKey']}"}
    foreign = await world.http.post(path, json={"reason": "mine"}, headers=key)

    assert answer.json() == {"success": True, "applicationId": submitted["applicationId"], "status": "offered"}
    [(_, _, (asked_,), _)] = world.temporal.asked
    assert (asked_.provider_id, asked_.reason) == (None, "fraud alert (ada)")  # type: ignore[attr-defined]
    assert (silent.status_code, silent.json()["field"]) == (422, "reason")
    assert foreign.status_code == 403


async def test_nothing_lapses_when_the_application_has_ended(world: World, submitted: Body) -> None:
    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/lapse", {"reason": "late"})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_accepted_offer")
