"""Orders on a loan on their way to its workflow: what each type needs, and how a loan that is closed is reached."""

from collections.abc import Mapping
from decimal import Decimal

from api.idempotency import NewIds
from api.processes import NoSuchProcess
from api.resources import Resources
from api.schemas.transactions import RestructureIn, TransactionIn
from api.security import Caller
from models.errors import Refused
from models.loan import LoanRef
from models.money import minor_units
from models.records.loans import Loan
from models.transactions import NewTerms, TransactionKind
from workflows.loan import (
    ForbearanceOrder,
    LoanAnswer,
    LoanClosed,
    LoanStart,
    LoanWorkflow,
    TransactionOrder,
    loan_workflow_id,
)
from workflows.orders import AFTER_CLOSING

_K = TransactionKind


class FieldMissing(Refused):
    """This type cannot do without the field."""


class FieldWithoutMeaning(Refused):
    """The field means nothing for this type."""


# What each type must have, and what it may have beside the date and the reason.
_NEEDS: Mapping[TransactionKind, tuple[frozenset[str], frozenset[str]]] = {
    _K.REPAYMENT: (frozenset({"amount"}), frozenset()),
    _K.FEE: (frozenset({"amount"}), frozenset({"dueOn", "installment"})),
    _K.PENALTY: (frozenset({"amount"}), frozenset({"dueOn", "installment"})),
    _K.WAIVER: (frozenset({"part", "amount"}), frozenset({"installment"})),
    _K.GOODWILL_CREDIT: (frozenset({"amount"}), frozenset()),
    _K.CHARGEBACK: (frozenset({"amount"}), frozenset()),
    _K.REFUND: (frozenset({"amount"}), frozenset()),
    _K.CHARGE_OFF: (frozenset(), frozenset()),
    _K.UNDO_CHARGE_OFF: (frozenset(), frozenset()),
    _K.WRITE_OFF: (frozenset(), frozenset()),
    _K.RECOVERY: (frozenset({"amount"}), frozenset()),
    _K.SETTLEMENT: (frozenset({"amount"}), frozenset()),
    _K.REVERSAL: (frozenset({"transactionId"}), frozenset()),
    _K.RESCHEDULE: (frozenset(), frozenset({"interestRate", "installments", "firstDueOn"})),
    _K.RE_AGE: (frozenset(), frozenset({"interestRate", "installments", "firstDueOn"})),
    _K.RE_AMORTIZE: (frozenset(), frozenset()),
    _K.REFINANCE: (frozenset(), frozenset()),
}


def transaction_order(loan: Loan, body: TransactionIn, ids: NewIds, caller: Caller) -> TransactionOrder:
    """What the body orders, or the name of the field that is wrong."""
    kind = TransactionKind(body.type)
    _check_fields(
        kind,
        {
            "amount": body.amount,
            "part": body.part,
            "dueOn": body.due_on,
            "installment": body.installment,
            "transactionId": body.transaction_id,
        },
    )
    return TransactionOrder(
        id=ids("txn"),
        kind=kind,
        amount_minor=_amount(loan, body.amount),
        on=body.value_date,
        part=body.part,
        due_on=body.due_on,
        installment=body.installment,
        reverses=body.transaction_id,
        reason=body.reason,
        actor=caller.name,
    )


def restructure_order(body: RestructureIn, ids: NewIds, caller: Caller) -> TransactionOrder:
    """The restructure as a transaction."""
    kind = TransactionKind(body.type)
    _check_fields(kind, _terms_in(body))
    if kind is _K.RESCHEDULE and not any(_terms_in(body).values()):
        raise FieldMissing("A reschedule says what changes: firstDueOn, installments or interestRate.", "firstDueOn")
    return TransactionOrder(
        id=ids("txn"),
        kind=kind,
        on=body.value_date,
        terms=NewTerms(body.interest_rate, body.installments, body.first_due_on),
        reason=body.reason,
        actor=caller.name,
    )


def forbearance_order(body: RestructureIn) -> ForbearanceOrder:
    """Forbearance, which changes no terms."""
    _refuse_fields("forbearance", _terms_in(body), frozenset({"until"}), frozenset())
    assert body.until is not None, "it is needed"
    return ForbearanceOrder(body.until, body.reason)


async def granted(having: Resources, loan: Loan, order: ForbearanceOrder, update_id: str) -> None:
    """Have the loan's workflow grant it."""
    try:
        await having.processes.update(loan_workflow_id(loan.id), LoanWorkflow.forbear, order, update_id=update_id)
    except NoSuchProcess:
        raise LoanClosed("The loan is closed.", "type") from None


async def carried_out(having: Resources, loan: Loan, order: TransactionOrder) -> LoanAnswer:
    """Have the loan's workflow post it; one that has ended is started again for what still happens to a closed loan."""
    ref = LoanRef(loan.tenant_id, loan.application_id, loan.id)
    workflow_id = loan_workflow_id(loan.id)
    try:
        answer: LoanAnswer = await having.processes.update(
            workflow_id, LoanWorkflow.transact, order, update_id=order.id
        )
    except NoSuchProcess:
        if order.kind not in AFTER_CLOSING:
            raise LoanClosed("The loan is closed.", "type") from None
        answer = await having.processes.update_with_start(
            LoanWorkflow.run,
            LoanStart(ref),
            workflow_id,
            LoanWorkflow.transact,
            order,
            update_id=order.id,
            tenant_id=loan.tenant_id,
        )
    return answer


def _amount(loan: Loan, amount: Decimal | None) -> int | None:
    return None if amount is None else minor_units(amount, loan.currency, field="amount")


def _terms_in(body: RestructureIn) -> dict[str, object]:
    return {
        "interestRate": body.interest_rate,
        "installments": body.installments,
        "firstDueOn": body.first_due_on,
        "until": body.until,
    }


def _check_fields(kind: TransactionKind, given: Mapping[str, object]) -> None:
    needed, allowed = _NEEDS[kind]
    _refuse_fields(kind.replace("_", " "), given, needed, allowed)


def _refuse_fields(name: str, given: Mapping[str, object], needed: frozenset[str], allowed: frozenset[str]) -> None:
    for field, value in given.items():
        if value is None and field in needed:
            raise FieldMissing(f"A {name} needs {field}.", field)
        if value is not None and field not in needed | allowed:
            raise FieldWithoutMeaning(f"A {name} has no {field}.", field)
