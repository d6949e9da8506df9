"""The platform's own events: a verified user, a payment it has received."""

from typing import Any

import httpx2
import pytest

from models.application import ApplicationStatus
from models.records.applications import VerifiedUser
from models.records.loans import Loan
from models.records.outbox import OutboxKind, OutboxRow
from models.records.payments import Payment
from tests.api.rows import lent, moved
from tests.api.worlds import Body, World


async def _hear(world: World, kind: str, data: Body, event_id: str = "evt_1", **more: Any) -> httpx2.Response:
    return await world.post("/api/sme/events", {"eventId": event_id, "eventType": kind, "data": data} | more)


async def _paid(world: World, event_id: str = "evt_1", **data: Any) -> httpx2.Response:
    return await _hear(world, "sme.payment.received", {"amount": 50, "paymentId": "P-1"} | data, event_id)


async def _orders(world: World, kind: OutboxKind) -> list[Body]:
    return [row.payload for row in await world.rows(OutboxRow) if row.kind == kind]


async def test_a_verified_user_wakes_the_applications_that_wait_for_papers(world: World) -> None:
    waiting, running = await world.apply(userId="user_1"), await world.apply(userId="user_1")
    stranger = await world.apply(userId="user_2")
    for submitted in (waiting, stranger):
        await moved(world, submitted, ApplicationStatus.ACTION_REQUIRED)

    answer = await _hear(world, "sme.kyc.verified", {"userId": "user_1", "verificationDate": "2026-01-02"})

    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    [user] = await world.rows(VerifiedUser)
    assert (user.user_id, user.verified_at.date().isoformat(), user.source_event_id) == (
        "user_1",
        "2026-01-02",
        "evt_1",
    )
    assert await _orders(world, OutboxKind.IDENTITY_VERIFIED) == [{"applicationId": waiting["applicationId"]}]
    assert running["status"] == "submitted"


async def test_a_verification_that_comes_twice_changes_nothing(world: World) -> None:
    submitted = await world.apply(userId="user_1")
    await moved(world, submitted, ApplicationStatus.ACTION_REQUIRED)
    await _hear(world, "sme.kyc.verified", {"userId": "user_1"})

    again = await _hear(world, "sme.kyc.verified", {"userId": "user_1"})
    later = await _hear(world, "sme.kyc.verified", {"userId": "user_1"}, "evt_2")

    assert (again.json()["status"], later.json()["status"]) == ("duplicate", "accepted")
    assert len(await _orders(world, OutboxKind.IDENTITY_VERIFIED)) == 2
    assert len(await world.rows(VerifiedUser)) == 1


@pytest.mark.parametrize("by", ["loanId", "reference", "accountNumber", "bare reference"])
async def test_a_payment_finds_its_loan(world: World, by: str) -> None:
    loan: Loan = await lent(world)
    ways: dict[str, Body] = {
        "loanId": {"loanId": loan.id},
        "reference": {"reference": f"LOAN_{loan.id}"},
        "accountNumber": {"accountNumber": loan.account_number},
        "bare reference": {"reference": loan.id},
    }

    answer = await _paid(world, paidAt="2026-02-15T10:00:00Z", **ways[by])

    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    [payment] = await world.rows(Payment)
    assert (payment.loan_id, payment.amount_minor, payment.external_reference) == (loan.id, 5000, "P-1")
    assert len(await _orders(world, OutboxKind.PAYMENT_RECEIVED)) == 1


async def test_a_payment_that_comes_twice_is_one_payment(world: World) -> None:
    loan = await lent(world)
    await _paid(world, loanId=loan.id)

    again = await _paid(world, "evt_2", loanId=loan.id)

    assert again.json()["status"] == "duplicate"
    assert len(await world.rows(Payment)) == len(await _orders(world, OutboxKind.PAYMENT_RECEIVED)) == 1


@pytest.mark.parametrize("data", [{"loanId": "loan_nobody"}, {"reference": "INV-1"}, {"accountNumber": "1"}, {}])
async def test_a_payment_for_nobody_is_not_found(world: World, data: Body) -> None:
    answer = await _paid(world, **data)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_loan")
    assert await world.rows(Payment) == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"amount": -1}, "data.amount"),
        ({"amount": 1.001}, "data.amount"),
        ({"amount": "x"}, "data.amount"),
        ({"currency": "NGN"}, "data.currency"),
        ({"paymentId": None}, "data.paymentId"),
        ({"paidAt": "2026-02-15T10:00:00"}, "data.paidAt"),
        ({"tip": 1}, "data.tip"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(world: World, data: Body, field: str) -> None:
    loan = await lent(world)

    answer = await _paid(world, loanId=loan.id, **data)

    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await world.rows(Payment) == []


async def test_an_unknown_event_is_refused(world: World) -> None:
    answer = await _hear(world, "sme.user.sneezed", {})

    assert (answer.status_code, answer.json()["field"]) == (422, "eventType")
