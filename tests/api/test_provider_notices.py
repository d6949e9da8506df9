"""A provider's notices: signed, kept once, compared with our rail; and a repayment is posted once and never lost."""

import asyncio

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from models.application import ApplicationStatus
from models.loan import LoanStatus
from models.offer import OfferStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.loans import Loan
from models.records.outbox import OutboxRow
from models.records.payments import Payment
from models.records.provider_notices import ProviderNotice
from tests.api.lenders import Lender, lender
from tests.api.rows import moved
from tests.api.worlds import Body, World

DISBURSED: Body = {"externalReference": "D-1", "amount": 24700, "currency": "USD", "disbursedOn": "2026-01-15"}
REPAID: Body = {"externalReference": "R-1", "amount": 2177.02, "currency": "USD", "receivedOn": "2026-02-15"}


class Won:
    """A lender whose offer was accepted, and the loan that came of it."""

    def __init__(self, lender: Lender, submitted: Body, loan: Loan) -> None:
        self.lender, self.world, self.loan = lender, lender.world, loan
        self.disbursed_path = f"/leads/{submitted['leadId']}/disbursed"
        self.repaid_path = f"/loans/{loan.id}/repayments"

    async def repayments(self) -> list[Payment]:
        return [row for row in await self.world.rows(Payment) if row.kind == PaymentKind.REPAYMENT]

    async def orders(self) -> list[Body]:
        async with self.world.database.transaction(self.world.tenant.tenant_id) as session:
            found = await session.execute(
                select(col(OutboxRow.payload)).where(
                    col(OutboxRow.kind) == "payment_received", col(OutboxRow.tenant_id) == self.world.tenant.tenant_id
                )
            )
            return list(found.scalars())


@pytest.fixture
async def won(world: World) -> Won:
    own = await lender(world)
    submitted = await own.invited()
    return Won(own, submitted, await own.wins(submitted))


async def test_a_notice_that_says_what_our_rail_says_matches(won: Won) -> None:
    answer = await won.lender.tell(won.disbursed_path, DISBURSED)

    assert answer.status_code == 201, answer.text
    assert answer.json() | {"noticeId": ""} == {
        "success": True,
        "noticeId": "",
        "leadId": answer.json()["leadId"],
        "loanId": won.loan.id,
        "externalReference": "D-1",
        "matched": True,
        "differences": [],
    }


async def test_another_amount_is_kept_and_named(won: Won) -> None:
    answer = await won.lender.tell(won.disbursed_path, DISBURSED | {"amount": 25000})

    assert (answer.status_code, answer.json()["matched"]) == (201, False)
    [difference] = answer.json()["differences"]
    assert (difference["field"], difference["ours"], difference["theirs"]) == ("amount", 24700, 25000)
    [kept] = await won.world.rows(ProviderNotice)
    assert kept.differences[0]["field"] == "amount"


async def test_another_currency_is_refused(won: Won) -> None:
    answer = await won.lender.tell(won.disbursed_path, DISBURSED | {"currency": "NGN"})

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "other_currency", "currency")
    assert await won.world.rows(ProviderNotice) == []


async def test_money_that_came_back_at_our_rail_is_a_difference(won: Won) -> None:
    await won.world.change(lambda session: session.execute(update(Payment).values(status=PaymentStatus.REVERSED)))

    answer = await won.lender.tell(won.disbursed_path, DISBURSED)

    assert [(each["field"], each["ours"]) for each in answer.json()["differences"]] == [("status", "reversed")]


async def test_money_on_an_offer_that_has_lapsed_is_a_difference(world: World) -> None:
    own = await lender(world)
    submitted = await own.invited()
    await own.offers(submitted, OfferStatus.LAPSED)
    await moved(world, submitted, ApplicationStatus.DISBURSEMENT_FAILED)

    answer = await own.tell(f"/leads/{submitted['leadId']}/disbursed", DISBURSED)

    assert [(each["field"], each["ours"]) for each in answer.json()["differences"]] == [("status", "lapsed")]


async def test_the_same_notice_is_one_and_another_of_its_name_is_refused(won: Won) -> None:
    first, again = [await won.lender.tell(won.disbursed_path, DISBURSED) for _ in range(2)]
    other = await won.lender.tell(won.disbursed_path, DISBURSED | {"amount": 1})
    crossed = await won.lender.tell(won.repaid_path, REPAID | {"externalReference": "D-1"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert [(each.status_code, each.json()["code"]) for each in (other, crossed)] == [(409, "notice_known")] * 2
    assert len(await won.world.rows(ProviderNotice)) == 1
    assert await won.repayments() == []


async def test_a_repayment_becomes_a_payment_and_an_order_to_post_it(won: Won) -> None:
    answer = await won.lender.tell(won.repaid_path, REPAID)

    assert answer.status_code == 201, answer.text
    [payment] = await won.repayments()
    assert (payment.rail, payment.external_reference) == (f"provider:{won.lender.id}", "R-1")
    assert (payment.amount_minor, payment.status) == (217_702, PaymentStatus.PENDING)
    assert (answer.json()["paymentId"], answer.json()["status"]) == (payment.id, "pending")
    [order] = await won.orders()
    assert (order["paymentId"], order["amountMinor"], order["receivedOn"]) == (payment.id, 217_702, "2026-02-15")
    [kept] = await won.world.rows(ProviderNotice)
    assert kept.payment_id == payment.id


async def test_the_same_repayment_is_posted_once_however_often_and_however_fast_it_is_told(won: Won) -> None:
    answers = await asyncio.gather(*(won.lender.tell(won.repaid_path, REPAID) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.json()["paymentId"] for answer in answers}) == 1
    assert (len(await won.repayments()), len(await won.orders())) == (1, 1)


async def test_two_providers_may_number_their_money_alike(won: Won) -> None:
    other = await lender(won.world, "R-2")
    submitted = await other.invited()
    loan = await other.wins(submitted)

    answers = [
        await won.lender.tell(won.repaid_path, REPAID),
        await other.tell(f"/loans/{loan.id}/repayments", REPAID),
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(await won.repayments()) == 2


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"amount": 0}, "validation_failed", "amount"),
        ({"amount": 1.001}, "invalid_amount", "amount"),
        ({"currency": "NGN"}, "other_currency", "currency"),
        ({"currency": "???"}, "validation_failed", "currency"),
        ({"externalReference": ""}, "validation_failed", "externalReference"),
        ({"externalReference": "with space"}, "validation_failed", "externalReference"),
        ({"receivedOn": "2025-12-31"}, "received_before_disbursement", "receivedOn"),
        ({"receivedOn": "soon"}, "validation_failed", "receivedOn"),
        ({"method": "barter"}, "validation_failed", "method"),
        ({"bribe": 1}, "validation_failed", "bribe"),
    ],
)
async def test_a_bad_repayment_names_its_field_and_changes_nothing(
    won: Won, changes: Body, code: str, field: str
) -> None:
    answer = await won.lender.tell(won.repaid_path, REPAID | changes)

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field)
    assert await won.world.rows(ProviderNotice) == []
    assert await won.repayments() == []


async def test_nothing_is_owed_on_a_loan_whose_money_came_back(won: Won) -> None:
    await won.world.change(lambda session: session.execute(update(Loan).values(status=LoanStatus.CANCELLED)))

    assert (await won.lender.tell(won.repaid_path, REPAID)).json()["code"] == "loan_cancelled"


async def test_for_others_there_is_neither_lead_nor_loan(won: Won) -> None:
    other = await lender(won.world, "R-2")

    answers = [
        await other.tell(won.disbursed_path, DISBURSED),
        await other.tell(won.disbursed_path, DISBURSED, of=won.lender.id),
        await other.tell(won.repaid_path, REPAID),
        await other.tell(won.repaid_path, REPAID, of=won.lender.id),
        await won.lender.tell("/loans/loan_nobody/repayments", REPAID),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert await won.world.rows(ProviderNotice) == []


async def test_who_was_not_chosen_disburses_nothing(won: Won) -> None:
    other = await lender(won.world, "R-2")
    submitted = await other.invited()
    await other.offers(submitted, OfferStatus.NOT_SELECTED)

    answer = await other.tell(f"/leads/{submitted['leadId']}/disbursed", DISBURSED)

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_lead")


async def test_a_notice_without_a_good_signature_is_refused(won: Won) -> None:
    unsigned = await won.lender.post(won.repaid_path, REPAID)
    forged = await won.lender.tell(won.repaid_path, REPAID, headers={"webhook-signature": "v1,AAAA"})

    assert [answer.status_code for answer in (unsigned, forged)] == [401, 401]
    assert await won.repayments() == []
