"""Decisions: signed, kept as they came, judged once, and answered the same to the same message."""

import json
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import update
from sqlmodel import col

from models.bidding import AlreadyDecided, BiddingClosed, OfferExpired
from models.errors import Refusal
from models.records.leads import Decision
from models.records.providers import Provider
from tests.api.rows import granted
from tests.api.worlds import Body, World, decision_body, signed
from workflows.application_state import Decided, Lapse, ProviderDecision


class Invited:
    """A provider with a lead, and the workflow that waits for its decision."""

    def __init__(self, world: World, submitted: Body, credentials: Body) -> None:
        self.world, self.submitted, self.credentials = world, submitted, credentials
        self.lead_id, self.provider_id = submitted["leadId"], credentials["providerId"]
        self.workflow_id = f"application/{submitted['applicationId']}"
        self.answers(Decided(accepted=True, answered=1, invited=2))

    def answers(self, answer: object) -> None:
        self.world.temporal.running[self.workflow_id] = {"decide": answer}

    async def decide(
        self,
        changes: Body | None = None,
        *,
        headers: dict[str, str] | None = None,
        path: str = "",
        message_id: str = "msg_1",
    ) -> httpx2.Response:
        body = json.dumps(decision_body(self.lead_id, self.provider_id, **(changes or {}))).encode()
        sent = signed(self.credentials, body, message_id=message_id) | (headers or {})
        path = path or f"/api/v1/providers/{self.provider_id}/leads/{self.lead_id}/decision"
        return await self.world.http.post(path, content=body, headers={k: v for k, v in sent.items() if v})


@pytest.fixture
async def invited(world: World) -> Invited:
    submitted, credentials = await world.apply(), await world.register()
    await granted(world, submitted, credentials)
    return Invited(world, submitted, credentials)


async def test_the_owners_decision_is_answered_as_printed(invited: Invited) -> None:
    answer = await invited.decide()

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "success": True,
        "accepted": True,
        "nextSteps": [
            "Customer will be notified of approval",
            "Customer can accept or decline the offer",
            "Upon acceptance, loan agreement will be generated",
        ],
    }


async def test_the_body_is_kept_and_the_workflow_gets_numbers_only(invited: Invited) -> None:
    await invited.decide({"processingFee": 300})

    [kept] = await invited.world.rows(Decision)
    assert kept.body["customData"] == {"internalLoanId": "FL-2024-001234", "loanOfficer": "Mike Rodriguez"}
    assert (kept.message_id, kept.refused_because) == ("msg_1", None)
    [(workflow_id, name, (judged,), update_id)] = invited.world.temporal.asked
    assert (workflow_id, name, update_id) == (invited.workflow_id, "decide", f"{invited.provider_id}:msg_1")
    assert isinstance(judged, ProviderDecision)
    assert (judged.decision_id, judged.amount_minor, judged.processing_fee_minor) == (kept.id, 2_500_000, 30_000)
    assert "Rodriguez" not in repr(judged)


@pytest.mark.parametrize("word", ["declined", "rejected"])
async def test_a_decline_needs_no_terms(invited: Invited, word: str) -> None:
    no_terms: Body = dict.fromkeys(("approvedAmount", "interestRate", "tenure", "expiresAt"))
    answer = await invited.decide(no_terms | {"decision": word})

    assert answer.status_code == 200
    assert invited.world.temporal.asked[0][2][0].decision == "declined"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_signature_header_is_named(invited: Invited, name: str) -> None:
    answer = await invited.decide(headers={name: ""})

    assert (answer.status_code, answer.json()["field"]) == (401, name)
    assert await invited.world.rows(Decision) == []


async def test_a_signature_of_another_secret_is_refused(invited: Invited) -> None:
    forged = signed(invited.credentials | {"webhookSecret": "whsec_" + "QUJD" * 8}, b"{}")
    answer = await invited.decide(headers={"webhook-signature": forged["webhook-signature"]})

    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert await invited.world.rows(Decision) == []
    assert invited.world.temporal.asked == []


async def test_a_stale_signature_is_refused(invited: Invited) -> None:
    body = json.dumps(decision_body(invited.lead_id, invited.provider_id)).encode()
    old = signed(invited.credentials, body, at=datetime.now(UTC) - timedelta(minutes=6))
    answer = await invited.world.http.post(
        f"/api/v1/providers/{invited.provider_id}/leads/{invited.lead_id}/decision", content=body, headers=old
    )

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        401,
        "stale_signature",
        "webhook-timestamp",
    )
    assert await invited.world.rows(Decision) == []


async def test_a_captured_request_does_not_get_the_kept_answer(invited: Invited) -> None:
    await invited.decide(headers={"idempotency-key": "k-1"})

    answer = await invited.decide(headers={"idempotency-key": "k-1", "webhook-timestamp": "1700000000"})

    assert answer.status_code == 401


async def test_a_key_without_a_valid_checksum_is_refused(invited: Invited) -> None:
    key = invited.credentials["apiKey"][:-1] + ("A" if invited.credentials["apiKey"][-1] != "A" else "B")
    answer = await invited.decide(headers={"authorization": f"Bearer {key}"})

    assert (answer.status_code, answer.json()["field"]) == (401, "Authorization")


async def test_the_platforms_key_does_not_decide(invited: Invited) -> None:
    answer = await invited.decide(headers=invited.world.key)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_another_providers_path_is_refused(invited: Invited) -> None:
    other = await invited.world.register("R-2")
    answer = await invited.decide(path=f"/api/v1/providers/{other['providerId']}/leads/{invited.lead_id}/decision")

    assert answer.status_code == 403
    assert invited.world.temporal.asked == []


async def test_an_uninvited_provider_finds_no_lead(invited: Invited) -> None:
    stranger = Invited(invited.world, invited.submitted, await invited.world.register("R-2"))

    answer = await stranger.decide()

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "unknown_lead", "leadId")
    assert await invited.world.rows(Decision) == []
    assert invited.world.temporal.asked == []


@pytest.mark.parametrize("field", ["leadId", "providerId"])
async def test_body_and_path_name_the_same(invited: Invited, field: str) -> None:
    answer = await invited.decide({field: "other_1"})

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await invited.world.rows(Decision) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("approvedAmount", None),
        ("approvedAmount", -1),
        ("approvedAmount", 25000.001),
        ("interestRate", None),
        ("interestRate", "cheap"),
        ("tenure", None),
        ("processingFee", -1),
        ("processingFee", 0.001),
        ("currency", "NGN"),
        ("currency", "ZZZ"),
        ("expiresAt", "2036-08-15T23:59:59"),
        ("expiresAt", "soon"),
        ("decision", "maybe"),
        ("bribe", 1),
        ("fundingHours", -1),
        ("fundingHours", 1.5),
        ("fundingHours", True),
        ("reasonCode", "low_credit_score"),
        ("informationNeeded", ["Payslip"]),
        ("approvedAmount", 4_999.99),
        ("approvedAmount", 500_000.01),
        ("interestRate", 3.49),
        ("interestRate", 18.01),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(invited: Invited, field: str, value: object) -> None:
    answer = await invited.decide({field: value})

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await invited.world.rows(Decision) == []
    assert invited.world.temporal.asked == []


@pytest.mark.parametrize(
    ("refusal", "status", "code", "field"),
    [
        (BiddingClosed("Bidding has closed."), 409, "bidding_closed", None),
        (AlreadyDecided("This provider has decided."), 409, "already_decided", None),
        (OfferExpired("The offer has expired.", "expiresAt"), 422, "offer_expired", "expiresAt"),
    ],
)
async def test_what_the_workflow_refuses_is_answered_and_kept(
    invited: Invited, refusal: Refusal, status: int, code: str, field: str | None
) -> None:
    invited.answers(refusal)

    answer = await invited.decide()

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field)
    [kept] = await invited.world.rows(Decision)
    assert kept.refused_because == code


async def test_a_decision_after_the_application_has_ended_is_too_late(invited: Invited) -> None:
    del invited.world.temporal.running[invited.workflow_id]

    answer = await invited.decide()

    assert (answer.status_code, answer.json()["code"]) == (409, "bidding_closed")
    [kept] = await invited.world.rows(Decision)
    assert kept.refused_because == "bidding_closed"


async def test_the_same_message_is_the_same_update_and_one_row(invited: Invited) -> None:
    first, again = await invited.decide(), await invited.decide()

    assert first.json() == again.json()
    assert len(await invited.world.rows(Decision)) == 1
    assert len({asked[3] for asked in invited.world.temporal.asked}) == 1


async def test_a_message_id_is_not_used_for_another_decision(invited: Invited) -> None:
    await invited.decide()

    answer = await invited.decide({"interestRate": 7.9})

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    [kept] = await invited.world.rows(Decision)
    assert kept.body["interestRate"] == 8.5


async def test_while_temporal_is_away_the_decision_is_kept_and_asked_for_again(invited: Invited) -> None:
    invited.world.temporal.is_up = False
    away = await invited.decide()
    invited.world.temporal.is_up = True

    again = await invited.decide()

    assert (away.status_code, again.status_code) == (503, 200)
    assert len(await invited.world.rows(Decision)) == 1


# ---------------------------------------------------------------- counter-offers, questions, withdrawals

NO_TERMS: Body = dict.fromkeys(("approvedAmount", "interestRate", "tenure", "expiresAt", "conditions", "customData"))


def bare(**changes: object) -> Body:
    return {"conditions": [], "customData": {}} | {
        name: value for name, value in (NO_TERMS | changes).items() if name not in ("conditions", "customData")
    }


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"decision": "counter_offer", "approvedAmount": 20000}, "counter_offer", "differs from what was asked for"),
        ({"decision": "counter_offer", "tenure": 180}, "counter_offer", "differs from what was asked for"),
        (bare(decision="declined", reasonCode="doc_irregularities"), "declined", "The decline is on record"),
        (bare(decision="withdrawn", reasonCode="market_changed"), "withdrawn", "The withdrawal is on record"),
        (bare(decision="withdrawn"), "withdrawn", "The withdrawal is on record"),
        (bare(decision="need_information", informationNeeded=["Payslip"]), "need_information", "The platform is asked"),
    ],
)
async def test_each_kind_of_decision_goes_to_the_workflow_and_says_what_follows(
    invited: Invited, changes: Body, kind: str, told: str
) -> None:
    answer = await invited.decide(changes)

    assert answer.status_code == 200, answer.text
    assert any(told in step for step in answer.json()["nextSteps"])
    assert invited.world.temporal.asked[0][2][0].decision == kind  # type: ignore[attr-defined]
    assert "Payslip" not in repr(invited.world.temporal.asked)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"decision": "counter_offer"}, "not_a_counter_offer", "decision"),
        ({"decision": "counter_offer", "approvedAmount": None}, "terms_missing", "approvedAmount"),
        (bare(decision="need_information"), "information_not_named", "informationNeeded"),
        (bare(decision="need_information", informationNeeded=[""]), None, "informationNeeded[0]"),
        (bare(decision="need_information", informationNeeded=["x"] * 21), None, "informationNeeded"),
        (bare(decision="declined", reasonCode="bad_mood"), None, "reasonCode"),
        (bare(decision="declined", informationNeeded=["Payslip"]), "field_not_of_decision", "informationNeeded"),
        ({"reasonCode": "others"}, "field_not_of_decision", "reasonCode"),
        ({"interestRate": 19}, "outside_own_range", "interestRate"),
        ({"approvedAmount": 1000}, "outside_own_range", "approvedAmount"),
        ({"currency": "CAD"}, "other_currency", "currency"),
    ],
)
async def test_what_does_not_belong_together_is_refused_by_name(
    invited: Invited, changes: Body, code: str | None, field: str
) -> None:
    answer = await invited.decide(changes)

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert code in (None, answer.json()["code"])
    assert await invited.world.rows(Decision) == []


async def test_other_conditions_are_other_terms_and_no_word_of_them_leaves(invited: Invited) -> None:
    for number, conditions in enumerate((["A guarantor"], ["A guarantor"], [])):
        await invited.decide({"conditions": conditions}, message_id=f"msg_{number}")

    first, same, other = (asked[2][0] for asked in invited.world.temporal.asked)
    assert isinstance(first, ProviderDecision)
    assert isinstance(same, ProviderDecision)
    assert isinstance(other, ProviderDecision)
    assert first.conditions_digest == same.conditions_digest != other.conditions_digest
    assert "guarantor" not in repr(first)


async def test_a_suspended_provider_decides_on_nothing(invited: Invited) -> None:
    suspended = update(Provider).where(col(Provider.id) == invited.provider_id).values(status="suspended")
    await invited.world.change(lambda session: session.execute(suspended))

    answer = await invited.decide()

    assert (answer.status_code, answer.json()["code"]) == (409, "provider_suspended")
    assert await invited.world.rows(Decision) == []


# ---------------------------------------------------------------- a lapse


async def lapse(invited: Invited, **changes: object) -> httpx2.Response:
    body = {"leadId": invited.lead_id, "providerId": invited.provider_id, "reasonCode": "conditions_unmet"} | changes
    content = json.dumps(body).encode()
    path = f"/api/v1/providers/{invited.provider_id}/leads/{invited.lead_id}/lapse"
    return await invited.world.http.post(path, content=content, headers=signed(invited.credentials, content))


async def test_a_provider_lets_its_accepted_offer_lapse(invited: Invited) -> None:
    invited.world.temporal.running[invited.workflow_id] = {"lapse": "offered"}

    answer = await lapse(invited, reason="No proof of income came")

    assert answer.status_code == 200, answer.text
    assert answer.json() == {"success": True, "leadId": invited.lead_id, "status": "offered"}
    [(_, name, (asked,), update_id)] = invited.world.temporal.asked
    assert (name, update_id) == ("lapse", f"lapse:{invited.provider_id}:msg_1")
    assert asked == Lapse(invited.provider_id, "conditions_unmet: No proof of income came")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"leadId": "lead_other"}, 422, "path_mismatch"),
        ({"providerId": "provider_other"}, 422, "path_mismatch"),
        ({"reasonCode": "bad_mood"}, 422, "validation_failed"),
        ({}, 409, "no_accepted_offer"),
    ],
)
async def test_a_lapse_that_cannot_be_is_refused(invited: Invited, changes: Body, status: int, code: str) -> None:
    invited.answers(None)
    del invited.world.temporal.running[invited.workflow_id]

    answer = await lapse(invited, **changes)

    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code


async def test_an_uninvited_provider_has_nothing_to_let_lapse(invited: Invited) -> None:
    stranger = Invited(invited.world, invited.submitted, await invited.world.register("R-2"))

    answer = await lapse(stranger)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_lead")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expiresAt": "9999-12-31T23:59:59-12:00"}, "expiresAt"),
        ({"expiresAt": "9999-12-31T23:59:59Z"}, "expiresAt"),
        ({"processingFee": 24_999.99}, "processingFee"),
    ],
)
async def test_a_bid_that_would_hold_up_the_auction_is_refused(invited: Invited, changes: Body, field: str) -> None:
    answer = await invited.decide(changes)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not invited.world.temporal.asked
    assert not await invited.world.rows(Decision)


@pytest.mark.parametrize("body", [b'"\xed\xa0\x80"', '"\\u0000"'.encode("utf-16")])
async def test_a_decision_that_is_no_text_is_refused(invited: Invited, body: bytes) -> None:
    path = f"/api/v1/providers/{invited.provider_id}/leads/{invited.lead_id}/decision"

    answer = await invited.world.http.post(path, content=body, headers=signed(invited.credentials, body))

    assert (answer.status_code, answer.json()["detail"]) == (422, "The body is not valid JSON.")
