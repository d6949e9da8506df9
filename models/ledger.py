"""Double-entry bookkeeping of a loan, and of an invoice: one balanced journal for each business event, named after it.

    event               debit                              credit
    disbursement        loans receivable    principal      cash, and processing fee income what is kept back
    money that comes    cash                               loans, interest, fees and late fees receivable by its split,
                                                           borrower credit what is beyond the debt
    goodwill credit     goodwill expense                   as money that comes
    settlement          cash; credit losses the rest       as money that comes, with what is forgiven
    chargeback          as money that comes                cash
    refund              borrower credit                    cash
    penalty             late fees receivable               late fee income
    waiver              late fee income     penalties      late fees receivable
                        credit losses       principal      loans receivable
    charge-off,         credit losses                      loans receivable     principal outstanding
    write-off                                              late fees receivable penalties outstanding
    recovery            cash                               recoveries

And of what providers pay us (`models.billing`), booked on the invoice:

    invoice             providers receivable               provider fee income
    credit note         provider fee credits               providers receivable
    its payment         cash                               providers receivable

Interest and fees become income by accrual (`models.accrual`): earned day by day, and taken back when a waiver, a
write-off or a charge-off says that they will not come. So they have entries here only where money settles them.
Of a loan that is charged off, principal and penalties are in the books no more: money for them is a recovery.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from models.chart import Account
from models.errors import Conflict, Refused
from models.transactions import Split, Transaction, TransactionKind


class UnbalancedJournal(Refused):
    """Debits and credits differ, or there are none."""


class JournalReversed(Conflict):
    """The journal is itself a reversal, which is not reversed: what is to be booked is booked anew."""


class PeriodClosed(Conflict):
    """The day lies in a period whose books are closed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal; a debit is positive, a credit negative."""

    account: Account
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Journal:
    """The entries of one business event. `key` is unique: the same event is never booked twice.

    `reverses` is the key of the journal that this one takes back.
    """

    key: str
    booked_on: date
    currency: str
    description: str
    entries: tuple[Entry, ...]
    reverses: str | None = None

    def __post_init__(self) -> None:
        difference = sum(entry.amount_minor for entry in self.entries)
        if difference or not self.entries:
            raise UnbalancedJournal(f"Journal {self.key}: debits exceed credits by {difference} minor units.")


_Lines = tuple[tuple[Account, int], ...]
_K = TransactionKind
# What is debited for money that comes in, or that we give as if it had come in.
_INCOMING = {
    _K.REPAYMENT: Account.CASH,
    _K.DOWN_PAYMENT: Account.CASH,
    _K.SETTLEMENT: Account.CASH,
    _K.REFINANCE: Account.CASH,
    _K.GOODWILL_CREDIT: Account.GOODWILL_EXPENSE,
}


def entries_for(
    transaction: Transaction, split: Split, *, forgiven: Split | None = None, is_charged_off: bool = False
) -> tuple[Entry, ...]:
    """The entries of a transaction, none when it moves nothing in the books.

    `forgiven` is what a settlement or a refinancing lets go beside the money; `is_charged_off` tells of the loan as it
    was before the transaction.
    """
    lines = _settling(transaction, split, is_charged_off=is_charged_off) or _moving(transaction, split)
    if is_charged_off and transaction.kind is _K.UNDO_CHARGE_OFF:
        lines = _mirrored(_lost(split))
    if not is_charged_off:
        lines = lines or _on_the_balance(transaction, split)
        lines += _lost(forgiven) if forgiven and transaction.kind in _INCOMING else ()
    return _entries(*lines)


def journal_for(
    loan_id: str,
    transaction: Transaction,
    split: Split,
    *,
    currency: str,
    version: int = 1,
    forgiven: Split | None = None,
    is_charged_off: bool = False,
) -> Journal | None:
    """The journal of a transaction on its value date, or None when it moves nothing in the books.

    A replay that moves an older transaction's money books it anew under the next `version`.
    """
    entries = entries_for(transaction, split, forgiven=forgiven, is_charged_off=is_charged_off)
    if not entries:
        return None
    key = f"{transaction.kind}:{transaction.id}"
    return Journal(
        key=key if version == 1 else f"{key}:{version}",
        booked_on=transaction.on,
        currency=currency,
        description=f"{transaction.kind.replace('_', ' ').capitalize()} {transaction.id} of {loan_id}",
        entries=entries,
    )


def reversal_of(journal: Journal, *, on: date | None = None) -> Journal:
    """The journal that takes another one back, on its own day unless another is named. A reversal stays."""
    if journal.reverses is not None:
        raise JournalReversed(f"Journal {journal.key} is a reversal.", "reverses")
    return Journal(
        key=f"reversal:{journal.key}",
        booked_on=on or journal.booked_on,
        currency=journal.currency,
        description=f"Reversal of: {journal.description}",
        entries=tuple(Entry(entry.account, -entry.amount_minor) for entry in journal.entries),
        reverses=journal.key,
    )


def refuse_closed(on: date, closed_through: date | None, *, field: str = "date") -> None:
    """Refuse a day in a closed period."""
    if closed_through is not None and on <= closed_through:
        raise PeriodClosed(f"The books are closed through {closed_through}.", field)


def _settling(transaction: Transaction, split: Split, *, is_charged_off: bool) -> _Lines:
    """Money by what it paid, and a chargeback, which takes it away again.

    Interest and fees of a loan charged off are accrued as they come, so they are receivable for a moment.
    """
    paid = (
        (Account.RECOVERIES if is_charged_off else Account.LOANS_RECEIVABLE, -split.principal_minor),
        (Account.INTEREST_RECEIVABLE, -split.interest_minor),
        (Account.FEES_RECEIVABLE, -split.fee_minor),
        (Account.RECOVERIES if is_charged_off else Account.LATE_FEES_RECEIVABLE, -split.penalty_minor),
        (Account.BORROWER_CREDIT, -split.overpaid_minor),
    )
    if transaction.kind in _INCOMING:
        return ((_INCOMING[transaction.kind], split.amount_minor), *paid)
    if transaction.kind is _K.CHARGEBACK:
        return _mirrored(((Account.CASH, split.amount_minor), *paid))
    return ()


def _moving(transaction: Transaction, split: Split) -> _Lines:
    """What moves the same amounts whether the loan is charged off or not."""
    amount = transaction.amount_minor
    match transaction.kind:
        case _K.DISBURSEMENT:
            kept = split.fee_minor
            return (
                (Account.LOANS_RECEIVABLE, amount),
                (Account.CASH, kept - amount),
                (Account.PROCESSING_FEE_INCOME, -kept),
            )
        case _K.REFUND:
            return ((Account.BORROWER_CREDIT, amount), (Account.CASH, -amount))
        case _K.RECOVERY:
            return ((Account.CASH, amount), (Account.RECOVERIES, -amount))
        case _:
            return ()


def _on_the_balance(transaction: Transaction, split: Split) -> _Lines:
    """What changes a debt that still stands in the books."""
    match transaction.kind:
        case _K.PENALTY:
            amount = transaction.amount_minor
            return ((Account.LATE_FEES_RECEIVABLE, amount), (Account.LATE_FEE_INCOME, -amount))
        case _K.WAIVER:
            return (
                (Account.LATE_FEE_INCOME, split.penalty_minor),
                (Account.LATE_FEES_RECEIVABLE, -split.penalty_minor),
                (Account.CREDIT_LOSSES, split.principal_minor),
                (Account.LOANS_RECEIVABLE, -split.principal_minor),
            )
        case _K.CHARGE_OFF | _K.WRITE_OFF:
            return _lost(split)
        case _:
            return ()


def _lost(split: Split) -> _Lines:
    return (
        (Account.CREDIT_LOSSES, split.principal_minor + split.penalty_minor),
        (Account.LOANS_RECEIVABLE, -split.principal_minor),
        (Account.LATE_FEES_RECEIVABLE, -split.penalty_minor),
    )


def _mirrored(lines: _Lines) -> _Lines:
    return tuple((account, -amount_minor) for account, amount_minor in lines)


def trial_balance(entries: Iterable[Entry]) -> dict[Account, int]:
    """The balance of every account, debits positive, in the order of the chart; together they are zero."""
    balances = dict.fromkeys(Account, 0)
    for entry in entries:
        balances[entry.account] += entry.amount_minor
    return balances


def _entries(*lines: tuple[Account, int]) -> tuple[Entry, ...]:
    return tuple(Entry(account, amount_minor) for account, amount_minor in lines if amount_minor)
