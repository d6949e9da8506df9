"""One loan's life after the money has left: on time, early, late, never, and the odd turns."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.offers import loan_id_of
from models.application import ApplicationStatus
from models.ids import derived_id
from models.loan import LoanStatus
from models.transactions import TransactionKind
from tests.workflows.fakes import AccountlessRail
from tests.workflows.world import World, eventually, refused, running
from workers.embedded.postgres import DatabaseUrls
from workflows.loan import ForbearanceOrder, LoanWorkflow, PromiseToPay, TransactionOrder, WriteOffOrder

INSTALLMENT = 2_177_02


async def test_a_loan_paid_on_time_closes_and_its_reminders_come_before_each_due_date(world: World) -> None:
    loan = await world.disbursed()

    for row in await world.installments(loan.id):
        await world.to_day(loan, row.due_on - timedelta(days=1))
        await world.pay(loan, row.principal_minor + row.interest_minor)

    closed = await world.loan(loan.id)
    assert await world.loan_workflow(loan.id).result() == LoanStatus.CLOSED_OBLIGATIONS_MET
    assert (closed.status, closed.outstanding_minor, closed.days_past_due) == ("closed_obligations_met", 0, 0)
    await eventually(lambda: sum("is due on" in subject for subject in world.mailer.subjects()) == 12)
    assert await world.balance() == 0


async def test_a_long_loan_continues_as_new_and_forgets_nothing(world: World) -> None:
    loan = await world.disbursed(tenure_days=730)
    first_run = (await world.loan_workflow(loan.id).describe()).run_id

    for row in (await world.installments(loan.id))[:13]:
        await world.to_day(loan, row.due_on - timedelta(days=1))
        await world.pay(loan, row.principal_minor + row.interest_minor)

    described = await world.loan_workflow(loan.id).describe()
    assert described.run_id != first_run
    assert (await world.loan(loan.id)).days_past_due == 0
    assert len([event for event in await world.events(loan.application_id) if event == "payment.processed"]) == 13


async def test_a_missed_installment_is_charged_collected_and_cured(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]

    await world.to_day(loan, first.due_on + timedelta(days=12))
    late = await world.loan(loan.id)
    owed = (await world.installments(loan.id))[0]
    await world.pay(loan, INSTALLMENT + owed.penalty_minor)

    cured = await world.loan(loan.id)
    assert (late.in_collection, late.delinquency_bucket) == (True, "1-30")
    assert owed.penalty_minor == 54_43
    assert (cured.in_collection, cured.days_past_due, cured.delinquency_bucket) == (False, 0, "current")
    events = await world.events(loan.application_id)
    order = [
        "credit.repayment.missed",
        "credit.late_fee.charged",
        "credit.collection.initiated",
        "credit.collection.cured",
    ]
    assert [event for event in events if event in order] == order
    assert await world.balance() == 0


async def test_a_promise_to_pay_stops_the_letters_until_its_day(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]
    await world.to_day(loan, first.due_on + timedelta(days=7))

    promised_on = first.due_on + timedelta(days=15)
    answer = await world.loan_workflow(loan.id).execute_update(
        LoanWorkflow.promise_to_pay, PromiseToPay(promised_on), id="promise-1"
    )
    await world.to_day(loan, promised_on)
    letters_before = [s for s in world.mailer.subjects() if "overdue" in s]
    await world.to_day(loan, promised_on + timedelta(days=2))

    assert answer.promised_on == promised_on
    assert letters_before == []
    await eventually(lambda: any("overdue" in s for s in world.mailer.subjects()))


async def test_a_promise_needs_arrears_and_a_near_day(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]
    workflow = world.loan_workflow(loan.id)

    too_soon = await refused(workflow.execute_update(LoanWorkflow.promise_to_pay, PromiseToPay(first.due_on)))
    await world.to_day(loan, first.due_on + timedelta(days=3))
    far = PromiseToPay(first.due_on + timedelta(days=90))

    assert too_soon == ("nothing_overdue", "promisedOn")
    assert await refused(workflow.execute_update(LoanWorkflow.promise_to_pay, far)) == (
        "promise_out_of_range",
        "promisedOn",
    )


async def test_an_early_partial_prepayment_makes_the_later_installments_smaller(world: World) -> None:
    loan = await world.disbursed()
    before = await world.installments(loan.id)
    await world.to_day(loan, before[0].due_on - timedelta(days=10))

    await world.pay(loan, 5_000_00)

    after = await world.installments(loan.id)
    assert sum(row.principal_minor for row in after) == loan.principal_minor
    assert after[5].principal_minor + after[5].interest_minor < INSTALLMENT
    assert sum(row.interest_minor for row in after) < sum(row.interest_minor for row in before)
    assert await world.balance() == 0


async def test_a_payment_beyond_the_debt_is_kept_for_the_borrower(world: World) -> None:
    loan = await world.disbursed()

    await world.pay(loan, 26_000_00)

    overpaid = await world.loan(loan.id)
    assert overpaid.status == "overpaid"
    assert overpaid.overpaid_minor == 1_000_00
    assert await world.balance() == 0


async def test_money_that_comes_after_the_loan_has_closed_is_posted(world: World) -> None:
    loan = await world.disbursed()
    await world.pay(loan, 25_000_00)
    assert await world.loan_workflow(loan.id).result() == LoanStatus.CLOSED_OBLIGATIONS_MET

    await world.pay(loan, 10_00)

    reopened = await world.loan(loan.id)
    assert (reopened.status, reopened.overpaid_minor) == ("overpaid", 10_00)
    assert await world.balance() == 0


async def test_the_same_payment_told_twice_is_posted_once(world: World) -> None:
    loan = await world.disbursed()
    payment_id = await world.pay(loan, 100_00)

    await world.tell_again(loan, payment_id, 100_00)
    await world.pay(loan, 1_00)

    paid = sum(row.principal_paid_minor + row.interest_paid_minor for row in await world.installments(loan.id))
    assert paid == 101_00


async def test_a_returned_disbursement_cancels_the_loan_and_its_books(world: World) -> None:
    loan = await world.disbursed()

    await world.return_disbursement(loan)

    assert await world.loan_workflow(loan.id).result() == LoanStatus.CANCELLED
    cancelled = await world.loan(loan.id)
    assert (cancelled.status, cancelled.outstanding_minor) == ("cancelled", 0)
    assert await world.balances() == {}


async def test_a_returned_disbursement_gives_back_what_was_repaid(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]
    await world.to_day(loan, first.due_on + timedelta(days=6))
    await world.pay(loan, INSTALLMENT)

    await world.return_disbursement(loan)

    assert await world.loan_workflow(loan.id).result() == LoanStatus.CANCELLED
    assert await world.balances() == {"cash": INSTALLMENT, "borrower_credit": -INSTALLMENT}


async def test_a_loan_given_up_becomes_a_loss(world: World) -> None:
    loan = await world.disbursed()
    workflow = world.loan_workflow(loan.id)

    answer = await workflow.execute_update(LoanWorkflow.write_off, WriteOffOrder("bankrupt"), id="write-off-1")

    assert answer.status == "closed_written_off"
    assert await workflow.result() == LoanStatus.CLOSED_WRITTEN_OFF
    assert (await world.balances())["credit_losses"] == 25_000_00
    assert await world.balance() == 0


@pytest.mark.parametrize("days", [31, 61, 91])
async def test_arrears_grow_through_the_buckets(world: World, days: int) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]

    await world.to_day(loan, first.due_on + timedelta(days=days + 1))

    aged = await world.loan(loan.id)
    assert aged.days_past_due >= days
    assert aged.delinquency_bucket == {31: "31-60", 61: "61-90", 91: "91-120"}[days]
    assert aged.ifrs_stage == {31: 2, 61: 2, 91: 3}[days]


async def test_money_for_a_loan_that_was_given_up_is_a_recovery_and_the_loan_stays_given_up(world: World) -> None:
    loan = await world.disbursed()
    workflow = world.loan_workflow(loan.id)
    await workflow.execute_update(LoanWorkflow.write_off, WriteOffOrder("bankrupt"))
    await workflow.result()

    await world.pay(loan, 50_00)

    kept = await world.loan(loan.id)
    assert (kept.status, kept.overpaid_minor) == ("closed_written_off", 0)
    assert (await world.balances())["recoveries"] == -50_00


async def test_a_loan_that_owes_nothing_cannot_be_written_off_and_lives_on(world: World) -> None:
    loan = await world.disbursed()
    workflow = world.loan_workflow(loan.id)
    await world.pay(loan, 26_000_00)

    async def is_overpaid() -> bool:
        return await workflow.query(LoanWorkflow.status) == LoanStatus.OVERPAID

    await eventually(is_overpaid)
    code, field = await refused(workflow.execute_update(LoanWorkflow.write_off, WriteOffOrder("mistake")))

    assert (code, field) == ("nothing_to_write_off", "status")
    await world.pay(loan, 1_00)
    assert (await world.loan(loan.id)).overpaid_minor == 1_001_00


async def test_a_loan_whose_account_the_rail_refuses_lives_on(temporal_client: Client, database: DatabaseUrls) -> None:
    async with running(temporal_client, database, AccountlessRail()) as world:
        application_id = await world.offered()
        await world.accept_best(application_id)
        await world.reaches(application_id, ApplicationStatus.DISBURSED)
        loan = await world.loan(loan_id_of(application_id))

        await world.pay(loan, INSTALLMENT)

        assert (await world.loan(loan.id)).account_number is None
        assert (await world.installments(loan.id))[0].principal_paid_minor == INSTALLMENT


async def test_a_few_cents_late_bear_no_fee_and_the_loan_lives_on(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]
    await world.to_day(loan, first.due_on - timedelta(days=1))
    await world.pay(loan, INSTALLMENT - 10)

    await world.to_day(loan, first.due_on + timedelta(days=6))
    await world.pay(loan, 10)

    assert (await world.installments(loan.id))[0].penalty_minor == 0
    assert (await world.loan(loan.id)).days_past_due == 0


async def test_news_of_a_return_that_finds_the_application_ended_reaches_the_loan(world: World) -> None:
    loan = await world.disbursed()
    await world.application(loan.application_id).result()

    await world.tell_rail_news(loan, "reversed")

    assert await world.loan_workflow(loan.id).result() == LoanStatus.CANCELLED


async def test_an_order_is_posted_by_the_loan_and_answered(world: World) -> None:
    loan = await world.disbursed()

    answer = await world.loan_workflow(loan.id).execute_update(
        LoanWorkflow.transact, TransactionOrder("txn_1", TransactionKind.REPAYMENT, 100_00)
    )

    assert answer.outstanding_minor == (await world.loan(loan.id)).outstanding_minor < loan.outstanding_minor - 100_00
    assert await world.balance() == 0


async def test_an_order_that_the_rows_refuse_keeps_its_name_and_the_loan_lives_on(world: World) -> None:
    loan = await world.disbursed()
    workflow = world.loan_workflow(loan.id)

    refund = TransactionOrder("txn_1", TransactionKind.REFUND, 100_00)
    too_early = TransactionOrder("txn_2", TransactionKind.REPAYMENT, 100_00, on=loan.disbursed_on - timedelta(days=1))

    assert await refused(workflow.execute_update(LoanWorkflow.transact, refund)) == ("refund_exceeds_credit", "amount")
    assert await refused(workflow.execute_update(LoanWorkflow.transact, too_early)) == (
        "payment_before_disbursement",
        "date",
    )
    await world.pay(loan, 1_00)


async def test_a_reversal_starts_a_closed_loan_again_and_it_is_served_on(world: World) -> None:
    loan = await world.disbursed()
    payment_id = await world.pay(loan, 25_000_00)
    assert await world.loan_workflow(loan.id).result() == LoanStatus.CLOSED_OBLIGATIONS_MET

    reversal = TransactionOrder("txn_1", TransactionKind.REVERSAL, reverses=derived_id("txn", payment_id))
    answer = await world.order_again(loan, reversal)
    first = (await world.installments(loan.id))[0]
    await world.to_day(loan, first.due_on + timedelta(days=6))

    assert answer.status == "active"
    served = await world.loan(loan.id)
    assert (served.status, served.delinquency_bucket) == ("active", "1-30")
    assert (await world.installments(loan.id))[0].penalty_minor == 54_43
    assert await world.balance() == 0


async def test_an_order_on_a_closed_loan_that_is_refused_leaves_it_closed(world: World) -> None:
    loan = await world.disbursed()
    await world.pay(loan, 25_000_00)
    await world.loan_workflow(loan.id).result()

    code, _ = await refused(world.order_again(loan, TransactionOrder("txn_1", TransactionKind.RECOVERY, 1_00)))

    assert code == "loan_not_written_off"
    assert await world.loan_workflow(loan.id).result() == LoanStatus.CLOSED_OBLIGATIONS_MET
    await world.pay(loan, 10_00)
    assert (await world.loan(loan.id)).overpaid_minor == 10_00


async def test_forbearance_stops_the_letters_and_the_aging_until_its_day(world: World) -> None:
    loan = await world.disbursed()
    first = (await world.installments(loan.id))[0]
    await world.to_day(loan, first.due_on + timedelta(days=3))

    await world.loan_workflow(loan.id).execute_update(
        LoanWorkflow.forbear, ForbearanceOrder(first.due_on + timedelta(days=40), "illness")
    )
    await world.to_day(loan, first.due_on + timedelta(days=35))

    forborne = await world.loan(loan.id)
    assert forborne.days_past_due <= 4
    assert not any("overdue" in subject for subject in world.mailer.subjects())
