"""Loans whose figures others published, where their collection lies beside the project.

They are read and answered as on the command line.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from workers.cases.apr import apr_percent
from workers.cases.quote import quoted

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"
NOT_REPRODUCED = {
    # its product works interest out anew by whole periods, which the case does not tell
    **dict.fromkeys(("X065", "X067"), "bears interest on what is overdue to the end of the period"),
    "X061": "counts its due dates from an expected disbursement that the case does not tell",
}


def cases(name: str) -> list[Any]:
    path = VECTORS / name
    if not path.exists():
        reason = f"no conformance vectors beside the project (../shared/vectors/{name})"
        return [pytest.param({}, id=name, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(case, id=case["id"])
        for case in json.loads(path.read_text(), parse_float=Decimal)
        if case["id"] not in NOT_REPRODUCED
    ]


@pytest.mark.parametrize("case", cases("schedules.json") + cases("schedules_extra.json"))
def test_a_published_schedule_to_the_cent(case: dict[str, Any]) -> None:
    rows = {row["n"]: row for row in quoted(case)["expected"]}

    # some sources print only some of the rows and columns
    assert [{name: rows[row["n"]][name] for name in row} for row in case["expected"]] == case["expected"]
    assert len(rows) == case["number_of_repayments"] + ("down_payment_percent" in case)


@pytest.mark.parametrize("case", cases("apr.json"))
def test_a_published_apr_to_its_printed_decimals(case: dict[str, Any]) -> None:
    assert apr_percent(case) == {"apr_percent": case["expected_apr_percent"]}


@pytest.mark.parametrize("case", cases("apr.json"))
def test_the_unit_period_is_found_where_a_case_does_not_tell_it(case: dict[str, Any]) -> None:
    silent = {name: value for name, value in case.items() if not name.startswith(("unit_period", "first_payment"))}

    assert apr_percent(silent) == {"apr_percent": case["expected_apr_percent"]}
