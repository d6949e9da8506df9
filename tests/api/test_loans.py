"""Loans over HTTP: found, read on any day, and ordered about by those who may."""

from datetime import UTC, date, datetime

import pytest

from models.application import ApplicationStatus
from models.loan import LoanStatus
from tests.api.rows import lent
from tests.api.worlds import World
from workflows.application_state import Review
from workflows.collection import NothingOverdue
from workflows.loan import LoanAnswer, PromiseToPay, WriteOffOrder


async def test_a_loan_is_read_on_a_day(world: World) -> None:
    loan = await lent(world)

    answer = await world.get(f"/api/loans/{loan.id}", on="2026-03-20")

    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["terms"] | {"principal": 1200, "netDisbursed": 1195, "interestRate": 12, "apr": 12.5} == shown["terms"]
    statuses = [row["status"] for row in shown["schedule"]]
    assert statuses == ["overdue", "overdue"] + ["pending"] * 10
    assert (shown["flags"]["daysPastDue"], shown["flags"]["delinquencyBucket"]) == (33, "31-60")
    assert sum(row["principal"] for row in shown["schedule"]) == pytest.approx(1200)
    assert shown["repaymentAccount"] == {"accountNumber": loan.account_number, "bankName": "Test Bank"}
    assert shown["temporalUrl"].endswith(f"/workflows/loan%2F{loan.id}")


async def test_a_payoff_on_the_first_due_date_is_the_principal_and_one_interest(world: World) -> None:
    loan = await lent(world)

    shown = (await world.get(f"/api/loans/{loan.id}", on="2026-02-15")).json()

    assert shown["payoff"] == {
        "principal": 1200,
        "interest": 12,
        "fees": 0,
        "penalties": 0,
        "total": 1212,
        "goodThrough": "2026-02-15",
    }
    assert shown["schedule"][0]["status"] == "due"


async def test_a_loan_ahead_of_us_is_read_on_its_own_today(world: World) -> None:
    ahead = await lent(world, clock_at=datetime(2099, 5, 6, tzinfo=UTC))

    shown = (await world.get(f"/api/loans/{ahead.id}")).json()

    assert shown["on"] == "2099-05-06"


async def test_a_day_before_the_loan_is_refused(world: World) -> None:
    loan = await lent(world)

    answer = await world.get(f"/api/loans/{loan.id}", on="2026-01-14")

    assert (answer.status_code, answer.json()["field"]) == (422, "on")


async def test_an_unknown_loan_is_not_found(world: World) -> None:
    answer = await world.get("/api/loans/loan_nobody")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_loan")


async def test_loans_are_filtered_and_paged(world: World) -> None:
    loans = [await lent(world), await lent(world, status=LoanStatus.CLOSED_OBLIGATIONS_MET, delinquency_bucket="1-30")]

    async def found(**filters: str | int) -> list[str]:
        return [each["loanId"] for each in (await world.get("/api/loans", **filters)).json()["data"]]

    assert sorted(await found()) == sorted(loan.id for loan in loans)
    assert await found(status="active") == [loans[0].id]
    assert await found(delinquencyBucket="1-30") == [loans[1].id]
    assert await found(applicationId=loans[0].application_id) == [loans[0].id]
    assert await found(providerId="provider_2") == []
    page = (await world.get("/api/loans", limit=1)).json()
    rest = await found(limit=1, cursor=page["nextCursor"])
    assert {page["data"][0]["loanId"], *rest} == {loan.id for loan in loans}


@pytest.mark.parametrize("field", ["status", "delinquencyBucket"])
async def test_a_filter_that_is_none_is_named(world: World, field: str) -> None:
    answer = await world.get("/api/loans", **{field: "sleepy"})

    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("status", ["approved", "rejected"])
async def test_a_review_is_decided(world: World, status: str) -> None:
    application_id = (await world.apply())["applicationId"]
    world.temporal.running[f"application/{application_id}"] = {"review": ApplicationStatus.BIDDING}

    body = {"status": status, "reason": "seen the papers"}
    answer = await world.http.patch(f"/api/loans/{application_id}/status", json=body, headers=world.key)

    assert (answer.status_code, answer.json()["status"]) == (200, "bidding")
    [(_, _, asked, _)] = world.temporal.asked
    assert asked == (Review(approve=status == "approved", reason="seen the papers"),)


async def test_a_review_nobody_waits_for_is_refused(world: World) -> None:
    application_id = (await world.apply())["applicationId"]

    body = {"status": "approved", "reason": "x"}
    answer = await world.http.patch(f"/api/loans/{application_id}/status", json=body, headers=world.key)

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_review")


async def test_a_loan_is_written_off(world: World) -> None:
    loan = await lent(world)
    world.temporal.running[f"loan/{loan.id}"] = {"write_off": LoanAnswer("closed_written_off", 0)}

    body = {"status": "closed_written_off", "reason": "insolvent"}
    answer = await world.http.patch(f"/api/loans/{loan.id}/status", json=body, headers=world.key)

    assert (answer.status_code, answer.json()["status"], answer.json()["outstanding"]) == (200, "closed_written_off", 0)
    assert world.temporal.asked[0][2] == (WriteOffOrder("insolvent"),)


@pytest.mark.parametrize(
    ("prefix", "status"),
    [("loan", "approved"), ("app", "closed_written_off"), ("loan", "active"), ("what", "approved")],
)
async def test_a_status_nobody_may_order_is_named(world: World, prefix: str, status: str) -> None:
    body = {"status": status, "reason": "x"}
    answer = await world.http.patch(f"/api/loans/{prefix}_1/status", json=body, headers=world.key)

    assert (answer.status_code, answer.json()["field"]) == (422, "status")


async def test_a_promise_is_an_update(world: World) -> None:
    loan = await lent(world)
    promised_on = date(2026, 3, 1)
    world.temporal.running[f"loan/{loan.id}"] = {"promise_to_pay": LoanAnswer("active", 12_345, promised_on)}

    answer = await world.post(f"/api/loans/{loan.id}/promises", {"promisedOn": "2026-03-01"})

    assert answer.status_code == 200
    assert (answer.json()["promisedOn"], answer.json()["outstanding"]) == ("2026-03-01", 123.45)
    assert world.temporal.asked[0][2] == (PromiseToPay(promised_on),)


async def test_a_promise_with_nothing_overdue_is_refused(world: World) -> None:
    loan = await lent(world)
    refusal = NothingOverdue("Nothing is overdue on this loan.", "promisedOn")
    world.temporal.running[f"loan/{loan.id}"] = {"promise_to_pay": refusal}

    answer = await world.post(f"/api/loans/{loan.id}/promises", {"promisedOn": "2026-03-01"})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "nothing_overdue", "promisedOn")


async def test_a_closed_loan_takes_no_orders(world: World) -> None:
    loan = await lent(world)

    answer = await world.post(f"/api/loans/{loan.id}/promises", {"promisedOn": "2026-03-01"})

    assert (answer.status_code, answer.json()["code"]) == (409, "loan_closed")
