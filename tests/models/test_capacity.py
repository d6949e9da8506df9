"""What a provider says it can lend: in order, or everything that is wrong with it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from models.capacity import Capacity, assess_capacity, jurisdiction_of
from models.jurisdictions import Jurisdiction
from models.onboarding import Step

ON = date(2026, 11, 24)
BANK = Capacity(5_000_00, 500_000_00, Decimal("3.5"), Decimal(18), ("US", "CA"), "bank")


def test_the_owners_provider_is_in_order() -> None:
    finding = assess_capacity(BANK, on=ON)

    assert (finding.step, finding.passed) == (Step.CAPACITY_ASSESSED, True)
    assert "no exposure limit" in finding.reason


def test_an_exposure_limit_says_how_many_loans_it_covers() -> None:
    finding = assess_capacity(replace(BANK, exposure_limit_minor=1_700_000_00, daily_lead_cap=1), on=ON)

    assert finding.passed
    assert "covers 3 of its largest loans" in finding.reason


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"minimum_minor": 500_000_01}, "its largest loan is less than its smallest"),
        ({"minimum_minor": -1}, "its largest loan is less than its smallest"),
        ({"exposure_limit_minor": 499_999_99}, "does not cover one of its largest loans"),
        ({"rate_minimum_percent": Decimal(19)}, "its highest rate is less than its lowest"),
        ({"daily_lead_cap": 0}, "takes no lead"),
        (
            {"business_type": "Military Lending Act", "rate_maximum_percent": Decimal("36.1")},
            "US: The rate is over the cap",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], fault: str) -> None:
    finding = assess_capacity(replace(BANK, **changes), on=ON)

    assert not finding.passed
    assert fault in finding.reason


def test_all_faults_are_named_at_once() -> None:
    finding = assess_capacity(replace(BANK, minimum_minor=-1, daily_lead_cap=0), on=ON)

    assert finding.reason.count(";") == 1


@pytest.mark.parametrize(("country", "found"), [("US", Jurisdiction.US), ("DE", Jurisdiction.EU), ("KE", None)])
def test_a_country_is_of_a_jurisdiction_we_have_a_table_of_or_of_none(country: str, found: Jurisdiction | None) -> None:
    assert jurisdiction_of(country) is found
