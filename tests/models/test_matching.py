"""Who may see a lead is a matter of hard rules; who sees it first, of a score anyone can add up."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Refused
from models.matching import Exclusion, Lead, Match, ProviderProfile, explores, match
from models.matching_record import MatchRecord, recorded, replayed
from models.matching_weights import BUILT_IN, WEIGHTS, InvalidWeights, Points, Prior, Weights

ON = date(2026, 1, 15)
LEAD = Lead("lead_1", 2_500_000, "USD", "US", 365, 742, Decimal("7.5"))
EXPLORING = replace(BUILT_IN, exploration_percent=Decimal(100))
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
    received=40,
    answered=40,
    approved=35,
    offered=30,
    reneged=1,
)


@st.composite
def profiles(draw: st.DrawFn) -> ProviderProfile:
    received = draw(st.integers(0, 60))
    answered = draw(st.integers(0, received))
    offered = draw(st.integers(0, 60))
    return ProviderProfile(
        provider_id=str(draw(st.uuids())),
        name="A lender",
        active=draw(st.booleans()),
        minimum_minor=draw(st.integers(0, 3_000_000)),
        maximum_minor=draw(st.integers(2_000_000, 50_000_000)),
        currencies=draw(st.sampled_from([frozenset({"USD"}), frozenset({"NGN"})])),
        countries=frozenset({"US"}),
        rate_minimum_percent=draw(st.decimals(0, 30, places=1)),
        rate_maximum_percent=Decimal(30),
        license_expires_on=draw(st.dates(date(2025, 12, 1), date(2027, 1, 1))),
        exposure_limit_minor=draw(st.none() | st.integers(0, 9_000_000)),
        exposure_minor=draw(st.integers(0, 9_000_000)),
        daily_lead_cap=draw(st.none() | st.integers(0, 5)),
        invited_today=draw(st.integers(0, 5)),
        invited_open=draw(st.integers(0, 40)),
        median_response_hours=draw(st.none() | st.decimals(0, 96, places=1)),
        received=received,
        answered=answered,
        approved=draw(st.integers(0, answered)),
        offered=offered,
        reneged=draw(st.integers(0, offered)),
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
                "amount fits: 20.0 of 20",
                "rate fits: 20.0 of 20",
                "approves: 20.0 of 25",
                "answers fast: 13.8 of 15",
                "keeps its word: 9.6 of 10",
                "answers at all: 9.8 of 10",
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
        ({"rate_minimum_percent": Decimal("36.5")}, "lends from 36.5 %, and 36 % is the most"),
        ({"rate_maximum_percent": Decimal(4)}, "lends up to 4 %, and 5 % is the least"),
        (
            {"exposure_limit_minor": 9_000_000, "exposure_minor": 6_500_001},
            "can lend no more than USD 24,999.99 at present",
        ),
        ({"exposure_limit_minor": 1, "exposure_minor": 2}, "can lend no more than USD 0.00 at present"),
        ({"daily_lead_cap": 3, "invited_today": 3}, "wants no more than 3 leads a day"),
        ({"daily_lead_cap": 0}, "wants no more than 0 leads a day"),
        ({"invited_open": 25}, "has 25 leads to answer"),
    ],
)
def test_who_must_not_lend_is_not_invited(change: dict[str, Any], reason: str) -> None:
    capped = replace(LEAD, rate_minimum_percent=Decimal(5), rate_maximum_percent=Decimal(36))

    weights = replace(BUILT_IN, open_leads_at_most=25)
    matches = match(capped, [replace(FIRST_CREDIT, **change)], on=ON, weights=weights)

    assert matches.invited == ()
    assert matches.excluded == (Exclusion("provider_a", reason),)


@pytest.mark.parametrize(
    "change",
    [
        {"license_expires_on": ON},
        {"minimum_minor": 2_500_000},
        {"maximum_minor": 2_500_000},
        {"rate_minimum_percent": Decimal(100)},
        {"exposure_limit_minor": 9_000_000, "exposure_minor": 6_500_000},
        {"daily_lead_cap": 3, "invited_today": 2},
        {"invited_open": 1_000},
    ],
)
def test_the_limits_themselves_are_allowed(change: dict[str, Any]) -> None:
    assert match(LEAD, [replace(FIRST_CREDIT, **change)], on=ON).excluded == ()


@pytest.mark.parametrize(
    ("change", "score"),
    [
        ({"minimum_minor": 2_500_000}, 93 - 10),
        ({"maximum_minor": 2_500_000}, 93 - 10),
        ({"minimum_minor": 0}, 93),
        ({"rate_minimum_percent": Decimal("12.5")}, 83),  # 10 of 20 points for five points too dear
        ({"rate_minimum_percent": Decimal(30)}, 93 - 20),
        ({"approved": 40}, 96),  # (40 + 5) / (40 + 10)
        ({"approved": 0}, 76),
        ({"median_response_hours": Decimal(48)}, 79),
        ({"median_response_hours": Decimal(100)}, 79),
        ({"reneged": 10}, 91),
        ({"received": 80}, 89),
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


def test_whoever_has_one_approval_of_one_is_not_taken_for_perfect() -> None:
    fresh = replace(FIRST_CREDIT, received=1, answered=1, approved=1, offered=0, reneged=0)

    (found,) = match(LEAD, [fresh], on=ON).invited

    assert found.reasons[2] == "approves: 13.6 of 25"  # (1 + 5) / (1 + 10)


def test_only_so_many_are_invited_and_the_others_are_told_why() -> None:
    lenders = [replace(FIRST_CREDIT, provider_id=f"provider_{n}") for n in range(3)]

    matches = match(LEAD, lenders, on=ON, weights=replace(BUILT_IN, invite_at_most=2))

    assert [found.provider_id for found in matches.invited] == ["provider_0", "provider_1"]
    assert matches.excluded == (Exclusion("provider_2", "ranked 3, and at most 2 are invited"),)


# ---------------------------------------------------------------- newcomers

KNOWN = [replace(FIRST_CREDIT, provider_id=f"provider_{n}") for n in range(4)]
NEW = replace(FIRST_CREDIT, provider_id="provider_new", received=9, answered=0, approved=0, offered=0, reneged=0)
TWO_SEATS = replace(EXPLORING, invite_at_most=2)


def test_a_newcomer_takes_the_last_seat_of_a_lead_that_explores() -> None:
    matches = match(LEAD, [*KNOWN, NEW], on=ON, weights=TWO_SEATS)

    assert [found.provider_id for found in matches.invited] == ["provider_0", "provider_new"]
    assert matches.explored == "provider_new"
    assert matches.excluded[0] == Exclusion("provider_1", "ranked 2, and a newcomer has the last of 2 seats")


@pytest.mark.parametrize("change", [{"received": 10}, {"active": False}])
def test_nobody_else_takes_it(change: dict[str, Any]) -> None:
    matches = match(LEAD, [*KNOWN, replace(NEW, **change)], on=ON, weights=TWO_SEATS)

    assert [found.provider_id for found in matches.invited] == ["provider_0", "provider_1"]
    assert matches.explored is None


def test_where_there_are_seats_for_all_nobody_is_put_out() -> None:
    matches = match(LEAD, [*KNOWN, NEW], on=ON, weights=EXPLORING)

    assert (len(matches.invited), matches.explored) == (5, None)


def test_about_five_leads_of_a_hundred_explore_and_always_the_same() -> None:
    exploring = [n for n in range(10_000) if explores(f"lead_{n}", BUILT_IN)]

    assert 430 < len(exploring) < 570
    assert exploring == [n for n in range(10_000) if explores(f"lead_{n}", BUILT_IN)]


def test_every_newcomer_has_its_turn() -> None:
    fresh = [replace(NEW, provider_id=f"provider_new_{n}") for n in range(3)]
    leads = [replace(LEAD, lead_id=f"lead_{n}") for n in range(30)]

    chosen = {match(lead, [*KNOWN, *fresh], on=ON, weights=TWO_SEATS).explored for lead in leads}

    assert chosen == {new.provider_id for new in fresh}


# ---------------------------------------------------------------- properties


@given(lenders=st.lists(profiles(), max_size=15), seed=st.randoms(use_true_random=False))
def test_every_provider_is_answered_once_in_whatever_order_they_come(lenders: list[ProviderProfile], seed: Any) -> None:
    weights = replace(EXPLORING, invite_at_most=4)
    matches = match(LEAD, lenders, on=ON, weights=weights)
    shuffled = seed.sample(lenders, len(lenders))

    answered = [found.provider_id for found in matches.invited] + [gone.provider_id for gone in matches.excluded]
    assert sorted(answered) == sorted(lender.provider_id for lender in lenders)
    assert all(0 <= found.score <= 100 for found in matches.invited)
    assert match(LEAD, shuffled, on=ON, weights=weights).invited == matches.invited


INELIGIBLE = [
    {"active": False},
    {"license_expires_on": date(2020, 1, 1)},
    {"currencies": frozenset()},
    {"countries": frozenset()},
    {"maximum_minor": 1},
    {"exposure_limit_minor": 0},
    {"daily_lead_cap": 0},
    {"rate_minimum_percent": Decimal(101)},
]


@given(
    lenders=st.lists(profiles(), max_size=15),
    place=st.integers(0, 15),
    obstacle=st.sampled_from(INELIGIBLE),
    lead=st.integers(0, 50),
)
def test_an_ineligible_provider_never_changes_the_ranking(
    lenders: list[ProviderProfile], place: int, obstacle: dict[str, Any], lead: int
) -> None:
    ineligible = replace(NEW, provider_id="provider_gone", **obstacle)
    asked, weights = replace(LEAD, lead_id=f"lead_{lead}"), replace(BUILT_IN, invite_at_most=4)
    weights = replace(weights, exploration_percent=Decimal(50))

    with_it = match(asked, [*lenders[:place], ineligible, *lenders[place:]], on=ON, weights=weights)
    without = match(asked, lenders, on=ON, weights=weights)

    assert (with_it.invited, with_it.explored) == (without.invited, without.explored)


@given(lenders=st.lists(profiles(), max_size=12), lead=st.integers(0, 50))
def test_a_match_that_is_kept_can_be_made_again(lenders: list[ProviderProfile], lead: int) -> None:
    weights = replace(BUILT_IN, invite_at_most=3, exploration_percent=Decimal(50), open_leads_at_most=30)
    asked = replace(LEAD, lead_id=f"lead_{lead}")
    record = recorded(asked, lenders, weights, match(asked, lenders, on=ON, weights=weights), on=ON)

    kept = MatchRecord(
        ON, *(json.loads(json.dumps(part)) for part in (record.lead, record.candidates)), **_rest(record)
    )

    assert replayed(kept) == record.result


def test_a_record_somebody_has_changed_does_not_come_out_the_same() -> None:
    record = recorded(LEAD, KNOWN, BUILT_IN, match(LEAD, KNOWN, on=ON), on=ON)
    record.candidates[2]["approved"] = 40

    assert replayed(record) != record.result


def _rest(record: MatchRecord) -> dict[str, Any]:
    return {"weights": json.loads(json.dumps(record.weights)), "result": record.result}


# ---------------------------------------------------------------- weights


def test_weights_are_read_as_they_were_written_and_begin_with_the_built_in_ones() -> None:
    weights = replace(BUILT_IN, open_leads_at_most=7, exploration_percent=Decimal("2.5"))

    assert WEIGHTS.read(WEIGHTS.write(weights, currency=""), currency="") == weights
    assert WEIGHTS.read({}, currency="") == BUILT_IN


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"points": {"speed": 14}}, "points"),
        ({"points": {"speed": -5, "firmness": 30}}, "points"),
        ({"conversionPrior": {"share": 1.5, "weighs": 10}}, "conversionPrior.share"),
        ({"completionPrior": {"share": 0.5, "weighs": 0}}, "completionPrior.weighs"),
        ({"slowestHours": 0}, "slowestHours"),
        ({"rateTolerancePercent": 0}, "rateTolerancePercent"),
        ({"unknownResponseHours": -1}, "unknownResponseHours"),
        ({"explorationPercent": 101}, "explorationPercent"),
        ({"newcomerBelowLeads": -1}, "newcomerBelowLeads"),
        ({"inviteAtMost": 0}, "inviteAtMost"),
        ({"openLeadsAtMost": 0}, "openLeadsAtMost"),
        ({"recordDays": 0}, "recordDays"),
        ({"payout": 50}, "payout"),
    ],
)
def test_weights_nobody_can_be_matched_by_are_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        WEIGHTS.read(change, currency="")

    assert refused.value.field == field


def test_points_are_a_hundred_together() -> None:
    assert Points(100, 0, 0, 0, 0, 0).amount_fit == 100
    with pytest.raises(InvalidWeights):
        Points(speed=16)
    assert Weights(points=Points(50, 50, 0, 0, 0, 0)).points.conversion == 0


def test_a_prior_fades_as_measurements_come_in() -> None:
    prior = Prior(Decimal("0.5"), 10)

    assert prior.smoothed(0, 0) == Decimal("0.5")
    assert prior.smoothed(90, 90) == Decimal("0.95")
