"""The rail's webhooks: signed, understood, acted on once, and never silently swallowed."""

import hashlib
import hmac
import json
from typing import Any

import httpx2
import pytest

from models.records.loans import Loan
from models.records.outbox import OutboxKind, OutboxRow
from models.records.payments import InboundWebhook, Payment, RailAddress
from tests.api.rows import lent
from tests.api.worlds import RAIL_SECRET, Body, World, opened
from workers.embedded.postgres import DatabaseUrls

PATH = "/api/webhooks/paystack"


def _charge(loan: Loan, **changes: Any) -> Body:
    data = {
        "reference": f"dep_{loan.id}",
        "amount": 10662,
        "currency": "USD",
        "paid_at": "2026-02-15T23:30:00+00:00",
        "authorization": {"receiver_bank_account_number": loan.account_number},
    }
    return {"event": "charge.success", "data": data | changes}


def _transfer(event: str, reference: str) -> Body:
    data = {"reference": reference, "amount": 2_470_000, "currency": "USD", "transfer_code": "TRF_1"}
    return {"event": event, "data": data | {"status": event.removeprefix("transfer.")}}


async def _send(world: World, event: Body | bytes, *, secret: str = RAIL_SECRET) -> httpx2.Response:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha512).hexdigest()
    headers = {"x-paystack-signature": signature, "content-type": "application/json"}
    return await world.http.post(PATH, content=raw, headers=headers)


async def _orders(world: World) -> list[tuple[str, Body]]:
    rows = [(row.kind, row.payload) for row in await world.rows(OutboxRow)]
    return [row for row in rows if row[0] != OutboxKind.START_APPLICATION]


async def test_money_on_a_loans_account_is_a_payment_of_that_loan(world: World) -> None:
    loan = await lent(world)

    answer = await _send(world, _charge(loan))

    assert (answer.status_code, answer.json()) == (200, {"success": True, "status": "accepted"})
    [payment] = await world.rows(Payment)
    assert (payment.loan_id, payment.amount_minor, payment.rail) == (loan.id, 10662, "paystack")
    [(kind, payload)] = await _orders(world)
    assert kind == OutboxKind.PAYMENT_RECEIVED
    assert (payload["paymentId"], payload["receivedOn"]) == (payment.id, "2026-02-15")


async def test_a_webhook_that_comes_twice_is_acknowledged_and_changes_nothing(world: World) -> None:
    loan = await lent(world)
    await _send(world, _charge(loan))

    again = await _send(world, _charge(loan))

    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    assert len(await world.rows(Payment)) == len(await _orders(world)) == len(await world.rows(InboundWebhook)) == 1


@pytest.mark.parametrize("secret", ["sk_test_other", RAIL_SECRET + " "])
async def test_a_webhook_somebody_else_signed_is_refused(world: World, secret: str) -> None:
    loan = await lent(world)

    answer = await _send(world, _charge(loan), secret=secret)

    assert (answer.status_code, answer.json()["field"]) == (401, "x-paystack-signature")
    assert await world.rows(Payment) == await world.rows(InboundWebhook) == await _orders(world) == []


async def test_an_account_that_is_nobodys_is_told_again_by_the_rail(world: World) -> None:
    loan = await lent(world)

    answer = await _send(world, _charge(loan, authorization={"receiver_bank_account_number": "0000000000"}))

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_rail_address")
    assert await world.rows(Payment) == await world.rows(InboundWebhook) == []


async def test_another_currency_than_the_loans_is_refused(world: World) -> None:
    loan = await lent(world)

    answer = await _send(world, _charge(loan, currency="NGN"))

    assert (answer.status_code, answer.json()["code"]) == (422, "other_currency")
    assert await world.rows(Payment) == await world.rows(InboundWebhook) == []


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"event": "charge.success", "data": {"amount": 1}}'])
async def test_a_webhook_nobody_can_read_is_refused(world: World, raw: bytes) -> None:
    answer = await _send(world, raw)

    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_event")


async def test_an_event_without_use_is_acknowledged(world: World) -> None:
    answer = await _send(world, {"event": "invoice.create", "data": {"reference": "x"}})

    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")


@pytest.mark.parametrize("word", ["success", "failed", "reversed"])
async def test_news_of_a_transfer_goes_to_the_application_that_waits(world: World, word: str) -> None:
    submitted, reference = await world.apply(), f"loan_{word}"
    address = {"application_id": submitted["applicationId"], "loan_id": reference}
    await world.add(RailAddress(tenant_id=world.tenant.tenant_id, address=reference, **address))

    answer = await _send(world, _transfer(f"transfer.{word}", reference))

    assert answer.json()["status"] == "accepted"
    [(kind, payload)] = await _orders(world)
    assert kind == OutboxKind.TRANSFER_NEWS
    status = {"success": "succeeded"}.get(word, word)
    assert (payload["reference"], payload["status"], payload["railCode"]) == (reference, status, "TRF_1")
    assert (payload["reason"] is None) == (word == "success")


async def test_money_that_comes_back_after_disbursement_goes_to_the_loan(world: World) -> None:
    loan = await lent(world)

    await _send(world, _transfer("transfer.reversed", loan.id))

    expected = {"loanId": loan.id, "applicationId": loan.application_id}
    assert await _orders(world) == [(OutboxKind.DISBURSEMENT_RETURNED, expected)]


async def test_a_success_that_comes_after_the_booking_still_goes_to_the_application(world: World) -> None:
    loan = await lent(world)

    await _send(world, _transfer("transfer.success", loan.id))

    [(kind, _)] = await _orders(world)
    assert kind == OutboxKind.TRANSFER_NEWS


async def test_a_reference_that_is_nobodys_is_told_again_by_the_rail(world: World) -> None:
    answer = await _send(world, _transfer("transfer.success", "loan_nobody"))

    assert (answer.status_code, answer.json()["field"]) == (404, "data.reference")


async def test_the_money_reaches_its_own_tenant_only(world: World, rows: DatabaseUrls) -> None:
    loan = await lent(world)
    async with opened(rows, world.settings) as other:
        await _send(other, _charge(loan))

        assert await other.rows(Payment) == []
    assert len(await world.rows(Payment)) == 1
