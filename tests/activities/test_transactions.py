"""Posting on real rows: what is recorded late counts in time, what is undone leaves no trace in the balances."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from activities.postings import NotYet
from models.errors import Refusal
from models.ledger import PeriodClosed
from models.loan import LoanStatus
from models.transactions import NewTerms, TransactionKind
from tests.activities.lending import Bank, open_bank
from workers.embedded.postgres import DatabaseUrls

_K = TransactionKind
INSTALLMENT = 106_62
FEBRUARY, MARCH, APRIL, MAY = (date(2026, month, 15) for month in (2, 3, 4, 5))


@pytest.fixture
async def bank(database: DatabaseUrls) -> AsyncIterator[Bank]:
    async with open_bank(database) as bank:
        yield bank


async def test_a_payment_recorded_late_counts_as_if_it_had_come_in_time(bank: Bank) -> None:
    late, timely = await bank.lends(), await bank.lends()
    for ref in (late, timely):
        if ref is timely:
            await bank.receives(ref, 50_00, date(2026, 2, 1))
        for day in (FEBRUARY, MARCH, APRIL):
            await bank.receives(ref, INSTALLMENT, day)
    before = [(each.transaction.id, each.version) for each in await bank.history(late)]

    await bank.receives(late, 50_00, date(2026, 2, 1), today=APRIL)

    assert await bank.splits(late) == await bank.splits(timely)
    assert await bank.schedule(late) == await bank.schedule(timely)
    after = await bank.history(late)
    assert [each.transaction.id for each in after][: len(before)] == [name for name, _ in before]
    assert await bank.balances(late) == await bank.balances(timely)


async def test_journals_that_a_replay_moves_are_taken_back_and_booked_anew_on_their_day(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.receives(ref, INSTALLMENT, FEBRUARY)
    await bank.receives(ref, 500_00, MARCH)

    await bank.receives(ref, 200_00, date(2026, 2, 20), today=MARCH)

    moved = [j for j in await bank.journals(ref) if j.key.startswith(("repayment:", "reversal:repayment:"))]
    again = [j for j in moved if j.key.endswith(":2")]
    taken_back = [j for j in moved if j.reverses is not None]
    assert [j.booked_on for j in again] == [j.booked_on for j in taken_back] == [MARCH]
    assert again[0].recorded_at > taken_back[0].recorded_at or again[0].recorded_at == taken_back[0].recorded_at
    assert (await bank.balances(ref))["cash"] == -120_000 + INSTALLMENT + 500_00 + 200_00


async def test_what_was_known_before_a_late_payment_can_be_read_back(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.receives(ref, INSTALLMENT, FEBRUARY)
    await bank.receives(ref, 500_00, MARCH)
    known = await bank.history(ref)
    moment = datetime.now(UTC)

    await bank.receives(ref, 200_00, date(2026, 2, 20), today=MARCH)

    then = await bank.history(ref, known_at=moment)
    assert [(r.transaction, r.split, r.version) for r in then] == [(r.transaction, r.split, r.version) for r in known]


async def test_a_reversed_payment_leaves_the_loan_as_if_it_had_never_come(bank: Bank) -> None:
    ref = await bank.lends()
    before = await bank.schedule(ref)
    payment_id = await bank.receives(ref, INSTALLMENT, FEBRUARY)
    (paid,) = [r for r in await bank.history(ref) if r.row.payment_id == payment_id]

    position = await bank.orders(ref, _K.REVERSAL, reverses=paid.transaction.id, today=date(2026, 2, 20))

    assert await bank.schedule(ref) == before
    assert position.days_past_due == 5
    assert await bank.undone(ref) == {paid.transaction.id}
    assert (await bank.payment(payment_id)).status == "reversed"
    assert (await bank.balances(ref))["cash"] == -120_000


async def test_a_reversal_of_a_reversal_is_refused_and_nothing_is_posted(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.REPAYMENT, INSTALLMENT, today=FEBRUARY, id="txn_paid")
    await bank.orders(ref, _K.REVERSAL, reverses="txn_paid", today=FEBRUARY, id="txn_undone")
    before = await bank.history(ref)

    for target in ("txn_undone", "txn_paid", "txn_nobody"):
        with pytest.raises(Refusal):
            await bank.orders(ref, _K.REVERSAL, reverses=target, today=MARCH)

    assert [r.transaction for r in await bank.history(ref)] == [r.transaction for r in before]


async def test_the_same_order_twice_is_one_transaction(bank: Bank) -> None:
    ref = await bank.lends()

    for day in (FEBRUARY, MARCH):
        await bank.orders(ref, _K.REPAYMENT, 50_00, on=FEBRUARY, today=day, id="txn_same")

    assert len(await bank.splits(ref)) == 1


async def test_a_loan_that_a_reversal_opens_again_owes_again(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.REPAYMENT, 1_300_00, today=FEBRUARY, id="txn_all")
    overpaid = (await bank.loan(ref)).overpaid_minor
    await bank.orders(ref, _K.REFUND, overpaid, today=FEBRUARY, id="txn_back")
    closed = await bank.loan(ref)

    await bank.orders(ref, _K.REVERSAL, reverses="txn_back", today=MARCH)
    await bank.orders(ref, _K.REVERSAL, reverses="txn_all", today=MARCH)

    opened = await bank.loan(ref)
    assert (closed.status, closed.overpaid_minor) == (LoanStatus.CLOSED_OBLIGATIONS_MET, 0)
    assert (opened.status, opened.closed_on) == (LoanStatus.ACTIVE, None)
    assert "credit.loan.reopened" in await bank.events(ref)


async def test_more_than_is_overpaid_is_not_refunded(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.REPAYMENT, 1_300_00, today=FEBRUARY)
    overpaid = (await bank.loan(ref)).overpaid_minor

    with pytest.raises(Refusal):
        await bank.orders(ref, _K.REFUND, overpaid + 1, today=FEBRUARY)

    assert (await bank.loan(ref)).overpaid_minor == overpaid


async def test_a_loan_charged_off_stays_active_and_what_is_paid_is_a_recovery_in_the_books(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.CHARGE_OFF, today=date(2026, 7, 1))
    charged_off = await bank.loan(ref)

    await bank.orders(ref, _K.REPAYMENT, 300_00, today=date(2026, 8, 1))

    assert (charged_off.status, charged_off.charged_off_on) == (LoanStatus.ACTIVE, date(2026, 7, 1))
    balances = await bank.balances(ref)
    assert balances["credit_losses"] == 120_000
    assert "loans_receivable" not in balances
    assert balances["recoveries"] < 0


async def test_a_charge_off_that_is_taken_back_leaves_no_trace_in_the_balances(bank: Bank) -> None:
    ref, untouched = await bank.lends(), await bank.lends()
    await bank.orders(ref, _K.CHARGE_OFF, today=MARCH)

    await bank.orders(ref, _K.UNDO_CHARGE_OFF, today=APRIL)
    for each in (ref, untouched):
        await bank.receives(each, INSTALLMENT, APRIL)

    assert (await bank.loan(ref)).charged_off_on is None
    assert await bank.balances(ref) == await bank.balances(untouched)


async def test_a_loan_given_up_takes_recoveries_and_is_not_given_up_again(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.WRITE_OFF, today=MARCH)

    payment_id = await bank.receives(ref, 100_00, APRIL)
    await bank.orders(ref, _K.RECOVERY, 50_00, today=APRIL)
    with pytest.raises(Refusal):
        await bank.orders(ref, _K.WRITE_OFF, today=APRIL)

    loan, balances = await bank.loan(ref), await bank.balances(ref)
    assert (loan.status, loan.outstanding_minor) == (LoanStatus.CLOSED_WRITTEN_OFF, 0)
    assert (balances["credit_losses"], balances["recoveries"]) == (120_000, -150_00)
    assert (await bank.payment(payment_id)).status == "succeeded"


async def test_a_settlement_closes_the_loan_and_the_rest_is_a_loss(bank: Bank) -> None:
    ref = await bank.lends()

    await bank.orders(ref, _K.SETTLEMENT, 800_00, today=MARCH)

    loan, balances = await bank.loan(ref), await bank.balances(ref)
    assert (loan.status, loan.outstanding_minor) == (LoanStatus.SETTLED, 0)
    assert balances["cash"] == -120_000 + 800_00
    assert balances.get("loans_receivable", 0) == 0
    assert balances["credit_losses"] > 0


async def test_a_waived_penalty_is_owed_no_more(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.PENALTY, 5_00, installment=1, today=date(2026, 2, 20))
    charged = (await bank.schedule(ref))[0].penalty_minor

    await bank.orders(ref, _K.WAIVER, 5_00, part="penalty", today=date(2026, 2, 21))

    assert charged == 5_00
    assert (await bank.schedule(ref))[0].penalty_outstanding_minor == 0
    assert (await bank.balances(ref)).get("late_fees_receivable", 0) == 0


async def test_a_day_that_has_not_come_and_a_day_whose_books_are_closed_are_refused(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.closes_books(date(2026, 2, 28))

    with pytest.raises(NotYet):
        await bank.orders(ref, _K.REPAYMENT, 10_00, on=APRIL, today=MARCH)
    with pytest.raises(PeriodClosed):
        await bank.orders(ref, _K.REPAYMENT, 10_00, on=FEBRUARY, today=MARCH)

    assert len(await bank.history(ref)) == 1


async def test_money_over_the_rail_is_never_refused_and_counts_from_the_first_open_day(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.closes_books(date(2026, 2, 28))

    payment_id = await bank.receives(ref, INSTALLMENT, FEBRUARY, today=MARCH)

    assert (await bank.payment(payment_id)).received_on == date(2026, 3, 1)
    assert all(j.booked_on > date(2026, 2, 28) for j in await bank.journals(ref) if j.key.startswith("repayment"))


async def test_a_correction_of_closed_days_is_booked_on_the_first_open_day(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.REPAYMENT, INSTALLMENT, today=FEBRUARY, id="txn_paid")
    await bank.closes_books(date(2026, 2, 28))

    await bank.orders(ref, _K.REVERSAL, reverses="txn_paid", today=MARCH)

    (taken_back,) = [j for j in await bank.journals(ref) if j.key.startswith("reversal:")]
    assert taken_back.booked_on == date(2026, 3, 1)


async def test_a_payment_before_the_disbursement_is_refused(bank: Bank) -> None:
    ref = await bank.lends()

    with pytest.raises(Refusal):
        await bank.orders(ref, _K.REPAYMENT, 10_00, on=date(2026, 1, 14), today=FEBRUARY)

    assert len(await bank.history(ref)) == 1


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        (_K.RESCHEDULE, NewTerms(first_due_on=date(2026, 5, 1))),
        (_K.RE_AGE, NewTerms(first_due_on=date(2026, 5, 1))),
        (_K.RE_AGE, NewTerms(installments=18)),
        (_K.RE_AMORTIZE, NewTerms()),
    ],
)
async def test_a_restructured_loan_owes_its_principal_by_another_schedule(
    bank: Bank, kind: TransactionKind, terms: NewTerms
) -> None:
    ref = await bank.lends()
    await bank.receives(ref, INSTALLMENT, FEBRUARY)
    before = await bank.schedule(ref)

    await bank.orders(ref, kind, terms=terms, today=APRIL)

    after = await bank.schedule(ref)
    assert after != before
    assert sum(row.principal_outstanding_minor for row in after) == sum(
        row.principal_outstanding_minor for row in before
    )
    late_days = (await bank.loan(ref)).days_past_due
    assert late_days == ((APRIL - MARCH).days if kind is _K.RESCHEDULE else 0)
    await bank.balances(ref)


async def test_a_refinanced_loan_is_paid_by_another_and_closes(bank: Bank) -> None:
    ref = await bank.lends()

    await bank.orders(ref, _K.REFINANCE, today=MARCH)

    loan, balances = await bank.loan(ref), await bank.balances(ref)
    assert (loan.status, loan.outstanding_minor) == (LoanStatus.CLOSED_REFINANCED, 0)
    assert "loans_receivable" not in balances
    assert "credit_losses" not in balances


async def test_a_disbursement_that_came_back_gives_back_what_was_repaid(bank: Bank) -> None:
    ref = await bank.lends()
    await bank.orders(ref, _K.PENALTY, 5_00, installment=1, today=date(2026, 2, 20))
    await bank.receives(ref, INSTALLMENT, date(2026, 2, 21))
    (disbursed, *_) = await bank.history(ref)

    await bank.orders(ref, _K.REVERSAL, reverses=disbursed.transaction.id, today=MARCH)

    loan = await bank.loan(ref)
    assert (loan.status, loan.outstanding_minor, loan.overpaid_minor) == (LoanStatus.CANCELLED, 0, INSTALLMENT)
    assert await bank.balances(ref) == {"cash": INSTALLMENT, "borrower_credit": -INSTALLMENT}


@pytest.mark.parametrize(
    ("kind", "amount_minor"), [(_K.SETTLEMENT, 800_00), (_K.REFINANCE, None), (_K.WRITE_OFF, None)]
)
async def test_what_closed_a_loan_can_be_undone(bank: Bank, kind: TransactionKind, amount_minor: int | None) -> None:
    ref, untouched = await bank.lends(), await bank.lends()
    await bank.orders(ref, kind, amount_minor, today=MARCH, id="txn_closing")

    await bank.orders(ref, _K.REVERSAL, reverses="txn_closing", today=MARCH)
    await bank.orders(untouched, _K.PENALTY, 1, today=MARCH, id="txn_cent")
    await bank.orders(untouched, _K.REVERSAL, reverses="txn_cent", today=MARCH)

    assert (await bank.loan(ref)).status == LoanStatus.ACTIVE
    assert await bank.schedule(ref) == await bank.schedule(untouched)
    assert await bank.balances(ref) == await bank.balances(untouched)
