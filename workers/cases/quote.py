"""`caas quote`: the schedule of each case."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from models.amortization import schedule_for
from models.installment import Installment
from models.money import exponent_of
from models.terms import LoanTerms
from workers.cases.files import Answer, Case, day, needed
from workers.cases.terms import terms_of


def quoted(case: Case) -> Answer:
    """The rows of the schedule, as the sources print them."""
    terms = terms_of(case)
    disbursed_on = day(needed(case, "disbursed_on"), "disbursed_on")
    return {"expected": printed(schedule_for(terms, disbursed_on=disbursed_on), terms, disbursed_on=disbursed_on)}


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
