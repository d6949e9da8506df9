"""Every kind of transaction has its entries, and a loan's books agree with its schedule whatever happens to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.accrual import Accrued, accrual_journal, accrued_target
from models.amortization import schedule_for
from models.chart import Account
from models.ledger import (
    Entry,
    Journal,
    JournalReversed,
    PeriodClosed,
    UnbalancedJournal,
    entries_for,
    journal_for,
    refuse_closed,
    reversal_of,
    trial_balance,
)
from models.terms import Installment, LoanTerms
from models.transactions import Split, Transaction, TransactionKind

ON = date(2026, 1, 15)
K = TransactionKind
PAID = Split(principal_minor=200, interest_minor=30, fee_minor=4, penalty_minor=5, overpaid_minor=600)
# What the kinds that follow a split do with one of 100 principal, 30 interest, 4 fees and 5 penalties.
OWED = Split(principal_minor=100, interest_minor=30, fee_minor=4, penalty_minor=5)


def test_a_journal_that_does_not_balance_does_not_exist() -> None:
    with pytest.raises(UnbalancedJournal, match="Journal x: debits exceed credits by 1 minor units"):
        Journal("x", ON, "USD", "", (Entry(Account.CASH, 2), Entry(Account.BORROWER_CREDIT, -1)))


def test_a_journal_without_entries_does_not_exist() -> None:
    with pytest.raises(UnbalancedJournal):
        Journal("x", ON, "USD", "", ())


@given(st.lists(st.tuples(st.sampled_from(Account), st.sampled_from(Account), st.integers(1, 10**9))))
def test_the_trial_balance_of_balanced_entries_is_zero(moves: list[tuple[Account, Account, int]]) -> None:
    entries = [entry for debit, credit, amount in moves for entry in (Entry(debit, amount), Entry(credit, -amount))]

    balance = trial_balance(entries)

    assert sum(balance.values()) == 0
    assert list(balance) == list(Account)


def booked(kind: TransactionKind, split: Split, amount_minor: int = 0, *, lost: bool = False) -> dict[str, int]:
    transaction = Transaction("txn_1", kind, ON, amount_minor)
    return {e.account.value: e.amount_minor for e in entries_for(transaction, split, is_charged_off=lost)}


def test_a_disbursement_keeps_the_fee_back_as_income() -> None:
    assert booked(K.DISBURSEMENT, Split(fee_minor=30), 2_500) == {
        "loans_receivable": 2_500,
        "cash": -2_470,
        "processing_fee_income": -30,
    }


@pytest.mark.parametrize(
    ("kind", "debit"),
    [
        (K.REPAYMENT, "cash"),
        (K.DOWN_PAYMENT, "cash"),
        (K.SETTLEMENT, "cash"),
        (K.REFINANCE, "cash"),
        (K.GOODWILL_CREDIT, "goodwill_expense"),
    ],
)
def test_money_goes_where_its_split_says(kind: TransactionKind, debit: str) -> None:
    assert booked(kind, PAID) == {
        debit: 839,
        "loans_receivable": -200,
        "interest_receivable": -30,
        "fees_receivable": -4,
        "late_fees_receivable": -5,
        "borrower_credit": -600,
    }


def test_a_chargeback_takes_the_money_away_again() -> None:
    back = booked(K.CHARGEBACK, PAID)

    assert back == {account: -amount for account, amount in booked(K.REPAYMENT, PAID).items()}


def test_a_refund_pays_what_the_borrower_has_with_us() -> None:
    assert booked(K.REFUND, Split(), 70) == {"borrower_credit": 70, "cash": -70}


def test_a_penalty_is_income_when_it_is_charged() -> None:
    assert booked(K.PENALTY, Split(), 70) == {"late_fees_receivable": 70, "late_fee_income": -70}


def test_a_waiver_takes_back_penalties_and_loses_principal() -> None:
    assert booked(K.WAIVER, OWED) == {
        "late_fee_income": 5,
        "late_fees_receivable": -5,
        "credit_losses": 100,
        "loans_receivable": -100,
    }


@pytest.mark.parametrize("kind", [K.CHARGE_OFF, K.WRITE_OFF])
def test_what_is_given_up_is_a_loss_of_principal_and_penalties(kind: TransactionKind) -> None:
    assert booked(kind, OWED) == {"credit_losses": 105, "loans_receivable": -100, "late_fees_receivable": -5}


def test_what_a_settlement_lets_go_is_a_loss() -> None:
    settled = Transaction("txn_1", K.SETTLEMENT, ON, 80)

    entries = entries_for(settled, Split(principal_minor=80), forgiven=Split(principal_minor=20, interest_minor=9))

    assert trial_balance(entries) | {Account.CASH: 80, Account.CREDIT_LOSSES: 20, Account.LOANS_RECEIVABLE: -100} == (
        trial_balance(entries)
    )


def test_a_charge_off_that_is_undone_is_no_loss() -> None:
    undone = booked(K.UNDO_CHARGE_OFF, OWED, lost=True)

    assert undone == {account: -amount for account, amount in booked(K.CHARGE_OFF, OWED).items()}
    assert booked(K.UNDO_CHARGE_OFF, OWED) == {}  # the charge-off has been reversed meanwhile


def test_money_for_a_loan_charged_off_is_a_recovery() -> None:
    recovered = Transaction("txn_1", K.REPAYMENT, ON)

    balance = trial_balance(entries_for(recovered, PAID, is_charged_off=True))

    assert {account.value: held for account, held in balance.items() if held} == {
        "cash": 839,
        "recoveries": -205,
        "interest_receivable": -30,
        "fees_receivable": -4,
        "borrower_credit": -600,
    }


def test_a_recovery_of_a_loan_written_off_is_one_whatever_it_pays() -> None:
    assert booked(K.RECOVERY, Split(), 70, lost=True) == {"cash": 70, "recoveries": -70}


@pytest.mark.parametrize("kind", [K.PENALTY, K.WAIVER, K.WRITE_OFF, K.CHARGE_OFF])
def test_a_loan_charged_off_has_nothing_more_in_the_books_to_change(kind: TransactionKind) -> None:
    assert booked(kind, OWED, 70, lost=True) == {}


@pytest.mark.parametrize("kind", [K.FEE, K.RESCHEDULE, K.RE_AGE, K.RE_AMORTIZE, K.REVERSAL])
def test_what_moves_no_money_has_no_journal(kind: TransactionKind) -> None:
    assert journal_for("loan_1", Transaction("txn_1", kind, ON, 70), Split(), currency="USD") is None


def test_a_journal_is_named_after_its_transaction_and_its_version() -> None:
    penalty = Transaction("txn_1", K.PENALTY, ON, 70)

    first = journal_for("loan_1", penalty, Split(), currency="USD")
    third = journal_for("loan_1", penalty, Split(), currency="USD", version=3)

    assert first is not None
    assert third is not None
    assert (first.key, third.key) == ("penalty:txn_1", "penalty:txn_1:3")
    assert (first.booked_on, first.currency, first.description) == (ON, "USD", "Penalty txn_1 of loan_1")


def test_a_reversal_mirrors_its_journal_and_is_not_reversed() -> None:
    journal = Journal("x", ON, "USD", "Late fee", (Entry(Account.CASH, 2), Entry(Account.FEE_INCOME, -2)))

    reversal = reversal_of(journal)

    assert reversal == Journal(
        "reversal:x",
        ON,
        "USD",
        "Reversal of: Late fee",
        (Entry(Account.CASH, -2), Entry(Account.FEE_INCOME, 2)),
        reverses="x",
    )
    assert reversal_of(journal, on=date(2026, 2, 1)).booked_on == date(2026, 2, 1)
    with pytest.raises(JournalReversed, match="Journal reversal:x is a reversal") as refused:
        reversal_of(reversal)
    assert refused.value.field == "reverses"


def test_a_day_in_a_closed_period_is_refused() -> None:
    refuse_closed(ON, None)
    refuse_closed(ON, ON - timedelta(days=1))
    with pytest.raises(PeriodClosed, match="The books are closed through 2026-01-15") as refused:
        refuse_closed(ON, ON, field="on")
    assert refused.value.field == "on"


@given(
    st.sampled_from(TransactionKind),
    st.integers(0, 10**12),
    st.builds(Split, *[st.integers(0, 10**9)] * 5),
    st.builds(Split, *[st.integers(0, 10**9)] * 5),
)
def test_entries_balance_whatever_is_posted(
    kind: TransactionKind, amount_minor: int, split: Split, forgiven: Split
) -> None:
    transaction = Transaction("txn_1", kind, ON, amount_minor)

    for lost in (False, True):
        entries = entries_for(transaction, split, forgiven=forgiven, is_charged_off=lost)
        assert sum(entry.amount_minor for entry in entries) == 0
        assert all(entry.amount_minor for entry in entries)


Change = Callable[[Installment], Installment]


class Books(RuleBasedStateMachine):
    """A loan lives through months, and after each event its books say what its schedule says."""

    @initialize(principal_minor=st.integers(10_000, 5_000_000), fee_minor=st.integers(0, 9_999))
    def disburse(self, principal_minor: int, fee_minor: int) -> None:
        terms = LoanTerms(principal_minor, "USD", Decimal(24), 6, processing_fee_minor=fee_minor)
        self.rows = tuple(replace(row, fee_minor=50) for row in schedule_for(terms, disbursed_on=ON))
        self.on, self.accrued, self.overpaid, self.lost = ON, Accrued(), 0, False
        self.journals: list[Journal] = []
        self.payments: list[tuple[Journal, tuple[Installment, ...], int]] = []
        self.post(K.DISBURSEMENT, Split(fee_minor=fee_minor), principal_minor)

    @rule(days=st.integers(0, 40))
    def live(self, days: int) -> None:
        self.on += timedelta(days=days)
        self.accrue()

    @rule(amount_minor=st.integers(1, 2_000_000))
    def pay(self, amount_minor: int) -> None:
        before, overpaid = self.rows, self.overpaid
        split = self.allocate(amount_minor)
        self.payments.append((self.post(K.REPAYMENT, split), before, overpaid))
        self.accrue()

    @precondition(lambda self: self.payments)
    @rule()
    def reverse_the_last_payment(self) -> None:
        """Nothing else has happened since: charges, waivers and charge-offs forget the payments before them."""
        journal, self.rows, self.overpaid = self.payments.pop()
        self.journals.append(reversal_of(journal))
        self.accrue()

    @precondition(lambda self: not self.lost)
    @rule(place=st.integers(0, 5), amount_minor=st.integers(1, 5_000))
    def charge(self, place: int, amount_minor: int) -> None:
        row = self.rows[place]
        self.change(place, replace(row, penalty_minor=row.penalty_minor + amount_minor))
        self.post(K.PENALTY, Split(), amount_minor)
        self.accrue()

    @precondition(lambda self: not self.lost)
    @rule(place=st.integers(0, 5))
    def waive(self, place: int) -> None:
        row = self.rows[place]
        waived = Split(0, row.interest_outstanding_minor, row.fee_outstanding_minor, row.penalty_outstanding_minor)
        interest, fee, penalty = row.interest_paid_minor, row.fee_paid_minor, row.penalty_paid_minor
        self.change(place, replace(row, interest_minor=interest, fee_minor=fee, penalty_minor=penalty))
        self.post(K.WAIVER, waived)
        self.accrue()

    @precondition(lambda self: not self.lost)
    @rule()
    def charge_off(self) -> None:
        self.payments.clear()
        split = Split(
            sum(row.principal_outstanding_minor for row in self.rows),
            penalty_minor=sum(row.penalty_outstanding_minor for row in self.rows),
        )
        self.post(K.CHARGE_OFF, split)
        self.lost = True
        self.accrue()

    def allocate(self, amount_minor: int) -> Split:
        left, paid = amount_minor, dict.fromkeys(("principal", "interest", "fee", "penalty"), 0)
        rows = []
        for row in self.rows:
            changes = {}
            for part in ("penalty", "fee", "interest", "principal"):
                share = min(left, getattr(row, f"{part}_outstanding_minor"))
                left -= share
                paid[part] += share
                changes[f"{part}_paid_minor"] = getattr(row, f"{part}_paid_minor") + share
            rows.append(replace(row, **changes))
        self.rows = tuple(rows)
        self.overpaid += left
        return Split(paid["principal"], paid["interest"], paid["fee"], paid["penalty"], left)

    def change(self, place: int, row: Installment) -> None:
        self.payments.clear()
        self.rows = (*self.rows[:place], row, *self.rows[place + 1 :])

    def post(self, kind: TransactionKind, split: Split, amount_minor: int = 0) -> Journal:
        transaction = Transaction(f"txn_{len(self.journals)}", kind, self.on, amount_minor)
        journal = journal_for("loan_1", transaction, split, currency="USD", is_charged_off=self.lost)
        if journal:
            self.journals.append(journal)
        return journal or Journal("none", ON, "USD", "", (Entry(Account.CASH, 1), Entry(Account.CASH, -1)))

    def accrue(self) -> None:
        target = accrued_target(self.rows, self.on, ON, is_charged_off=self.lost)
        journal = accrual_journal("loan_1", self.accrued, target, currency="USD", on=self.on)
        self.journals += [journal] if journal else []
        self.accrued = target

    @invariant()
    def the_books_agree_with_the_schedule(self) -> None:
        held = trial_balance(entry for journal in self.journals for entry in journal.entries)
        assert sum(held.values()) == 0
        principal = 0 if self.lost else sum(row.principal_outstanding_minor for row in self.rows)
        penalties = 0 if self.lost else sum(row.penalty_outstanding_minor for row in self.rows)
        interest_paid = sum(row.interest_paid_minor for row in self.rows)
        assert held[Account.LOANS_RECEIVABLE] == principal
        assert held[Account.LATE_FEES_RECEIVABLE] == penalties
        assert held[Account.INTEREST_RECEIVABLE] == self.accrued.interest_minor - interest_paid >= 0
        assert held[Account.FEES_RECEIVABLE] >= 0
        assert held[Account.BORROWER_CREDIT] == -self.overpaid
        assert -held[Account.INTEREST_INCOME] == self.accrued.interest_minor


TestBooks = Books.TestCase
