"""Who may see a lead is a matter of hard rules; who sees it first, of a score anyone can add up."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.matching import Exclusion, Lead, Match, ProviderProfile, match

ON = date(2026, 1, 15)
LEAD = Lead(2_500_000, "USD", "US", 365, 742, Decimal("7.5"))
FIRST_CREDIT = ProviderProfile(
    provider_id="provider_a",
    name="FirstCredit Bank",
    active=True,
    minimum_minor=500_000,
    maximum_minor=50_000_000,
    currencies=frozenset({"USD", "CAD"}),
    countries=frozenset({"US", "CA"}),
    rate_minimum_percent=Decimal("3.5"),
    rate_maximum_percent=Decimal("18.0"),
    license_expires_on=date(2026, 12, 31),
    median_response_hours=Decimal(4),
    approval_rate=Decimal("0.8"),
    invited_open=2,
)

providers = st.builds(
    ProviderProfile,
    provider_id=st.uuids().map(str),
    name=st.just("A lender"),
    active=st.booleans(),
    minimum_minor=st.integers(0, 3_000_000),
    maximum_minor=st.integers(2_000_000, 50_000_000),
    currencies=st.just(frozenset({"USD"})) | st.just(frozenset({"NGN"})),
    countries=st.just(frozenset({"US"})),
    rate_minimum_percent=st.decimals(0, 30, places=1),
    rate_maximum_percent=st.just(Decimal(30)),
    license_expires_on=st.dates(date(2025, 12, 1), date(2027, 1, 1)),
    median_response_hours=st.none() | st.decimals(0, 96, places=1),
    approval_rate=st.none() | st.decimals(0, 1, places=2),
    invited_open=st.integers(0, 40),
)


def test_a_match_says_what_its_points_are_for() -> None:
    matches = match(LEAD, [FIRST_CREDIT], on=ON)

    assert matches.excluded == ()
    assert matches.invited == (
        Match(
            "provider_a",
            "FirstCredit Bank",
            93,
            Decimal(4),
            (
                "amount fits: 30.0 of 30",
                "rate fits: 25.0 of 25",
                "approves: 20.0 of 25",
                "answers fast: 13.8 of 15",
                "has capacity: 4.5 of 5",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"active": False}, "not active"),
        ({"license_expires_on": date(2026, 1, 14)}, "license expired on 2026-01-14"),
        ({"currencies": frozenset({"CAD"})}, "does not lend USD"),
        ({"countries": frozenset({"CA"})}, "does not lend in US"),
        ({"minimum_minor": 2_500_001}, "lends no less than USD 25,000.01"),
        ({"maximum_minor": 2_499_999}, "lends no more than USD 24,999.99"),
    ],
)
def test_who_must_not_lend_is_not_invited(change: dict[str, Any], reason: str) -> None:
    matches = match(LEAD, [replace(FIRST_CREDIT, **change)], on=ON)

    assert matches.invited == ()
    assert matches.excluded == (Exclusion("provider_a", reason),)


@pytest.mark.parametrize(
    "change", [{"license_expires_on": ON}, {"minimum_minor": 2_500_000}, {"maximum_minor": 2_500_000}]
)
def test_the_limits_themselves_are_allowed(change: dict[str, Any]) -> None:
    assert match(LEAD, [replace(FIRST_CREDIT, **change)], on=ON).excluded == ()


@pytest.mark.parametrize(
    ("change", "score"),
    [
        ({"minimum_minor": 2_500_000}, 93 - 15),
        ({"maximum_minor": 2_500_000}, 93 - 15),
        ({"minimum_minor": 0}, 93),
        ({"rate_minimum_percent": Decimal("12.5")}, 81),  # 12.5 of 25 points for five points too dear
        ({"rate_minimum_percent": Decimal(30)}, 93 - 25),
        ({"approval_rate": None}, 86),
        ({"approval_rate": Decimal(1)}, 98),
        ({"median_response_hours": Decimal(48)}, 80),
        ({"median_response_hours": Decimal(100)}, 80),
        ({"invited_open": 100}, 89),
    ],
)
def test_each_factor_moves_the_score_by_its_points(change: dict[str, Any], score: int) -> None:
    (found,) = match(LEAD, [replace(FIRST_CREDIT, **change)], on=ON).invited

    assert found.score == score


def test_a_provider_without_a_record_is_expected_to_answer_in_a_day() -> None:
    (found,) = match(LEAD, [replace(FIRST_CREDIT, median_response_hours=None)], on=ON).invited

    assert found.expected_response_hours == 24


def test_the_faster_one_is_first_among_equals_and_then_the_id_decides() -> None:
    fast = replace(FIRST_CREDIT, provider_id="provider_c", median_response_hours=Decimal("3.9"))
    other = replace(FIRST_CREDIT, provider_id="provider_b")

    invited = match(LEAD, [other, FIRST_CREDIT, fast], on=ON).invited

    assert [found.score for found in invited] == [93, 93, 93]
    assert [found.provider_id for found in invited] == ["provider_c", "provider_a", "provider_b"]


def test_only_so_many_are_invited_and_the_others_are_told_why() -> None:
    lenders = [replace(FIRST_CREDIT, provider_id=f"provider_{n}") for n in range(3)]

    matches = match(LEAD, lenders, on=ON, invite_at_most=2)

    assert [found.provider_id for found in matches.invited] == ["provider_0", "provider_1"]
    assert matches.excluded == (Exclusion("provider_2", "ranked 3, and at most 2 are invited"),)


@given(lenders=st.lists(providers, max_size=15), seed=st.randoms(use_true_random=False))
def test_every_provider_is_answered_once_in_whatever_order_they_come(lenders: list[ProviderProfile], seed: Any) -> None:
    matches = match(LEAD, lenders, on=ON)
    shuffled = seed.sample(lenders, len(lenders))

    answered = [found.provider_id for found in matches.invited] + [gone.provider_id for gone in matches.excluded]
    assert sorted(answered) == sorted(lender.provider_id for lender in lenders)
    assert all(0 <= found.score <= 100 for found in matches.invited)
    assert match(LEAD, shuffled, on=ON).invited == matches.invited


@given(lenders=st.lists(providers, max_size=15), place=st.integers(0, 15))
def test_an_ineligible_provider_never_changes_the_ranking(lenders: list[ProviderProfile], place: int) -> None:
    ineligible = replace(FIRST_CREDIT, active=False, provider_id="provider_gone")

    with_it = match(LEAD, [*lenders[:place], ineligible, *lenders[place:]], on=ON)

    assert with_it.invited == match(LEAD, lenders, on=ON).invited
