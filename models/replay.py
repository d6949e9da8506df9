"""A loan as the replay of its transactions: each on its day, one recorded late as if it had come in time.

    transactions  ->  without those undone, by value date  ->  one after the other on the rows  ->  the account

What a replay gives depends on nothing but the terms, the policy, the transactions and the day it is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from models.account import LoanAccount, Payoff
from models.allocation import Part, RepaymentPolicy
from models.charging import charge, owe_again
from models.checking import RefundExceedsCredit, check
from models.debt import Debt
from models.forgiving import forgive, waive
from models.loan import LoanStatus
from models.paying import pay
from models.recalculation import Balance
from models.restructuring import can_restructure, new_rows, re_age, re_amortize, reschedule
from models.terms import LoanTerms
from models.transactions import NewTerms, Split, Transaction, TransactionKind

__all__ = ["LoanAccount", "Payoff", "check", "payoff", "replay"]

_K = TransactionKind
NOTHING = Split()
_ENOUGH = 10**18  # more than any loan owes


def replay(terms: LoanTerms, policy: RepaymentPolicy, transactions: Sequence[Transaction], *, on: date) -> LoanAccount:
    """The account these transactions, in the order of their recording, make on the business date `on`."""
    run = _replayed(terms, policy, transactions)
    day = max(on, run.last_on or on)
    run.debt.bring_to(day)
    run.debt.settle(day)
    return run.account()


def payoff(terms: LoanTerms, policy: RepaymentPolicy, transactions: Sequence[Transaction], *, on: date) -> Payoff:
    """What settles the loan on a day: principal, the interest its policy asks for until then, fees and penalties."""
    split = pay(_replayed(terms, policy, transactions).debt, _ENOUGH, on)
    return Payoff(
        principal_minor=split.principal_minor,
        interest_minor=split.interest_minor,
        fee_minor=split.fee_minor,
        penalty_minor=split.penalty_minor,
        total_minor=split.applied_minor,
        good_through=on,
    )


def effective(transactions: Sequence[Transaction]) -> list[Transaction]:
    """The transactions that stand, by value date; on one day in the order of their recording."""
    undone = {each.reverses for each in transactions if each.kind is _K.REVERSAL}
    standing = (each for each in transactions if each.kind is not _K.REVERSAL and each.id not in undone)
    return sorted(standing, key=lambda each: (each.on, each.kind is not _K.DISBURSEMENT))


def _replayed(terms: LoanTerms, policy: RepaymentPolicy, transactions: Sequence[Transaction]) -> "_Run":
    run = _Run(Debt(terms, policy, [], Balance(0)))
    reversals = [each for each in transactions if each.kind is _K.REVERSAL]
    run.reversals = frozenset(each.id for each in reversals)
    run.reversed = frozenset(each.reverses for each in reversals if each.reverses is not None)
    run.splits = dict.fromkeys(run.reversals, NOTHING)
    returned = any(each.kind is _K.DISBURSEMENT for each in transactions)
    for each in effective(transactions):
        run.take(each)
    if returned and run.disbursed_on is None:
        run.status = LoanStatus.CANCELLED
    return run


class _Run:
    """One replay under way."""

    def __init__(self, debt: Debt) -> None:
        self.debt = debt
        self.splits: dict[str, Split] = {}
        self.forgiven: dict[str, Split] = {}
        self.while_charged_off: set[str] = set()
        self.reversed: frozenset[str] = frozenset()
        self.reversals: frozenset[str] = frozenset()
        self.overpaid_minor = 0
        self.disbursed_on: date | None = None
        self.charged_off_on: date | None = None
        self.last_on: date | None = None
        self.status: LoanStatus | None = None

    def take(self, transaction: Transaction) -> None:
        """Let one transaction do what it does."""
        if self.charged_off_on is not None:
            self.while_charged_off.add(transaction.id)
        self.last_on = transaction.on
        self.splits[transaction.id] = _DOES[transaction.kind](self, transaction)
        self.debt.settle(transaction.on)

    def account(self) -> LoanAccount:
        """What has come of it."""
        rows = self.debt.rows
        return LoanAccount(
            terms=self.debt.terms,
            installments=tuple(row.as_installment() for row in rows),
            in_advance_minor=tuple(row.in_advance_minor for row in rows),
            late_minor=tuple(row.late_minor for row in rows),
            splits=self.splits,
            forgiven=self.forgiven,
            while_charged_off=frozenset(self.while_charged_off),
            reversed=self.reversed,
            reversals=self.reversals,
            status=self.status or self._status(),
            overpaid_minor=self.overpaid_minor,
            disbursed_on=self.disbursed_on,
            charged_off_on=self.charged_off_on,
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing is asked for any more: something recorded since ended the loan before."""
        return self.status is not None or not self.debt.rows

    def _status(self) -> LoanStatus:
        if self.disbursed_on is None or self.debt.outstanding_minor:
            return LoanStatus.ACTIVE
        return LoanStatus.OVERPAID if self.overpaid_minor else LoanStatus.CLOSED_OBLIGATIONS_MET

    # ------------------------------------------------------------ money out and in

    def disburse(self, transaction: Transaction) -> Split:
        debt, on = self.debt, transaction.on
        self.disbursed_on = on
        debt.rows[:] = new_rows(debt.terms, disbursed_on=on)
        debt.balance = Balance(debt.terms.principal_minor)
        return Split(fee_minor=debt.terms.principal_minor - debt.terms.disbursed_minor)

    def repay(self, transaction: Transaction) -> Split:
        split = pay(self.debt, transaction.amount_minor, transaction.on)
        self.overpaid_minor += split.overpaid_minor
        return split

    def settle(self, transaction: Transaction) -> Split:
        split = self.repay(transaction)
        self.forgiven[transaction.id] = forgive(self.debt)
        closed = LoanStatus.SETTLED if transaction.kind is _K.SETTLEMENT else LoanStatus.CLOSED_REFINANCED
        self.status = closed
        return split

    def refund(self, transaction: Transaction) -> Split:
        if transaction.amount_minor > self.overpaid_minor:  # something was recorded since that came before it
            raise RefundExceedsCredit(f"Refund {transaction.id} would exceed the credit of its day.", "type")
        self.overpaid_minor -= transaction.amount_minor
        return Split(overpaid_minor=-transaction.amount_minor)

    def charge_back(self, transaction: Transaction) -> Split:
        """What was paid goes back: the borrower's credit first, then principal is owed again, even of a closed loan."""
        credit_minor = min(transaction.amount_minor, self.overpaid_minor)
        self.overpaid_minor -= credit_minor
        owed_minor = transaction.amount_minor - credit_minor if self.debt.rows else 0
        if owed_minor:
            owe_again(self.debt, owed_minor, transaction.on)
            self.status = None
        return Split(principal_minor=owed_minor, overpaid_minor=credit_minor)

    def recover(self, transaction: Transaction) -> Split:  # noqa: ARG002 - each takes its transaction
        """Money for a loan that was given up; the installments stay as they were."""
        return NOTHING

    # ------------------------------------------------------------ charges and what is let go

    def charge(self, transaction: Transaction) -> Split:
        return NOTHING if self.is_over else charge(self.debt, transaction)

    def waive(self, transaction: Transaction) -> Split:
        part, on = transaction.part, transaction.on
        assert part is not None
        return waive(self.debt, part, transaction.amount_minor, on, installment=transaction.installment)

    def write_off(self, transaction: Transaction) -> Split:
        self.status = LoanStatus.CLOSED_WRITTEN_OFF
        self.debt.bring_to(transaction.on)
        lost = forgive(self.debt)
        self.forgiven[transaction.id] = lost
        return lost

    def charge_off(self, transaction: Transaction) -> Split:
        self.charged_off_on = transaction.on
        return self._outstanding(transaction.on)

    def undo_charge_off(self, transaction: Transaction) -> Split:
        self.charged_off_on = None
        return self._outstanding(transaction.on)

    def _outstanding(self, on: date) -> Split:
        self.debt.bring_to(on)
        sums = {part: sum(row.outstanding(part) for row in self.debt.rows) for part in Part}
        return Split(sums[Part.PRINCIPAL], sums[Part.INTEREST], sums[Part.FEE], sums[Part.PENALTY])

    # ------------------------------------------------------------ new installments

    def restructure(self, transaction: Transaction) -> Split:
        new, on = transaction.terms or NewTerms(), transaction.on
        self.debt.bring_to(on)
        if self.is_over or not can_restructure(self.debt.rows, on, needs_ahead=transaction.kind is not _K.RE_AGE):
            return NOTHING
        match transaction.kind:
            case _K.RESCHEDULE:
                reschedule(self.debt, new, on)
            case _K.RE_AGE:
                re_age(self.debt, new, on)
            case _:
                re_amortize(self.debt, on)
        return NOTHING


_DOES: Mapping[TransactionKind, Callable[[_Run, Transaction], Split]] = {
    _K.DISBURSEMENT: _Run.disburse,
    _K.DOWN_PAYMENT: _Run.repay,
    _K.REPAYMENT: _Run.repay,
    _K.GOODWILL_CREDIT: _Run.repay,
    _K.SETTLEMENT: _Run.settle,
    _K.REFINANCE: _Run.settle,
    _K.REFUND: _Run.refund,
    _K.CHARGEBACK: _Run.charge_back,
    _K.RECOVERY: _Run.recover,
    _K.FEE: _Run.charge,
    _K.PENALTY: _Run.charge,
    _K.WAIVER: _Run.waive,
    _K.WRITE_OFF: _Run.write_off,
    _K.CHARGE_OFF: _Run.charge_off,
    _K.UNDO_CHARGE_OFF: _Run.undo_charge_off,
    _K.RESCHEDULE: _Run.restructure,
    _K.RE_AGE: _Run.restructure,
    _K.RE_AMORTIZE: _Run.restructure,
}
