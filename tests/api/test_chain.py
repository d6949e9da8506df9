"""Loans on chain over HTTP: what is shown, what is signed, and what happens without a chain."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from sqlmodel import col

from api.settings import ApiSettings
from models.chain import OperationStatus
from models.records.applications import Applicant
from models.records.chain_events import EventStatus
from models.records.chain_loans import ChainLoan
from tests.api.chains import (
    LENDER,
    NOW,
    STRANGER,
    UNDERWRITER,
    FakeSite,
    has_signed,
    put_on_chain,
    said,
    signature_of,
    written,
)
from tests.api.rows import lent
from tests.api.worlds import Body, World, opened
from workers.embedded.postgres import DatabaseUrls
from workflows.application_state import ChainApproval, ChainSigned


@pytest.fixture
def site() -> FakeSite:
    return FakeSite()


@pytest.fixture
async def chained(rows: DatabaseUrls, settings: ApiSettings, site: FakeSite) -> AsyncIterator[World]:
    async with opened(rows, settings, site.desk) as world:
        yield world


async def accepted(world: World, **columns: object) -> ChainLoan:
    """A loan that is agreed on and not paid out yet."""
    submitted = await world.apply()
    loan_id = f"loan_{submitted['applicationId'].removeprefix('app_')}"
    return await put_on_chain(world, loan_id, submitted["applicationId"], **columns)


async def shown(world: World, loan_id: str) -> Body:
    answer = await world.get(f"/api/loans/{loan_id}/chain")
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


async def test_a_loan_on_chain_is_shown_as_told_as_seen_as_confirmed_and_as_it_is(chained: World) -> None:
    loan = await lent(chained)
    row = await put_on_chain(chained, loan.id, loan.application_id)
    await said(chained, row, 1, "Funded", EventStatus.CONFIRMED, opId="0x01", seq=1, principal=120_000)
    paid = {"principal": 10_000, "interest": 1_200, "outstanding": 110_000}
    await said(chained, row, 2, "Repaid", EventStatus.ORPHANED, opId="0x02", seq=2, **paid)
    await said(chained, row, 3, "Repaid", EventStatus.SEEN, opId="0x02", seq=2, **paid)

    body = await shown(chained, loan.id)

    standing = body["standing"]
    assert [standing[name]["outstanding"] for name in ("told", "seen", "confirmed", "onChain")] == [
        1100,
        1100,
        1200,
        1100,
    ]
    assert standing["seen"]["interestPaidBaseUnits"] == "1200"
    assert standing["onChain"]["sequence"] == 3
    assert [(each["name"], each["status"]) for each in body["events"]] == [("Funded", "confirmed"), ("Repaid", "seen")]
    assert body["reconciliation"] == {"agrees": True, "taskId": None, "summary": None}
    assert body["network"] == {"chainId": 31337, "node": "answers", "explorerUrl": "https://explorer.example"}


async def test_writes_are_shown_in_order_with_their_transactions_and_links(chained: World) -> None:
    loan = await lent(chained)
    row = await put_on_chain(chained, loan.id, loan.application_id)
    failed = await written(chained, row, 2, status=OperationStatus.FAILED, error="BadSequence")
    done = await written(chained, row, 1)

    body = await shown(chained, loan.id)

    assert [each["operationId"] for each in body["operations"]] == [done.id, failed.id]
    assert body["operations"][1]["error"] == "BadSequence"
    first = body["transactions"][0]
    assert (first["gasUsed"], first["maxFeeWei"]) == (50_167, "2000000000")
    assert first["explorerUrl"] == f"https://explorer.example/tx/{first['hash']}"


async def test_before_the_payout_it_is_shown_which_signatures_are_missing(chained: World, site: FakeSite) -> None:
    site.answers["approvalsNeeded"] = 2
    row = await accepted(chained, lender=LENDER.address)
    await has_signed(chained, row)

    signing = (await shown(chained, row.loan_id))["signing"]

    assert (signing["approvalsNeeded"], signing["approvalsMissing"]) == (2, 1)
    assert (signing["needsLender"], signing["lenderMissing"]) == (True, True)
    assert [each["signer"] for each in signing["signatures"]] == [UNDERWRITER.address.lower()]


async def test_numbers_that_no_double_holds_are_text(chained: World) -> None:
    row = await accepted(chained, principal=10**18)

    assert (await shown(chained, row.loan_id))["terms"]["principal"] == "1000000000000000000"


async def test_without_a_chain_the_rows_are_shown_and_the_rest_is_unavailable(world: World) -> None:
    row = await accepted(world)

    body = await shown(world, row.loan_id)
    score = await world.get("/api/credit/score/chain", loanId=row.loan_id)

    assert body["network"]["node"] == "not_configured"
    assert body["standing"]["onChain"] is None
    assert body["standing"]["told"]["outstanding"] == 1100
    assert (score.status_code, score.json()["code"]) == (503, "chain_not_configured")


async def test_while_the_node_is_away_the_rows_are_shown_and_the_rest_is_to_be_tried_again(
    chained: World, site: FakeSite
) -> None:
    row = await accepted(chained)
    site.is_up = False

    body = await shown(chained, row.loan_id)
    score = await chained.get("/api/credit/score/chain", loanId=row.loan_id)
    site.is_up = True
    later = await chained.get("/api/credit/score/chain", loanId=row.loan_id)

    assert body["network"]["node"] == "away"
    assert (score.status_code, score.json()["code"], score.headers["Retry-After"]) == (503, "chain_away", "2")
    assert later.status_code == 200
    await shown(chained, row.loan_id)
    assert site.opened == 3, "twice in vain, and then once for all"


async def test_a_loan_that_is_not_on_chain_is_unknown_there(chained: World) -> None:
    loan = await lent(chained)

    answer = await chained.get(f"/api/loans/{loan.id}/chain")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_on_chain")


async def test_what_a_wallet_signs_is_the_terms_on_record(chained: World) -> None:
    row = await accepted(chained)

    body = (await chained.get(f"/api/loans/{row.loan_id}/chain/typed-data", role="underwriter")).json()
    lender = await chained.get(f"/api/loans/{row.loan_id}/chain/typed-data", role="lender")

    assert body["typedData"]["primaryType"] == "Approval"
    assert body["typedData"]["message"]["loanId"] == row.loan_key
    assert body["typedData"]["domain"]["verifyingContract"].lower() == row.aggregator
    assert (lender.status_code, lender.json()["code"]) == (422, "no_lender")


@pytest.mark.parametrize(("role", "account"), [("underwriter", UNDERWRITER), ("lender", LENDER)])
async def test_a_signature_goes_to_the_application(chained: World, role: str, account: object) -> None:
    row = await accepted(chained, lender=LENDER.address)
    workflow_id = f"application/{row.application_id}"
    chained.temporal.running[workflow_id] = {"approve_on_chain": ChainSigned(1, 2, is_complete=False)}
    body = signature_of(row, account, role=role)

    answer = await chained.post(f"/api/loans/{row.loan_id}/chain/signatures", body)
    again = await chained.post(f"/api/loans/{row.loan_id}/chain/signatures", body)

    assert (answer.status_code, again.status_code) == (201, 201), answer.text
    assert answer.json() | {"success": True} == {
        "success": True,
        "loanId": row.loan_id,
        "approvals": 1,
        "approvalsNeeded": 2,
        "isComplete": False,
    }
    (first, second) = chained.temporal.asked
    assert first == second, "the same question"
    (given,) = first[2]
    assert isinstance(given, ChainApproval)
    assert (given.role, given.signer, given.loan_id) == (role, body["signer"], row.loan_id)


async def test_a_signature_that_the_contract_would_refuse_is_refused_by_field(chained: World) -> None:
    row, late = await accepted(chained), await accepted(chained, signed_until=NOW - 1)
    good = signature_of(row, UNDERWRITER)
    bad = {
        "another's": (row, good | {"signer": STRANGER.address}, "wrong_signer", "signature"),
        "of other terms": (row, signature_of(late, UNDERWRITER), "wrong_signer", "signature"),
        "too late": (late, signature_of(late, UNDERWRITER), "signing_expired", "signature"),
        "no underwriter": (row, signature_of(row, STRANGER), "not_entitled", "signer"),
        "no lender": (row, good | {"role": "lender"}, "no_lender", "role"),
        "none": (row, good | {"signature": "0x" + "ff" * 65}, "bad_argument", "signature"),
        "no address": (row, good | {"signer": "0x12"}, "validation_failed", "signer"),
    }

    found = {}
    for name, (loan, body, _, _) in bad.items():
        answer = await chained.post(f"/api/loans/{loan.loan_id}/chain/signatures", body)
        found[name] = (answer.status_code, answer.json()["code"], answer.json()["field"])

    assert found == {name: (422, code, field) for name, (_, _, code, field) in bad.items()}
    assert chained.temporal.asked == []


async def test_who_writes_loans_does_not_approve_them(chained: World, site: FakeSite) -> None:
    site.answers["hasRole"] = True
    row = await accepted(chained)

    answer = await chained.post(f"/api/loans/{row.loan_id}/chain/signatures", signature_of(row, UNDERWRITER))

    assert (answer.status_code, answer.json()["field"]) == (422, "signer")


async def test_a_signature_for_an_application_that_has_ended_comes_too_late(chained: World) -> None:
    row = await accepted(chained)

    answer = await chained.post(f"/api/loans/{row.loan_id}/chain/signatures", signature_of(row, UNDERWRITER))

    assert (answer.status_code, answer.json()["code"]) == (409, "not_waiting")


async def test_a_write_that_was_refused_is_tried_again_and_no_other(chained: World) -> None:
    row = await accepted(chained)
    done = await written(chained, row, 1)
    failed = await written(chained, row, 2, status=OperationStatus.FAILED, error="CollateralTooLow")
    chained.temporal.restarts[f"chain/{row.loan_id}"] = {"retry_operation": None}
    base = f"/api/loans/{row.loan_id}/chain/operations"

    again = await chained.post(f"{base}/{failed.id}/retry")
    over = await chained.post(f"{base}/{done.id}/retry")
    unknown = await chained.post(f"{base}/0x{'0' * 64}/retry")

    assert (again.status_code, again.json()["status"]) == (200, "pending"), again.text
    assert (over.status_code, over.json()["code"]) == (409, "not_waiting")
    assert unknown.status_code == 404
    assert [name for _, name, _, _ in chained.temporal.asked] == ["retry_operation"]


async def test_a_score_on_chain_is_found_by_loan_and_by_user(chained: World) -> None:
    row = await accepted(chained)
    user = update(Applicant).where(col(Applicant.tenant_id) == row.tenant_id).values(user_id="user_42")
    await chained.change(lambda session: session.execute(user))

    by_loan = (await chained.get("/api/credit/score/chain", loanId=row.loan_id)).json()
    by_user = (await chained.get("/api/credit/score/chain", userId="user_42")).json()

    assert by_loan == by_user
    assert (by_loan["score"], by_loan["isExpired"], by_loan["subject"]) == (742, False, row.terms["subject"])


async def test_there_may_be_no_score(chained: World, site: FakeSite) -> None:
    row = await accepted(chained)
    site.answers["latest"] = {"score": 0, "issuedAt": 0, "expiresAt": 0, "modelVersion": 0}

    missing = await chained.get("/api/credit/score/chain", loanId=row.loan_id)
    stranger = await chained.get("/api/credit/score/chain", userId="user_43")
    nobody = await chained.get("/api/credit/score/chain")

    assert (missing.status_code, missing.json()["code"]) == (404, "score_missing")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_on_chain")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "one_of")


async def test_another_tenants_loan_on_chain_does_not_exist(
    chained: World, rows: DatabaseUrls, settings: ApiSettings, site: FakeSite
) -> None:
    row = await accepted(chained)
    async with opened(rows, settings, site.desk) as other:
        answers = [
            await other.get(f"/api/loans/{row.loan_id}/chain"),
            await other.get(f"/api/loans/{row.loan_id}/collateral"),
            await other.get("/api/credit/score/chain", loanId=row.loan_id),
            await other.post(f"/api/loans/{row.loan_id}/chain/signatures", signature_of(row, UNDERWRITER)),
        ]

    assert {answer.status_code for answer in answers} == {404}
