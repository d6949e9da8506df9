"""Where a payment goes: the orders a product may name, and what they do to the installments."""

from datetime import date
from itertools import permutations

import pytest

from models.allocation import (
    STRATEGIES,
    DueBucket,
    InAdvance,
    InvalidAllocationOrder,
    Part,
    Processing,
    RepaymentPolicy,
    Stage,
    by_bucket,
    in_order,
)
from models.transactions import Split, Transaction
from tests.models.histories import FEBRUARY, INSTALLMENT, LENT_ON, MARCH, K, event, history, left, paid

PENALTY, FEE, INTEREST, PRINCIPAL = Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL
NEXT = InAdvance.NEXT_INSTALLMENT
MID_FEBRUARY = date(2026, 2, 15)
LAST = 106_614  # the last installment takes what rounding leaves
# charged to the first two installments
CHARGED = (
    event(K.FEE, LENT_ON, 1_000, "fee 1", installment=1),
    event(K.PENALTY, LENT_ON, 2_000, "penalty 1", installment=1),
    event(K.FEE, LENT_ON, 3_000, "fee 2", installment=2),
    event(K.PENALTY, LENT_ON, 4_000, "penalty 2", installment=2),
)


def split(amount_minor: int, on: date, *before: Transaction, policy: RepaymentPolicy) -> Split:
    return history(*CHARGED, *before, paid(amount_minor, on, "paid"), policy=policy).splits["paid"]


# ---------------------------------------------------------------- what is due


@pytest.mark.parametrize("order", list(permutations(Part)), ids="-".join)
def test_the_parts_of_an_installment_are_paid_in_the_order_agreed(order: tuple[Part, ...]) -> None:
    due = {PENALTY: 2_000, FEE: 1_000, INTEREST: 12_000, PRINCIPAL: 94_619}

    found = split(due[order[0]] + 1, FEBRUARY, policy=RepaymentPolicy(by_bucket(order)))

    parts = {
        PENALTY: found.penalty_minor,
        FEE: found.fee_minor,
        INTEREST: found.interest_minor,
        PRINCIPAL: found.principal_minor,
    }
    assert parts == dict.fromkeys(Part, 0) | {order[0]: due[order[0]], order[1]: 1}


def test_horizontal_pays_one_installment_whole_before_the_next() -> None:
    found = split(INSTALLMENT + 3_000 + 1_000, MARCH, policy=RepaymentPolicy())

    assert found == Split(94_619, 12_000, 1_000, 2_000 + 1_000)


def test_vertical_pays_one_part_of_every_installment_before_the_next_part() -> None:
    policy = RepaymentPolicy(by_bucket(processing=Processing.VERTICAL))

    # both are past due on the day after the second
    found = split(6_000 + 4_000 + 100, date(2026, 3, 2), policy=policy)

    assert found == Split(interest_minor=100, fee_minor=4_000, penalty_minor=6_000)


def test_what_is_past_due_is_paid_before_what_is_due_today() -> None:
    policy = RepaymentPolicy(by_bucket(processing=Processing.VERTICAL))

    found = split(INSTALLMENT + 3_000 + 1, MARCH, policy=policy)

    assert found == Split(94_619, 12_000, 1_000, 2_000 + 1)


def test_each_bucket_may_have_an_order_of_its_own() -> None:
    last = {DueBucket.PAST_DUE: INTEREST, DueBucket.DUE: PENALTY, DueBucket.IN_ADVANCE: FEE}
    order = [(bucket, part) for bucket in DueBucket for part in sorted(Part, key=lambda part: part is last[bucket])]
    policy = RepaymentPolicy(in_order(order, Processing.HORIZONTAL), NEXT)

    assert split(94_619 + 3_000, date(2026, 2, 2), policy=policy).interest_minor == 0
    assert split(INSTALLMENT + 1_000, FEBRUARY, policy=policy).penalty_minor == 0
    assert split(INSTALLMENT + 2_000, LENT_ON, policy=policy).fee_minor == 0


@pytest.mark.parametrize("strategy", ["rbi-india-strategy", "mifos-standard-strategy"])
def test_penalties_and_fees_come_before_interest_and_principal_in_india(strategy: str) -> None:
    found = split(16_000, FEBRUARY, policy=RepaymentPolicy(STRATEGIES[strategy], NEXT))

    assert found == Split(1_000, 12_000, 1_000, 2_000)


def test_the_order_of_india_clears_all_arrears_part_by_part() -> None:
    policy = RepaymentPolicy(STRATEGIES["rbi-india-strategy"], NEXT)

    found = split(6_000 + 4_000 + 12_000 + 11_054 + 1, MARCH, policy=policy)

    assert found == Split(1, 23_054, 4_000, 6_000)


def test_a_charge_with_a_day_of_its_own_is_due_on_it_inside_an_installment() -> None:
    charge = event(K.FEE, LENT_ON, 500, "soon", due_on=date(2026, 2, 10))
    name = "due-penalty-fee-interest-principal-in-advance-principal-penalty-fee-interest-strategy"
    policy = RepaymentPolicy(STRATEGIES[name], NEXT)

    account = history(paid(INSTALLMENT, FEBRUARY), charge, paid(600, MID_FEBRUARY, "paid"), policy=policy)
    before_it = history(paid(INSTALLMENT, FEBRUARY), charge, paid(600, date(2026, 2, 9), "paid"), policy=policy)

    assert account.splits["paid"] == Split(principal_minor=100, fee_minor=500)
    assert before_it.splits["paid"] == Split(principal_minor=600)


# ---------------------------------------------------------------- what is not due


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        (InAdvance.NEXT_INSTALLMENT, {1: 0, 2: 0, 3: 3 * INSTALLMENT - 300_000}),
        (InAdvance.LAST_INSTALLMENT, {12: 0, 11: 0, 10: 2 * INSTALLMENT + LAST - 300_000}),
        (InAdvance.NEXT_LAST_INSTALLMENT, {1: 0, 12: 0, 11: 2 * INSTALLMENT + LAST - 300_000}),
        (InAdvance.REAMORTIZATION, dict.fromkeys(range(1, 12), INSTALLMENT - 25_000) | {12: LAST - 25_000}),
    ],
)
def test_money_in_advance_goes_where_the_rule_says(rule: InAdvance, changed: dict[int, int]) -> None:
    account = history(paid(300_000, date(2026, 1, 20)), policy=RepaymentPolicy(in_advance=rule))

    agreed = dict(enumerate([INSTALLMENT] * 11 + [LAST], start=1))
    assert dict(enumerate(left(account), start=1)) == agreed | changed


def test_odd_cents_of_equal_shares_go_to_the_first_installments() -> None:
    account = history(paid(12 * 500 + 5, LENT_ON), policy=RepaymentPolicy(in_advance=InAdvance.REAMORTIZATION))

    shares = [row.paid_minor for row in account.installments]
    assert shares == [501] * 5 + [500] * 7


def test_shares_that_an_installment_does_not_need_go_to_the_others() -> None:
    nearly = history(paid(INSTALLMENT - 10, LENT_ON), policy=RepaymentPolicy(in_advance=NEXT))
    both = RepaymentPolicy(in_advance=InAdvance.REAMORTIZATION)

    account = history(
        event(K.WAIVER, LENT_ON, 94_609, part=PRINCIPAL, installment=1),
        event(K.WAIVER, LENT_ON, 12_000, part=INTEREST, installment=1),
        paid(12_000, LENT_ON),
        policy=both,
    )

    assert left(nearly)[0] == 10
    assert left(account)[0] == 0
    assert sum(row.paid_minor for row in account.installments) == 12_000


def test_money_beyond_the_running_installment_makes_the_later_ones_smaller() -> None:
    account = history(paid(500_000, FEBRUARY), policy=RepaymentPolicy())

    (each,) = {row.total_minor for row in account.installments[2:-1]}
    assert each < INSTALLMENT
    assert sum(row.principal_minor for row in account.installments) == 1_200_000


def test_money_after_the_last_due_date_is_never_in_advance() -> None:
    account = history(paid(2_000_000, date(2027, 3, 1), "late"), policy=RepaymentPolicy(in_advance=NEXT))

    assert account.splits["late"].overpaid_minor == 2_000_000 - sum(left(history()))


# ---------------------------------------------------------------- what is no order


@pytest.mark.parametrize(
    "order",
    [
        [],
        [(DueBucket.DUE, PENALTY)] * 12,
        [(bucket, part) for bucket in DueBucket for part in Part][:-1],
    ],
)
def test_an_order_names_each_part_of_each_bucket_once(order: list[tuple[DueBucket, Part]]) -> None:
    with pytest.raises(InvalidAllocationOrder) as refused:
        in_order(order, Processing.HORIZONTAL)

    assert refused.value.field == "allocation.order"


def test_a_bucket_that_comes_back_is_a_stage_of_its_own() -> None:
    parts = [(bucket, part) for part in (PENALTY, FEE) for bucket in DueBucket]
    parts += [(bucket, part) for bucket in DueBucket for part in (INTEREST, PRINCIPAL)]

    stages = in_order(parts, Processing.VERTICAL)

    assert stages[0] == Stage(frozenset({DueBucket.PAST_DUE}), (PENALTY,), Processing.VERTICAL)
    assert len(stages) == 9
