"""The chain follows the ledger, whatever happens to a loan."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.chain import ChainOperationKind, ChainState
from models.chain_mirror import SERVICED, Ledger, NewChainTerms, Standing, Step, Told, after, ledger_of, steps
from models.chain_terms import FOREVER
from models.installment import Installment
from models.loan import LoanStatus
from tests.aggregator import Contract

K, S = ChainOperationKind, ChainState
LENT = 25_000_00
ACTIVE = Told(S.ACTIVE, LENT, LENT, sequence=1)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Any account: repaid, charged back, capitalized, let go, in any state its figures allow."""
    added = draw(st.integers(-LENT, LENT))
    repaid = draw(st.integers(0, LENT + added))
    interest = draw(st.integers(0, 2 * LENT))
    if repaid == LENT + added:
        state = draw(st.sampled_from([S.CLOSED, S.WRITTEN_OFF]))
    else:
        state = draw(st.sampled_from(sorted(SERVICED)))
    return draw(st.sampled_from([Ledger(state, repaid, interest, added), Ledger(S.CANCELLED, 0, 0, 0)]))


def told_of(ledger: Ledger, told: Told) -> Told:
    """Bring a loan on chain to where the ledger is, through the contract."""
    contract = Contract(told)
    for step in steps(told, ledger, lent=LENT):
        contract.apply(step)
        told = after(told, step)
        assert (told.state, told.principal, told.outstanding, told.interest, told.sequence) == (
            contract.state,
            contract.principal,
            contract.outstanding,
            contract.interest,
            contract.seq,
        )
    return told


@given(st.lists(ledgers(), min_size=1, max_size=5))
def test_the_chain_has_the_ledgers_figures_after_any_two_accounts(history: list[Ledger]) -> None:
    told = Told(S.ORIGINATED, LENT, 0)

    for ledger in history:
        before, told = told, told_of(ledger, told)
        if before.state is S.CANCELLED:
            assert told == before
            continue
        if ledger.state is S.CANCELLED:
            # Where some was let go the contract knows no way back, and what is left is let go as well.
            assert told.state is (S.CLOSED if told.forgiven else S.CANCELLED)
            assert (told.interest, told.outstanding) == (0, 0)
            continue
        if is_out_of_reach(before, ledger):
            continue
        assert steps(told, ledger, lent=LENT) == ()
        assert (told.interest, told.repaid) == (ledger.interest, ledger.repaid)
        if ledger.state is S.WRITTEN_OFF:
            # What is lost is what is left on chain; where nothing is left, the loan is closed.
            assert told.state is (S.WRITTEN_OFF if told.outstanding else S.CLOSED)
        else:
            assert told.state is ledger.state
            assert told.outstanding == LENT + ledger.added - ledger.repaid


def is_out_of_reach(told: Told, ledger: Ledger) -> bool:
    """A loan of which everything was let go before a cent came back cannot be opened again on chain."""
    is_shut = told.state is S.CLOSED and not told.repaid and not told.interest
    return is_shut and (ledger.repaid, ledger.added) != (0, -LENT)


def test_a_loan_closed_without_a_payment_cannot_be_opened_again() -> None:
    closed = Told(S.CLOSED, LENT, 0, forgiven=LENT, sequence=2)

    assert steps(closed, Ledger(S.ACTIVE, 0, 0, 0), lent=LENT) == ()


def test_money_that_comes_first_funds_the_loan_and_is_then_recorded() -> None:
    told = steps(Told(S.ORIGINATED, LENT, 0), Ledger(S.ACTIVE, 500_00, 100_00, 0), lent=LENT)

    assert told == (Step(K.FUND, 1), Step(K.REPAY, 2, principal=500_00, interest=100_00))


def test_a_payment_that_was_undone_is_taken_back_before_the_next_is_told() -> None:
    before = Told(S.ACTIVE, LENT, LENT - 1_000_00, 200_00, sequence=2)

    told = steps(before, Ledger(S.ACTIVE, 900_00, 250_00, 0), lent=LENT)

    assert told == (Step(K.REVERSE_REPAYMENT, 3, principal=100_00), Step(K.REPAY, 4, interest=50_00))


def test_arrears_so_old_that_the_loan_counts_as_lost_are_told_in_two_steps() -> None:
    told = steps(ACTIVE, Ledger(S.DEFAULTED, 0, 0, 0), lent=LENT)

    assert told == (Step(K.TRANSITION, 2, to=S.DELINQUENT), Step(K.TRANSITION, 3, to=S.DEFAULTED))


def test_new_terms_are_told_even_if_nothing_is_capitalized() -> None:
    same = Ledger(S.ACTIVE, 0, 0, 0)

    assert steps(ACTIVE, same, lent=LENT, is_restructured=True) == (Step(K.RESTRUCTURE, 2),)
    assert steps(ACTIVE, same, lent=LENT) == ()


def test_nothing_is_written_while_an_auction_has_the_loan() -> None:
    auctioned = Told(S.LIQUIDATING, LENT, LENT, sequence=4)

    assert steps(auctioned, Ledger(S.ACTIVE, 100_00, 0, 0), lent=LENT) == ()


def test_what_was_charged_back_beyond_what_was_repaid_is_capitalized() -> None:
    before = Told(S.ACTIVE, LENT, LENT - 100_00, 20_00, sequence=2)

    told = steps(before, Ledger(S.ACTIVE, 100_00, 20_00, 120_00), lent=LENT)

    assert told == (Step(K.RESTRUCTURE, 3, principal=120_00),)


def row(principal: int, repaid: int = 0, interest: int = 0, paid: int = 0) -> Installment:
    return Installment(1, date(2026, 3, 1), principal, interest, principal_paid_minor=repaid, interest_paid_minor=paid)


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing(LoanStatus.ACTIVE, 100), S.ACTIVE),
        (Standing(LoanStatus.ACTIVE, 100, days_past_due=1), S.DELINQUENT),
        (Standing(LoanStatus.ACTIVE, 100, days_past_due=181, is_in_default=True), S.DEFAULTED),
        (Standing(LoanStatus.SETTLED, 100), S.CLOSED),
        (Standing(LoanStatus.CLOSED_REFINANCED, 100), S.CLOSED),
        (Standing(LoanStatus.CLOSED_WRITTEN_OFF, 100), S.WRITTEN_OFF),
        (Standing(LoanStatus.CANCELLED, 100), S.CANCELLED),
    ],
)
def test_the_state_follows_status_and_arrears(standing: Standing, state: ChainState) -> None:
    assert ledger_of(standing, [row(100)], 0).state is state


def test_a_loan_that_owes_interest_alone_is_closed_on_chain() -> None:
    owes = [row(100, repaid=100, interest=7, paid=3)]

    assert ledger_of(Standing(LoanStatus.ACTIVE, 100), owes, 0) == Ledger(S.CLOSED, 100, 3, 0)


def test_fees_and_penalties_count_as_interest_and_amounts_are_in_base_units() -> None:
    paid = [Installment(1, date(2026, 3, 1), 90, 7, 2, 3, 40, 7, 2, 3)]

    assert ledger_of(Standing(LoanStatus.ACTIVE, 100), paid, 4) == Ledger(S.ACTIVE, 40_0000, 12_0000, -10_0000)


def test_new_terms_that_nobody_signs_do_not_run_out() -> None:
    terms = NewChainTerms("0xaa", 820, 100_00, 1_800_000_000)

    assert terms.with_capitalized(5) == {
        "agreementHash": "0xaa",
        "capitalized": 5,
        "aprBps": 820,
        "interestCapBps": 100_00,
        "maturity": 1_800_000_000,
        "signedUntil": FOREVER,
    }


def test_a_write_that_names_no_state_leaves_none() -> None:
    with pytest.raises(AssertionError):
        after(ACTIVE, Step(K.TRANSITION, 2))


def test_a_closed_loan_is_opened_by_a_unit_that_is_repaid_again() -> None:
    closed = Told(S.CLOSED, LENT, 0, 100_00, sequence=3)

    told = steps(closed, Ledger(S.CLOSED, LENT, 80_00, 0), lent=LENT)

    assert told == (Step(K.REVERSE_REPAYMENT, 4, principal=1, interest=20_00), Step(K.REPAY, 5, principal=1))


def test_a_closed_loan_of_which_only_interest_came_back_is_opened_by_interest() -> None:
    closed = Told(S.CLOSED, LENT, 0, 100_00, forgiven=LENT, sequence=3)

    told = steps(closed, Ledger(S.ACTIVE, 0, 100_00, 0), lent=LENT)

    assert told == (
        Step(K.REVERSE_REPAYMENT, 4, interest=1),
        Step(K.RESTRUCTURE, 5, principal=LENT),
        Step(K.REPAY, 6, interest=1),
    )


def test_a_loan_that_was_written_off_is_taken_up_again() -> None:
    lost = Told(S.WRITTEN_OFF, LENT, LENT, sequence=2)

    assert steps(lost, Ledger(S.WRITTEN_OFF, 0, 0, -LENT), lent=LENT) == ()
    assert steps(lost, Ledger(S.ACTIVE, 0, 0, 0), lent=LENT) == (Step(K.TRANSITION, 3, to=S.ACTIVE),)


@pytest.mark.parametrize(
    ("told", "kinds"),
    [
        (Told(S.ORIGINATED, LENT, 0), [K.TRANSITION]),
        (Told(S.DEFAULTED, LENT, LENT, sequence=3), [K.TRANSITION, K.TRANSITION]),
        (Told(S.WRITTEN_OFF, LENT, LENT, sequence=3), [K.TRANSITION, K.TRANSITION]),
        (Told(S.ACTIVE, LENT, LENT - 10, 5, sequence=3), [K.REVERSE_REPAYMENT, K.TRANSITION]),
        (Told(S.ACTIVE, LENT, LENT - 10, forgiven=10, sequence=3), [K.FORGIVE]),
        (Told(S.CLOSED, LENT, 0, forgiven=LENT, sequence=3), []),
    ],
)
def test_a_payout_that_came_back_is_cancelled_or_let_go(told: Told, kinds: list[ChainOperationKind]) -> None:
    assert [step.kind for step in steps(told, Ledger(S.CANCELLED, 0, 0, 0), lent=LENT)] == kinds


def test_a_write_off_leaves_open_what_was_lost() -> None:
    told = steps(ACTIVE, Ledger(S.WRITTEN_OFF, 100_00, 0, -LENT + 100_00), lent=LENT)

    assert told == (Step(K.REPAY, 2, principal=100_00), Step(K.WRITE_OFF, 3))


def test_what_is_let_go_is_forgiven_and_closes_a_loan_that_owes_nothing_else() -> None:
    told = steps(ACTIVE, Ledger(S.CLOSED, 100_00, 0, 100_00 - LENT), lent=LENT)

    assert told == (Step(K.REPAY, 2, principal=100_00), Step(K.FORGIVE, 3, principal=LENT - 100_00))
