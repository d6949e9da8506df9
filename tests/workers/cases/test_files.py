"""A file of cases: one answer each, whatever is in it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.cases.apr import apr_percent
from workers.cases.files import UnreadableCases, answers
from workers.cases.quote import quoted

LOAN: dict[str, Any] = {
    "id": "A1",
    "principal": 900,
    "annual_rate_percent": 12.5,
    "number_of_repayments": 1,
    "frequency": "MONTHS",
    "disbursed_on": "2026-01-15",
    "expected": "ignored",
}


def answered(tmp_path: Path, *cases: Any) -> list[Any]:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    found: list[Any] = json.loads(answers(str(file), quoted))
    return found


def test_each_case_has_its_answer_and_a_refused_one_its_reason(tmp_path: Path) -> None:
    assert answered(tmp_path, LOAN, LOAN | {"id": "A2", "engine": "ABACUS"}, 7, {}) == [
        {
            "id": "A1",
            "expected": [
                {
                    "n": 1,
                    "due": "2026-02-15",
                    "days": 31,
                    "principal": "900.00",
                    "interest": "9.38",
                    "fee": "0.00",
                    "total": "909.38",
                    "balance_after": "0.00",
                }
            ],
        },
        {"id": "A2", "error": "engine 'ABACUS' is none of PROGRESSIVE, CUMULATIVE, OPENCBS."},
        {"id": None, "error": "A case is a JSON object."},
        {"id": None, "error": "principal is missing."},
    ]


def test_money_has_two_decimals_whatever_its_currency(tmp_path: Path) -> None:
    found = answered(tmp_path, LOAN | {"currency": "JPY"}, LOAN | {"currency": "KWD"})

    assert [answer["expected"][0]["total"] for answer in found] == ["909.00", "909.375"]


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[]"))

    assert json.loads(answers("-", quoted)) == []


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("{", "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ("[NaN]", "NaN is none of its values"),
        ('{"id": 1}', "holds no JSON array of cases"),
    ],
)
def test_a_file_that_is_no_list_of_cases_is_trouble(tmp_path: Path, text: str, trouble: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(text)

    with pytest.raises(UnreadableCases, match=trouble):
        answers(str(file), quoted)


def test_a_file_that_is_no_text_is_trouble(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UnreadableCases, match="is not JSON"):
        answers(str(file), quoted)


def test_a_file_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCases, match="cannot be read: No such file"):
        answers(str(tmp_path / "nowhere.json"), quoted)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(LOAN)), value=_JSON)
def test_no_value_of_a_field_is_more_than_refused(
    field: str, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = answered(tmp_path_factory.mktemp("cases"), LOAN | {field: value})

    assert set(found[0]) in ({"id", "expected"}, {"id", "error"})


RATE: dict[str, Any] = {
    "jurisdiction": "US",
    "advances": [{"date": "1978-01-10", "amount": "5000"}],
    "payment_streams": [{"first_date": "1978-02-10", "count": 24, "amount": "230", "every": 1, "unit": "MONTH"}],
}


@given(
    field=st.sampled_from(["jurisdiction", "advances", "payment_streams", "unit_period", "decimals"]),
    value=_JSON,
)
def test_no_value_of_a_rate_is_more_than_refused(
    field: str, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("cases") / "cases.json"
    file.write_text(json.dumps([RATE | {field: value}]))

    found = json.loads(answers(str(file), apr_percent))

    assert set(found[0]) in ({"id", "apr_percent"}, {"id", "error"})


@pytest.mark.parametrize(
    ("calculated", "interest"),
    # a third of a period on twelve hundred and two thirds on nine hundred; or the whole of it on twelve hundred
    [("DAILY", "10.00"), ("SAME_AS_REPAYMENT_PERIOD", "12.00")],
)
def test_what_is_overdue_on_a_day_has_borne_interest_until_then(tmp_path: Path, calculated: str, interest: str) -> None:
    case = LOAN | {
        "principal": 1200,
        "annual_rate_percent": 12,
        "number_of_repayments": 4,
        "amortization": "EQUAL_PRINCIPAL",
        "disbursed_on": "2026-03-01",
        "interest_calculation_period": calculated,
        "interest_recalculation": True,
        "as_of": "2026-04-11",
    }

    (found,) = answered(tmp_path, case)

    assert [row["interest"] for row in found["expected"]][:2] == ["12.00", interest]
