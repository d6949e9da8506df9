"""`caas quote`: the schedule of each case."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from models.allocation import RepaymentPolicy
from models.amortization import schedule_for
from models.dates import CalculationPeriod
from models.installment import Installment
from models.money import exponent_of
from models.replay import replay
from models.terms import LoanTerms
from models.transactions import Transaction, TransactionKind
from workers.cases.files import Answer, Case, day, needed
from workers.cases.terms import terms_of


def quoted(case: Case) -> Answer:
    """The rows of the schedule, as the sources print them."""
    terms = terms_of(case)
    disbursed_on = day(needed(case, "disbursed_on"), "disbursed_on")
    schedule = schedule_for(terms, disbursed_on=disbursed_on)
    if case.get("as_of") is not None and case.get("interest_recalculation"):
        schedule = _overdue(terms, disbursed_on, day(case["as_of"], "as_of"))
    return {"expected": printed(schedule, terms, disbursed_on=disbursed_on)}


def _overdue(terms: LoanTerms, disbursed_on: date, as_of: date) -> tuple[Installment, ...]:
    """The schedule of a loan of which nothing was paid by a day: overdue principal goes on bearing interest.

    Where interest is not reckoned by the day, it bears that of the whole period in which the day lies.
    """
    if terms.calculation_period is CalculationPeriod.SAME_AS_REPAYMENT_PERIOD:
        as_of = min((due for due in terms.due_dates(disbursed_on=disbursed_on) if due >= as_of), default=as_of)
    policy = RepaymentPolicy(recalculates_interest=True)
    disbursement = Transaction("disbursement", TransactionKind.DISBURSEMENT, disbursed_on, terms.principal_minor)
    return replay(terms, policy, [disbursement], on=as_of).installments


def printed(schedule: Sequence[Installment], terms: LoanTerms, *, disbursed_on: date) -> list[dict[str, Any]]:
    """Number, due date, days, the parts of each row, and what is still owed after it."""
    rows, balance_minor, before = [], terms.principal_minor, disbursed_on
    for row in schedule:
        balance_minor -= row.principal_minor
        rows.append(
            {
                "n": row.number,
                "due": row.due_on.isoformat(),
                "days": (row.due_on - before).days,
                "principal": amount(row.principal_minor, terms.currency),
                "interest": amount(row.interest_minor, terms.currency),
                "fee": amount(row.fee_minor, terms.currency),
                "total": amount(row.total_minor, terms.currency),
                "balance_after": amount(balance_minor, terms.currency),
            }
        )
        before = row.due_on
    return rows


def amount(minor: int, currency: str) -> str:
    """Major units, with two decimal places at least."""
    exponent = exponent_of(currency)
    return f"{Decimal(minor).scaleb(-exponent):.{max(exponent, 2)}f}"
