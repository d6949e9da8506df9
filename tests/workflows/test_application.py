"""One application, from submission until the money has left, branch by branch."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.offers import loan_id_of
from activities.rails import TransferStatus
from models.application import ApplicationStatus
from models.payment import TransferNews
from models.records.correlation import correlated
from temporal.correlation import HEADER
from tests.workflows.fakes import UNREACHABLE, FakeRail, LosingRail
from tests.workflows.world import World, eventually, refused, running
from workers.embedded.postgres import DatabaseUrls
from workflows.application import ApplicationWorkflow
from workflows.application_state import Review, Withdrawal

_S = ApplicationStatus


async def test_the_cheaper_offer_by_apr_is_accepted_and_paid_out_once(world: World) -> None:
    application_id = await world.offered()

    loan_id = await world.accept_best(application_id)
    ended = await world.application(application_id).result()

    offers = await world.offers(application_id)
    assert [(o.provider_id, o.apr_percent) for o in offers] == [
        ("provider_quick", Decimal("10.48")),
        ("provider_first", Decimal("11.31")),
    ]
    assert [o.status for o in offers] == ["funded", "not_selected"]
    assert ended == _S.DISBURSED
    assert loan_id == loan_id_of(application_id)
    assert world.rail.sent == {loan_id: 24_700_00}
    assert await world.balance() == 0


async def test_the_timeline_tells_the_whole_story_in_order(world: World) -> None:
    application_id = await world.offered()
    await world.accept_best(application_id)
    await world.reaches(application_id, _S.DISBURSED)

    events = await world.events(application_id)

    assert [event for event in events if event != "credit.application.status_changed"] == [
        "loan.application.approved",
        "credit.application.approved",
        "credit.offers.ranked",
        "credit.offer.accepted",
        "credit.disbursement.completed",
    ]


async def test_only_the_accepted_provider_learns_who_the_borrower_is(world: World) -> None:
    application_id = await world.offered()
    await world.accept_best(application_id)
    await world.reaches(application_id, _S.DISBURSED)

    await eventually(lambda: len(world.postbox.posted) == 5, what="2 leads, 1 acceptance, 1 rejection, 1 funding")

    bodies = [json.loads(body) for _, _, body in world.postbox.posted]
    leads = [body for body in bodies if body["eventType"] == "lead_received"]
    named = [body["providerId"] for body in bodies if "Sarah" in json.dumps(body)]
    assert len(leads) == 2
    assert named == ["provider_quick"]


async def test_a_provider_cannot_decide_twice_and_nothing_changes(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first")

    code, field = await refused(world.decide(application_id, "provider_first"))

    assert (code, field) == ("already_decided", "decision")
    assert (await world.row(application_id)).status == _S.BIDDING


async def test_an_uninvited_provider_is_refused(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)

    assert await refused(world.decide(application_id, "provider_stranger")) == ("not_invited", "providerId")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"amount_minor": 25_000_01}, ("amount_out_of_range", "approvedAmount")),
        ({"tenure_days": 4000}, ("tenure_out_of_range", "tenure")),
        ({"annual_rate_percent": Decimal(101)}, ("rate_out_of_range", "interestRate")),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, ("offer_expired", "expiresAt")),
    ],
)
async def test_a_bid_out_of_range_is_refused_and_names_the_field(
    world: World, terms: dict[str, Any], expected: tuple[str, str]
) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)

    assert await refused(world.decide(application_id, "provider_first", **terms)) == expected


async def test_the_window_closes_after_48_hours_with_whoever_has_answered(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first")

    await world.advance(world.application(application_id), days=2.01)

    await world.reaches(application_id, _S.OFFERED)
    assert [offer.provider_id for offer in await world.offers(application_id)] == ["provider_first"]
    assert await refused(world.decide(application_id, "provider_quick")) == ("bidding_closed", "decision")


async def test_without_a_bid_the_application_ends(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)

    await world.decline(application_id, "provider_first")
    await world.decline(application_id, "provider_quick")

    assert await world.application(application_id).result() == _S.NO_OFFERS


async def test_offers_that_nobody_accepts_expire(world: World) -> None:
    application_id = await world.offered()

    await world.advance(world.application(application_id), days=7.5)

    assert await world.application(application_id).result() == _S.OFFERS_EXPIRED
    assert {offer.status for offer in await world.offers(application_id)} == {"expired"}


async def test_an_offer_that_has_expired_cannot_be_accepted(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    soon = datetime.now(UTC) + timedelta(days=1)
    await world.decide(application_id, "provider_first", expires_at=soon)
    await world.decide(application_id, "provider_quick")
    await world.reaches(application_id, _S.OFFERED)
    expired = next(o for o in await world.offers(application_id) if o.provider_id == "provider_first")

    await world.advance(world.application(application_id), days=1.5)

    assert await refused(world.accept(application_id, expired.id)) == ("offer_no_longer_valid", "offerId")
    assert await refused(world.accept(application_id, "offer_unknown")) == ("unknown_offer", "offerId")


async def test_nothing_can_be_accepted_while_providers_are_bidding(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)

    assert await refused(world.accept(application_id, "offer_any")) == ("not_offered", "offerId")


async def test_accepting_twice_gives_the_same_answer_and_one_transfer(world: World) -> None:
    application_id = await world.offered()
    best = (await world.offers(application_id))[0]

    first = await world.accept(application_id, best.id)
    second = await world.accept(application_id, best.id)
    await world.reaches(application_id, _S.DISBURSED)

    assert first.loan_id == second.loan_id
    assert world.rail.orders == 1


async def test_a_borrower_may_decline_or_withdraw(world: World) -> None:
    declined, withdrawn = await world.offered(), await world.submit()
    await world.reaches(withdrawn, _S.BIDDING)

    await world.application(declined).execute_update(ApplicationWorkflow.decline, Withdrawal("too dear"))
    await world.application(withdrawn).execute_update(ApplicationWorkflow.withdraw, Withdrawal("found a job"))

    assert (await world.row(declined)).status == _S.DECLINED
    assert (await world.row(withdrawn)).status == _S.WITHDRAWN


async def test_a_withdrawal_does_not_wait_for_a_bureau_that_is_down(world: World) -> None:
    world.bureau.down = 1_000
    application_id = await world.submit()
    await eventually(lambda: world.bureau.down < 1_000)

    await world.application(application_id).execute_update(ApplicationWorkflow.withdraw, Withdrawal())

    assert (await world.row(application_id)).status == _S.WITHDRAWN


async def test_a_bureau_that_recovers_delays_and_does_not_decide(world: World) -> None:
    world.bureau.down = 1
    application_id = await world.submit()

    await world.reaches(application_id, _S.BIDDING)

    assert len(world.bureau.verified) == 1


async def test_an_unknown_identity_waits_for_papers_and_goes_on_when_they_come(world: World) -> None:
    world.bureau.unknown.add("+15550000")
    application_id = await world.submit(identity_number="+15550000")
    await world.reaches(application_id, _S.ACTION_REQUIRED)

    world.bureau.unknown.clear()
    await world.application(application_id).signal(ApplicationWorkflow.identity_verified)

    await world.reaches(application_id, _S.BIDDING)


async def test_a_sanctions_hit_waits_for_an_operator(world: World) -> None:
    world.bureau.hits.add("Sarah Johnson")
    approved, rejected = await world.submit(), await world.submit()
    for application_id in (approved, rejected):
        await world.reaches(application_id, _S.MANUAL_REVIEW)

    await world.application(approved).execute_update(ApplicationWorkflow.review, Review(approve=True))
    await world.application(rejected).execute_update(ApplicationWorkflow.review, Review(approve=False, reason="hit"))

    assert (await world.row(approved)).status == _S.BIDDING
    assert ((await world.row(rejected)).status, (await world.row(rejected)).status_reason) == (_S.REJECTED, "hit")


async def test_no_name_of_a_sanctions_match_enters_the_history(world: World) -> None:
    world.bureau.hits.add("Sarah Johnson")
    application_id = await world.submit()
    await world.reaches(application_id, _S.MANUAL_REVIEW)

    history = await world.application(application_id).fetch_history()

    assert "Johnson" not in history.to_json().replace("ref-Johnson", "")


async def test_a_lead_the_platform_has_assessed_goes_straight_to_the_providers(world: World) -> None:
    application_id = await world.submit(pre_assessed=True, credit_score=742, risk_rating="low")

    await world.reaches(application_id, _S.BIDDING)

    assert world.bureau.verified == []


async def test_a_transfer_the_rail_never_saw_is_sent_again_with_the_same_reference(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    rail = LosingRail(lost=1)
    async with running(temporal_client, database, rail) as world:
        application_id = await world.offered()
        loan_id = await world.accept_best(application_id)
        await world.advance(world.application(application_id), days=0.01)

        assert await world.application(application_id).result() == _S.DISBURSED

    assert rail.sent == {loan_id: 24_700_00}
    assert (rail.orders, rail.asked) == (2, 1)


async def test_a_time_out_after_the_rail_has_paid_is_asked_about_and_not_sent_again(world: World) -> None:
    world.rail.answers = [TransferStatus.UNKNOWN]
    application_id = await world.offered()
    await world.accept_best(application_id)
    await world.advance(world.application(application_id), days=0.01)

    assert await world.application(application_id).result() == _S.DISBURSED
    assert (world.rail.orders, world.rail.asked) == (1, 1)


async def test_a_rail_that_cannot_be_reached_is_tried_again(world: World) -> None:
    world.rail.answers = [UNREACHABLE]
    application_id = await world.offered()
    await world.accept_best(application_id)

    assert await world.application(application_id).result() == _S.DISBURSED
    assert len(world.rail.sent) == 1


async def test_the_rails_word_by_webhook_settles_a_pending_transfer(world: World) -> None:
    world.rail.answers = [TransferStatus.PENDING]
    application_id = await world.offered()
    loan_id = await world.accept_best(application_id)

    news = TransferNews(loan_id, "succeeded", "TRF_9")
    await world.application(application_id).signal(ApplicationWorkflow.transfer_news, news)

    assert await world.application(application_id).result() == _S.DISBURSED


async def test_a_refused_transfer_ends_the_application_without_a_loan(world: World) -> None:
    world.rail.answers = [TransferStatus.FAILED]
    application_id = await world.offered()
    await world.accept_best(application_id)

    assert await world.application(application_id).result() == _S.DISBURSEMENT_FAILED
    assert world.rail.sent == {}
    assert [o.status for o in await world.offers(application_id)] == ["lapsed", "not_selected"]


async def test_the_cooling_off_holds_the_money_and_a_cancellation_keeps_it(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), cooling_off_days=3) as world:
        kept, cancelled = await world.offered(), await world.offered()
        for application_id in (kept, cancelled):
            await world.accept_best(application_id)
            assert (await world.row(application_id)).status == _S.SIGNING

        await world.application(cancelled).execute_update(ApplicationWorkflow.withdraw, Withdrawal("changed my mind"))
        await world.advance(world.application(kept), days=4.5)

        assert await world.application(cancelled).result() == _S.CANCELLED
        assert await world.application(kept).result() == _S.DISBURSED
        assert list(world.rail.sent) == [loan_id_of(kept)]
        assert (await world.payout(loan_id_of(cancelled))).status == "failed"


async def test_a_webhook_that_fails_first_is_delivered_by_the_retries(world: World) -> None:
    world.postbox.failures = 1
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)

    await eventually(lambda: len(world.postbox.posted) == 2, seconds=30)

    ids = [headers["webhook-id"] for _, headers, _ in world.postbox.posted]
    assert len(set(ids)) == 2


async def test_with_the_cache_off_every_task_replays_from_the_start(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), cached_workflows=0) as world:
        loan = await world.disbursed()
        await world.advance(world.loan_workflow(loan.id), days=40)
        await world.pay(loan, 2_300_00)

        assert (await world.loan(loan.id)).days_past_due == 0
        assert await world.balance() == 0


async def test_papers_that_are_announced_twice_do_not_disturb_a_review(world: World) -> None:
    world.bureau.unknown.add("+15550000")
    world.bureau.hits.add("Sarah Johnson")
    application_id = await world.submit(identity_number="+15550000")
    await world.reaches(application_id, _S.ACTION_REQUIRED)
    world.bureau.unknown.clear()
    workflow = world.application(application_id)
    await workflow.signal(ApplicationWorkflow.identity_verified)
    await world.reaches(application_id, _S.MANUAL_REVIEW)

    await workflow.signal(ApplicationWorkflow.identity_verified)
    await workflow.execute_update(ApplicationWorkflow.review, Review(approve=True))

    assert (await world.row(application_id)).status == _S.BIDDING


async def test_a_reviewers_yes_does_not_lend_to_whom_the_scorecard_rejects(world: World) -> None:
    world.bureau.hits.add("Sarah Johnson")
    application_id = await world.submit(income=4300, amount_minor=24_000_00)
    await world.reaches(application_id, _S.MANUAL_REVIEW)

    await world.application(application_id).execute_update(ApplicationWorkflow.review, Review(approve=True))

    row = await world.row(application_id)
    assert (row.status, row.risk_rating) == (_S.REJECTED, "high")


async def test_a_withdrawn_application_cannot_be_declined_as_well(world: World) -> None:
    application_id = await world.offered()
    await world.application(application_id).execute_update(ApplicationWorkflow.withdraw, Withdrawal("found a job"))

    with pytest.raises(RPCError):
        await world.application(application_id).execute_update(ApplicationWorkflow.decline, Withdrawal())

    assert (await world.row(application_id)).status == _S.WITHDRAWN


async def test_the_record_of_a_provider_counts_at_the_next_match(world: World) -> None:
    first = await world.submit()
    await world.reaches(first, _S.BIDDING)
    await world.decline(first, "provider_first")
    await world.decide(first, "provider_quick")
    await world.reaches(first, _S.OFFERED)

    second = await world.submit()
    await world.reaches(second, _S.BIDDING)

    scores = {grant.provider_id: grant.score for grant in await world.grants(second)}
    assert scores["provider_quick"] > scores["provider_first"]


async def test_the_id_of_a_request_follows_the_loan_it_causes(world: World) -> None:
    with correlated("req_1"):
        application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    for provider_id in world.providers:
        await world.decide(application_id, provider_id)
    await world.reaches(application_id, _S.OFFERED)
    loan_id = await world.accept_best(application_id)
    await world.application(application_id).result()

    for workflow in (world.application(application_id), world.loan_workflow(loan_id)):
        history = await workflow.fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        scheduled = [
            e.activity_task_scheduled_event_attributes
            for e in history.events
            if e.HasField("activity_task_scheduled_event_attributes")
        ]
        assert b"req_1" in started.header.fields[HEADER].data
        assert all(b"req_1" in each.header.fields[HEADER].data for each in scheduled)


async def test_a_payout_that_comes_back_while_it_is_booked_cancels_the_loan(world: World) -> None:
    world.rail.answers = [TransferStatus.PENDING]
    application_id = await world.offered()
    loan_id = await world.accept_best(application_id)
    workflow = world.application(application_id)

    for status in ("succeeded", "reversed"):
        await workflow.signal(ApplicationWorkflow.transfer_news, TransferNews(loan_id, status))

    assert await workflow.result() == _S.DISBURSED
    assert await world.loan_workflow(loan_id).result() == "cancelled"
    assert await world.balances() == {}
