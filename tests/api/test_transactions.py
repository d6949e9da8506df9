"""Transactions over HTTP: posted through the loan's workflow, read back with what they did, refused by name."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest

from activities.transactions import Ordered, TransactionOrder, Transactions
from models.errors import Refusal
from models.loan import LoanRef, LoanStatus
from models.records.ledger import ClosedPeriodRow
from models.records.loans import Loan
from models.records.transactions import TransactionRow
from models.transactions import TransactionKind
from tests.api.rows import DISBURSED_ON, lent, posted
from tests.api.worlds import Answer, Body, World
from workflows.loan import ForbearanceOrder, LoanAnswer

INSTALLMENT = 106_62
FEBRUARY, MARCH = date(2026, 2, 15), date(2026, 3, 15)


def serve(world: World, loan: Loan) -> dict[str, Any]:
    """A loan's workflow that posts what it is asked to."""

    async def transact() -> Answer:
        order = world.temporal.asked[-1][2][0]
        assert isinstance(order, TransactionOrder)
        ref = LoanRef(loan.tenant_id, loan.application_id, loan.id)
        try:
            position = await Transactions(world.database).post(Ordered(ref, order, loan.clock_at + timedelta(days=90)))
        except Refusal as refusal:
            return refusal
        return LoanAnswer(position.status, position.outstanding_minor)

    return {"transact": transact}


async def served(world: World, **columns: Any) -> Loan:
    loan = await lent(world, **columns)
    world.temporal.running[f"loan/{loan.id}"] = serve(world, loan)
    return loan


async def post(world: World, loan: Loan, kind: str, **body: object) -> Body:
    answer = await world.post(f"/api/loans/{loan.id}/transactions", {"type": kind} | body)
    shown: Body = answer.json()
    assert answer.status_code == 201, answer.text
    return shown


async def test_a_repayment_is_posted_on_its_day_with_what_it_paid(world: World) -> None:
    loan = await served(world)

    shown = await post(world, loan, "repayment", amount=106.62, date="2026-02-15", reason="cash at the branch")

    transaction = shown["transaction"]
    assert (transaction["type"], transaction["date"], transaction["amount"]) == ("repayment", "2026-02-15", 106.62)
    assert transaction["split"] == {"principal": 94.62, "interest": 12, "fees": 0, "penalties": 0, "overpaid": 0}
    assert (transaction["actor"], transaction["reason"], transaction["reversed"]) == (
        "tenant",
        "cash at the branch",
        False,
    )
    assert shown["loan"]["status"] == "active"


async def test_the_same_key_is_the_same_transaction(world: World) -> None:
    loan = await served(world)
    body = {"type": "repayment", "amount": 50, "date": "2026-02-15"}

    answers = [await world.post(f"/api/loans/{loan.id}/transactions", body, idempotency_key="pay-1") for _ in range(3)]

    assert len({answer.json()["transaction"]["transactionId"] for answer in answers}) == 1
    assert len([row for row in await world.rows(TransactionRow) if row.kind == "repayment"]) == 1


async def test_transactions_are_listed_by_page_and_the_undone_one_is_marked(world: World) -> None:
    loan = await served(world)
    paid = await post(world, loan, "repayment", amount=106.62, date="2026-02-15")
    paid_id = paid["transaction"]["transactionId"]
    await post(world, loan, "reversal", transactionId=paid_id, reason="bounced")

    page = (await world.get(f"/api/loans/{loan.id}/transactions", limit=2)).json()
    rest = (await world.get(f"/api/loans/{loan.id}/transactions", limit=2, cursor=page["nextCursor"])).json()

    listed = page["data"] + rest["data"]
    assert [each["type"] for each in listed] == ["disbursement", "repayment", "reversal"]
    assert [each["reversed"] for each in listed] == [False, True, False]
    assert listed[2]["reverses"] == paid_id
    assert listed[1]["split"]["principal"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"type": "gift", "amount": 1}, 422, "validation_failed", "type"),
        ({"type": "disbursement", "amount": 1}, 422, "validation_failed", "type"),
        ({"type": "repayment"}, 422, "field_missing", "amount"),
        ({"type": "repayment", "amount": 1.005}, 422, "invalid_amount", "amount"),
        ({"type": "repayment", "amount": 0}, 422, "validation_failed", "amount"),
        ({"type": "repayment", "amount": 1, "part": "fee"}, 422, "field_without_meaning", "part"),
        ({"type": "reversal"}, 422, "field_missing", "transactionId"),
        ({"type": "reversal", "transactionId": "txn_nobody"}, 404, "unknown_transaction", "transactionId"),
        ({"type": "repayment", "amount": 1, "date": "2026-01-14"}, 422, "payment_before_disbursement", "date"),
        ({"type": "repayment", "amount": 1, "date": "2027-01-14"}, 422, "not_yet", "date"),
        ({"type": "repayment", "amount": 1, "date": "2026-01-20"}, 409, "period_closed", "date"),
        ({"type": "refund", "amount": 1}, 409, "refund_exceeds_credit", "amount"),
        ({"type": "undo_charge_off"}, 409, "not_charged_off", "type"),
        ({"type": "recovery", "amount": 1}, 409, "loan_not_written_off", "type"),
    ],
)
async def test_what_may_not_be_is_refused_by_name_and_nothing_is_posted(
    world: World, body: Body, status: int, code: str, field: str
) -> None:
    loan = await served(world)
    if code == "period_closed":
        await world.add(ClosedPeriodRow(tenant_id=loan.tenant_id, closed_through=date(2026, 1, 31)))

    answer = await world.post(f"/api/loans/{loan.id}/transactions", {"date": "2026-03-01"} | body)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field), answer.text
    assert [row.kind for row in await world.rows(TransactionRow)] == ["disbursement"]


async def test_a_reversal_of_a_reversal_is_refused(world: World) -> None:
    loan = await served(world)
    paid = await post(world, loan, "repayment", amount=10)
    undone = await post(world, loan, "reversal", transactionId=paid["transaction"]["transactionId"])

    body = {"type": "reversal", "transactionId": undone["transaction"]["transactionId"]}
    answer = await world.post(f"/api/loans/{loan.id}/transactions", body)

    assert (answer.status_code, answer.json()["code"]) == (409, "reversal_of_reversal")


async def test_a_closed_loan_is_not_written_off(world: World) -> None:
    loan = await lent(world, status=LoanStatus.CLOSED_OBLIGATIONS_MET)

    answer = await world.post(f"/api/loans/{loan.id}/transactions", {"type": "write_off"})

    assert (answer.status_code, answer.json()["code"]) == (409, "loan_closed")


async def test_a_refund_is_a_payment_that_was_made_outside(world: World) -> None:
    loan = await served(world)
    paid = await post(world, loan, "repayment", amount=1300)

    shown = await post(world, loan, "refund", amount=paid["loan"]["overpaid"])

    assert (shown["loan"]["status"], shown["loan"]["overpaid"]) == ("closed_obligations_met", 0)
    (refund,) = (await world.get("/api/payments", loanId=loan.id, kind="refund")).json()["data"]
    assert (refund["status"], refund["rail"], refund["amount"]) == ("succeeded", "outside", paid["loan"]["overpaid"])
    assert shown["transaction"]["paymentId"] == refund["paymentId"]


async def test_what_still_happens_to_a_closed_loan_starts_its_workflow_again(world: World) -> None:
    loan = await lent(world)
    await posted(world, loan, TransactionKind.WRITE_OFF, on=MARCH)
    world.temporal.restarts[f"loan/{loan.id}"] = serve(world, loan)

    shown = await post(world, loan, "recovery", amount=25)

    assert (shown["loan"]["status"], shown["transaction"]["type"]) == ("closed_written_off", "recovery")


async def test_a_restructure_is_previewed_and_then_posted(world: World) -> None:
    loan = await served(world)
    body = {"type": "reschedule", "date": "2026-02-01", "firstDueOn": "2026-03-01", "installments": 18}

    preview = (await world.post(f"/api/loans/{loan.id}/restructure", body | {"preview": True})).json()
    rows_before = len((await world.get(f"/api/loans/{loan.id}/schedule")).json()["installments"])
    done = await world.post(f"/api/loans/{loan.id}/restructure", body)

    assert done.status_code == 200, done.text
    assert (rows_before, preview["preview"], preview["transactionId"]) == (12, True, None)
    assert done.json()["preview"] is False
    assert [row["dueOn"] for row in done.json()["installments"]] == [row["dueOn"] for row in preview["installments"]]
    assert preview["installments"][0]["dueOn"] == "2026-03-01"


async def test_forbearance_is_an_order_of_its_own(world: World) -> None:
    loan = await lent(world)
    world.temporal.running[f"loan/{loan.id}"] = {"forbear": LoanAnswer("active", 1)}

    body = {"type": "forbearance", "until": "2026-06-30", "reason": "illness"}
    shown = (await world.post(f"/api/loans/{loan.id}/restructure", body)).json()

    assert shown["forbearanceUntil"] == "2026-06-30"
    assert world.temporal.asked[0][2] == (ForbearanceOrder(date(2026, 6, 30), "illness"),)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "forbearance"}, "until"),
        ({"type": "reschedule"}, "firstDueOn"),
        ({"type": "re_amortize", "installments": 3}, "installments"),
        ({"type": "bigger"}, "type"),
    ],
)
async def test_a_restructure_without_its_terms_names_the_field(world: World, body: Body, field: str) -> None:
    loan = await lent(world)

    answer = await world.post(f"/api/loans/{loan.id}/restructure", body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_payoff_is_good_through_its_day_and_the_next_ten_are_shown(world: World) -> None:
    loan = await lent(world)

    shown = (await world.get(f"/api/loans/{loan.id}/payoff", on="2026-02-15")).json()

    assert (shown["payoff"]["total"], shown["payoff"]["goodThrough"]) == (1212, "2026-02-15")
    assert [row["goodThrough"] for row in shown["table"]][::9] == ["2026-02-16", "2026-02-25"]
    totals = [row["total"] for row in shown["table"]]
    assert totals == sorted(totals)


async def test_a_statement_runs_from_the_disbursement_to_what_is_owed(world: World) -> None:
    loan = await lent(world)
    await posted(world, loan, TransactionKind.REPAYMENT, INSTALLMENT, on=FEBRUARY)

    shown = (await world.get(f"/api/loans/{loan.id}/statement", to="2026-02-28")).json()

    assert (shown["from"], shown["to"], shown["openingBalance"]) == (DISBURSED_ON.isoformat(), "2026-02-28", 0)
    lines = [(line["type"], line["change"], line["balance"]) for line in shown["lines"]]
    assert lines == [("disbursement", 1200, 1200), ("interest", 12, 1212), ("repayment", -106.62, 1105.38)]
    assert shown["closingBalance"] == 1105.38


async def test_a_statement_shows_what_was_known_at_a_moment(world: World) -> None:
    loan = await lent(world)
    await posted(world, loan, TransactionKind.REPAYMENT, INSTALLMENT, on=FEBRUARY)
    moment = datetime.now(UTC)
    await posted(world, loan, TransactionKind.REPAYMENT, 50_00, on=date(2026, 2, 1))

    async def closing(**params: str) -> float:
        answer = await world.get(f"/api/loans/{loan.id}/statement", on="2026-02-28", **params)
        balance: float = answer.json()["closingBalance"]
        return balance

    assert await closing(knownAt=moment.isoformat()) == 1105.38
    assert await closing() < 1060


@pytest.mark.parametrize(("accept", "params"), [("text/csv", {}), ("application/json", {"format": "csv"})])
async def test_a_statement_is_a_spreadsheet(world: World, accept: str, params: dict[str, str]) -> None:
    loan = await lent(world)
    await posted(world, loan, TransactionKind.REPAYMENT, INSTALLMENT, on=FEBRUARY)

    url, headers = f"/api/loans/{loan.id}/statement", world.key | {"accept": accept}
    answer = await world.http.get(url, params={"to": "2026-02-28"} | params, headers=headers)

    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["type"] for row in rows][::3] == ["opening_balance", "repayment"]
    assert (rows[3]["principal"], rows[3]["change"], rows[-1]["balance"]) == ("94.62", "-106.62", "1105.38")


async def test_a_statement_is_a_document(world: World) -> None:
    loan = await lent(world)

    answer = await world.get(f"/api/loans/{loan.id}/statement", format="pdf", to="2026-02-28")

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert loan.id in answer.headers["content-disposition"]


async def test_a_statement_that_ends_before_it_begins_is_refused(world: World) -> None:
    loan = await lent(world)

    answer = await world.get(f"/api/loans/{loan.id}/statement", **{"from": "2026-03-01", "to": "2026-02-01"})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "days_reversed", "to")


async def test_a_schedule_adds_up(world: World) -> None:
    loan = await lent(world)

    shown = (await world.get(f"/api/loans/{loan.id}/schedule", on="2026-03-20")).json()

    assert [row["status"] for row in shown["installments"]][:3] == ["overdue", "overdue", "pending"]
    assert shown["total"] == pytest.approx(sum(row["total"] for row in shown["installments"]))
    assert (shown["paid"], shown["outstanding"]) == (0, shown["total"])
