"""A loan is the replay of what happened to it: each kind of event, in time or late, and what was undone."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.allocation import InAdvance, Part, RepaymentPolicy
from models.checking import RefundExceedsCredit
from models.errors import Refusal
from models.fees import Fee, FeeTiming
from models.loan import LoanStatus
from models.replay import effective, replay
from models.terms import LoanTerms, Method
from models.transactions import NewTerms, Split
from tests.models.histories import (
    APRIL,
    FEBRUARY,
    INSTALLMENT,
    LENT_ON,
    MARCH,
    POLICY,
    RECALCULATING,
    TERMS,
    K,
    Life,
    event,
    history,
    left,
    lent,
    lives,
    paid,
    posted,
    principal_left,
    undone,
)

# ---------------------------------------------------------------- money out and in


def test_a_loan_that_was_paid_out_owes_its_schedule() -> None:
    account = history()

    assert (account.status, account.disbursed_on) == (LoanStatus.ACTIVE, LENT_ON)
    assert left(account)[:2] == [INSTALLMENT, INSTALLMENT]
    assert account.splits["lent"] == Split()


def test_the_fee_kept_back_from_a_disbursement_is_what_it_brought() -> None:
    account = history(terms=LoanTerms(100_000, "USD", Decimal(12), 3, processing_fee_minor=1_500))

    assert account.splits["lent"] == Split(fee_minor=1_500)


def test_a_loan_that_was_not_paid_out_owes_nothing_yet() -> None:
    account = replay(TERMS, POLICY, [], on=LENT_ON)

    assert (account.status, account.installments, account.outstanding_minor) == (LoanStatus.ACTIVE, (), 0)


def test_an_installment_paid_on_its_day_is_settled_that_day() -> None:
    account = posted(paid(INSTALLMENT, FEBRUARY, "first"))

    assert account.splits["first"] == Split(principal_minor=94_619, interest_minor=12_000)
    assert [row.settled_on for row in account.installments][:2] == [FEBRUARY, None]
    assert (account.in_advance_minor[0], account.late_minor[0]) == (0, 0)


def test_money_that_is_early_or_late_is_told_by_installment() -> None:
    account = posted(
        paid(INSTALLMENT + 100, date(2026, 2, 10)), policy=RepaymentPolicy(in_advance=InAdvance.NEXT_INSTALLMENT)
    )

    assert account.late_minor[:2] == (INSTALLMENT, 0)
    assert account.in_advance_minor[:2] == (0, 100)


def test_the_last_payment_closes_the_loan_and_what_is_beyond_it_is_credit() -> None:
    account = posted(paid(1_300_000, LENT_ON, "all"))

    assert account.status is LoanStatus.OVERPAID
    assert account.splits["all"] == Split(principal_minor=1_200_000, overpaid_minor=100_000)
    assert account.outstanding_minor == 0


def test_a_refund_gives_the_credit_back_and_the_loan_is_closed() -> None:
    account = posted(paid(1_300_000, LENT_ON), event(K.REFUND, FEBRUARY, 100_000, "back"))

    assert account.splits["back"] == Split(overpaid_minor=-100_000)
    assert (account.status, account.overpaid_minor) == (LoanStatus.CLOSED_OBLIGATIONS_MET, 0)


def test_credit_stays_the_borrowers_when_a_later_fee_is_charged() -> None:
    account = posted(paid(1_300_000, LENT_ON), event(K.FEE, FEBRUARY, 500))

    assert (account.status, account.overpaid_minor, account.outstanding_minor) == (LoanStatus.ACTIVE, 100_000, 500)


def test_a_payment_may_not_be_undone_while_its_credit_is_refunded() -> None:
    refunded = (paid(1_300_000, LENT_ON, "all"), event(K.REFUND, FEBRUARY, 100_000))

    with pytest.raises(RefundExceedsCredit, match="would exceed the credit of its day"):
        history(*refunded, undone("all"))


def test_a_down_payment_is_due_and_paid_on_the_day_of_the_loan() -> None:
    terms = LoanTerms(100_000, "USD", Decimal(12), 3, down_payment_percent=Decimal(25))

    account = posted(event(K.DOWN_PAYMENT, LENT_ON, 25_000, "down"), terms=terms)

    assert account.splits["down"] == Split(principal_minor=25_000)
    assert [row.due_on for row in account.installments] == [LENT_ON, FEBRUARY, MARCH, APRIL]
    assert account.installments[0].settled_on == LENT_ON
    assert account.installments[1].interest_minor == 750


def test_a_goodwill_credit_pays_like_money() -> None:
    given_minor = posted(event(K.GOODWILL_CREDIT, FEBRUARY, INSTALLMENT, "credit"))
    paid_minor = posted(paid(INSTALLMENT, FEBRUARY))

    assert given_minor.installments == paid_minor.installments
    assert given_minor.splits["credit"].interest_minor == 12_000


def test_a_chargeback_is_owed_again_with_the_running_installment() -> None:
    account = posted(paid(INSTALLMENT, FEBRUARY), event(K.CHARGEBACK, date(2026, 2, 10), 50_000, "back"))

    assert account.splits["back"] == Split(principal_minor=50_000)
    assert left(account)[:2] == [0, INSTALLMENT + 50_000]
    assert principal_left(account) == 1_200_000 - 94_619 + 50_000


def test_a_chargeback_opens_a_loan_that_was_paid_off() -> None:
    account = posted(paid(1_200_000, LENT_ON), event(K.CHARGEBACK, date(2027, 3, 1), 50_000))

    assert (account.status, account.outstanding_minor) == (LoanStatus.ACTIVE, 50_000)
    assert account.installments[-1].principal_outstanding_minor == 50_000


def test_a_chargeback_takes_the_borrowers_credit_first() -> None:
    account = posted(paid(1_210_000, LENT_ON), event(K.CHARGEBACK, FEBRUARY, 30_000, "back"))

    assert account.splits["back"] == Split(principal_minor=20_000, overpaid_minor=10_000)
    assert (account.overpaid_minor, account.outstanding_minor) == (0, 20_000)


def test_a_chargeback_within_the_credit_leaves_the_debt_alone() -> None:
    account = posted(paid(1_250_000, LENT_ON), event(K.CHARGEBACK, FEBRUARY, 30_000, "back"))

    assert account.splits["back"] == Split(overpaid_minor=30_000)
    assert (account.status, account.overpaid_minor) == (LoanStatus.OVERPAID, 20_000)


def test_what_is_charged_back_bears_interest_where_it_is_recalculated() -> None:
    account = posted(
        paid(INSTALLMENT, FEBRUARY),
        event(K.CHARGEBACK, date(2026, 2, 15), 94_619),
        policy=RECALCULATING,
        on=date(2026, 2, 15),
    )

    # 11,053.81 for 14 of the 28 days, 12,000.00 for the other 14
    assert account.installments[1].interest_minor == 5_527 + 6_000


# ---------------------------------------------------------------- charges


def test_a_late_fee_is_part_of_its_installment_and_paid_before_interest() -> None:
    fined = event(K.PENALTY, date(2026, 2, 6), 2_500, "fine", installment=1)

    account = posted(fined, paid(20_000, date(2026, 2, 10), "late"))

    assert account.splits["fine"] == Split(penalty_minor=2_500)
    assert account.installments[0].penalty_minor == 2_500
    assert account.splits["late"] == Split(principal_minor=5_500, interest_minor=12_000, penalty_minor=2_500)


def test_a_fee_belongs_to_the_installment_whose_period_holds_its_day() -> None:
    account = posted(event(K.FEE, LENT_ON, 700, due_on=date(2026, 2, 20)), event(K.FEE, LENT_ON, 300, "now"))

    assert [row.fee_minor for row in account.installments][:3] == [300, 700, 0]


def test_a_charge_after_the_last_installment_has_one_of_its_own() -> None:
    late = date(2027, 1, 20)

    account = posted(event(K.PENALTY, date(2027, 1, 10), 900, due_on=late), event(K.FEE, date(2027, 1, 12), 100))

    assert [(row.number, row.due_on, row.fee_minor, row.penalty_minor) for row in account.installments[12:]] == [
        (13, late, 100, 900)
    ]


def test_the_fees_of_a_schedule_are_paid_with_its_installments() -> None:
    monthly = Fee("Service", FeeTiming.INSTALLMENT, amount_minor=250)
    terms = LoanTerms(100_000, "USD", Decimal(12), 3, fees=(monthly,))

    account = posted(paid(1_000, FEBRUARY, "paid"), terms=terms)

    assert [row.fee_minor for row in account.installments] == [250, 250, 250]
    assert account.splits["paid"] == Split(interest_minor=750, fee_minor=250)


def test_a_settled_installment_that_is_charged_is_no_longer_settled() -> None:
    account = posted(paid(INSTALLMENT, FEBRUARY), event(K.FEE, date(2026, 2, 3), 100, installment=1))

    assert account.installments[0].settled_on is None


# ---------------------------------------------------------------- what is let go


@pytest.mark.parametrize(
    ("part", "split"),
    [
        (Part.PENALTY, Split(penalty_minor=2_500)),
        (Part.FEE, Split(fee_minor=2_500)),
        (Part.INTEREST, Split(interest_minor=2_500)),
    ],
)
@pytest.mark.parametrize("policy", [POLICY, RECALCULATING])
def test_a_waiver_of_a_part_asks_for_less_of_it(part: Part, split: Split, policy: RepaymentPolicy) -> None:
    fined = (event(K.PENALTY, LENT_ON, 2_500, installment=2), event(K.FEE, LENT_ON, 2_500, installment=2))
    waiver = event(K.WAIVER, FEBRUARY, 2_500, "let go", part=part, installment=2)

    account = posted(*fined, waiver, policy=policy)
    without = posted(*fined, policy=policy, on=FEBRUARY)

    assert account.splits["let go"] == split
    assert left(account)[1] == left(without)[1] - 2_500
    assert left(account)[2:] == left(without)[2:]


def test_waived_interest_is_not_charged_again_by_a_recalculation() -> None:
    waiver = event(K.WAIVER, FEBRUARY, 5_000, part=Part.INTEREST, installment=2)

    account = posted(paid(INSTALLMENT, FEBRUARY), waiver, policy=RECALCULATING, on=MARCH)

    assert account.installments[1].interest_minor == 11_054 - 5_000
    assert account.installments[1].total_minor == INSTALLMENT - 5_000


def test_a_waiver_without_an_installment_begins_with_the_oldest() -> None:
    account = posted(event(K.WAIVER, FEBRUARY, 15_000, part=Part.INTEREST))

    assert [row.interest_minor for row in account.installments][:3] == [0, 11_054 - 3_000, 10_098]


def test_waived_principal_bears_no_interest_any_more() -> None:
    account = posted(event(K.WAIVER, FEBRUARY, 100_000, "let go", part=Part.PRINCIPAL, installment=12))
    before = history()

    assert account.splits["let go"] == Split(principal_minor=100_000)
    # 1,000.00 at one per cent a month, from the second month on; in the last one 5.61 stay, on what is left to pay then
    saved = [
        old.interest_minor - new.interest_minor
        for old, new in zip(before.installments, account.installments, strict=True)
    ]
    assert saved == [0] + [1_000] * 11
    assert principal_left(account) == 1_100_000


def test_waived_principal_saves_the_days_to_come_of_a_running_installment() -> None:
    account = posted(event(K.WAIVER, date(2026, 1, 16), 50_000, part=Part.PRINCIPAL, installment=1))

    # 16 of 31 days
    assert account.installments[0].interest_minor == 12_000 - 258
    assert account.installments[1].interest_minor == 11_054


def test_flat_interest_stays_when_principal_is_waived() -> None:
    terms = LoanTerms(1_200_000, "USD", Decimal(12), 12, method=Method.FLAT)

    account = posted(event(K.WAIVER, FEBRUARY, 100_000, part=Part.PRINCIPAL), terms=terms)

    assert {row.interest_minor for row in account.installments} == {12_000}


def test_waived_principal_is_not_asked_for_again_by_a_recalculation() -> None:
    waiver = event(K.WAIVER, date(2026, 1, 16), 94_619, part=Part.PRINCIPAL, installment=1)

    account = posted(waiver, policy=RECALCULATING, on=FEBRUARY)

    assert sum(row.principal_minor for row in account.installments) == 1_200_000 - 94_619
    # 12,000.00 for 15 of the 31 days, 11,053.81 for the other 16
    assert account.installments[0].interest_minor == 11_512
    assert account.installments[0].principal_minor == 12_000 - 11_512


def test_a_waiver_that_became_moot_lets_nothing_go() -> None:
    waiver = event(K.WAIVER, FEBRUARY, 5_000, "moot", part=Part.PRINCIPAL)

    account = history(waiver, paid(1_200_000, LENT_ON))

    assert account.splits["moot"] == Split()
    assert account.status is LoanStatus.CLOSED_OBLIGATIONS_MET


def test_a_write_off_lets_everything_go_and_recoveries_come_after_it() -> None:
    account = posted(
        paid(INSTALLMENT, FEBRUARY),
        event(K.PENALTY, date(2026, 3, 6), 2_500),
        event(K.WRITE_OFF, date(2026, 9, 1), id="loss"),
        event(K.RECOVERY, date(2026, 10, 1), 30_000, "late luck"),
    )

    assert account.status is LoanStatus.CLOSED_WRITTEN_OFF
    assert account.outstanding_minor == 0
    assert account.splits["loss"] == account.forgiven["loss"]
    assert (account.forgiven["loss"].principal_minor, account.forgiven["loss"].penalty_minor) == (1_105_381, 2_500)
    assert account.splits["late luck"] == Split()
    assert account.installments[0].settled_on == FEBRUARY


def test_interest_does_not_arise_again_on_a_loan_that_was_written_off() -> None:
    account = posted(event(K.WRITE_OFF, MARCH, id="loss"), policy=RECALCULATING, on=date(2027, 3, 1))

    assert account.outstanding_minor == 0
    # two months on 12,000.00, and what was scheduled for the ones to come
    assert account.forgiven["loss"].interest_minor > 24_000


@pytest.mark.parametrize(
    ("kind", "status"), [(K.SETTLEMENT, LoanStatus.SETTLED), (K.REFINANCE, LoanStatus.CLOSED_REFINANCED)]
)
def test_a_settlement_takes_what_it_gets_and_lets_the_rest_go(kind: K, status: LoanStatus) -> None:
    account = posted(event(kind, date(2026, 6, 10), 700_000, "deal"))

    split, forgiven = account.splits["deal"], account.forgiven["deal"]
    assert (split.amount_minor, split.overpaid_minor) == (700_000, 0)
    assert split.principal_minor + forgiven.principal_minor == 1_200_000
    assert (account.status, account.outstanding_minor) == (status, 0)


def test_a_charge_off_is_a_flag_and_the_debt_stays() -> None:
    account = posted(
        event(K.CHARGE_OFF, date(2026, 6, 1), id="off"), paid(50_000, date(2026, 6, 10), "paid"), on=date(2026, 6, 10)
    )

    assert (account.status, account.charged_off_on) == (LoanStatus.ACTIVE, date(2026, 6, 1))
    assert account.splits["off"].principal_minor == 1_200_000
    assert account.while_charged_off == {"paid"}
    assert account.outstanding_minor == history().outstanding_minor - 50_000


def test_a_charge_off_that_is_taken_back_leaves_no_flag() -> None:
    account = posted(
        event(K.CHARGE_OFF, MARCH), event(K.UNDO_CHARGE_OFF, APRIL, id="on again"), paid(100, APRIL, "paid")
    )

    assert account.charged_off_on is None
    assert account.splits["on again"].principal_minor == 1_200_000
    assert account.while_charged_off == {"on again"}


# ---------------------------------------------------------------- late and undone


def test_a_payment_recorded_late_counts_as_if_it_had_come_in_time() -> None:
    on_time = paid(INSTALLMENT, FEBRUARY, "first")
    later = [paid(INSTALLMENT, MARCH, "second"), event(K.PENALTY, MARCH, 500, "fine"), paid(30_000, APRIL, "third")]

    for policy in (POLICY, RECALCULATING):
        late, timely = history(*later, on_time, policy=policy), history(on_time, *later, policy=policy)
        assert (late.installments, late.splits, late.overpaid_minor) == (
            timely.installments,
            timely.splits,
            timely.overpaid_minor,
        )


def test_a_reversed_payment_leaves_the_loan_as_if_it_had_never_come() -> None:
    account = posted(paid(INSTALLMENT, FEBRUARY, "bounced"), undone("bounced", MARCH), on=MARCH)

    assert account.installments == history(on=MARCH).installments
    assert account.splits == {"lent": Split(), "bounced undone": Split()}
    assert (set(account.reversed), set(account.reversals)) == ({"bounced"}, {"bounced undone"})


def test_a_reversed_write_off_opens_the_loan_again() -> None:
    account = posted(event(K.WRITE_OFF, MARCH, id="loss"), undone("loss", APRIL))

    assert (account.status, account.installments) == (LoanStatus.ACTIVE, history().installments)


def test_a_reversed_disbursement_cancels_the_loan_and_what_was_paid_is_credit() -> None:
    account = posted(
        paid(INSTALLMENT, FEBRUARY),
        event(K.FEE, FEBRUARY, 500, "fee"),
        event(K.WAIVER, FEBRUARY, 100, "waiver", part=Part.INTEREST),
        event(K.RESCHEDULE, FEBRUARY, id="new", terms=NewTerms(installments=3)),
        event(K.CHARGEBACK, FEBRUARY, 6_619, "back"),
        undone("lent"),
        paid(1_000, MARCH),
        event(K.REFUND, MARCH, 60_000),
    )

    assert (account.status, account.disbursed_on, account.installments) == (LoanStatus.CANCELLED, None, ())
    assert account.overpaid_minor == INSTALLMENT - 6_619 + 1_000 - 60_000
    assert account.splits["back"] == Split(overpaid_minor=6_619)
    assert account.splits["fee"] == account.splits["waiver"] == account.splits["new"] == Split()


def test_nothing_is_charged_after_an_end_that_was_recorded_late() -> None:
    account = history(
        event(K.FEE, MARCH, 500, "fee"), event(K.CHARGEBACK, APRIL, 100), event(K.WRITE_OFF, FEBRUARY), on=MARCH
    )

    assert account.splits["fee"] == Split()
    assert (account.status, account.outstanding_minor) == (LoanStatus.ACTIVE, 100)


def test_a_restructure_that_became_moot_does_nothing() -> None:
    moot = event(K.RESCHEDULE, MARCH, id="new", terms=NewTerms(installments=24))

    account = history(moot, paid(1_200_000, LENT_ON))

    assert (account.status, len(account.installments)) == (LoanStatus.CLOSED_OBLIGATIONS_MET, 12)


def test_a_charge_on_an_installment_that_a_restructure_replaced_finds_another() -> None:
    late = event(K.RE_AGE, date(2026, 1, 10), id="new")

    account = history(paid(1_000, date(2026, 1, 5)), event(K.FEE, FEBRUARY, 700, installment=1), late)

    assert [row.fee_minor for row in account.installments][:2] == [0, 700]
    assert left(account)[0] == 0


def test_on_one_day_the_disbursement_comes_first_and_the_others_as_they_were_recorded() -> None:
    first, second = paid(100, LENT_ON, "first"), paid(200, LENT_ON, "second")

    assert effective([first, second, lent()]) == [lent(), first, second]


# ---------------------------------------------------------------- properties

INCOMING = frozenset({K.REPAYMENT, K.DOWN_PAYMENT, K.GOODWILL_CREDIT, K.SETTLEMENT, K.REFINANCE})
UNDOABLE = INCOMING | {K.FEE, K.PENALTY, K.WAIVER, K.CHARGE_OFF}


def sum_of(life: Life, *kinds: K, name: str) -> int:
    account = life.account()
    return sum(getattr(account.splits[each.id], name) for each in life.standing if each.kind in kinds)


@given(life=lives())
def test_every_cent_is_somewhere(life: Life) -> None:
    account = life.account()

    for each in life.standing:
        if each.kind in INCOMING:
            assert account.splits[each.id].amount_minor == each.amount_minor
    came_minor = sum(each.amount_minor for each in life.standing if each.kind in INCOMING)
    back_minor = sum(each.amount_minor for each in life.standing if each.kind is K.REFUND)
    back_minor += sum_of(life, K.CHARGEBACK, name="overpaid_minor")
    assert sum(row.paid_minor for row in account.installments) + account.overpaid_minor == came_minor - back_minor


@given(life=lives())
def test_the_principal_of_the_installments_is_what_was_lent_and_not_let_go(life: Life) -> None:
    account = life.account()
    assume(account.disbursed_on)

    gone_minor = sum(split.principal_minor for split in account.forgiven.values())
    gone_minor += sum_of(life, K.WAIVER, name="principal_minor")
    again_minor = sum_of(life, K.CHARGEBACK, name="principal_minor")
    lent_minor = life.terms.principal_minor + again_minor - gone_minor
    assert sum(row.principal_minor for row in account.installments) == lent_minor


@given(life=lives(), days=st.integers(0, 90))
def test_installments_stay_in_order_and_no_balance_is_negative(life: Life, days: int) -> None:
    account = life.account(on=life.today + timedelta(days=days))

    rows = account.installments
    assert account.overpaid_minor >= 0
    assert len({row.number for row in rows}) == len(rows)
    assert [row.due_on for row in rows] == sorted(row.due_on for row in rows)
    for row, early_minor, late_minor in zip(rows, account.in_advance_minor, account.late_minor, strict=True):
        assert row.outstanding_minor >= 0
        assert early_minor + late_minor <= row.paid_minor
        assert (row.settled_on is not None) == (row.outstanding_minor == 0 and row.total_minor > 0)


@given(life=lives())
def test_a_replay_is_what_posting_day_by_day_would_have_made(life: Life) -> None:
    whole = life.account().splits
    steps = effective(life.transactions)

    for place, each in enumerate(steps):
        split = replay(life.terms, life.policy, steps[: place + 1], on=each.on).splits[each.id]
        assert split == whole[each.id]


@given(life=lives(), data=st.data())
def test_what_is_reversed_was_never_made(life: Life, data: st.DataObject) -> None:
    candidates = [each for each in life.standing if each.kind in UNDOABLE]
    assume(candidates)
    gone = data.draw(st.sampled_from(candidates))
    others = [each for each in life.transactions if each is not gone]

    try:
        never = replay(life.terms, life.policy, others, on=life.today)
    except Refusal:
        with pytest.raises(Refusal):
            life.account(undone(gone.id, life.today))
        return
    reversed_ = life.account(undone(gone.id, life.today))

    assert reversed_.installments == never.installments
    assert (reversed_.overpaid_minor, reversed_.status) == (never.overpaid_minor, never.status)


@given(life=lives(), data=st.data())
def test_the_order_of_recording_does_not_matter_for_different_days(life: Life, data: st.DataObject) -> None:
    by_day = [list(days) for _, days in groupby(sorted(life.standing, key=attrgetter("on")), key=attrgetter("on"))]
    shuffled = [each for day in data.draw(st.permutations(by_day)) for each in day]

    other = replay(life.terms, life.policy, shuffled, on=life.today)

    assert other.installments == life.account().installments
    assert {each.id: other.splits[each.id] for each in shuffled} == {
        each.id: life.account().splits[each.id] for each in shuffled
    }


def test_a_long_history_replays_for_every_payment() -> None:
    terms = LoanTerms(100_000_000, "EUR", Decimal(12), 120)
    life = [paid(3_000, LENT_ON + timedelta(days=1 + (each * 977) % 3_640), f"t{each}") for each in range(2_400)]

    account = history(*life, terms=terms, policy=RECALCULATING, on=date(2036, 2, 1))

    assert sum(row.paid_minor for row in account.installments) == 3_000 * 2_400
