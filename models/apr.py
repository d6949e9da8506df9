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

from models.dates import Frequency
from models.errors import Refused
from models.installment import Installment
from models.terms import LoanTerms, Method
from models.unit_period import Unit, UnitPeriod, whole_and_fraction

__all__ = [
    "Apr",
    "AprMethod",
    "NoRate",
    "Transfer",
    "Unit",
    "UnitPeriod",
    "YearlyTransfer",
    "apr_of",
    "eu_apr_percent",
    "finance_charge_minor",
    "india_apr_percent",
    "us_apr_percent",
]

_HUNDREDTH = Decimal("0.01")
_CLOSE_ENOUGH = Decimal("1e-15")
_MOST_STEPS = 100
_UNIT_OF = {Frequency.DAYS: Unit.DAY, Frequency.WEEKS: Unit.WEEK, Frequency.MONTHS: Unit.MONTH}


class NoRate(Refused):
    """The cash flows have no annual percentage rate."""


class AprMethod(StrEnum):
    """The law by which a rate was found."""

    US_REG_Z = "us_reg_z_appendix_j"
    EU_2008_48_EC = "eu_2008_48_ec"
    INDIA_KFS = "india_kfs"


@dataclass(frozen=True, slots=True)
class Apr:
    """An annual percentage rate to two decimals, and the method that gives it its meaning."""

    percent: Decimal
    method: AprMethod


class Transfer(NamedTuple):
    """Money that changes hands some whole unit-periods and a fraction of one after the loan begins."""

    amount: Decimal
    periods: int
    fraction: Decimal = Decimal(0)


class YearlyTransfer(NamedTuple):
    """Money that changes hands some years after the loan begins."""

    amount: Decimal
    years: Decimal


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


def apr_of(
    terms: LoanTerms,
    schedule: Sequence[Installment],
    *,
    disbursed_on: date,
    method: AprMethod = AprMethod.US_REG_Z,
) -> Apr:
    """The rate of a loan as agreed, fees and down payment included, by the law that asks for it."""
    if method is AprMethod.US_REG_Z:
        percent = _us_percent(terms, schedule, disbursed_on)
    else:
        percent = _by_years(terms, schedule, disbursed_on, method)
    return Apr(percent.quantize(_HUNDREDTH), method)


def _us_percent(terms: LoanTerms, schedule: Sequence[Installment], disbursed_on: date) -> Decimal:
    """Counted by installments where these recur, by their dates where not.

    A due date that a business day has moved counts as if it had not: 12 CFR 1026.17(c)(3). The interval is the
    unit-period; where it is longer than a year, a year is. A single payment not due after whole months counts by its
    days instead: Appendix J, (b)(5)(vii).
    """
    down = 1 if terms.down_payment_percent else 0
    if not _recurs(terms):
        period = UnitPeriod.of(disbursed_on, [row.due_on for row in schedule])
        times = [period.between(disbursed_on, row.due_on) for row in schedule]
    else:
        unit, every = _UNIT_OF[terms.frequency], terms.every
        if terms.method is Method.BULLET:
            every *= terms.installments
        if len(schedule) == 1 + down and unit is not Unit.MONTH:
            unit, every = Unit.DAY, (schedule[-1].due_on - disbursed_on).days
        period = UnitPeriod(unit, min(every, unit.per_year))
        times = [whole_and_fraction((row.number - down) * every, period.multiple) for row in schedule]
    payments = [Transfer(Decimal(row.total_minor), *time) for row, time in zip(schedule, times, strict=True)]
    return us_apr_percent([Transfer(Decimal(terms.disbursed_minor), 0)], payments, per_year=period.per_year)


def _by_years(terms: LoanTerms, schedule: Sequence[Installment], disbursed_on: date, method: AprMethod) -> Decimal:
    """Months are twelfths of a year and weeks fifty-seconds where installments recur, else days are counted.

    India's rate is nominal: the monthly one, (1 + X)^(1/12) - 1, twelve times.
    """
    down = 1 if terms.down_payment_percent else 0
    every = terms.every * (terms.installments if terms.method is Method.BULLET else 1)
    payments = [
        YearlyTransfer(
            Decimal(row.total_minor),
            Decimal((row.number - down) * every) / _UNIT_OF[terms.frequency].per_year
            if _recurs(terms)
            else Decimal((row.due_on - disbursed_on).days) / Unit.DAY.per_year,
        )
        for row in schedule
    ]
    effective = eu_apr_percent([YearlyTransfer(Decimal(terms.disbursed_minor), Decimal(0))], payments)
    if method is AprMethod.EU_2008_48_EC:
        return effective
    return ((1 + effective / 100) ** (Decimal(1) / 12) - 1) * 12 * 100


def _recurs(terms: LoanTerms) -> bool:
    return terms.frequency is not Frequency.CUSTOM and terms.fixed_length is None


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
