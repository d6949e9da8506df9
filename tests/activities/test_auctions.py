"""What closing a window writes: the cheapest first, whatever the platform earns and whoever was faster."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations

import pytest
from sqlmodel import col

from models.records.offers import Offer
from tests.activities.market import NOW, Market, bid, open_market
from workers.embedded.postgres import DatabaseUrls

PROVIDERS = ("p_1", "p_2", "p_3")


@pytest.fixture
async def market(database: DatabaseUrls) -> AsyncIterator[Market]:
    async with open_market(database) as market:
        for provider_id in PROVIDERS:
            await market.provider(provider_id)
        yield market


async def ranked(market: Market, payouts: dict[str, int], hours: dict[str, int], percents: dict[str, str]) -> list[str]:
    """The providers by rank, when each pays the platform so much and answers after so many hours."""
    ref = await market.lead()
    await market.invites(ref)
    bids = []
    for provider_id in sorted(hours, key=lambda each: hours[each]):
        decision_id = f"dec_{ref.application_id}_{provider_id}"
        custom = {"payoutToPlatform": payouts[provider_id], "revenueShareBps": payouts[provider_id] * 10}
        await market.decision(ref, provider_id, decision_id, customData=custom)
        received_at = NOW + timedelta(hours=hours[provider_id])
        bids.append(bid(provider_id, percents[provider_id], decision_id=decision_id, received_at=received_at))
    await market.closes(ref, *bids)
    offers = await market.rows(Offer, col(Offer.application_id) == ref.application_id)
    assert {offer.provider_id: offer.custom_data["payoutToPlatform"] for offer in offers} == payouts
    return [offer.provider_id for offer in sorted(offers, key=lambda offer: offer.rank or 0)]


async def test_what_a_provider_pays_us_and_when_it_answered_changes_no_rank(market: Market) -> None:
    percents = {"p_1": "9", "p_2": "8", "p_3": "8.5"}

    found = {
        tuple(
            await ranked(
                market,
                dict(zip(PROVIDERS, payouts, strict=True)),
                dict(zip(PROVIDERS, reversed(payouts), strict=True)),
                percents,
            )
        )
        for payouts in permutations((1, 20, 40))
    }

    assert found == {("p_2", "p_3", "p_1")}


async def test_a_sooner_payout_decides_between_equals(market: Market) -> None:
    ref = await market.lead()
    await market.invites(ref)

    await market.closes(ref, bid("p_1"), bid("p_2", funding_hours=24), bid("p_3", funding_hours=4))

    offers = sorted(await market.rows(Offer), key=lambda offer: offer.rank or 0)
    assert [offer.provider_id for offer in offers] == ["p_3", "p_2", "p_1"]
    assert offers[0].reason == "Same APR of 10.48 % as the next offer: the sooner payout decides."
