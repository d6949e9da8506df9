"""Matching on real rows: what a provider's record is made of, which caps hold, and that a match can be made again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from models.application import ApplicationRef, ApplicationStatus
from models.matching_record import MatchRecord, replayed
from models.matching_weights import BUILT_IN, WEIGHTS
from models.records.applications import Application
from models.records.disclosures import DisclosureRow
from models.records.leads import LeadGrant
from models.records.matching import MatchingRow, MatchingWeightsRow
from models.records.offers import Offer
from tests.activities.market import NOW, TENANT, Market, bid, open_market
from workers.embedded.postgres import DatabaseUrls


@pytest.fixture
async def market(database: DatabaseUrls) -> AsyncIterator[Market]:
    async with open_market(database) as market:
        yield market


async def invited(market: Market, ref: ApplicationRef) -> list[str]:
    return [each.provider_id for each in (await market.invites(ref)).invited]


async def kept(market: Market, ref: ApplicationRef) -> MatchingRow:
    (row,) = await market.rows(MatchingRow, col(MatchingRow.application_id) == ref.application_id)
    assert isinstance(row, MatchingRow)
    return row


async def candidate(market: Market, ref: ApplicationRef, provider_id: str = "p_1") -> dict[str, object]:
    candidates = (await kept(market, ref)).candidates
    return next(each for each in candidates if each["providerId"] == provider_id)


async def test_a_match_is_kept_with_all_it_was_made_of_and_comes_out_the_same_again(market: Market) -> None:
    for provider_id, status in (("p_1", "active"), ("p_2", "active"), ("p_3", "pending")):
        await market.provider(provider_id, status=status)
    ref = await market.lead()

    assert await invited(market, ref) == ["p_1", "p_2"]

    row = await kept(market, ref)
    assert (row.weights_version, row.matched_at, row.explored) == (1, NOW, None)
    assert row.result["excluded"] == [{"providerId": "p_3", "reason": "not active"}]
    record = MatchRecord(row.matched_on, row.lead, row.candidates, row.weights, row.result)
    assert replayed(record) == row.result


async def test_the_record_of_a_provider_is_what_it_did_with_its_leads(market: Market) -> None:
    await market.provider("p_1")
    approved, unanswered, open_ = [await market.lead() for _ in range(3)]
    for ref in (approved, unanswered, open_):
        await market.invites(ref)
    await market.closes(approved, bid("p_1"))
    await market.closes(unanswered)

    ref = await market.lead()
    await market.invites(ref)

    measured = await candidate(market, ref)
    assert {name: measured[name] for name in ("received", "answered", "approved", "offered", "reneged")} == {
        "received": 2,
        "answered": 1,
        "approved": 1,
        "offered": 1,
        "reneged": 0,
    }
    assert (measured["invitedOpen"], measured["invitedToday"]) == (1, 3)
    assert Decimal(str(measured["medianResponseHours"])) == 2


async def test_who_takes_an_offer_back_has_it_on_record_and_whom_the_borrower_leaves_has_not(market: Market) -> None:
    await market.provider("p_1")
    for settled_by in ("provider", "borrower", None):
        ref = await market.lead()
        await market.invites(ref)
        await market.closes(ref, bid("p_1", decision_id=f"dec_{settled_by}"))
        async with market.database.transaction(TENANT) as session:
            (offer,) = await market.rows(Offer, col(Offer.application_id) == ref.application_id)
            (await session.get_one(Offer, (TENANT, offer.id))).settled_by = settled_by

    ref = await market.lead()
    await market.invites(ref)

    measured = await candidate(market, ref)
    assert (measured["offered"], measured["reneged"]) == (3, 1)


async def test_what_is_older_than_the_record_does_not_count(market: Market) -> None:
    await market.provider("p_1")
    old = await market.lead()
    await market.invites(old, at=NOW - timedelta(days=91))
    await market.closes(old, bid("p_1"), at=NOW - timedelta(days=89))

    ref = await market.lead()
    await market.invites(ref)

    assert (await candidate(market, ref))["received"] == 0


async def test_what_a_provider_has_promised_counts_against_its_exposure_limit(market: Market) -> None:
    await market.provider("p_1", exposure_limit_minor=60_000_00)
    promised = await market.lead()
    await market.invites(promised)
    await market.closes(promised, bid("p_1"))
    async with market.database.transaction(TENANT) as session:
        (offer,) = await market.rows(Offer)
        (await session.get_one(Offer, (TENANT, offer.id))).status = "accepted"  # type: ignore[assignment]

    assert await invited(market, await market.lead(requested_amount_minor=35_000_00)) == ["p_1"]
    over = await market.lead(requested_amount_minor=35_000_01)
    assert await invited(market, over) == []
    assert (await kept(market, over)).result["excluded"][0]["reason"] == (
        "can lend no more than USD 35,000.00 at present"
    )


async def test_a_daily_cap_holds_for_the_day_and_not_for_the_next(market: Market) -> None:
    await market.provider("p_1", daily_lead_cap=2)
    first, second, third, tomorrow = [await market.lead() for _ in range(4)]

    assert [await invited(market, ref) for ref in (first, second, third)] == [["p_1"], ["p_1"], []]
    assert (await market.invites(tomorrow, at=NOW + timedelta(days=1))).status == ApplicationStatus.BIDDING


async def test_two_leads_at_the_same_moment_do_not_both_get_the_last_place(market: Market) -> None:
    await market.provider("p_1", daily_lead_cap=3)
    leads = [await market.lead() for _ in range(8)]

    found = await asyncio.gather(*(invited(market, ref) for ref in leads))

    assert sum(each == ["p_1"] for each in found) == 3


async def test_the_newest_version_of_the_weights_is_in_force(market: Market) -> None:
    for number in range(3):
        await market.provider(f"p_{number}")
    few = WEIGHTS.write(replace(BUILT_IN, invite_at_most=1), currency="")
    await market.add(MatchingWeightsRow(tenant_id=TENANT, version=2, weights=few, reason="test", key_id="key_1"))

    ref = await market.lead()

    assert await invited(market, ref) == ["p_0"]
    assert (await kept(market, ref)).weights_version == 2


@pytest.mark.parametrize("table", ["caas_matching", "caas_matching_weights", "caas_disclosure"])
async def test_what_is_on_record_is_never_changed(market: Market, table: str) -> None:
    for change in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):  # noqa: S608 - its own tables
        with pytest.raises(DBAPIError):
            async with market.database.transaction(TENANT) as session:
                await session.execute(text(change))


async def test_the_window_is_as_long_as_the_request_says_else_the_tenant(database: DatabaseUrls) -> None:
    async with open_market(database, bidding_window_hours=24) as market:
        await market.provider("p_1")
        usual, hurried = await market.lead(), await market.lead(bidding_window_hours=2)

        closes = [(await market.invites(ref)).bids_close_at for ref in (usual, hurried)]

    assert closes == [NOW + timedelta(hours=24), NOW + timedelta(hours=2)]


async def test_nobody_has_seen_who_the_borrower_is_before_an_offer_is_accepted(market: Market) -> None:
    await market.provider("p_1")
    ref = await market.lead()
    await market.invites(ref)
    await market.closes(ref, bid("p_1"))

    assert await market.rows(DisclosureRow) == []
    assert [grant.answer for grant in await market.rows(LeadGrant)] == ["approved"]
    assert (await market.rows(Application))[0].status == ApplicationStatus.OFFERED
