"""Loans whose figures others published, where their collection lies beside the project."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from models.amortization import schedule_for
from models.apr import Transfer, Unit, UnitPeriod, YearlyTransfer, eu_apr_percent, us_apr_percent
from models.dates import Frequency, due_dates
from models.money import minor_units
from workers.cases.terms import terms_of

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"


def cases(name: str) -> list[Any]:
    path = VECTORS / name
    if not path.exists():
        reason = f"no conformance vectors beside the project (../shared/vectors/{name})"
        return [pytest.param({}, id=name, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(path.read_text())]


# ---------------------------------------------------------------- schedules


@pytest.mark.parametrize("case", cases("schedules.json"))
def test_a_published_schedule_to_the_cent(case: dict[str, Any]) -> None:
    schedule = schedule_for(terms_of(case), disbursed_on=date.fromisoformat(case["disbursed_on"]))

    assert [(row.number, row.due_on, row.principal_minor, row.interest_minor) for row in schedule] == [
        (
            row["n"],
            date.fromisoformat(row["due"]),
            minor_units(row["principal"], case["currency"]),
            minor_units(row["interest"], case["currency"]),
        )
        for row in case["expected"]
    ]


# ---------------------------------------------------------------- annual percentage rates


def us_percent(case: dict[str, Any]) -> Decimal:
    period = UnitPeriod(Unit(case["unit_period"]["unit"].lower()), case["unit_period"]["multiple"])
    start = date.fromisoformat(case["advances"][0]["date"])

    def transfer(amount: str, on: date) -> Transfer:
        return Transfer(Decimal(amount), *period.between(start, on))

    advances = [transfer(advance["amount"], date.fromisoformat(advance["date"])) for advance in case["advances"]]
    payments = [transfer(stream["amount"], on) for stream in case["payment_streams"] for on in stream_dates(stream)]
    assert payments[0].periods == case["first_payment_whole_unit_periods"]
    assert round(payments[0].fraction, 6) == round(Decimal(case["first_payment_fraction"]), 6)
    return us_apr_percent(advances, payments, per_year=period.per_year)


def stream_dates(stream: dict[str, Any]) -> tuple[date, ...]:
    if "date" in stream:
        return (date.fromisoformat(stream["date"]),)
    first, frequency = date.fromisoformat(stream["first_date"]), Frequency(f"{stream['unit'].lower()}s")
    return first, *due_dates(first, frequency=frequency, every=stream["every"], count=stream["count"] - 1)


def eu_percent(case: dict[str, Any]) -> Decimal:
    start = case["advances"][0].get("date")
    return eu_apr_percent(
        [transfer for flow in case["advances"] for transfer in yearly(flow, start)],
        [transfer for flow in case["payments"] for transfer in yearly(flow, start)],
    )


def yearly(flow: dict[str, Any], start: str | None) -> Iterator[YearlyTransfer]:
    amount = Decimal(flow["amount"])
    if start is not None:
        days = (date.fromisoformat(flow["date"]) - date.fromisoformat(start)).days
        yield YearlyTransfer(amount, Decimal(days) / 365)
        return
    for number in range(flow["count"]):
        yield YearlyTransfer(
            amount, Decimal(str(flow["first_years"])) + number * Decimal(str(flow["every_years"] or 0))
        )


@pytest.mark.parametrize("case", cases("apr.json"))
def test_a_published_apr_to_its_printed_decimals(case: dict[str, Any]) -> None:
    percent = us_percent(case) if case["jurisdiction"] == "US" else eu_percent(case)

    printed = Decimal(case["expected_apr_percent"])
    assert percent.quantize(printed) == printed
