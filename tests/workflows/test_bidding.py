"""Bids that are replaced, taken back, countered and asked about; and an accepted offer that lapses."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.client import Client

from activities.offers import loan_id_of
from activities.rails import TransferStatus
from models.application import ApplicationStatus
from models.decision import DecisionKind
from tests.workflows.fakes import FakeRail
from tests.workflows.world import World, eventually, refused, running
from workers.embedded.postgres import DatabaseUrls

_S, _K = ApplicationStatus, DecisionKind


async def standing(world: World, application_id: str) -> list[tuple[str, str, int | None]]:
    return [(offer.provider_id, offer.status, offer.rank) for offer in await world.offers(application_id)]


async def test_a_later_bid_of_the_same_provider_replaces_its_earlier_one(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first", annual_rate_percent=Decimal(9))
    await world.decide(application_id, "provider_first", annual_rate_percent=Decimal(7))
    await world.decide(application_id, "provider_quick", annual_rate_percent=Decimal(8))

    await world.reaches(application_id, _S.OFFERED)

    assert await standing(world, application_id) == [
        ("provider_first", "submitted", 1),
        ("provider_quick", "submitted", 2),
        ("provider_first", "superseded", None),
    ]
    assert [offer.annual_rate_percent for offer in await world.offers(application_id)] == [7, 8, 9]
    assert await refused(world.accept(application_id, (await world.offers(application_id))[2].id)) == (
        "unknown_offer",
        "offerId",
    )


async def test_a_bid_taken_back_before_the_close_is_no_offer_and_counts_as_an_answer(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first")
    await world.says(application_id, "provider_first", _K.WITHDRAWN, reasonCode="capacity_exhausted")
    await world.decide(application_id, "provider_quick")

    await world.reaches(application_id, _S.OFFERED)

    assert await standing(world, application_id) == [
        ("provider_quick", "submitted", 1),
        ("provider_first", "withdrawn", None),
    ]
    grants = {grant.provider_id: (grant.answer, grant.reason_code) for grant in await world.grants(application_id)}
    assert grants == {"provider_first": ("withdrawn", "capacity_exhausted"), "provider_quick": ("approved", None)}


async def test_an_offer_taken_back_after_the_close_leaves_the_next_best(world: World) -> None:
    application_id = await world.offered()
    best = (await world.offers(application_id))[0]

    await world.says(application_id, "provider_quick", _K.WITHDRAWN, reasonCode="market_changed")

    assert await standing(world, application_id) == [
        ("provider_first", "submitted", 1),
        ("provider_quick", "withdrawn", None),
    ]
    assert (await world.offers(application_id))[0].reason == "The only offer: APR 11.31 %."
    assert await refused(world.accept(application_id, best.id)) == ("offer_withdrawn", "offerId")
    await world.accept_best(application_id)
    assert await world.application(application_id).result() == _S.DISBURSED


async def test_when_every_offer_is_taken_back_the_application_ends(world: World) -> None:
    application_id = await world.offered()

    for provider_id in world.providers:
        await world.says(application_id, provider_id, _K.WITHDRAWN)

    assert await world.application(application_id).result() == _S.NO_OFFERS
    assert {status for _, status, _ in await standing(world, application_id)} == {"withdrawn"}


async def test_what_is_accepted_cannot_be_taken_back(temporal_client: Client, database: DatabaseUrls) -> None:
    async with running(temporal_client, database, FakeRail(), cooling_off_days=3) as world:
        application_id = await world.offered()
        await world.accept_best(application_id)

        assert await refused(world.says(application_id, "provider_quick", _K.WITHDRAWN)) == (
            "bidding_closed",
            "decision",
        )


async def test_a_question_keeps_the_window_open_and_its_answer_goes_to_who_asked(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_quick")
    asked = await world.says(
        application_id, "provider_first", _K.NEED_INFORMATION, informationNeeded=["Bank statements of 3 months"]
    )
    assert (await world.row(application_id)).status == _S.BIDDING

    assert await world.answers(asked, "provider_first", statements=["https://files.example/1"])

    (told,) = await world.told("information_provided")
    assert (told["providerId"], told["data"]["answer"]) == (
        "provider_first",
        {"statements": ["https://files.example/1"]},
    )
    (released,) = await world.disclosures(application_id)
    assert (released.provider_id, released.why, released.what) == (
        "provider_first",
        "information_provided",
        ["Bank statements of 3 months"],
    )
    assert await refused(world.answers(asked, "provider_first", more=1)) == ("nothing_asked", "informationId")
    await world.decide(application_id, "provider_first")
    await world.reaches(application_id, _S.OFFERED)
    events = await world.events(application_id)
    assert [e for e in events if "information" in e] == ["credit.information.requested", "credit.information.provided"]


async def test_whoever_has_asked_and_not_decided_has_not_answered(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_quick", funding_hours=4)
    asked = await world.says(application_id, "provider_first", _K.NEED_INFORMATION, informationNeeded=["Payslip"])

    await world.advance(world.application(application_id), days=2.01)
    await world.reaches(application_id, _S.OFFERED)

    grants = {grant.provider_id: (grant.answer, grant.answered_at) for grant in await world.grants(application_id)}
    assert grants["provider_first"] == ("need_information", None)
    assert [(told["providerId"], told["data"]["reason"]) for told in await world.told("lead_closed")] == [
        ("provider_first", "window_closed")
    ]
    assert await refused(world.answers(asked, "provider_first", late=True)) == ("bidding_closed", "informationId")
    (offer,) = await world.offers(application_id)
    assert (offer.funding_hours, offer.net_disbursed_minor) == (4, 24_700_00)


async def test_an_offer_for_another_amount_is_marked_as_a_counter_offer(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first", amount_minor=20_000_00, decision=_K.COUNTER_OFFER)
    await world.decide(application_id, "provider_quick")

    await world.reaches(application_id, _S.OFFERED)

    marked = {offer.provider_id: offer.is_counter for offer in await world.offers(application_id)}
    assert marked == {"provider_first": True, "provider_quick": False}


async def test_a_bid_whose_time_is_over_when_the_window_closes_is_no_offer(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    soon = datetime.now(UTC) + timedelta(hours=20)
    await world.decide(application_id, "provider_first", expires_at=soon)

    await world.advance(world.application(application_id), days=2.01)

    assert await world.application(application_id).result() == _S.NO_OFFERS
    assert await standing(world, application_id) == [("provider_first", "expired", None)]


async def test_a_lead_that_is_withdrawn_spares_the_providers_the_work(world: World) -> None:
    application_id = await world.submit()
    await world.reaches(application_id, _S.BIDDING)
    await world.decide(application_id, "provider_first")

    await world.withdraw(application_id)

    told = await world.told("lead_closed", times=2)
    assert {body["data"]["reason"] for body in told} == {"withdrawn"}


# ---------------------------------------------------------------- the accepted offer lapses


@pytest.mark.parametrize("by", ["provider_quick", None])
async def test_when_the_accepted_offer_lapses_the_next_best_is_offered_and_paid_out(
    temporal_client: Client, database: DatabaseUrls, by: str | None
) -> None:
    async with running(temporal_client, database, FakeRail(), cooling_off_days=3) as world:
        application_id = await world.offered()
        lapsed_loan = await world.accept_best(application_id)
        assert await standing(world, application_id) == [
            ("provider_quick", "accepted", 1),
            ("provider_first", "submitted", 2),
        ]

        assert await world.lapse(application_id, by) == _S.OFFERED

        assert await standing(world, application_id) == [
            ("provider_first", "submitted", 1),
            ("provider_quick", "lapsed", None),
        ]
        row = await world.row(application_id)
        assert (row.status, row.loan_id, row.cooling_off_until) == (_S.OFFERED, None, None)
        assert (await world.payout(lapsed_loan)).status == "failed"
        loan_id = await world.accept_best(application_id)
        await world.advance(world.application(application_id), days=4.5)
        assert await world.application(application_id).result() == _S.DISBURSED

        assert loan_id == loan_id_of(application_id, 1) != lapsed_loan
        assert list(world.rail.sent) == [loan_id]
        assert (await world.loan(loan_id)).provider_id == "provider_first"
        await eventually(lambda: "The offer you accepted has lapsed" in world.mailer.subjects())
        assert [(each["providerId"], each["data"].get("by")) for each in await world.told("offer_lapsed")] == [
            ("provider_quick", "provider" if by else "operator")
        ]
        assert [(each.provider_id, each.why) for each in await world.disclosures(application_id)] == [
            ("provider_quick", "offer_accepted"),
            ("provider_first", "offer_accepted"),
        ]
        assert await world.balance() == 0


async def test_when_no_other_offer_is_valid_the_application_ends(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), cooling_off_days=3) as world:
        application_id = await world.submit()
        await world.reaches(application_id, _S.BIDDING)
        await world.decide(application_id, "provider_first", expires_at=datetime.now(UTC) + timedelta(hours=1))
        await world.decide(application_id, "provider_quick", annual_rate_percent=Decimal(5))
        await world.reaches(application_id, _S.OFFERED)
        await world.accept_best(application_id)
        await world.advance(world.application(application_id), days=1)

        await world.lapse(application_id, "provider_quick")

        assert await world.application(application_id).result() == _S.NO_OFFERS
        assert {status for _, status, _ in await standing(world, application_id)} == {"lapsed", "expired"}


async def test_only_the_provider_whose_offer_it_is_lets_it_lapse_and_only_in_time(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), cooling_off_days=3) as world:
        application_id = await world.offered()
        assert await refused(world.lapse(application_id)) == ("no_accepted_offer", "status")
        await world.accept_best(application_id)

        assert await refused(world.lapse(application_id, "provider_first")) == ("no_accepted_offer", "providerId")


async def test_a_lender_that_cannot_pay_makes_room_for_the_next(world: World) -> None:
    world.rail.answers, world.rail.failure = [TransferStatus.FAILED], "Insufficient balance at the rail"
    application_id = await world.offered()
    first_loan = await world.accept_best(application_id)
    await world.reaches(application_id, _S.OFFERED)
    await eventually(lambda: _ranked_first(world, application_id, "provider_first"))

    second_loan = await world.accept_best(application_id)

    assert await world.application(application_id).result() == _S.DISBURSED
    assert list(world.rail.sent) == [second_loan]
    assert (await world.payout(first_loan)).status == "failed"
    assert {who: status for who, status, _ in await standing(world, application_id)} == {
        "provider_first": "funded",
        "provider_quick": "lapsed",
    }


async def test_a_match_is_kept_and_the_winner_alone_is_disclosed(world: World) -> None:
    application_id = await world.offered()
    assert await world.disclosures(application_id) == []

    await world.accept_best(application_id)

    (released,) = await world.disclosures(application_id)
    assert (released.provider_id, released.why) == ("provider_quick", "offer_accepted")
    assert released.what == ["personalInfo", "employmentInfo", "financialInfo"]


async def test_a_lead_disclosed_in_full_is_on_record_for_everybody_who_got_it(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    async with running(temporal_client, database, FakeRail(), lead_disclosure="full") as world:
        application_id = await world.submit()
        await world.reaches(application_id, _S.BIDDING)

        released = await world.disclosures(application_id)

    assert {(each.provider_id, each.why) for each in released} == {(who, "full_lead") for who in world.providers}


async def _ranked_first(world: World, application_id: str, provider_id: str) -> bool:
    return (await world.offers(application_id))[0].provider_id == provider_id
