"""The annual percentage rate: the one figure by which loans of different fees and rates can be compared.

Three laws, one idea: the rate at which the money lent is worth as much as the money paid back. They differ in how time
is counted and in whether the yearly rate is nominal (US, India) or effective (EU), so a rate travels with its method.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from models.dates import Frequency, months_after
from models.errors import Refused
from models.terms import Installment, LoanTerms

_US_REG_Z = "us_reg_z_appendix_j"
_HUNDREDTH = Decimal("0.01")
_CLOSE_ENOUGH = Decimal("1e-15")
_MOST_STEPS = 100


class NoRate(Refused):
    """The cash flows have no annual percentage rate."""


@dataclass(frozen=True, slots=True)
class Apr:
    """An annual percentage rate to two decimals, and the method that gives it its meaning."""

    percent: Decimal
    method: str


class Transfer(NamedTuple):
    """Money that changes hands some whole unit-periods and a fraction of one after the loan begins."""

    amount: Decimal
    periods: int
    fraction: Decimal = Decimal(0)


class YearlyTransfer(NamedTuple):
    """Money that changes hands some years after the loan begins."""

    amount: Decimal
    years: Decimal


class Unit(StrEnum):
    """What unit-periods are made of."""

    DAY = "day"
    WEEK = "week"
    SEMIMONTH = "semimonth"
    MONTH = "month"
    YEAR = "year"


_PER_YEAR = {Unit.DAY: 365, Unit.WEEK: 52, Unit.SEMIMONTH: 24, Unit.MONTH: 12, Unit.YEAR: 1}
_UNIT_OF = {Frequency.DAYS: Unit.DAY, Frequency.WEEKS: Unit.WEEK, Frequency.MONTHS: Unit.MONTH}


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """The interval at which payments recur: two weeks, one month. Never longer than a year."""

    unit: Unit
    multiple: int = 1

    @property
    def per_year(self) -> Decimal:
        """How many make a year."""
        return Decimal(_PER_YEAR[self.unit]) / self.multiple

    def between(self, earlier: date, later: date) -> tuple[int, Decimal]:
        """Whole unit-periods and the fraction of one between two dates. Source: Appendix J, (b)(5)(ii) to (v).

        Months are measured back from the later date, so the odd days lie at the beginning; a month has 30 of them.
        """
        months = _whole_months(earlier, later)
        odd_days = (months_after(later, -months) - earlier).days
        match self.unit:
            case Unit.DAY:
                return _whole_and_fraction((later - earlier).days, self.multiple)
            case Unit.WEEK:
                return _whole_and_fraction((later - earlier).days, 7 * self.multiple)
            case Unit.SEMIMONTH:
                return _whole_and_fraction(30 * months + odd_days, 15 * self.multiple)
            case Unit.MONTH:
                return _whole_and_fraction(30 * months + odd_days, 30 * self.multiple)
            case _:  # YEAR
                years, odd_months = divmod(months, 12)
                if odd_days == 0:
                    return years, Decimal(odd_months) / 12
                return years, Decimal((months_after(later, -12 * years) - earlier).days) / 365


def us_apr_percent(advances: Iterable[Transfer], payments: Iterable[Transfer], *, per_year: Decimal) -> Decimal:
    """The nominal APR of Regulation Z, not rounded: the rate of a unit-period times the unit-periods in a year.

                   A_k                                P_j
        sum  ------------------------  =  sum  ------------------------       APR = i . per_year
              (1 + e_k i)(1 + i)^q_k            (1 + f_j i)(1 + i)^t_j

    q and t are whole unit-periods; e and f are fractions of one, and bear simple interest. Source: 12 CFR 1026,
    Appendix J, (b)(8).
    """
    flows = [t._replace(amount=-t.amount) for t in advances] + list(payments)

    def worth(force: Decimal) -> Decimal:
        growth = force.exp()
        return sum((t.amount / ((1 + t.fraction * (growth - 1)) * growth**t.periods) for t in flows), Decimal(0))

    return (_zero_of(worth).exp() - 1) * per_year * 100


def eu_apr_percent(advances: Iterable[YearlyTransfer], payments: Iterable[YearlyTransfer]) -> Decimal:
    """The effective APR of the European Union, not rounded.

        sum  C_k (1 + X)^(-t_k)  =  sum  D_l (1 + X)^(-s_l)                   t and s in years

    Source: Directive 2008/48/EC, Annex I.
    """
    flows = [t._replace(amount=-t.amount) for t in advances] + list(payments)

    def worth(force: Decimal) -> Decimal:
        return sum((t.amount * (-t.years * force).exp() for t in flows), Decimal(0))

    return (_zero_of(worth).exp() - 1) * 100


def india_apr_percent(net_disbursed: Decimal, monthly_payments: Sequence[Decimal]) -> Decimal:
    """The APR of an Indian key facts statement, not rounded: the monthly internal rate of return times twelve.

    Source: Reserve Bank of India, key facts statement for loans and advances, Annex B.
    """
    payments = (Transfer(amount, month) for month, amount in enumerate(monthly_payments, start=1))
    return us_apr_percent([Transfer(net_disbursed, 0)], payments, per_year=Decimal(12))


def apr_of(terms: LoanTerms, schedule: Sequence[Installment], *, disbursed_on: date) -> Apr:
    """The Regulation Z APR of a loan as agreed, with the processing fee kept back from the disbursement.

    The payments recur, so the interval between them is the unit-period; where it is longer than a year, a year is.
    A single payment not due after whole months counts by its days instead: Appendix J, (b)(5)(vii).
    """
    unit, every = _UNIT_OF[terms.frequency], terms.every
    if terms.installments == 1 and unit is not Unit.MONTH:
        unit, every = Unit.DAY, (schedule[0].due_on - disbursed_on).days
    period = UnitPeriod(unit, min(every, _PER_YEAR[unit]))
    payments = (
        Transfer(Decimal(row.total_minor), *_whole_and_fraction(row.number * every, period.multiple))
        for row in schedule
    )
    percent = us_apr_percent([Transfer(Decimal(terms.disbursed_minor), 0)], payments, per_year=period.per_year)
    return Apr(percent.quantize(_HUNDREDTH), _US_REG_Z)


def finance_charge_minor(terms: LoanTerms, schedule: Sequence[Installment]) -> int:
    """What the credit costs in money: everything paid back less what was received."""
    return sum(row.total_minor for row in schedule) - terms.disbursed_minor


def _zero_of(worth: Callable[[Decimal], Decimal]) -> Decimal:
    """The force of interest, ln(1 + rate), at which `worth` is nothing, by the secant method.

    What is paid back loses worth as the rate rises, ever more slowly. Secants of such a curve approach its zero from
    one side and cannot miss it, and in the logarithm no step can reach a rate of -100 %.
    """
    before, now = Decimal(0), Decimal("0.001")
    worth_before, worth_now = worth(before), worth(now)
    for _ in range(_MOST_STEPS):
        if worth_now == worth_before:
            break
        before, now = now, now - worth_now * (now - before) / (worth_now - worth_before)
        if abs(now - before) < _CLOSE_ENOUGH:
            return now
        worth_before, worth_now = worth_now, worth(now)
    raise NoRate("No rate makes what is lent and what is paid back worth the same.")


def _whole_months(earlier: date, later: date) -> int:
    months = 12 * (later.year - earlier.year) + later.month - earlier.month
    return months if months_after(later, -months) >= earlier else months - 1


def _whole_and_fraction(units: int, length: int) -> tuple[int, Decimal]:
    return units // length, Decimal(units % length) / length
