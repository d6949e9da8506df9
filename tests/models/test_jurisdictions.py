"""The law of a place, on a day: what holds, since when, and what is refused because of it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from models.delinquency import days_past_due
from models.installment import Installment
from models.jurisdiction_tables import (
    APR_RULES,
    CHARGE_OFFS,
    CLASSIFICATIONS,
    COOLING_OFFS,
    RATE_CAPS,
    rules,
)
from models.jurisdictions import CoolingOffTooShort, Jurisdiction, License, RateOverCap

TODAY = date(2026, 11, 24)
US, EU, NG, IN = Jurisdiction.US, Jurisdiction.EU, Jurisdiction.NG, Jurisdiction.IN


@pytest.mark.parametrize(
    ("on", "name"),
    [
        (date(2026, 3, 30), "standard"),
        (date(2026, 3, 31), "sma_0"),  # its own day-end is day one
        (date(2026, 4, 29), "sma_0"),
        (date(2026, 4, 30), "sma_1"),
        (date(2026, 5, 29), "sma_1"),
        (date(2026, 5, 30), "sma_2"),
        (date(2026, 6, 28), "sma_2"),
        (date(2026, 6, 29), "npa"),
    ],
)
def test_the_reserve_bank_of_indias_own_example_of_day_ends(on: date, name: str) -> None:
    due = Installment(1, date(2026, 3, 31), principal_minor=900, interest_minor=100)
    table = rules(IN, on=TODAY).classification
    assert table is not None

    found = table.class_of(days_past_due([due], on), is_overdue=on >= due.due_on)

    assert found.name == name


def test_once_npa_a_loan_stays_npa_until_all_arrears_are_paid() -> None:
    table = rules(IN, on=TODAY).classification
    assert table is not None

    assert table.class_of(5, before="npa").name == "npa"
    assert table.class_of(5, before="sma_2").name == "sma_0"
    assert table.class_of(0, before="npa").name == "standard"


@pytest.mark.parametrize(
    ("days", "name", "percent"),
    [
        (0, "performing", 1),
        (1, "pass_and_watch", 5),
        (30, "pass_and_watch", 5),
        (31, "substandard", 20),
        (60, "substandard", 20),
        (61, "doubtful", 50),
        (90, "doubtful", 50),
        (91, "lost", 100),
    ],
)
def test_a_nigerian_microfinance_bank_sets_aside_by_days_missed(days: int, name: str, percent: int) -> None:
    table = rules(NG, License.MICROFINANCE_BANK, on=TODAY).classification
    assert table is not None

    found = table.class_of(days)

    assert (found.name, found.provision_percent) == (name, Decimal(percent))


@pytest.mark.parametrize(
    ("days", "name", "percent"),
    [
        (89, "performing", None),
        (90, "substandard", Decimal(10)),
        (180, "doubtful", Decimal(50)),
        (360, "doubtful", Decimal(50)),
        (361, "lost", Decimal(100)),
    ],
)
def test_a_nigerian_commercial_bank_is_given_more_time(days: int, name: str, percent: Decimal | None) -> None:
    table = rules(NG, License.COMMERCIAL_BANK, on=TODAY).classification
    assert table is not None

    found = table.class_of(days)

    assert (found.name, found.provision_percent) == (name, percent)


def test_in_the_united_states_closed_end_loans_are_charged_off_at_120_and_open_end_at_180_days() -> None:
    found = rules(US, on=TODAY)

    assert found.charge_off is not None
    assert found.classification is not None
    assert (found.charge_off.closed_end_days, found.charge_off.open_end_days) == (120, 180)
    assert [found.classification.class_of(days).name for days in (89, 90, 119, 120)] == [
        "pass",
        "substandard",
        "substandard",
        "loss",
    ]
    assert "FFIEC" in found.charge_off.source


@pytest.mark.parametrize(("days", "name"), [(0, "performing"), (90, "performing"), (91, "defaulted")])
def test_in_the_union_a_loan_defaults_after_more_than_90_days(days: int, name: str) -> None:
    table = rules(EU, on=TODAY).classification
    assert table is not None

    assert table.class_of(days).name == name


def test_a_rule_holds_until_the_next_one_of_its_kind() -> None:
    before, after = (rules(EU, on=day).cooling_off for day in (date(2026, 11, 19), date(2026, 11, 20)))

    assert before is not None
    assert after is not None
    assert (before.days, after.days) == (14, 14)
    assert "2008/48/EC" in before.source
    assert "2023/2225" in after.source
    assert rules(EU, on=date(2010, 6, 10)).cooling_off is None


def test_the_central_banks_three_working_days_are_not_for_those_it_does_not_license() -> None:
    bank, digital = (
        rules(NG, each, on=TODAY).cooling_off for each in (License.MICROFINANCE_BANK, License.DIGITAL_LENDER)
    )

    assert bank is not None
    assert (bank.days, bank.working_days) == (3, True)
    assert digital is None


def test_a_rate_over_the_cap_is_refused_by_name() -> None:
    covered = rules(US, License.MILITARY_LENDING_ACT, on=TODAY)
    covered.check_rate(Decimal(36), field="rate")

    with pytest.raises(RateOverCap) as refusal:
        covered.check_rate(Decimal("36.01"), field="rate")

    assert (refusal.value.code, refusal.value.field) == ("rate_over_cap", "rate")
    assert "36 %" in refusal.value.detail
    assert "Military Lending Act" in refusal.value.detail


def test_no_cap_is_invented_where_none_is_known() -> None:
    for place in Jurisdiction:
        assert rules(place, on=TODAY).rate_cap is None
        rules(place, on=TODAY).check_rate(Decimal(1000), field="rate")


@pytest.mark.parametrize(
    ("place", "licensed", "days", "working_days", "unit"),
    [
        (EU, None, 13, False, "14 days"),
        (NG, License.COMMERCIAL_BANK, 3, False, "3 working days"),
        (NG, License.COMMERCIAL_BANK, 2, True, "3 working days"),
    ],
)
def test_fewer_days_to_think_again_than_the_law_gives_are_refused(
    place: Jurisdiction,
    licensed: License | None,
    days: int,
    working_days: bool,  # noqa: FBT001 - an example's column
    unit: str,
) -> None:
    with pytest.raises(CoolingOffTooShort) as refusal:
        rules(place, licensed, on=TODAY).check_cooling_off(days, working_days=working_days, field="coolingOff")

    assert refusal.value.field == "coolingOff"
    assert unit in refusal.value.detail


def test_as_many_days_as_the_law_gives_are_enough() -> None:
    rules(EU, on=TODAY).check_cooling_off(14, working_days=False, field="coolingOff")
    rules(EU, on=TODAY).check_cooling_off(14, working_days=True, field="coolingOff")
    rules(NG, License.COMMERCIAL_BANK, on=TODAY).check_cooling_off(3, working_days=True, field="coolingOff")
    rules(US, on=TODAY).check_cooling_off(0, working_days=False, field="coolingOff")


@pytest.mark.parametrize(
    ("place", "method"),
    [(US, "us_reg_z_appendix_j"), (EU, "eu_2008_48_ec"), (IN, "india_kfs"), (NG, None)],
)
def test_each_place_has_its_own_way_to_reckon_the_apr(place: Jurisdiction, method: str | None) -> None:
    found = rules(place, on=TODAY).apr_method

    assert (found.method if found else None) == method


def test_without_a_jurisdiction_nothing_is_prescribed() -> None:
    found = rules(None, on=TODAY)

    assert [found.classification, found.charge_off, found.cooling_off, found.rate_cap, found.apr_method] == [None] * 5


def test_every_row_says_where_it_comes_from_and_classes_begin_at_no_days() -> None:
    for row in (*CLASSIFICATIONS, *CHARGE_OFFS, *COOLING_OFFS, *RATE_CAPS, *APR_RULES):
        assert len(row.source) > 10
        assert row.since < TODAY + timedelta(days=365)
    for table in CLASSIFICATIONS:
        days = [each.from_days for each in table.classes]
        assert days[0] == 0
        assert days == sorted(set(days))
