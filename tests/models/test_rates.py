"""What a period costs."""

from datetime import date
from decimal import Decimal

import pytest

from models.dates import CalculationPeriod, DayCount, Frequency
from models.rates import Basis, period_rates, unit_rate

EVEN, DAILY = CalculationPeriod.SAME_AS_REPAYMENT_PERIOD, CalculationPeriod.DAILY


@pytest.mark.parametrize(
    ("frequency", "every", "rate"),
    [(Frequency.MONTHS, 3, "0.02"), (Frequency.WEEKS, 13, "0.02"), (Frequency.DAYS, 73, "0.016")],
)
def test_an_even_period_has_its_share_of_the_annual_rate_whatever_its_days(
    frequency: Frequency, every: int, rate: str
) -> None:
    basis = Basis(Decimal(8), frequency, every, DayCount.ACTUAL_365, EVEN)

    assert unit_rate(basis) == Decimal(rate)


def test_an_even_period_of_another_length_costs_accordingly() -> None:
    basis = Basis(Decimal(12), Frequency.DAYS, 15, DayCount.THIRTY_360, EVEN)
    due = (date(2026, 1, 16), date(2026, 1, 23))

    assert period_rates(basis, date(2026, 1, 1), due, 1) == (
        Decimal(12) * 15 / 36_500,
        Decimal(12) * 7 / 36_500,
    )


def test_a_month_of_30_360_costs_a_twelfth_and_one_of_actual_360_its_days() -> None:
    days = Basis(Decimal(12), Frequency.MONTHS, 1, DayCount.ACTUAL_360, DAILY)
    months = days._replace(day_count=DayCount.THIRTY_360)

    assert (months.is_by_unit, days.is_by_unit) == (True, False)
    assert unit_rate(months) == Decimal("0.12") * (Decimal(30) / 360)
    assert period_rates(days, date(2026, 1, 31), (date(2026, 2, 28),), 1) == (Decimal("0.12") * (Decimal(28) / 360),)
