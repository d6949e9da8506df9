"""Which offer a borrower may accept."""

from datetime import UTC, datetime, timedelta

import pytest

from models.offer import OfferNoLongerValid, StandingOffer, UnknownOffer, acceptable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OFFERS = (StandingOffer("offer_1", "provider_1", NOON), StandingOffer("offer_2", "provider_2", NOON))


def test_a_valid_offer_is_acceptable() -> None:
    assert acceptable("offer_2", OFFERS, at=NOON - timedelta(seconds=1)) is OFFERS[1]


def test_an_offer_ends_at_its_moment_and_not_after_it() -> None:
    with pytest.raises(OfferNoLongerValid) as refused:
        acceptable("offer_1", OFFERS, at=NOON)

    assert refused.value.field == "offerId"


def test_an_offer_of_another_application_is_unknown() -> None:
    with pytest.raises(UnknownOffer) as refused:
        acceptable("offer_3", OFFERS, at=NOON)

    assert (refused.value.field, refused.value.code) == ("offerId", "unknown_offer")
