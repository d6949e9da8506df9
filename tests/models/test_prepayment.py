"""Interest not earned is not owed: what a prepayment does to the running period and to what follows."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.allocation import InAdvance
from models.amortization import equal_installment, schedule_for
from models.repayment import Allocation, AllocationPolicy, Payoff, allocate, payoff_quote
from models.terms import Installment, InstallmentStatus, LoanTerms, Method

# One per cent a month: 12 installments of 1,066.19, the first with 120.00 of interest. January has 31 days.
TERMS = LoanTerms(1_200_000, "USD", Decimal(12), 12)
DISBURSED_ON = date(2026, 1, 1)
MID_JANUARY = date(2026, 1, 16)
RATE = Decimal("0.01")


def schedule(terms: LoanTerms = TERMS) -> tuple[Installment, ...]:
    return schedule_for(terms, disbursed_on=DISBURSED_ON)


def pay(
    amount_minor: int,
    on: date,
    installments: tuple[Installment, ...] | None = None,
    terms: LoanTerms = TERMS,
    in_advance: InAdvance = InAdvance.REDUCE_INSTALLMENT,
) -> Allocation:
    return allocate(
        amount_minor,
        schedule(terms) if installments is None else installments,
        on=on,
        terms=terms,
        disbursed_on=DISBURSED_ON,
        policy=AllocationPolicy(in_advance=in_advance),
    )


def quote(on: date, installments: tuple[Installment, ...] | None = None, terms: LoanTerms = TERMS) -> Payoff:
    return payoff_quote(
        schedule(terms) if installments is None else installments, on=on, terms=terms, disbursed_on=DISBURSED_ON
    )


def test_a_prepayment_saves_its_interest_for_the_days_to_come() -> None:
    paid = pay(106_619 + 500_000, MID_JANUARY)

    # 16 of 31 days are to come: 5,000.00 would have earned 50.00 . 16 / 31 = 25.81, which repays principal instead
    assert paid.installments[0].interest_minor == 12_000 - 2_581
    assert paid.principal_minor == 94_619 + 500_000 + 2_581
    assert (paid.interest_minor, paid.overpaid_minor) == (12_000 - 2_581, 0)


def test_the_rest_is_a_new_equal_installment_on_the_old_dates() -> None:
    paid = pay(106_619 + 500_000, MID_JANUARY)

    balance = 1_200_000 - 94_619 - 500_000 - 2_581
    expected = round(equal_installment(balance, [RATE] * 11))
    assert {row.outstanding_minor for row in paid.installments[1:-1]} == {expected}
    assert abs(paid.installments[-1].outstanding_minor - expected) <= 11
    assert [row.due_on for row in paid.installments] == [row.due_on for row in schedule()]
    assert sum(row.principal_outstanding_minor for row in paid.installments) == balance


def test_on_a_due_date_money_beyond_what_is_due_makes_every_later_installment_smaller() -> None:
    paid = pay(600_000, DISBURSED_ON)

    expected = round(equal_installment(600_000, [RATE] * 12))
    assert {row.outstanding_minor for row in paid.installments[:-1]} == {expected}
    assert paid.installments[0].status_on(DISBURSED_ON) is InstallmentStatus.PARTIALLY_PAID


def test_the_running_installment_is_paid_first_and_carries_the_prepayment() -> None:
    running = pay(600_000, MID_JANUARY).installments[0]

    assert (running.total_minor, running.outstanding_minor) == (600_000, 0)
    assert running.settled_on == MID_JANUARY
    assert running.status_on(MID_JANUARY) is InstallmentStatus.PAID


def test_a_second_prepayment_in_a_period_finds_its_interest_paid() -> None:
    first = pay(300_000, date(2026, 1, 11)).installments

    second = pay(400_000, date(2026, 1, 21), first).installments

    assert second[0].interest_minor == first[0].interest_minor
    assert second[0].principal_minor == first[0].principal_minor + 400_000


def test_a_prepayment_after_the_running_installment_was_paid_changes_the_later_ones_only() -> None:
    early = pay(106_619, date(2026, 1, 30)).installments

    prepaid = pay(500_000, date(2026, 1, 31), early).installments

    assert prepaid[0].interest_minor == 12_000
    assert prepaid[0].outstanding_minor == 0
    balance = 1_200_000 - 94_619 - 500_000
    expected = round(equal_installment(balance, [RATE] * 11))
    assert {row.outstanding_minor for row in prepaid[1:-1]} == {expected}


def test_a_prepayment_just_short_of_the_payoff_leaves_small_installments() -> None:
    prepaid = pay(1_198_800, date(2026, 1, 31)).installments

    left = sum(row.principal_outstanding_minor for row in prepaid)
    assert prepaid[0].outstanding_minor == 0
    assert left == 1_200_000 - (1_198_800 - prepaid[0].interest_minor)
    assert {row.outstanding_minor for row in prepaid[1:-1]} == {round(equal_installment(left, [RATE] * 11))}


def test_in_the_last_period_what_is_left_stays_with_the_last_installment() -> None:
    only = LoanTerms(1_200_000, "USD", Decimal(12), 1)

    prepaid = pay(1_199_000, MID_JANUARY, terms=only).installments

    # here 11,990.00 no longer fit into what the installment asks for: it is 12,120.00, so this pays it in part
    assert prepaid[0].outstanding_minor == 1_212_000 - 1_199_000


def test_a_prepayment_during_principal_grace_keeps_the_grace() -> None:
    grace = LoanTerms(1_200_000, "USD", Decimal(12), 12, principal_grace_installments=3)

    prepaid = pay(612_000, MID_JANUARY, terms=grace).installments

    left = 1_200_000 - 600_000 - 3_097
    assert [row.principal_outstanding_minor for row in prepaid[:3]] == [0, 0, 0]
    assert [row.interest_outstanding_minor for row in prepaid[:3]] == [0, 5_969, 5_969]
    assert sum(row.principal_outstanding_minor for row in prepaid) == left


def test_a_payoff_costs_the_principal_and_the_interest_of_the_days_gone_by() -> None:
    settling = quote(MID_JANUARY)

    # 120.00 . 16 / 31 = 61.94 are not earned any more
    assert (settling.principal_minor, settling.interest_minor) == (1_200_000, 12_000 - 6_194)
    assert settling.total_minor == 1_205_806
    assert settling.good_through == MID_JANUARY


def test_a_payoff_leaves_nothing_owed_and_later_installments_empty() -> None:
    settled = pay(1_205_806, MID_JANUARY).installments

    assert settled[0].total_minor == 1_205_806
    assert {row.total_minor for row in settled[1:]} == {0}
    assert {row.settled_on for row in settled} == {MID_JANUARY}
    assert {row.status_on(MID_JANUARY) for row in settled} == {InstallmentStatus.PAID, InstallmentStatus.WAIVED}


@pytest.mark.parametrize("in_advance", InAdvance)
def test_a_payoff_settles_under_every_rule_and_the_rest_is_overpaid(in_advance: InAdvance) -> None:
    paid = pay(1_300_000, MID_JANUARY, in_advance=in_advance)

    assert sum(row.outstanding_minor for row in paid.installments) == 0
    assert paid.overpaid_minor == 1_300_000 - 1_205_806


def test_all_principal_but_not_all_interest_on_a_due_date_leaves_the_interest_due() -> None:
    paid = pay(1_203_000, date(2026, 2, 1))

    assert (paid.principal_minor, paid.interest_minor) == (1_191_000, 12_000)
    assert sum(row.principal_outstanding_minor for row in paid.installments) == 9_000


def test_a_payoff_on_the_day_of_the_disbursement_costs_no_interest() -> None:
    assert quote(DISBURSED_ON).total_minor == 1_200_000


def test_a_day_before_the_disbursement_counts_as_the_day_of_it() -> None:
    assert quote(date(2025, 12, 30)) == Payoff(1_200_000, 0, 0, 0, 1_200_000, date(2025, 12, 30))


def test_interest_already_paid_is_kept_by_a_payoff() -> None:
    early = pay(50_000, date(2026, 1, 2)).installments

    settling = quote(MID_JANUARY, early)

    assert settling.interest_minor == 0
    assert settling.principal_minor == 1_200_000 - (50_000 - 12_000)


def test_a_payoff_after_the_due_date_includes_what_is_overdue() -> None:
    settling = quote(date(2026, 2, 15))

    # January's interest whole, and 14 of February's 28 days on the scheduled balance of 11,053.81
    assert settling.interest_minor == 12_000 + 5_527
    assert settling.principal_minor == 1_200_000


def test_flat_interest_is_saved_by_a_payoff_only() -> None:
    flat = LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.FLAT)

    prepaid = pay(112_000 + 550_000, MID_JANUARY, terms=flat).installments

    assert {row.interest_minor for row in prepaid} == {12_000}
    assert {row.principal_outstanding_minor for row in prepaid[1:]} == {50_000}
    assert quote(MID_JANUARY, terms=flat).interest_minor == 12_000 - 6_194


@given(amount_minor=st.integers(120_000, 1_190_000), day=st.integers(2, 31))
def test_paying_ahead_never_makes_the_loan_dearer(amount_minor: int, day: int) -> None:
    paid = pay(amount_minor, date(2026, 1, day)).installments

    saved = sum(row.interest_minor for row in schedule()) - sum(row.interest_minor for row in paid)
    assert saved >= 0


@given(amount_minor=st.integers(120_000, 1_190_000), day=st.integers(2, 30))
def test_paying_the_same_a_day_sooner_never_saves_less(amount_minor: int, day: int) -> None:
    sooner = pay(amount_minor, date(2026, 1, day)).installments
    later = pay(amount_minor, date(2026, 1, day + 1)).installments

    assert sooner[0].interest_minor <= later[0].interest_minor


@given(day=st.integers(1, 30))
def test_a_payoff_becomes_dearer_day_by_day_until_the_installment_is_due(day: int) -> None:
    today, tomorrow = quote(date(2026, 1, day)), quote(date(2026, 1, day + 1))

    assert today.total_minor < tomorrow.total_minor <= quote(date(2026, 2, 1)).total_minor
