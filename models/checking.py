"""What may not be posted to a loan, and why: refused by name before anything is written."""

from collections.abc import Callable, Mapping

from models.account import LoanAccount
from models.errors import Conflict, NotFound, Refused
from models.loan import OPEN, LoanStatus
from models.money import InvalidAmount, formatted
from models.restructuring import refuse_impossible
from models.transactions import NewTerms, Transaction, TransactionKind

_K = TransactionKind


class PaymentBeforeDisbursement(Refused):
    """The day lies before the loan was paid out, or it has not been."""


class AlreadyDisbursed(Conflict):
    """A loan is paid out once."""


class UnknownTransaction(NotFound):
    """The loan has no such transaction."""


class ReversalOfReversal(Conflict):
    """A reversal stays; what was undone is posted anew."""


class AlreadyReversed(Conflict):
    """The transaction has been undone before."""


class LoanNotOpen(Conflict):
    """The loan is closed, and this is for open ones."""


class LoanNotWrittenOff(Conflict):
    """Only a loan that was given up brings recoveries."""


class NothingOwed(Conflict):
    """The loan owes nothing that this could be for."""


class NothingToWaive(Conflict):
    """Less of this part is outstanding than is to be waived."""


class RefundExceedsCredit(Conflict):
    """More would be refunded than was overpaid."""


class ChargebackExceedsPaid(Conflict):
    """More would be charged back than principal was paid."""


class ChargedOffAlready(Conflict):
    """The loan is charged off."""


class NotChargedOff(Conflict):
    """The loan is not charged off."""


class UnknownInstallment(NotFound):
    """The loan has no installment of that number."""


def check(account: LoanAccount, transaction: Transaction) -> None:
    """Raises the refusal that stands against this transaction on a loan as it is, if there is one."""
    if transaction.kind is _K.REVERSAL:
        _check_reversal(account, transaction)
        return
    if transaction.kind is _K.DISBURSEMENT:
        if account.disbursed_on is not None:
            raise AlreadyDisbursed(f"The loan was paid out on {account.disbursed_on}.", "type")
        return
    if transaction.amount_minor <= 0 and transaction.kind not in _WITHOUT_AMOUNT:
        raise InvalidAmount("An amount is more than nothing.", "amount")
    if account.status is LoanStatus.CANCELLED and transaction.kind in _OF_A_CANCELLED:
        _CHECKS[transaction.kind](account, transaction)
        return
    if account.disbursed_on is None or transaction.on < account.disbursed_on:
        raise PaymentBeforeDisbursement(f"The loan was paid out on {account.disbursed_on or 'no day yet'}.", "date")
    numbers = {row.number for row in account.installments}
    if transaction.installment is not None and transaction.installment not in numbers:
        raise UnknownInstallment(f"There is no installment {transaction.installment}.", "installment")
    _CHECKS.get(transaction.kind, _check_open)(account, transaction)


def _check_reversal(account: LoanAccount, transaction: Transaction) -> None:
    undone = transaction.reverses
    if undone in account.reversals:
        raise ReversalOfReversal(f"{undone} is itself a reversal.", "transactionId")
    if undone in account.reversed:
        raise AlreadyReversed(f"{undone} has been reversed.", "transactionId")
    if undone not in account.splits:
        raise UnknownTransaction(f"The loan has no transaction {undone}.", "transactionId")


def _check_open(account: LoanAccount, transaction: Transaction) -> None:
    if account.status not in OPEN:
        raise LoanNotOpen(f"The loan is {account.status}; no {transaction.kind} can be posted.", "type")


def _check_owed(account: LoanAccount, transaction: Transaction) -> None:
    _check_open(account, transaction)
    if not account.outstanding_minor:
        raise NothingOwed(f"The loan owes nothing: no {transaction.kind}.", "type")


def _check_anything(account: LoanAccount, transaction: Transaction) -> None:
    """Money is never refused: what no debt takes is the borrower's credit."""


def _check_waiver(account: LoanAccount, transaction: Transaction) -> None:
    _check_owed(account, transaction)
    if transaction.part is None:
        raise NothingToWaive("A waiver says which part it is of.", "part")
    outstanding_minor = sum(
        getattr(row, f"{transaction.part}_outstanding_minor")
        for row in account.installments
        if transaction.installment in (None, row.number)
    )
    if transaction.amount_minor > outstanding_minor:
        left = formatted(outstanding_minor, account.terms.currency)
        raise NothingToWaive(f"Only {left} of {transaction.part} is outstanding.", "amount")


def _check_refund(account: LoanAccount, transaction: Transaction) -> None:
    if transaction.amount_minor > account.overpaid_minor:
        credit = formatted(account.overpaid_minor, account.terms.currency)
        raise RefundExceedsCredit(f"The borrower's credit is {credit}.", "amount")


def _check_chargeback(account: LoanAccount, transaction: Transaction) -> None:
    if account.status not in OPEN | {LoanStatus.CLOSED_OBLIGATIONS_MET}:
        raise LoanNotOpen(f"The loan is {account.status}; no chargeback can be posted.", "type")
    paid_minor = sum(row.principal_paid_minor for row in account.installments)
    if transaction.amount_minor > paid_minor:
        paid = formatted(paid_minor, account.terms.currency)
        raise ChargebackExceedsPaid(f"Only {paid} of principal was paid.", "amount")


def _check_recovery(account: LoanAccount, transaction: Transaction) -> None:
    if account.status is not LoanStatus.CLOSED_WRITTEN_OFF:
        raise LoanNotWrittenOff(f"The loan is {account.status}: a {transaction.kind} is for one given up.", "type")


def _check_charge_off(account: LoanAccount, transaction: Transaction) -> None:
    _check_owed(account, transaction)
    if account.charged_off_on is not None:
        raise ChargedOffAlready(f"The loan was charged off on {account.charged_off_on}.", "type")


def _check_undo_charge_off(account: LoanAccount, transaction: Transaction) -> None:
    _check_open(account, transaction)
    if account.charged_off_on is None:
        raise NotChargedOff("The loan is not charged off.", "type")


def _check_restructure(account: LoanAccount, transaction: Transaction) -> None:
    _check_owed(account, transaction)
    new = transaction.terms or NewTerms()
    needs_ahead = transaction.kind is not _K.RE_AGE
    refuse_impossible(account.installments, new, transaction.on, needs_ahead=needs_ahead)


_OF_A_CANCELLED = frozenset({_K.REPAYMENT, _K.REFUND})  # what was paid is the borrower's, and goes back
_WITHOUT_AMOUNT = frozenset({_K.CHARGE_OFF, _K.UNDO_CHARGE_OFF, _K.WRITE_OFF, _K.RESCHEDULE, _K.RE_AGE, _K.RE_AMORTIZE})
_CHECKS: Mapping[TransactionKind, Callable[[LoanAccount, Transaction], None]] = {
    _K.REPAYMENT: _check_anything,
    _K.DOWN_PAYMENT: _check_owed,
    _K.GOODWILL_CREDIT: _check_owed,
    _K.SETTLEMENT: _check_owed,
    _K.REFINANCE: _check_owed,
    _K.WAIVER: _check_waiver,
    _K.REFUND: _check_refund,
    _K.CHARGEBACK: _check_chargeback,
    _K.RECOVERY: _check_recovery,
    _K.WRITE_OFF: _check_owed,
    _K.CHARGE_OFF: _check_charge_off,
    _K.UNDO_CHARGE_OFF: _check_undo_charge_off,
    _K.RESCHEDULE: _check_restructure,
    _K.RE_AGE: _check_restructure,
    _K.RE_AMORTIZE: _check_restructure,
}
