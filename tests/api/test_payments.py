"""Repayments the platform reports: taken once, refused by name."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.loan import LoanStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.outbox import OutboxKind, OutboxRow
from models.records.payments import Payment
from tests.api.rows import lent
from tests.api.worlds import Body, World

PATH = "/api/payments"


def _body(loan_id: str, **changes: Any) -> Body:
    return {"loanId": loan_id, "amount": 106.62, "method": "bank_transfer", "reference": "T-1"} | changes


async def _orders(world: World) -> list[Body]:
    return [row.payload for row in await world.rows(OutboxRow) if row.kind == OutboxKind.PAYMENT_RECEIVED]


async def test_a_payment_is_taken_and_ordered_to_be_posted(world: World) -> None:
    loan = await lent(world)

    answer = await world.post(PATH, _body(loan.id, receivedOn="2026-02-15"))

    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["success"], shown["status"], shown["amount"], shown["reference"]) == (True, "pending", 106.62, "T-1")
    assert await _orders(world) == [
        {
            "loanId": loan.id,
            "applicationId": loan.application_id,
            "paymentId": shown["paymentId"],
            "amountMinor": 10662,
            "currency": "USD",
            "receivedOn": "2026-02-15",
        }
    ]


async def test_the_same_reference_is_the_same_payment(world: World) -> None:
    loan = await lent(world)

    first, again = await world.post(PATH, _body(loan.id)), await world.post(PATH, _body(loan.id))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(await world.rows(Payment)) == len(await _orders(world)) == 1


async def test_a_known_reference_with_another_amount_is_a_conflict(world: World) -> None:
    loan = await lent(world)
    await world.post(PATH, _body(loan.id))

    answer = await world.post(PATH, _body(loan.id, amount=106.63))

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "payment_known", "reference")
    [payment] = await world.rows(Payment)
    assert payment.amount_minor == 10662


async def test_without_a_reference_the_idempotency_key_tells_payments_apart(world: World) -> None:
    loan = await lent(world)
    body = _body(loan.id)
    del body["reference"]

    for key in ("k-1", "k-1", "k-2"):
        answer = await world.post(PATH, body, idempotency_key=key)
        assert answer.status_code == 201

    assert len(await world.rows(Payment)) == 2


async def test_a_payment_for_an_unknown_loan_is_not_found(world: World) -> None:
    answer = await world.post(PATH, _body("loan_nobody"))

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "unknown_loan", "loanId")
    assert await world.rows(Payment) == []


async def test_a_loan_whose_money_came_back_takes_no_payment(world: World) -> None:
    loan = await lent(world, status=LoanStatus.CANCELLED)

    answer = await world.post(PATH, _body(loan.id))

    assert (answer.status_code, answer.json()["code"]) == (409, "loan_cancelled")
    assert await world.rows(Payment) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", -1),
        ("amount", 1.001),
        ("amount", None),
        ("currency", "NGN"),
        ("currency", "ZZZ"),
        ("method", "barter"),
        ("receivedOn", "2026-01-14"),
        ("receivedOn", "yesterday"),
        ("reference", "no such\tthing"),
        ("tip", 1),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(world: World, field: str, value: object) -> None:
    loan = await lent(world)

    answer = await world.post(PATH, _body(loan.id, **{field: value}))

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await world.rows(Payment) == []
    assert await _orders(world) == []


async def test_payments_are_found_by_loan_status_and_kind(world: World) -> None:
    loan = await lent(world)
    await world.post(PATH, _body(loan.id))
    await world.add(_posted(loan.tenant_id, loan.id))

    async def found(**filters: str) -> list[str]:
        return sorted(each["reference"] for each in (await world.get(PATH, **filters)).json()["data"])

    assert await found() == ["T-1", "T-2"]
    assert await found(loanId=loan.id, status="pending") == ["T-1"]
    assert await found(status="succeeded", kind="repayment") == ["T-2"]
    assert await found(kind="disbursement") == []
    assert await found(loanId="loan_other") == []
    assert (await world.get(PATH, status="lost")).json()["field"] == "status"


async def test_a_posted_payment_says_where_its_money_went(world: World) -> None:
    loan = await lent(world)
    await world.add(_posted(loan.tenant_id, loan.id))

    shown = (await world.get(f"{PATH}/pay_2")).json()

    assert shown["allocation"] == {"principal": 90, "interest": 10.5, "fees": 0, "penalties": 2.5, "overpaid": 0}
    assert (shown["receivedOn"], shown["status"]) == ("2026-02-15", "succeeded")


async def test_an_unknown_payment_is_not_found(world: World) -> None:
    answer = await world.get(f"{PATH}/pay_nobody")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_payment")


def _posted(tenant_id: str, loan_id: str) -> Payment:
    at = datetime(2026, 2, 15, 12, tzinfo=UTC)
    return Payment(
        tenant_id=tenant_id,
        id="pay_2",
        loan_id=loan_id,
        kind=PaymentKind.REPAYMENT,
        status=PaymentStatus.SUCCEEDED,
        method="cash",
        rail="platform",
        external_reference="T-2",
        amount_minor=10300,
        currency="USD",
        received_on=at.date(),
        posted_at=at,
        principal_minor=9000,
        interest_minor=1050,
        penalty_minor=250,
    )
