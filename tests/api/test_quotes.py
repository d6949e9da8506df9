"""Quotes over HTTP: a schedule, a rate and a cost, and nothing kept."""

from typing import Any

import pytest

from models.records.loans import Loan
from models.records.tenants import IdempotencyKey
from tests.api.worlds import World

YEAR = {"principal": 25000, "interestRate": 7.5, "installments": 12, "processingFee": 500, "disbursedOn": "2026-01-15"}


async def test_a_year_at_seven_and_a_half(world: World) -> None:
    answer = await world.post("/api/loans/quote", YEAR)

    assert answer.status_code == 200, answer.text
    quote = answer.json()
    rows = quote.pop("schedule")
    assert quote == {
        "success": True,
        "principal": 25000,
        "currency": "USD",
        "interestRate": 7.5,
        "disbursedOn": "2026-01-15",
        "disbursed": 24500,
        "method": "equal_installment",
        "installments": 12,
        "apr": 11.31,
        "aprMethod": "us_reg_z_appendix_j",
        "totalInterest": 1027.22,
        "totalFees": 500,
        "totalRepayable": 26027.22,
        "totalCost": 1527.22,
    }
    assert rows[0] == {
        "number": 1,
        "dueOn": "2026-02-15",
        "deadline": "2026-02-15",
        "principal": 2012.69,
        "interest": 156.25,
        "fees": 0,
        "total": 2168.94,
        "balanceAfter": 22987.31,
    }
    assert rows[-1]["balanceAfter"] == 0


async def test_a_quote_leaves_no_row(world: World) -> None:
    answer = await world.post("/api/loans/quote", YEAR, idempotency_key="try-1")

    assert answer.status_code == 200
    assert await world.rows(Loan) == []
    assert await world.rows(IdempotencyKey) == []


async def test_a_tenure_in_days_is_so_many_installments(world: World) -> None:
    asked = {"principal": 1000, "interestRate": 12, "tenure": 91, "frequency": "weeks"}

    quote = (await world.post("/api/loans/quote", asked)).json()

    assert quote["installments"] == 13


async def test_due_dates_keep_to_the_holidays_of_a_country(world: World) -> None:
    asked = {
        "principal": 1000,
        "interestRate": 12,
        "installments": 3,
        "disbursedOn": "2026-04-25",
        "businessDays": {"country": "US", "holidays": ["2026-06-26"]},
    }

    quote = (await world.post("/api/loans/quote", asked)).json()

    # Memorial Day moves the first; the second falls on a Thursday; the third on a Saturday.
    assert [row["dueOn"] for row in quote["schedule"]] == ["2026-05-26", "2026-06-25", "2026-07-27"]


async def test_only_the_deadline_moves_where_that_was_agreed(world: World) -> None:
    asked = {
        "principal": 1000,
        "interestRate": 12,
        "installments": 1,
        "disbursedOn": "2026-01-31",
        "businessDays": {"moves": "deadline"},
    }

    quote = (await world.post("/api/loans/quote", asked)).json()

    assert [(row["dueOn"], row["deadline"]) for row in quote["schedule"]] == [("2026-02-28", "2026-03-02")]


async def test_fees_are_withheld_due_with_each_installment_or_on_a_date(world: World) -> None:
    asked = {
        "principal": 1200,
        "interestRate": 0,
        "installments": 3,
        "disbursedOn": "2026-01-15",
        "fees": [
            {"name": "origination", "timing": "disbursement", "percent": 2},
            {"name": "insurance", "timing": "installment", "percent": 1, "base": "installment"},
            {"name": "valuation", "timing": "date", "amount": 30, "dueOn": "2026-03-01"},
        ],
    }

    quote = (await world.post("/api/loans/quote", asked)).json()

    assert quote["disbursed"] == 1176
    assert [row["fees"] for row in quote["schedule"]] == [4, 34, 4]
    assert (quote["totalFees"], quote["totalRepayable"], quote["totalCost"]) == (66, 1242, 66)


@pytest.mark.parametrize(
    ("method", "percent"), [("eu_2008_48_ec", 11.92), ("us_reg_z_appendix_j", 11.31), ("india_kfs", 11.31)]
)
async def test_the_rate_is_found_by_the_law_that_is_named(world: World, method: str, percent: float) -> None:
    quote = (await world.post("/api/loans/quote", YEAR | {"aprMethod": method})).json()

    assert (quote["apr"], quote["aprMethod"]) == (percent, method)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"installments": 0}, "validation_failed", "installments"),
        ({"tenure": 365}, "invalid_quote", "installments"),
        ({"installments": None}, "invalid_quote", "installments"),
        ({"principal": 100.001}, "invalid_amount", "principal"),
        ({"principalGrace": 12}, "invalid_terms", "principalGrace"),
        ({"moratorium": 12}, "invalid_terms", "moratorium"),
        ({"balloon": 10}, "invalid_terms", "balloon"),
        ({"processingFee": 25000}, "invalid_terms", "processingFee"),
        ({"fixedLength": 3}, "invalid_terms", "fixedLength"),
        ({"frequency": "custom"}, "invalid_terms", "dueDates"),
        ({"frequency": "custom", "installments": None, "tenure": 90}, "invalid_quote", "tenure"),
        (
            {"businessDays": {"country": "US", "subdivision": "ZZ"}},
            "unknown_calendar",
            "businessDays.subdivision",
        ),
        ({"fees": [{"name": "x", "timing": "date", "amount": 1}]}, "invalid_fee", "fees[0]"),
        ({"fees": [{"name": "x", "timing": "installment", "amount": 0.001}]}, "invalid_amount", "fees[0].amount"),
        (
            {"installmentMultiple": 10000, "installments": 600, "interestRate": 60},
            "negative_amortization",
            "installmentMultiple",
        ),
        ({"interestRat": 5}, "validation_failed", "interestRat"),
    ],
)
async def test_terms_that_make_no_loan_are_refused_by_their_field(
    world: World, change: dict[str, Any], code: str, field: str
) -> None:
    body = {name: value for name, value in (YEAR | change).items() if value is not None}

    answer = await world.post("/api/loans/quote", body)

    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, field)


async def test_agreed_dates_make_a_loan(world: World) -> None:
    asked = {
        "principal": 900,
        "interestRate": 12,
        "disbursedOn": "2026-01-15",
        "frequency": "custom",
        "dueDates": ["2026-02-15", "2026-05-15", "2026-12-24"],
    }

    quote = (await world.post("/api/loans/quote", asked)).json()

    assert [row["dueOn"] for row in quote["schedule"]] == asked["dueDates"]
    assert quote["installments"] == 3
