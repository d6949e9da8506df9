"""What may not be posted is refused by its name, with the field that is to blame."""

from datetime import date
from typing import Any

import pytest

from models.allocation import Part
from models.checking import (
    AlreadyDisbursed,
    AlreadyReversed,
    ChargebackExceedsPaid,
    ChargedOffAlready,
    LoanNotOpen,
    LoanNotWrittenOff,
    NotChargedOff,
    NothingOwed,
    NothingToWaive,
    PaymentBeforeDisbursement,
    RefundExceedsCredit,
    ReversalOfReversal,
    UnknownInstallment,
    UnknownTransaction,
)
from models.errors import Refusal
from models.money import InvalidAmount
from models.replay import check, replay
from models.restructuring import NothingToRestructure
from models.transactions import NewTerms, Transaction
from tests.models.histories import (
    FEBRUARY,
    INSTALLMENT,
    LENT_ON,
    MARCH,
    POLICY,
    TERMS,
    K,
    event,
    history,
    lent,
    paid,
    undone,
)

PAID_OFF = (paid(1_200_000, LENT_ON),)
WRITTEN_OFF = (event(K.WRITE_OFF, FEBRUARY),)
CHARGED_OFF = (event(K.CHARGE_OFF, FEBRUARY),)


def waiver(part: Part | None, amount_minor: int, installment: int | None = None) -> Transaction:
    return event(K.WAIVER, MARCH, amount_minor, part=part, installment=installment)


def new(kind: K, on: date = MARCH, **terms: Any) -> Transaction:
    return event(kind, on, terms=NewTerms(**terms))


@pytest.mark.parametrize(
    ("before", "posted", "refusal", "field"),
    [
        ((), lent(MARCH), AlreadyDisbursed, "type"),
        ((), paid(100, date(2025, 12, 31)), PaymentBeforeDisbursement, "date"),
        ((), paid(0, MARCH), InvalidAmount, "amount"),
        ((), event(K.FEE, MARCH, -1), InvalidAmount, "amount"),
        ((), event(K.FEE, MARCH, 100, installment=13), UnknownInstallment, "installment"),
        ((), undone("nobody"), UnknownTransaction, "transactionId"),
        ((undone("lent"),), undone("lent undone"), ReversalOfReversal, "transactionId"),
        ((paid(100, MARCH, "gone"), undone("gone")), undone("gone", MARCH), AlreadyReversed, "transactionId"),
        (WRITTEN_OFF, event(K.FEE, MARCH, 100), LoanNotOpen, "type"),
        (WRITTEN_OFF, event(K.PENALTY, MARCH, 100), LoanNotOpen, "type"),
        (WRITTEN_OFF, event(K.WRITE_OFF, MARCH), LoanNotOpen, "type"),
        (WRITTEN_OFF, event(K.CHARGEBACK, MARCH, 100), LoanNotOpen, "type"),
        (WRITTEN_OFF, event(K.UNDO_CHARGE_OFF, MARCH), LoanNotOpen, "type"),
        (WRITTEN_OFF, new(K.RE_AGE), LoanNotOpen, "type"),
        (PAID_OFF, event(K.GOODWILL_CREDIT, MARCH, 100), LoanNotOpen, "type"),
        ((paid(1_300_000, LENT_ON),), event(K.GOODWILL_CREDIT, MARCH, 100), NothingOwed, "type"),
        ((paid(1_300_000, LENT_ON),), event(K.CHARGE_OFF, MARCH), NothingOwed, "type"),
        ((), event(K.RECOVERY, MARCH, 100), LoanNotWrittenOff, "type"),
        ((), waiver(None, 100), NothingToWaive, "part"),
        ((), waiver(Part.PENALTY, 1), NothingToWaive, "amount"),
        ((), waiver(Part.INTEREST, 12_001, installment=1), NothingToWaive, "amount"),
        ((), event(K.REFUND, MARCH, 1), RefundExceedsCredit, "amount"),
        ((paid(INSTALLMENT, FEBRUARY),), event(K.CHARGEBACK, MARCH, 94_620), ChargebackExceedsPaid, "amount"),
        (CHARGED_OFF, event(K.CHARGE_OFF, MARCH), ChargedOffAlready, "type"),
        ((), event(K.UNDO_CHARGE_OFF, MARCH), NotChargedOff, "type"),
        ((), new(K.RESCHEDULE, first_due_on=MARCH), NothingToRestructure, "firstDueOn"),
        ((), new(K.RE_AGE, installments=0), NothingToRestructure, "installments"),
        ((), new(K.RE_AMORTIZE, date(2027, 1, 1)), NothingToRestructure, "type"),
        ((*PAID_OFF, event(K.FEE, MARCH, 100)), new(K.RE_AGE), NothingToRestructure, "type"),
    ],
)
def test_what_may_not_be_is_refused_by_name(
    before: tuple[Transaction, ...], posted: Transaction, refusal: type[Refusal], field: str
) -> None:
    account = history(*before, on=MARCH)

    with pytest.raises(refusal) as refused:
        check(account, posted)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("before", "posted"),
    [
        ((), paid(5_000_000, MARCH)),
        (PAID_OFF, paid(100, MARCH)),
        (WRITTEN_OFF, paid(100, MARCH)),
        (WRITTEN_OFF, event(K.RECOVERY, MARCH, 100)),
        (PAID_OFF, event(K.CHARGEBACK, MARCH, 1_200_000)),
        ((paid(1_200_001, LENT_ON),), event(K.REFUND, MARCH, 1)),
        ((), waiver(Part.INTEREST, 12_000, installment=1)),
        (CHARGED_OFF, event(K.UNDO_CHARGE_OFF, MARCH)),
        (CHARGED_OFF, event(K.WRITE_OFF, MARCH)),
        (WRITTEN_OFF, undone(f"write_off on {FEBRUARY}", MARCH)),
        ((undone("lent"),), lent(MARCH)),
        ((undone("lent"),), paid(100, MARCH)),
        ((), new(K.RE_AGE, date(2028, 1, 1))),
        ((), new(K.RE_AMORTIZE)),
        ((), new(K.RESCHEDULE, installments=24)),
        ((), event(K.RE_AGE, MARCH)),
    ],
)
def test_what_may_be_is_let_through(before: tuple[Transaction, ...], posted: Transaction) -> None:
    check(history(*before, on=MARCH), posted)


def test_a_loan_that_was_not_paid_out_takes_nothing_but_the_disbursement() -> None:
    account = replay(TERMS, POLICY, [], on=LENT_ON)

    check(account, lent())
    with pytest.raises(PaymentBeforeDisbursement, match="no day yet"):
        check(account, paid(100, LENT_ON))


def test_a_cancelled_loan_is_charged_nothing() -> None:
    with pytest.raises(PaymentBeforeDisbursement):
        check(history(undone("lent")), event(K.FEE, MARCH, 100))
