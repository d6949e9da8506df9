"""Loans with a history, as `caas simulate` answers them."""

import json
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from models.errors import Refused
from workers.cases.simulate import simulated

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "repayments.json"
# What the sources did here does not follow from what the cases tell.
NOT_REPRODUCED = {
    "R162": "late principal was charged until the end of its period, not until it was paid",
    "R188": "late principal was charged until the end of its period, not until it was paid",
    "R194": "the older engine charges more interest than its days for an early payment",
    "R224": "was printed as of a later business date that the case does not tell",
}


def cases() -> list[Any]:
    if not VECTORS.exists():
        reason = "no conformance vectors beside the project (../shared/vectors/repayments.json)"
        return [pytest.param({}, id="repayments.json", marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(VECTORS.read_text(), parse_float=Decimal)]


def differences(case: dict[str, Any]) -> list[tuple[object, ...]]:
    """What is printed otherwise than expected; some sources print only some of it."""
    answer, expected = simulated(case)["expected"], case["expected"]
    found: list[tuple[object, ...]] = [
        (name, expected[name], answer[name])
        for name in ("paid_split", "outstanding_split", "overpaid", "status")
        if name in expected and expected[name] != answer[name]
    ]
    if len(expected["schedule"]) != len(answer["schedule"]):
        return [*found, ("installments", len(expected["schedule"]), len(answer["schedule"]))]
    for row, printed in zip(expected["schedule"], answer["schedule"], strict=True):
        found += [(row["n"], name, row[name], printed[name]) for name in row if row[name] != printed[name]]
    return found


@pytest.mark.parametrize("case", cases())
def test_a_published_history_to_the_cent(case: dict[str, Any]) -> None:
    if case["id"] in NOT_REPRODUCED:
        assert differences(case), "it is reproduced now: take it off the list"
        assert case["reproduced_by"] is None
        pytest.xfail(NOT_REPRODUCED[case["id"]])

    assert differences(case) == []


CASE: dict[str, Any] = {
    "id": "own",
    "terms": {
        "principal": "1200.00",
        "annual_rate_percent": "0",
        "number_of_repayments": 3,
        "frequency": "MONTHS",
        "amortization": "EQUAL_INSTALLMENTS",
        "interest_type": "DECLINING_BALANCE",
        "interest_calculation_period": "DAILY",
        "days_in_year": "360",
        "days_in_month": "30",
        "disbursed_on": "2026-01-01",
    },
    "allocation": {"strategy": "mifos-standard-strategy"},
    "events": [{"type": "DISBURSEMENT", "date": "2026-01-01", "amount": "1200.00"}],
}


def case_with(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    case = deepcopy(CASE) | changes
    if events:
        case["events"] = [*case["events"], *events]
    return case


def test_money_in_advance_is_told_from_money_that_is_late() -> None:
    late = {"type": "REPAYMENT", "date": "2026-02-10", "amount": "500.00"}

    expected = simulated(case_with(late))["expected"]

    assert [(row["late"], row["in_advance"], row["paid_on"]) for row in expected["schedule"]] == [
        ("400.00", "0.00", "2026-02-10"),
        ("0.00", "100.00", None),
        ("0.00", "0.00", None),
    ]
    assert expected["status"] == "ACTIVE"


def test_what_no_installment_takes_is_overpaid() -> None:
    expected = simulated(case_with({"type": "REPAYMENT", "date": "2026-01-05", "amount": "1300.00"}))["expected"]

    assert (expected["overpaid"], expected["status"]) == ("100.00", "OVERPAID")


@pytest.mark.parametrize(
    ("changes", "event", "field"),
    [
        ({"allocation": {"strategy": "best-for-us"}}, None, "allocation.strategy"),
        ({"allocation": None}, None, "allocation"),
        ({"terms": None}, None, "terms"),
        ({"events": {}}, None, "events"),
        ({}, "soon", "events[1]"),
        ({}, {"type": "BONUS", "date": "2026-02-01", "amount": "1.00"}, "events[1].type"),
        ({}, {"type": "REPAYMENT", "date": "2026-02-30", "amount": "1.00"}, "events[1].date"),
        ({}, {"type": "REPAYMENT", "date": "2026-02-01", "amount": "0"}, "events[1].amount"),
        ({}, {"type": "REPAYMENT", "date": "2026-02-01", "amount": "1.001"}, "events[1].amount"),
        ({}, {"type": "REPAYMENT", "date": "2025-12-31", "amount": "1.00"}, "events[1]"),
        ({}, {"type": "DISBURSEMENT", "date": "2026-01-01", "amount": "1200.00"}, "events[1]"),
        ({}, {"type": "CHARGE", "kind": "TIP", "due": "2026-02-01", "amount": "1.00"}, "events[1].kind"),
        ({"events": [{"type": "DISBURSEMENT", "date": "2026-01-01", "amount": "1.00"}]}, None, "events[0].amount"),
        (
            {"allocation": {"strategy": "advanced-payment-allocation-strategy", "order": ["PAST_DUE_FEE"]}},
            None,
            "allocation.order",
        ),
        (
            {"allocation": {"strategy": "advanced-payment-allocation-strategy", "order": "FEE"}},
            None,
            "allocation.order",
        ),
    ],
)
def test_a_case_that_makes_no_sense_is_refused_by_the_field(changes: dict[str, Any], event: Any, field: str) -> None:
    case = case_with(**changes) if event is None else case_with(event, **changes)

    with pytest.raises(Refused) as refused:
        simulated(case)

    assert refused.value.field == field


def test_a_payment_before_the_disbursement_is_refused() -> None:
    case = case_with(events=[{"type": "REPAYMENT", "date": "2026-01-01", "amount": "1.00"}, *CASE["events"]])

    with pytest.raises(Refused, match="before the disbursement"):
        simulated(case)
