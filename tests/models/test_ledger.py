"""The books balance after every event, whatever happened."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.amortization import schedule_for
from models.chart import Account
from models.ledger import (
    Entry,
    Journal,
    UnbalancedJournal,
    disbursement_journal,
    disbursement_returned_journal,
    late_fee_journal,
    repayment_journal,
    trial_balance,
    write_off_journal,
)
from models.repayment import Allocation, allocate, charge_late_fee
from models.terms import Installment, LoanTerms

ON = date(2026, 1, 15)


def test_a_journal_that_does_not_balance_does_not_exist() -> None:
    with pytest.raises(UnbalancedJournal, match="Journal x: debits exceed credits by 1 minor units"):
        Journal("x", ON, "USD", "", (Entry(Account.CASH, 2), Entry(Account.BORROWER_CREDIT, -1)))


def test_a_journal_without_entries_does_not_exist() -> None:
    with pytest.raises(UnbalancedJournal):
        Journal("x", ON, "USD", "", ())


def test_a_disbursement_keeps_the_fee_back_as_income() -> None:
    journal = disbursement_journal("loan_1", principal_minor=2_500_000, fee_minor=30_000, currency="USD", on=ON)

    assert journal == Journal(
        "disburse:loan_1",
        ON,
        "USD",
        "Disbursement of loan_1",
        (
            Entry(Account.LOANS_RECEIVABLE, 2_500_000),
            Entry(Account.CASH, -2_470_000),
            Entry(Account.PROCESSING_FEE_INCOME, -30_000),
        ),
    )


def test_a_disbursement_without_a_fee_has_two_entries() -> None:
    journal = disbursement_journal("loan_1", principal_minor=100, fee_minor=0, currency="USD", on=ON)

    assert [entry.account for entry in journal.entries] == [Account.LOANS_RECEIVABLE, Account.CASH]


def test_a_repayment_goes_where_it_was_allocated() -> None:
    allocation = Allocation(
        (), principal_minor=200, interest_minor=30, fee_minor=4, penalty_minor=5, overpaid_minor=600
    )

    journal = repayment_journal("pay_1", allocation, currency="USD", on=ON)

    assert journal == Journal(
        "repayment:pay_1",
        ON,
        "USD",
        "Repayment pay_1",
        (
            Entry(Account.CASH, 839),
            Entry(Account.LOANS_RECEIVABLE, -200),
            Entry(Account.INTEREST_INCOME, -30),
            Entry(Account.FEE_INCOME, -4),
            Entry(Account.LATE_FEES_RECEIVABLE, -5),
            Entry(Account.BORROWER_CREDIT, -600),
        ),
    )


def test_a_late_fee_is_income_when_it_is_charged() -> None:
    journal = late_fee_journal("loan_1", 3, 5_443, currency="USD", on=ON)

    assert journal == Journal(
        "late_fee:loan_1:3",
        ON,
        "USD",
        "Late fee on installment 3 of loan_1",
        (Entry(Account.LATE_FEES_RECEIVABLE, 5_443), Entry(Account.LATE_FEE_INCOME, -5_443)),
    )


def test_a_write_off_is_a_loss_of_principal_and_penalties_but_not_of_interest() -> None:
    rows = [
        Installment(1, ON, principal_minor=500, interest_minor=50, penalty_minor=10, principal_paid_minor=100),
        Installment(2, ON, principal_minor=500, interest_minor=50),
    ]

    journal = write_off_journal("loan_1", rows, currency="USD", on=ON)

    assert journal == Journal(
        "write_off:loan_1",
        ON,
        "USD",
        "Write-off of loan_1",
        (
            Entry(Account.CREDIT_LOSSES, 910),
            Entry(Account.LOANS_RECEIVABLE, -900),
            Entry(Account.LATE_FEES_RECEIVABLE, -10),
        ),
    )


def test_a_returned_disbursement_leaves_no_trace_in_the_balances() -> None:
    paid_out = disbursement_journal("loan_1", principal_minor=900, fee_minor=9, currency="USD", on=ON)
    rows = [Installment(1, ON, 400, 10), Installment(2, ON, 500, 5)]

    returned = disbursement_returned_journal("loan_1", rows, fee_minor=9, currency="USD", on=ON)

    assert returned.key == "disbursement_returned:loan_1"
    assert set(trial_balance(paid_out.entries + returned.entries).values()) == {0}


def test_a_returned_disbursement_owes_the_borrower_what_was_repaid() -> None:
    terms = LoanTerms(900, "USD", Decimal(12), 2, processing_fee_minor=9)
    fined = charge_late_fee(schedule_for(terms, disbursed_on=ON), 1, 7)
    paid = allocate(300, fined, on=fined[0].due_on, terms=terms, disbursed_on=ON)
    journals = [
        disbursement_journal("loan_1", principal_minor=900, fee_minor=9, currency="USD", on=ON),
        late_fee_journal("loan_1", 1, 7, currency="USD", on=ON),
        repayment_journal("pay_1", paid, currency="USD", on=ON),
        disbursement_returned_journal("loan_1", paid.installments, fee_minor=9, currency="USD", on=ON),
    ]

    balances = trial_balance(entry for journal in journals for entry in journal.entries)

    assert {account: balance for account, balance in balances.items() if balance} == {
        Account.CASH: 300,
        Account.BORROWER_CREDIT: -300,
    }


def test_nothing_in_the_books_is_nothing_to_write_off() -> None:
    rows = [Installment(1, ON, principal_minor=0, interest_minor=50)]

    assert write_off_journal("loan_1", rows, currency="USD", on=ON) is None


@given(st.lists(st.tuples(st.sampled_from(Account), st.sampled_from(Account), st.integers(1, 10**9))))
def test_the_trial_balance_of_balanced_entries_is_zero(moves: list[tuple[Account, Account, int]]) -> None:
    entries = [entry for debit, credit, amount in moves for entry in (Entry(debit, amount), Entry(credit, -amount))]

    balance = trial_balance(entries)

    assert sum(balance.values()) == 0
    assert list(balance) == list(Account)


class Books(RuleBasedStateMachine):
    """A loan lives, and after each event the ledger says what the schedule says."""

    @initialize(principal_minor=st.integers(10_000, 5_000_000), fee_minor=st.integers(0, 9_999))
    def disburse(self, principal_minor: int, fee_minor: int) -> None:
        self.terms = LoanTerms(principal_minor, "USD", Decimal(24), 6, processing_fee_minor=fee_minor)
        self.installments = schedule_for(self.terms, disbursed_on=ON)
        self.on = ON
        self.payments = 0
        self.entries = disbursement_journal(
            "loan_1", principal_minor=principal_minor, fee_minor=fee_minor, currency="USD", on=ON
        ).entries

    @rule(days=st.integers(0, 40))
    def wait(self, days: int) -> None:
        self.on = date.fromordinal(self.on.toordinal() + days)

    @rule(amount_minor=st.integers(1, 2_000_000))
    def pay(self, amount_minor: int) -> None:
        self.payments += 1
        allocation = allocate(amount_minor, self.installments, on=self.on, terms=self.terms, disbursed_on=ON)
        self.installments = allocation.installments
        self.entries += repayment_journal(f"pay_{self.payments}", allocation, currency="USD", on=self.on).entries

    @precondition(lambda self: any(row.outstanding_minor for row in self.installments))
    @rule(amount_minor=st.integers(1, 5_000))
    def charge(self, amount_minor: int) -> None:
        number = next(row.number for row in self.installments if row.outstanding_minor)
        self.installments = charge_late_fee(self.installments, number, amount_minor)
        self.entries += late_fee_journal("loan_1", number, amount_minor, currency="USD", on=self.on).entries

    @invariant()
    def the_books_agree_with_the_schedule(self) -> None:
        balance = trial_balance(self.entries)
        assert sum(balance.values()) == 0
        assert balance[Account.LOANS_RECEIVABLE] == sum(row.principal_outstanding_minor for row in self.installments)
        assert balance[Account.LATE_FEES_RECEIVABLE] == sum(row.penalty_outstanding_minor for row in self.installments)
        assert -balance[Account.INTEREST_INCOME] == sum(row.interest_paid_minor for row in self.installments)


TestBooks = Books.TestCase
