"""Interest not earned is not owed: what a prepayment does to the running period and to what follows."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.account import LoanAccount
from models.allocation import InAdvance, RepaymentPolicy
from models.amortization import equal_installment
from models.dates import Frequency
from models.replay import payoff
from models.terms import DeferredInterest, InstallmentStatus, LoanTerms, Method
from models.transactions import Split, Transaction
from tests.models.histories import INSTALLMENT, LENT_ON, TERMS, K, event, history, loan_terms, paid

MID_JANUARY = date(2026, 1, 16)
RATE = Decimal("0.01")


def prepaid(*payments: tuple[int, date], terms: LoanTerms = TERMS) -> LoanAccount:
    """The account after these payments; the last of them is called `paid`."""
    *before, (amount_minor, on) = payments
    earlier = [paid(minor, day, f"paid {place}") for place, (minor, day) in enumerate(before)]
    return history(*earlier, paid(amount_minor, on, "paid"), terms=terms)


def agreed(terms: LoanTerms = TERMS) -> LoanAccount:
    return history(terms=terms)


def test_a_prepayment_saves_its_interest_for_the_days_to_come() -> None:
    account = prepaid((INSTALLMENT + 500_000, MID_JANUARY))

    # 16 of 31 days are to come: 5,000.00 would have earned 50.00 . 16 / 31 = 25.81, which repays principal instead
    assert account.installments[0].interest_minor == 12_000 - 2_581
    assert account.splits["paid"] == Split(94_619 + 500_000 + 2_581, 12_000 - 2_581)


def test_the_rest_is_a_new_equal_installment_on_the_old_dates() -> None:
    account = prepaid((INSTALLMENT + 500_000, MID_JANUARY))

    balance = 1_200_000 - 94_619 - 500_000 - 2_581
    expected = round(equal_installment(balance, [RATE] * 11))
    assert {row.outstanding_minor for row in account.installments[1:-1]} == {expected}
    assert abs(account.installments[-1].outstanding_minor - expected) <= 11
    assert [row.due_on for row in account.installments] == [row.due_on for row in agreed().installments]
    assert sum(row.principal_outstanding_minor for row in account.installments) == balance


def test_on_a_due_date_money_beyond_what_is_due_makes_every_later_installment_smaller() -> None:
    account = prepaid((600_000, LENT_ON))

    expected = round(equal_installment(600_000, [RATE] * 12))
    assert {row.outstanding_minor for row in account.installments[:-1]} == {expected}
    assert account.installments[0].status_on(LENT_ON) is InstallmentStatus.PARTIALLY_PAID


def test_the_running_installment_is_paid_first_and_carries_the_prepayment() -> None:
    running = prepaid((600_000, MID_JANUARY)).installments[0]

    assert (running.total_minor, running.outstanding_minor) == (600_000, 0)
    assert running.settled_on == MID_JANUARY
    assert running.status_on(MID_JANUARY) is InstallmentStatus.PAID


def test_part_of_the_next_installment_leaves_the_schedule_as_it_is() -> None:
    account = prepaid((100_000, date(2026, 1, 28)))

    assert [row.outstanding_minor for row in account.installments[:2]] == [6_619, INSTALLMENT]


def test_the_next_installment_paid_some_days_early_is_that_installment() -> None:
    account = prepaid((INSTALLMENT, date(2026, 1, 28)))

    assert account.installments[0].settled_on == date(2026, 1, 28)
    assert account.installments[1:] == agreed().installments[1:]


def test_the_last_installment_paid_in_full_some_days_early_leaves_nothing_to_return() -> None:
    *earlier, last = agreed().installments

    account = prepaid(*[(row.total_minor, row.due_on) for row in earlier], (last.total_minor, date(2026, 12, 28)))

    assert (account.outstanding_minor, account.overpaid_minor) == (0, 0)


def test_a_second_prepayment_in_a_period_finds_its_interest_paid() -> None:
    once, twice = (300_000, date(2026, 1, 11)), (400_000, date(2026, 1, 21))
    first, second = prepaid(once).installments, prepaid(once, twice).installments

    assert second[0].interest_minor == first[0].interest_minor
    assert second[0].principal_minor == first[0].principal_minor + 400_000


def test_a_prepayment_after_the_running_installment_was_paid_changes_the_later_ones_only() -> None:
    rows = prepaid((INSTALLMENT, date(2026, 1, 30)), (500_000, date(2026, 1, 31))).installments

    assert (rows[0].interest_minor, rows[0].outstanding_minor) == (12_000, 0)
    expected = round(equal_installment(1_200_000 - 94_619 - 500_000, [RATE] * 11))
    assert {row.outstanding_minor for row in rows[1:-1]} == {expected}


def test_a_prepayment_just_short_of_the_payoff_leaves_small_installments() -> None:
    rows = prepaid((1_198_800, date(2026, 1, 31))).installments

    left = sum(row.principal_outstanding_minor for row in rows)
    assert rows[0].outstanding_minor == 0
    assert left == 1_200_000 - (1_198_800 - rows[0].interest_minor)
    assert {row.outstanding_minor for row in rows[1:-1]} == {round(equal_installment(left, [RATE] * 11))}


def test_in_the_last_period_what_is_left_stays_with_the_last_installment() -> None:
    (only,) = prepaid((1_199_000, MID_JANUARY), terms=LoanTerms(1_200_000, "USD", Decimal(12), 1)).installments

    # it asks for 12,120.00, so 11,990.00 pay it in part
    assert only.outstanding_minor == 1_212_000 - 1_199_000


@pytest.mark.parametrize(
    ("terms", "free"),
    [
        (LoanTerms(1_200_000, "USD", Decimal(12), 12, principal_grace_installments=3), 3),
        (
            LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.EQUAL_PRINCIPAL, principal_grace_installments=3),
            3,
        ),
        (LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.INTEREST_ONLY), 11),
    ],
    ids=["equal installments", "equal principal", "interest only"],
)
def test_a_prepayment_during_principal_grace_keeps_the_grace(terms: LoanTerms, free: int) -> None:
    rows = prepaid((612_000, MID_JANUARY), terms=terms).installments

    left = 1_200_000 - 600_000 - 3_097
    assert [row.principal_outstanding_minor for row in rows[:free]] == [0] * free
    assert [row.interest_outstanding_minor for row in rows[:3]] == [0, 5_969, 5_969]
    assert sum(row.principal_outstanding_minor for row in rows) == left
    assert rows[free].principal_outstanding_minor > 0


def test_grace_counts_from_the_end_of_a_moratorium_and_not_from_a_down_payment() -> None:
    terms = LoanTerms(
        1_200_000,
        "USD",
        Decimal(12),
        8,
        down_payment_percent=Decimal(25),
        moratorium_installments=2,
        moratorium_interest=DeferredInterest.FORGIVEN,
        principal_grace_installments=2,
    )

    rows = prepaid((300_000, LENT_ON), (200_000, LENT_ON), terms=terms).installments

    assert [row.principal_outstanding_minor for row in rows[:5]] == [0] * 5
    assert [row.interest_outstanding_minor for row in rows[:5]] == [0, 0, 0, 7_000, 7_000]
    assert rows[5].principal_outstanding_minor > 0


def test_flat_interest_stays_with_a_grace_of_principal() -> None:
    terms = LoanTerms(1_200_000, "USD", Decimal(12), 6, method=Method.FLAT, principal_grace_installments=2)

    rows = prepaid((600_000, LENT_ON), terms=terms).installments

    assert [row.interest_outstanding_minor for row in rows] == [12_000] * 6
    assert [row.principal_outstanding_minor for row in rows] == [0, 0, 150_000, 150_000, 150_000, 150_000]


def test_a_balloon_larger_than_what_is_left_leaves_interest_and_the_rest_at_the_end() -> None:
    terms = LoanTerms(1_200_000, "USD", Decimal(12), 6, method=Method.BALLOON, balloon_minor=600_000)

    rows = prepaid((800_000, LENT_ON), terms=terms).installments

    assert [row.principal_outstanding_minor for row in rows] == [0, 0, 0, 0, 0, 400_000]


def test_a_payoff_leaves_nothing_owed_and_later_installments_empty() -> None:
    rows = prepaid((1_205_806, MID_JANUARY)).installments

    assert rows[0].total_minor == 1_205_806
    assert {row.total_minor for row in rows[1:]} == {0}
    assert {row.status_on(MID_JANUARY) for row in rows} == {InstallmentStatus.PAID, InstallmentStatus.WAIVED}


def test_all_principal_but_not_all_interest_on_a_due_date_leaves_the_interest_due() -> None:
    account = prepaid((1_203_000, date(2026, 2, 1)))

    assert account.splits["paid"] == Split(1_191_000, 12_000)
    assert sum(row.principal_outstanding_minor for row in account.installments) == 9_000


def test_flat_interest_is_saved_by_a_payoff_only() -> None:
    rows = prepaid(
        (112_000 + 550_000, MID_JANUARY), terms=LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.FLAT)
    ).installments

    assert {row.interest_minor for row in rows} == {12_000}
    assert {row.principal_outstanding_minor for row in rows[1:]} == {50_000}


@given(amount_minor=st.integers(120_000, 1_190_000), day=st.integers(2, 31))
def test_paying_ahead_never_makes_the_loan_dearer(amount_minor: int, day: int) -> None:
    rows = prepaid((amount_minor, date(2026, 1, day))).installments

    assert sum(row.interest_minor for row in agreed().installments) >= sum(row.interest_minor for row in rows)


@given(amount_minor=st.integers(120_000, 1_190_000), day=st.integers(2, 30))
def test_paying_the_same_a_day_sooner_never_saves_less(amount_minor: int, day: int) -> None:
    sooner, later = (prepaid((amount_minor, date(2026, 1, each))).installments[0] for each in (day, day + 1))

    assert sooner.interest_minor <= later.interest_minor


@given(terms=loan_terms(), days_early=st.integers(0, 2), in_advance=st.sampled_from(InAdvance))
def test_who_pays_each_installment_in_its_time_pays_the_schedule_and_nothing_else(
    terms: LoanTerms, days_early: int, in_advance: InAdvance
) -> None:
    assume(terms.frequency is not Frequency.DAYS)  # paid before its period has begun, it is a prepayment
    assume(not days_early or in_advance not in (InAdvance.LAST_INSTALLMENT, InAdvance.REAMORTIZATION))
    policy = RepaymentPolicy(in_advance=in_advance)
    rows = history(terms=terms, policy=policy).installments
    events: list[Transaction] = []
    for row in rows:
        on = max(row.due_on - timedelta(days=days_early), LENT_ON)
        if row.total_minor:
            before = [event(K.DISBURSEMENT, LENT_ON, terms.principal_minor, "lent"), *events]
            assume(row is rows[-1] or row.total_minor < payoff(terms, policy, before, on=on).total_minor)
            events.append(paid(row.total_minor, on, f"paid {row.number}"))

    account = history(*events, terms=terms, policy=policy)

    assert [row.total_minor for row in account.installments] == [row.total_minor for row in rows]
    assert (account.outstanding_minor, account.overpaid_minor) == (0, 0)
