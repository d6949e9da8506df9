"""The borrower's answers: Updates of the workflow, and the one thing the API writes beside it."""

from collections.abc import Awaitable

import pytest

from models.application import ApplicationStatus
from models.errors import Conflict
from models.offer import OfferNoLongerValid
from models.records.applications import Application
from models.records.offers import Offer
from tests.api.rows import moved, offered
from tests.api.worlds import Body, World
from workflows.acceptance import TooLateToWithdraw
from workflows.application_state import Choice, Chosen, Withdrawal

ACCOUNT = {"accountNumber": "0001234567", "bankCode": "058"}


def _runs(world: World, submitted: Body, **answers: object | Awaitable[object]) -> None:
    world.temporal.running[f"application/{submitted['applicationId']}"] = answers


async def _accept(world: World, submitted: Body, **body: object) -> tuple[int, Body]:
    path = f"/api/loans/applications/{submitted['applicationId']}/accept"
    answer = await world.post(path, {"offerId": "offer_1"} | body)
    return answer.status_code, answer.json()


async def _account(world: World) -> tuple[str | None, str | None]:
    [application] = await world.rows(Application)
    return application.beneficiary_account_number, application.beneficiary_bank_code


async def test_an_acceptance_is_an_update_named_after_the_offer(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    _runs(world, submitted, accept=Chosen("offer_1", "loan_1", ApplicationStatus.DISBURSING))

    status, answer = await _accept(world, submitted)

    assert status == 200
    assert answer == {
        "success": True,
        "applicationId": submitted["applicationId"],
        "offerId": "offer_1",
        "loanId": "loan_1",
        "status": "disbursing",
    }
    workflow_id = f"application/{submitted['applicationId']}"
    assert world.temporal.asked == [(workflow_id, "accept", (Choice("offer_1"),), "accept:offer_1")]


async def test_without_an_account_nothing_is_accepted(world: World) -> None:
    submitted = await world.apply(disbursementAccount=None)
    await offered(world, submitted)

    status, problem = await _accept(world, submitted)

    assert (status, problem["field"]) == (422, "disbursementAccount")
    assert world.temporal.asked == []


async def test_an_account_given_with_the_acceptance_is_kept_before_the_update(world: World) -> None:
    submitted = await world.apply(disbursementAccount=None)
    await offered(world, submitted)
    seen = []

    async def accept() -> Chosen:
        seen.append(await _account(world))
        return Chosen("offer_1", "loan_1", ApplicationStatus.DISBURSING)

    _runs(world, submitted, accept=accept)
    status, _ = await _accept(world, submitted, disbursementAccount=ACCOUNT | {"accountName": "JOHNSON Sarah"})

    assert status == 200
    assert seen == [("0001234567", "058")]
    assert "0001234567" not in str(world.temporal.asked), "an account number is personal data"


async def test_the_first_account_stays(world: World) -> None:
    submitted = await world.apply(disbursementAccount=ACCOUNT)
    await offered(world, submitted)

    other = {"accountNumber": "9999999999", "bankCode": "058"}
    status, problem = await _accept(world, submitted, disbursementAccount=other)

    assert (status, problem["code"]) == (409, "disbursement_account_known")
    assert await _account(world) == ("0001234567", "058")
    assert world.temporal.asked == []


async def test_an_account_in_another_name_is_refused(world: World) -> None:
    submitted = await world.apply(disbursementAccount=None)
    await offered(world, submitted)

    account = ACCOUNT | {"accountName": "Sarah Miller"}
    status, problem = await _accept(world, submitted, disbursementAccount=account)

    assert (status, problem["field"]) == (422, "disbursementAccount.accountName")
    assert await _account(world) == (None, None)


async def test_an_account_is_written_only_while_there_are_offers(world: World) -> None:
    submitted = await world.apply(disbursementAccount=None)

    status, problem = await _accept(world, submitted, disbursementAccount=ACCOUNT)

    assert (status, problem["code"], problem["field"]) == (409, "not_offered", "offerId")
    assert await _account(world) == (None, None)


async def test_an_expired_offer_cannot_be_accepted(world: World) -> None:
    submitted = await world.apply(disbursementAccount=None)
    await offered(world, submitted, valid_hours=-1)

    status, problem = await _accept(world, submitted, disbursementAccount=ACCOUNT)

    assert (status, problem["code"], problem["field"]) == (409, "offer_no_longer_valid", "offerId")
    assert await _account(world) == (None, None)
    [offer] = await world.rows(Offer)
    assert offer.status == "submitted"


async def test_the_workflows_clock_has_the_last_word_on_an_offer(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    _runs(world, submitted, accept=OfferNoLongerValid("The offer was valid until yesterday.", "offerId"))

    status, problem = await _accept(world, submitted)

    assert (status, problem["code"], problem["field"]) == (409, "offer_no_longer_valid", "offerId")


async def test_an_offer_of_another_application_is_unknown(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)

    status, problem = await _accept(world, submitted, offerId="offer_2")

    assert (status, problem["code"], problem["field"]) == (404, "unknown_offer", "offerId")


@pytest.mark.parametrize("verb", ["decline", "withdraw"])
async def test_ending_an_application_answers_how_it_ended(world: World, verb: str) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    _runs(world, submitted, **{verb: ApplicationStatus.WITHDRAWN})
    path = f"/api/loans/applications/{submitted['applicationId']}/{verb}"

    bare, reasoned = await world.post(path), await world.post(path, {"reason": "too dear"})

    assert (bare.status_code, bare.json()["status"]) == (200, "withdrawn")
    assert reasoned.status_code == 200
    assert [asked[2:] for asked in world.temporal.asked] == [
        ((Withdrawal(""),), verb),
        ((Withdrawal("too dear"),), verb),
    ]


@pytest.mark.parametrize(
    ("verb", "refusal", "code"),
    [
        ("withdraw", TooLateToWithdraw("The money is on its way.", "status"), "too_late_to_withdraw"),
        ("decline", Conflict("Nothing to decline."), "conflict"),
    ],
)
async def test_a_refused_update_is_a_problem_with_its_own_code(
    world: World, verb: str, refusal: Conflict, code: str
) -> None:
    submitted = await world.apply()
    _runs(world, submitted, **{verb: refusal})

    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/{verb}")

    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, code, refusal.detail)


@pytest.mark.parametrize(("verb", "code"), [("decline", "not_offered"), ("withdraw", "too_late_to_withdraw")])
async def test_an_application_that_has_ended_cannot_be_answered(world: World, verb: str, code: str) -> None:
    submitted = await world.apply()
    await moved(world, submitted, ApplicationStatus.REJECTED)

    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/{verb}")

    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
async def test_while_temporal_is_away_an_answer_is_asked_for_again(world: World, verb: str) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    world.temporal.is_up = False
    body = {"offerId": "offer_1"} if verb == "accept" else None

    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/{verb}", body)

    assert (answer.status_code, answer.json()["code"]) == (503, "engine_away")
    assert int(answer.headers["retry-after"]) > 0
    [application] = await world.rows(Application)
    assert application.status == "offered"


async def test_a_worker_that_never_answers_is_an_engine_away(world: World) -> None:
    submitted = await world.apply()
    await offered(world, submitted)
    _runs(world, submitted, decline=TimeoutError())

    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/decline")

    assert answer.status_code == 503


async def test_a_withdrawal_right_after_the_application_waits_for_its_start(world: World) -> None:
    submitted = await world.apply()

    answer = await world.post(f"/api/loans/applications/{submitted['applicationId']}/withdraw")

    assert answer.status_code == 503, "nobody has started it yet, and that is no refusal"
    assert len(world.temporal.asked) > 1
