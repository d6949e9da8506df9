"""The outside world misbehaves by its magic values, and every application still ends where it should."""

import httpx2
import pytest

from sandbox.magic import (
    ACCOUNT_BOUNCES,
    ACCOUNT_FAILS,
    ACCOUNT_SILENT,
    NUMBER_BUREAU_RECOVERS,
    NUMBER_NOT_FOUND,
)
from tests.journeys.scenes import Scene, patiently
from workers.demo.bodies import application


@pytest.mark.parametrize(
    ("account_number", "status"), [(ACCOUNT_FAILS, "disbursement_failed"), (ACCOUNT_SILENT, "disbursed")]
)
async def test_a_transfer_that_fails_or_stays_silent(scene: Scene, account_number: str, status: str) -> None:
    await scene.lenders_register()
    application_id = await scene.apply(account_number=account_number)

    loan_id = await scene.accept_best(application_id)

    await scene.reaches(application_id, status)
    transfers = [each for each in await scene.world.transfers() if each["reference"] == loan_id]
    assert len(transfers) == 1


async def test_a_transfer_that_comes_back_cancels_the_loan(scene: Scene) -> None:
    await scene.lenders_register()
    application_id = await scene.apply(account_number=ACCOUNT_BOUNCES)
    loan_id = await scene.accept_best(application_id)

    await scene.reaches(application_id, "disbursed")

    async def cancelled() -> bool:
        loan = await scene.platform.loan(loan_id)
        return bool(loan["status"] == "cancelled")

    await patiently(cancelled, what="the loan to be cancelled")
    balance = await scene.platform.get("/api/ledger/trial-balance")
    assert [(account["debit"], account["credit"]) for account in balance["currencies"][0]["accounts"]] == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("number", "status"), [(NUMBER_NOT_FOUND, "action_required"), (NUMBER_BUREAU_RECOVERS, "offered")]
)
async def test_an_identity_that_is_unknown_or_a_bureau_that_recovers(scene: Scene, number: str, status: str) -> None:
    await scene.lenders_register()

    application_id = await scene.platform.apply(application() | {"identity": {"type": "bvn", "number": number}})

    await scene.reaches(application_id, status)


async def test_a_lender_that_never_answers_is_not_waited_for_beyond_the_window(scene: Scene) -> None:
    await scene.lenders_register(quick={"kind": "silent"})
    application_id = await scene.apply()
    await scene.reaches(application_id, "bidding")

    async def answered() -> bool:
        async with httpx2.AsyncClient(trust_env=False) as http:
            seen = await http.get(f"{scene.world.url}/lenders/first-{scene.tenant.tenant_id}/events")
        return bool(seen.json()["answers"])

    # Else a slow machine moves the clock past the window before the lender that does answer has.
    await patiently(answered, what="the first lender's decision")
    await scene.platform.advance(application_id, hours=49)

    await scene.reaches(application_id, "offered")
    assert [offer["providerName"] for offer in await scene.platform.offers(application_id)] == ["first lender"]
