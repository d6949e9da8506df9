"""What may be ordered on a loan, and carrying it out: one at a time, in the order in which it came."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.collection import Collection, Forbearance, Promise, WriteOff
from activities.transactions import Ordered, TransactionOrder, Transactions
from models.errors import Conflict
from models.loan import LoanPosition
from models.transactions import TransactionKind
from temporal.refusals import refusal_in
from workflows.acting import transact
from workflows.loan_state import ForbearanceOrder, LoanAnswer, LoanState, Order, PromiseToPay, WriteOffOrder

_K = TransactionKind

# What still happens to a loan that is closed. A reversal and a chargeback open it again.
AFTER_CLOSING = frozenset({_K.REPAYMENT, _K.RECOVERY, _K.REFUND, _K.REVERSAL, _K.CHARGEBACK})


class LoanClosed(Conflict):
    """The loan is closed; nothing can be ordered on it."""


def check_open(state: LoanState) -> None:
    """Refuse an order that needs an open loan."""
    if not state.is_known or not state.position.is_open:
        raise LoanClosed("The loan is closed.", "loanId")


def check_transaction(state: LoanState, order: TransactionOrder) -> None:
    """Refuse what a closed loan does not take; the rows know the rest. A run that has read nothing yet lets it pass."""
    if state.is_known and not state.position.is_open and order.kind not in AFTER_CLOSING:
        raise LoanClosed("The loan is closed.", "type")


async def carry_out(state: LoanState) -> None:
    """Carry out the oldest order and answer it; an order that is refused by then leaves the loan as it was."""
    update_id, order = next(iter(state.orders.items()))
    try:
        state.position = await _carried_out(state, order)
    except ActivityError as error:
        if refusal_in(error) is None:
            raise
        state.refused[update_id] = error
    else:
        position = state.position
        state.answers[update_id] = LoanAnswer(str(position.status), position.outstanding_minor, position.promised_on)
    del state.orders[update_id]


async def _carried_out(state: LoanState, order: Order) -> LoanPosition:
    now = workflow.now()
    if isinstance(order, PromiseToPay):
        promise = Promise(state.ref, order.promised_on, now)
        return await transact(Collection.record_promise, promise, summary="record the promise to pay")
    if isinstance(order, WriteOffOrder):
        return await transact(
            Collection.write_off, WriteOff(state.ref, order.reason, now), summary="write the loan off"
        )
    if isinstance(order, ForbearanceOrder):
        forbearance = Forbearance(state.ref, order.until, order.reason, now)
        return await transact(Collection.forbear, forbearance, summary="grant forbearance")
    summary = f"post a {order.kind}".replace("_", " ")
    return await transact(Transactions.post, Ordered(state.ref, order, now), summary=summary)
