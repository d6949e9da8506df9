"""The collection phase: what a borrower in arrears may promise, and what an operator may grant or give up."""

from datetime import date

from models.errors import Conflict, Refused
from models.loan import LoanStatus
from workflows.loan_state import ForbearanceOrder, LoanState, PromiseToPay

_LONGEST_PROMISE_DAYS = 30
_LONGEST_FORBEARANCE_DAYS = 366


class NothingOverdue(Conflict):
    """There are no arrears to promise for."""


class NothingToWriteOff(Conflict):
    """The loan owes nothing that could be given up."""


class PromiseOutOfRange(Refused):
    """The promised day has passed, or is too far away."""


class ForbearanceOutOfRange(Refused):
    """The day has passed, or is too far away."""


def check_promise(state: LoanState, promise: PromiseToPay, *, today: date) -> None:
    """Refuse a promise without arrears, for the past, or for too far ahead."""
    if not any(row.due_on < today for row in state.position.open):
        raise NothingOverdue("Nothing is overdue on this loan.", "promisedOn")
    if not 0 <= (promise.promised_on - today).days <= _LONGEST_PROMISE_DAYS:
        raise PromiseOutOfRange(
            f"A promise is for one of the {_LONGEST_PROMISE_DAYS} days from {today} on.", "promisedOn"
        )


def check_write_off(state: LoanState) -> None:
    """Refuse to give up a loan that owes nothing."""
    if state.position.status is not LoanStatus.ACTIVE:
        raise NothingToWriteOff(f"The loan is {state.position.status}; there is nothing to write off.", "status")


def check_forbearance(order: ForbearanceOrder, *, today: date) -> None:
    """Refuse to forbear into the past, or for more than a year."""
    if not 0 <= (order.until - today).days <= _LONGEST_FORBEARANCE_DAYS:
        raise ForbearanceOutOfRange(f"Forbearance ends within {_LONGEST_FORBEARANCE_DAYS} days from {today}.", "until")
