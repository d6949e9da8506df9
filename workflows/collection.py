"""The collection phase: what a borrower in arrears may promise and what an operator may order."""

from datetime import date

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.collection import Collection, Promise, WriteOff
from models.errors import Conflict, Refused
from models.loan import LoanPosition, LoanStatus
from temporal.refusals import refusal_in
from workflows.acting import transact
from workflows.loan_state import LoanAnswer, LoanState, PromiseToPay, WriteOffOrder

_LONGEST_PROMISE_DAYS = 30


class NothingOverdue(Conflict):
    """There are no arrears to promise for."""


class NothingToWriteOff(Conflict):
    """The loan owes nothing that could be given up."""


class PromiseOutOfRange(Refused):
    """The promised day has passed, or is too far away."""


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


async def carry_out(state: LoanState) -> None:
    """Carry out the oldest order and answer it; an order that is refused by then leaves the loan as it was."""
    update_id, order = next(iter(state.orders.items()))
    try:
        state.position = await _carried_out(state, order)
    except ActivityError as error:
        found = refusal_in(error)
        if found is None:
            raise
        state.refused[update_id] = found[1]
    else:
        position = state.position
        state.answers[update_id] = LoanAnswer(str(position.status), position.outstanding_minor, position.promised_on)
    del state.orders[update_id]


async def _carried_out(state: LoanState, order: PromiseToPay | WriteOffOrder) -> LoanPosition:
    now = workflow.now()
    if isinstance(order, PromiseToPay):
        promise = Promise(state.ref, order.promised_on, now)
        return await transact(Collection.record_promise, promise, summary="record the promise to pay")
    return await transact(Collection.write_off, WriteOff(state.ref, order.reason, now), summary="write the loan off")
