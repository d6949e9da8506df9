"""What settles a loan on a day, under every policy: exactly so much, and nothing is overpaid."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.account import Payoff
from models.allocation import InAdvance, Part, RepaymentPolicy
from models.loan import LoanStatus
from models.replay import payoff
from models.terms import LoanTerms, Method
from models.transactions import Transaction
from tests.models.histories import (
    FEBRUARY,
    INSTALLMENT,
    LENT_ON,
    POLICY,
    RECALCULATING,
    TERMS,
    K,
    Life,
    by_the_day,
    event,
    history,
    lives,
    paid,
)

MID_JANUARY, MID_FEBRUARY = date(2026, 1, 16), date(2026, 2, 15)


def quote(on: date, *events: Transaction, terms: LoanTerms = TERMS, policy: RepaymentPolicy = POLICY) -> Payoff:
    return payoff(terms, policy, [event(K.DISBURSEMENT, LENT_ON, terms.principal_minor), *events], on=on)


@pytest.mark.parametrize("policy", [POLICY, RECALCULATING])
def test_it_costs_the_principal_and_the_interest_of_the_days_gone_by(policy: RepaymentPolicy) -> None:
    settling = quote(MID_JANUARY, policy=policy)

    # 15 of 31 days of 120.00
    assert settling == Payoff(1_200_000, 5_806, 0, 0, 1_205_806, MID_JANUARY)


def test_on_the_day_of_the_disbursement_it_costs_no_interest() -> None:
    assert quote(LENT_ON).total_minor == 1_200_000


def test_a_day_before_the_disbursement_counts_as_the_day_of_it() -> None:
    assert quote(date(2025, 12, 30)) == Payoff(1_200_000, 0, 0, 0, 1_200_000, date(2025, 12, 30))


def test_it_includes_what_is_overdue() -> None:
    # January's interest whole, and 14 of February's 28 days on the scheduled balance of 11,053.81
    assert quote(MID_FEBRUARY).interest_minor == 12_000 + 5_527


def test_what_is_overdue_bears_interest_where_it_is_recalculated() -> None:
    # January's interest whole, and 14 of February's 28 days on 12,000.00
    assert quote(MID_FEBRUARY, policy=RECALCULATING).interest_minor == 12_000 + 6_000


def test_interest_that_was_paid_early_is_kept() -> None:
    settling = quote(MID_JANUARY, paid(50_000, date(2026, 1, 2)))

    assert (settling.interest_minor, settling.principal_minor) == (0, 1_200_000 - 38_000)


def test_after_an_early_installment_the_rest_of_its_period_still_costs_interest() -> None:
    settling = quote(MID_JANUARY, paid(INSTALLMENT, date(2026, 1, 8)), policy=RECALCULATING)

    # until the 8th 27.10 were paid; from then on 11,209.10... less what was principal, for 8 of 31 days
    balance_minor = 1_200_000 - (INSTALLMENT - 2_710)
    assert settling.interest_minor == round(12_000 * Decimal(7) / 31 + balance_minor * Decimal("0.01") * 8 / 31) - 2_710


def test_fees_and_penalties_are_part_of_it_whenever_they_are_due() -> None:
    settling = quote(
        MID_JANUARY, event(K.FEE, LENT_ON, 300, due_on=date(2026, 5, 1)), event(K.PENALTY, LENT_ON, 200, due_on=LENT_ON)
    )

    assert (settling.fee_minor, settling.penalty_minor) == (300, 200)


@pytest.mark.parametrize("rule", [rule for rule in InAdvance if not rule.startswith("reduce")])
def test_where_interest_stays_as_scheduled_all_of_it_is_asked_for(rule: InAdvance) -> None:
    settling = quote(MID_JANUARY, policy=RepaymentPolicy(in_advance=rule))

    assert settling.interest_minor == sum(row.interest_minor for row in history().installments)


def test_flat_interest_is_saved_for_the_days_to_come() -> None:
    flat = LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.FLAT)

    assert quote(MID_JANUARY, terms=flat).interest_minor == 12_000 - 6_194


def test_a_loan_that_owes_nothing_is_settled_with_nothing() -> None:
    assert quote(FEBRUARY, paid(1_200_000, LENT_ON)).total_minor == 0


def test_waived_interest_is_not_asked_for() -> None:
    waived = event(K.WAIVER, LENT_ON, 2_000, part=Part.INTEREST, installment=1)

    assert quote(MID_JANUARY, waived, policy=RECALCULATING).interest_minor == 5_806 - 2_000


# ---------------------------------------------------------------- properties


@given(life=lives(), days=st.integers(0, 60), later=st.sampled_from((0, 40)))
def test_paying_it_settles_every_loan_and_nothing_is_overpaid(life: Life, days: int, later: int) -> None:
    before = life.account()
    assume(before.disbursed_on and before.outstanding_minor)
    day = life.today + timedelta(days=days)
    settling = payoff(life.terms, life.policy, life.transactions, on=day)
    assume(settling.total_minor)

    after = life.account(paid(settling.total_minor, day, "final"), on=day + timedelta(days=later))

    split = after.splits["final"]
    assert after.outstanding_minor == split.overpaid_minor == 0
    assert (split.principal_minor, split.interest_minor) == (settling.principal_minor, settling.interest_minor)
    assert (split.fee_minor, split.penalty_minor) == (settling.fee_minor, settling.penalty_minor)
    assert after.status not in (LoanStatus.ACTIVE, LoanStatus.CANCELLED)


@given(life=lives(), more_minor=st.integers(1, 10_000))
def test_what_is_beyond_it_is_overpaid(life: Life, more_minor: int) -> None:
    before = life.account()
    assume(before.disbursed_on)
    settling = payoff(life.terms, life.policy, life.transactions, on=life.today)
    # some cents more may be the last installment as scheduled, paid some days early
    assume(settling.total_minor + more_minor != before.outstanding_minor)

    after = life.account(paid(settling.total_minor + more_minor, life.today, "final"))

    assert (after.outstanding_minor, after.splits["final"].overpaid_minor) == (0, more_minor)


@given(life=lives(policies=by_the_day), percent=st.integers(1, 99))
def test_whatever_is_paid_lowers_it_by_as_much_where_interest_is_recalculated(life: Life, percent: int) -> None:
    before = life.account()
    assume(before.disbursed_on and not before.forgiven)
    whole_minor = payoff(life.terms, life.policy, life.transactions, on=life.today).total_minor
    some_minor = whole_minor * percent // 100
    assume(some_minor)

    some = paid(some_minor, life.today, "some")
    rest_minor = payoff(life.terms, life.policy, [*life.transactions, some], on=life.today).total_minor

    assert abs(whole_minor - some_minor - rest_minor) <= 1


@given(day=st.integers(1, 30))
def test_it_becomes_dearer_day_by_day_until_the_installment_is_due(day: int) -> None:
    today, tomorrow = quote(date(2026, 1, day)), quote(date(2026, 1, day + 1))

    assert today.total_minor < tomorrow.total_minor <= quote(FEBRUARY).total_minor
