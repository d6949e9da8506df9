"""Rates of cases: by law, by date or by year, to the decimals asked for."""

from typing import Any

import pytest

from models.errors import Refused
from workers.cases.apr import apr_percent

ADVANCE = {"date": "1978-01-10", "amount": "5000.00"}
MONTHLY = {"first_date": "1978-02-10", "count": 24, "amount": "230.00", "every": 1, "unit": "MONTH"}
US: dict[str, Any] = {"jurisdiction": "US", "advances": [ADVANCE], "payment_streams": [MONTHLY], "decimals": 2}


def percent(case: dict[str, Any]) -> str:
    found: str = apr_percent(case)["apr_percent"]
    return found


def test_the_first_example_of_regulation_z() -> None:
    assert percent(US) == "9.69"
    assert percent(US | {"decimals": 6}) == "9.685708"


def test_a_stated_first_period_holds_against_the_dates() -> None:
    later = US | {"first_payment_whole_unit_periods": 1, "first_payment_fraction": 0.5}

    assert float(percent(later)) < float(percent(US))


def test_a_stated_first_period_that_the_dates_agree_with_changes_nothing() -> None:
    assert percent(US | {"first_payment_whole_unit_periods": 1, "first_payment_fraction": 0.0}) == "9.69"


def test_a_stated_unit_period_is_used() -> None:
    assert percent(US | {"unit_period": {"unit": "MONTH", "multiple": 1}}) == "9.69"


@pytest.mark.parametrize(
    ("unit", "first"),
    [("SEMIMONTH", "1978-01-25"), ("SEMIMONTH", "1978-01-10"), ("WEEK", "1978-01-17"), ("DAY", "1978-01-11")],
)
def test_payments_may_recur_by_halves_of_months_weeks_and_days(unit: str, first: str) -> None:
    stream = {"first_date": first, "count": 30, "amount": "170.00", "every": 1, "unit": unit}
    period = {"unit": unit, "multiple": 1}

    assert float(percent(US | {"payment_streams": [stream], "unit_period": period})) > 3


def test_payments_may_recur_by_the_year() -> None:
    stream = {"first_date": "1979-01-10", "count": 2, "amount": "3000.00", "unit": "YEAR"}

    assert percent(US | {"payment_streams": [stream]}) == "13.07"


def test_half_months_fall_on_the_same_two_days() -> None:
    def rate(first: str, single: list[str]) -> str:
        stream = {"first_date": first, "count": 3, "amount": "1700.00", "every": 1, "unit": "SEMIMONTH"}
        dated = [{"date": on, "amount": "1700.00"} for on in single]
        streams, dates = ({"payment_streams": s, "unit_period": {"unit": "SEMIMONTH"}} for s in ([stream], dated))
        assert percent(US | streams) == percent(US | dates)
        return percent(US | streams)

    assert rate("1978-02-01", ["1978-02-01", "1978-02-16", "1978-03-01"])
    assert rate("1978-02-16", ["1978-02-16", "1978-03-01", "1978-03-16"])


def test_an_effective_rate_in_years_or_in_days() -> None:
    advance = {"first_years": 0.0, "count": 1, "every_years": None, "amount": "3000"}
    payments = [{"first_years": 0.0, "amount": "60"}, {"first_years": 0.5, "amount": "3132.09"}]
    in_days = {
        "advances": [{"date": "2012-10-10", "amount": "500"}],
        "payments": [{"date": "2013-10-10", "amount": "550"}],
    }

    assert percent({"jurisdiction": "EU", "advances": [advance], "payments": payments, "decimals": 1}) == "13.5"
    assert percent({"jurisdiction": "EU/UK", **in_days}) == "10.00"


def test_the_indian_rate_is_twelve_times_the_monthly_one_on_the_net_amount() -> None:
    payments = [{"first_years": 0.0833333333, "count": 24, "every_years": 0.0833333333, "amount": "969.73"}]

    gross = {"advances": [{"amount": "20000"}], "charges": "400"}
    net = {"advances": [{"amount": "19600"}]}

    assert percent({"jurisdiction": "IN", **gross, "payments": payments}) == "17.07"
    assert percent({"jurisdiction": "India", **net, "payments": payments}) == "17.07"


def test_nothing_is_not_less_than_nothing() -> None:
    payment = {"first_years": 0.0027378508, "amount": "100"}

    assert (
        percent({"jurisdiction": "EU", "advances": [{"amount": "100"}], "payments": [payment], "decimals": 1}) == "0.0"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"jurisdiction": "MARS"}, "jurisdiction"),
        ({"jurisdiction": None}, "jurisdiction"),
        ({"decimals": -1}, "decimals"),
        ({"decimals": 11}, "decimals"),
        ({"advances": []}, "advances"),
        ({"advances": ["5000"]}, "advances"),
        ({"payment_streams": None}, "payment_streams"),
        ({"payment_streams": [MONTHLY | {"count": 0}]}, "count"),
        ({"payment_streams": [MONTHLY | {"every": 0}]}, "every"),
        ({"payment_streams": [MONTHLY | {"every": 10**6}]}, "count"),
        ({"payment_streams": [MONTHLY | {"unit": "MOON"}]}, "unit"),
        ({"payment_streams": [MONTHLY | {"first_date": "soon"}]}, "first_date"),
        ({"unit_period": "MONTH"}, "unit_period"),
        ({"unit_period": {"unit": "MONTH", "per_year": 13}}, "per_year"),
        ({"unit_period": {"unit": "MONTH", "multiple": 0}}, "unit_period"),
    ],
)
def test_what_is_no_transaction_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        apr_percent(US | change)

    assert refusal.value.field == field
