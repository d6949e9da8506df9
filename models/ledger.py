"""Double-entry bookkeeping of a loan: one balanced journal for each business event, named after it.

    event                     debit                            credit
    disbursement              loans receivable   principal     cash                    what was paid out
                                                               processing fee income   what was kept back
    repayment                 cash               payment       loans receivable        principal
                                                               interest income         interest
                                                               fee income              fees
                                                               late fees receivable    penalties
                                                               borrower credit         what is beyond the debt
    late fee                  late fees receivable             late fee income
    write-off                 credit losses                    loans receivable        principal outstanding
                                                               late fees receivable    penalties outstanding
    disbursement returned     cash               paid out      loans receivable        principal outstanding
                              every income       earned        late fees receivable    penalties outstanding
                                                               borrower credit         what was repaid

Interest is income when it is paid (cash basis), so unpaid interest is nothing to write off. A late fee is income when
it is charged, because charging it is an event of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.errors import Refused
from models.repayment import Allocation
from models.terms import Installment


class UnbalancedJournal(Refused):
    """Debits and credits differ, or there are none."""


class Side(StrEnum):
    """The side on which an account grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class Account(StrEnum):
    """The chart of accounts."""

    CASH = "cash"
    LOANS_RECEIVABLE = "loans_receivable"
    LATE_FEES_RECEIVABLE = "late_fees_receivable"
    BORROWER_CREDIT = "borrower_credit"
    INTEREST_INCOME = "interest_income"
    PROCESSING_FEE_INCOME = "processing_fee_income"
    FEE_INCOME = "fee_income"
    LATE_FEE_INCOME = "late_fee_income"
    CREDIT_LOSSES = "credit_losses"

    @property
    def normal_side(self) -> Side:
        """Assets and losses grow by debits, what we owe and what we earn by credits."""
        return Side.DEBIT if self in _DEBIT_ACCOUNTS else Side.CREDIT


_DEBIT_ACCOUNTS = frozenset(
    {Account.CASH, Account.LOANS_RECEIVABLE, Account.LATE_FEES_RECEIVABLE, Account.CREDIT_LOSSES}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal; a debit is positive, a credit negative."""

    account: Account
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The entries of one business event. `key` is unique: the same event is never booked twice."""

    key: str
    booked_on: date
    currency: str
    description: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        difference = sum(entry.amount_minor for entry in self.entries)
        if difference or not self.entries:
            raise UnbalancedJournal(f"Journal {self.key}: debits exceed credits by {difference} minor units.")


def disbursement_journal(loan_id: str, *, principal_minor: int, fee_minor: int, currency: str, on: date) -> Journal:
    """The borrower owes the principal and received it less the processing fee."""
    return Journal(
        key=f"disburse:{loan_id}",
        booked_on=on,
        currency=currency,
        description=f"Disbursement of {loan_id}",
        entries=_entries(
            (Account.LOANS_RECEIVABLE, principal_minor),
            (Account.CASH, fee_minor - principal_minor),
            (Account.PROCESSING_FEE_INCOME, -fee_minor),
        ),
    )


def repayment_journal(payment_id: str, allocation: Allocation, *, currency: str, on: date) -> Journal:
    """A payment came in and was allocated."""
    return Journal(
        key=f"repayment:{payment_id}",
        booked_on=on,
        currency=currency,
        description=f"Repayment {payment_id}",
        entries=_entries(
            (Account.CASH, allocation.amount_minor),
            (Account.LOANS_RECEIVABLE, -allocation.principal_minor),
            (Account.INTEREST_INCOME, -allocation.interest_minor),
            (Account.FEE_INCOME, -allocation.fee_minor),
            (Account.LATE_FEES_RECEIVABLE, -allocation.penalty_minor),
            (Account.BORROWER_CREDIT, -allocation.overpaid_minor),
        ),
    )


def late_fee_journal(loan_id: str, installment_number: int, amount_minor: int, *, currency: str, on: date) -> Journal:
    """A late fee was charged to an installment; once, whatever happens."""
    return Journal(
        key=f"late_fee:{loan_id}:{installment_number}",
        booked_on=on,
        currency=currency,
        description=f"Late fee on installment {installment_number} of {loan_id}",
        entries=_entries((Account.LATE_FEES_RECEIVABLE, amount_minor), (Account.LATE_FEE_INCOME, -amount_minor)),
    )


def write_off_journal(loan_id: str, installments: Iterable[Installment], *, currency: str, on: date) -> Journal | None:
    """The loan was given up: what is outstanding of it becomes a loss. None when only unearned interest was left."""
    rows = tuple(installments)
    principal_minor = sum(row.principal_outstanding_minor for row in rows)
    penalty_minor = sum(row.penalty_outstanding_minor for row in rows)
    if principal_minor + penalty_minor == 0:
        return None
    return Journal(
        key=f"write_off:{loan_id}",
        booked_on=on,
        currency=currency,
        description=f"Write-off of {loan_id}",
        entries=_entries(
            (Account.CREDIT_LOSSES, principal_minor + penalty_minor),
            (Account.LOANS_RECEIVABLE, -principal_minor),
            (Account.LATE_FEES_RECEIVABLE, -penalty_minor),
        ),
    )


def disbursement_returned_journal(
    loan_id: str, installments: Iterable[Installment], *, fee_minor: int, currency: str, on: date
) -> Journal:
    """The rail returned the disbursement: nothing was lent or earned, and what was repaid is the borrower's."""
    rows = tuple(installments)
    principal_minor = sum(row.principal_minor for row in rows)
    return Journal(
        key=f"disbursement_returned:{loan_id}",
        booked_on=on,
        currency=currency,
        description=f"Disbursement of {loan_id} returned",
        entries=_entries(
            (Account.CASH, principal_minor - fee_minor),
            (Account.PROCESSING_FEE_INCOME, fee_minor),
            (Account.LOANS_RECEIVABLE, -sum(row.principal_outstanding_minor for row in rows)),
            (Account.INTEREST_INCOME, sum(row.interest_paid_minor for row in rows)),
            (Account.FEE_INCOME, sum(row.fee_paid_minor for row in rows)),
            (Account.LATE_FEE_INCOME, sum(row.penalty_minor for row in rows)),
            (Account.LATE_FEES_RECEIVABLE, -sum(row.penalty_outstanding_minor for row in rows)),
            (Account.BORROWER_CREDIT, -sum(row.paid_minor for row in rows)),
        ),
    )


def trial_balance(entries: Iterable[Entry]) -> dict[Account, int]:
    """The balance of every account, debits positive, in the order of the chart; together they are zero."""
    balances = dict.fromkeys(Account, 0)
    for entry in entries:
        balances[entry.account] += entry.amount_minor
    return balances


def _entries(*lines: tuple[Account, int]) -> tuple[Entry, ...]:
    return tuple(Entry(account, amount_minor) for account, amount_minor in lines if amount_minor)
