"""A month is billed once: from its leads and loans to an invoice in the books, and back when a loan fails early."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from activities.billing import Billed, BilledMonth, Billing
from activities.billing_documents import credit, owed_on, pay
from api.billing_cards import card_row
from models.billing_document import card_from
from models.errors import Refusal
from models.ids import derived_id
from models.loan import LoanStatus
from models.onboarding import ProviderStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.billing import BillableEventRow, BilledEvent, CreditNote, Invoice, InvoiceLine
from models.records.database import Database
from models.records.leads import LeadGrant
from models.records.loans import InstallmentRow, Loan
from models.records.outbox import EventRow
from models.records.payments import Payment
from models.records.provider_messages import ProviderMessage
from models.records.providers import Provider
from models.terms import LoanTerms
from tests.activities.portfolio import TENANT, balances, keys, lend, open_tenant, rows_of
from workers.embedded.postgres import DatabaseUrls

JANUARY, MARCH, APRIL = date(2026, 1, 1), date(2026, 3, 1), date(2026, 4, 1)
CARD: dict[str, Any] = {
    "currency": "USD",
    "lead": {"tiers": [{"price": 12.5}]},
    "funded": {"rates": {"mode": "volume", "tiers": [{"bps": 125}]}, "minimum": 5, "maximum": 100},
    "clawback": {"percent": 50, "daysPastDue": 30, "withinDays": 90},
}


@pytest.fixture
async def books(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.app)
    await open_tenant(opened)
    async with opened.transaction(TENANT) as session:
        session.add_all([provider(each) for each in ("provider_1", "provider_2")])
    yield opened
    await opened.close()


async def test_leads_and_funded_loans_become_an_invoice_in_the_books(books: Database) -> None:
    await carded(books, CARD)
    await funded(books, leads=2)

    await bill(books, JANUARY)

    (invoice,) = await rows_of(books, Invoice)
    lines = await rows_of(books, InvoiceLine)
    assert (invoice.number, invoice.total_minor, invoice.period) == ("INV-2026-00001", 40_00, JANUARY)
    assert invoice.due_on == date(2026, 3, 3)
    assert [(line.kind, line.quantity, line.amount_minor) for line in lines] == [
        ("leads", 2, 25_00),
        ("funded_loans", 1, 15_00),
    ]
    assert await keys(books, "invoice:") == [f"invoice:{invoice.id}"]
    held = await balances(books)
    assert (held["providers_receivable"], held["provider_fee_income"]) == (40_00, -40_00)
    (told,) = await rows_of(books, ProviderMessage)
    assert told.event_type == "invoice_issued"


async def test_a_run_that_is_repeated_or_raced_bills_nothing_twice(books: Database) -> None:
    await carded(books, CARD)
    await funded(books, leads=3)

    await asyncio.gather(*(bill(books, JANUARY) for _ in range(4)))
    before = await rows_of(books, BillableEventRow)
    await bill(books, JANUARY)

    assert len(await rows_of(books, Invoice)) == 1
    assert await rows_of(books, BillableEventRow) == before
    assert len(await rows_of(books, BilledEvent)) == len(before) == 4
    assert len(await keys(books, "invoice:")) == 1


async def test_the_list_price_of_a_statement_is_the_fee_of_the_card(books: Database) -> None:
    card = card_from(CARD)
    await carded(books, CARD)
    amounts = [1, 4_00, 400_04, 1_000_01, 1_234_56, 7_999_99, 8_000_00, 8_000_01, 500_000_00]
    for amount in amounts:
        await funded(books, leads=0, principal_minor=amount)

    await Billing(books).collect(BilledMonth(TENANT, JANUARY))

    events = sorted(await rows_of(books, BillableEventRow), key=lambda event: event.basis_minor)
    assert card.funded is not None
    assert [e.amount_minor for e in events] == [card.funded.fee_minor(amount, Decimal(125)) for amount in amounts]


async def test_a_provider_has_its_own_card_before_the_tenants_and_the_latest_of_it(books: Database) -> None:
    await carded(books, CARD)
    await carded(books, {"currency": "USD", "lead": {"tiers": [{"price": 3}]}}, provider_id="provider_2")
    await carded(books, {"currency": "USD", "lead": {"tiers": [{"price": 4}]}}, provider_id="provider_2", of=MARCH)
    await carded(books, {"currency": "EUR", "lead": {"tiers": [{"price": 9}]}}, provider_id="provider_1")
    for day in (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)):
        await led(books, "provider_1", at=day)
        await led(books, "provider_2", at=day)

    await bill(books, MARCH)

    charged = {(e.provider_id, e.occurred_at.month): e.amount_minor for e in await rows_of(books, BillableEventRow)}
    assert charged == {
        ("provider_1", 1): 12_50,
        ("provider_1", 3): 12_50,
        ("provider_2", 1): 3_00,
        ("provider_2", 3): 4_00,
    }
    # January was never billed, so what happened in it is on the invoice of March, at January's price.
    assert {i.provider_id: i.total_minor for i in await rows_of(books, Invoice)} == {
        "provider_1": 25_00,
        "provider_2": 7_00,
    }


async def test_without_a_card_nothing_is_billed(books: Database) -> None:
    await funded(books, leads=1)
    await carded(books, CARD, of=MARCH)

    await bill(books, MARCH)

    assert await rows_of(books, BillableEventRow) == []
    assert await rows_of(books, Invoice) == []


async def test_an_active_provider_pays_its_minimum_without_a_lead(books: Database) -> None:
    await carded(books, {"currency": "USD", "monthlyMinimum": 200}, provider_id="provider_1")

    await bill(books, JANUARY)
    await bill(books, date(2026, 2, 1))

    assert [i.total_minor for i in await rows_of(books, Invoice)] == [200_00, 200_00]


async def test_numbers_have_no_gap_within_a_year_and_begin_again_with_the_next(books: Database) -> None:
    await carded(books, {"currency": "USD", "monthlyMinimum": 1})
    months = (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1))

    for first in months:
        await bill(books, first)

    assert sorted(i.number for i in await rows_of(books, Invoice)) == [
        *(f"INV-2026-0000{n}" for n in range(1, 5)),
        *(f"INV-2027-0000{n}" for n in range(1, 3)),
    ]


async def test_a_failed_issue_leaves_no_gap(books: Database) -> None:
    await carded(books, {"currency": "USD", "monthlyMinimum": 1})
    billing, at = Billing(books), datetime(2026, 2, 1, tzinfo=UTC)

    with pytest.raises(DBAPIError):
        await billing.invoice(Billed(TENANT, "nobody", "USD", JANUARY, at))
    await billing.invoice(Billed(TENANT, "provider_1", "USD", JANUARY, at))

    assert [i.sequence for i in await rows_of(books, Invoice)] == [1]


async def test_an_early_default_gives_back_half_of_the_very_fee_that_was_charged(books: Database) -> None:
    await carded(books, CARD)
    loan_id = await funded(books, leads=0)
    await bill(books, JANUARY)
    (first,) = await rows_of(books, Invoice)

    await bill(books, date(2026, 2, 1))
    none_yet = await rows_of(books, CreditNote)
    # The first installment was due on 15 February and is unpaid for more than thirty days on 18 March.
    await bill(books, MARCH)
    await bill(books, APRIL)

    assert none_yet == []
    (note,) = await rows_of(books, CreditNote)
    assert (note.invoice_id, note.amount_minor, note.number) == (first.id, 7_50, "CN-2026-00001")
    assert note.lines == [{"loanId": loan_id, "reason": "early_default", "amount": 7.5}]
    (event,) = [e for e in await rows_of(books, BillableEventRow) if e.kind == "clawback"]
    assert (event.occurred_at, event.amount_minor) == (datetime(2026, 3, 18, tzinfo=UTC), -7_50)
    held = await balances(books)
    assert (held["providers_receivable"], held["provider_fee_credits"]) == (7_50, 7_50)


async def test_a_loan_that_paid_in_time_or_failed_late_gives_back_nothing(books: Database) -> None:
    await carded(books, CARD)
    in_time, cured_late, failed_late = [await funded(books, leads=0) for _ in range(3)]
    await settled(books, in_time, {number: due_after(days=30) for number in range(1, 13)})
    await settled(books, cured_late, {1: due_after(days=31)} | {n: due_after(days=0) for n in range(2, 13)})
    # It fails by its third installment, after the ninety days.
    await settled(books, failed_late, {1: due_after(days=0), 2: due_after(days=0)})

    await bill(books, date(2026, 12, 1))

    (event,) = [e for e in await rows_of(books, BillableEventRow) if e.kind == "clawback"]
    assert event.about == cured_late


async def test_a_disbursement_that_comes_back_gives_back_the_whole_fee_in_the_same_month(books: Database) -> None:
    await carded(books, {name: CARD[name] for name in ("currency", "funded")})
    loan_id = await funded(books, leads=0)
    await returned(books, loan_id, at=datetime(2026, 1, 20, tzinfo=UTC))

    await bill(books, JANUARY)

    (invoice,), (note,) = await rows_of(books, Invoice), await rows_of(books, CreditNote)
    assert (invoice.total_minor, note.amount_minor, note.invoice_id) == (15_00, 15_00, invoice.id)
    async with books.transaction(TENANT) as session:
        assert (await owed_on(session, invoice)).status == "credited"


async def test_a_reward_is_earned_by_what_was_measured(books: Database) -> None:
    rewarded = {
        "currency": "USD",
        "lead": {"tiers": [{"price": 10}]},
        "incentives": [
            {"metric": "conversion_percent", "mark": 50, "discountPercent": 10},
            {"metric": "median_response_hours", "mark": 2, "bonus": 1},
        ],
    }
    await carded(books, rewarded)
    for hours in (1, 2, 9):
        await led(books, "provider_1", at=datetime(2026, 1, 20, tzinfo=UTC), answered_hours=hours)
    await funded(books, leads=1)

    await bill(books, JANUARY)

    # One lead of four was funded, half of them were answered within two hours.
    assert [line.amount_minor for line in await rows_of(books, InvoiceLine)] == [40_00, -1_00]


async def test_the_operator_gives_back_and_takes_no_more_than_there_is(books: Database) -> None:
    await carded(books, {"currency": "USD", "monthlyMinimum": 100}, provider_id="provider_1")
    await bill(books, JANUARY)
    (invoice,) = await rows_of(books, Invoice)
    at = datetime(2026, 2, 5, tzinfo=UTC)

    async with books.transaction(TENANT) as session:
        await credit(session, invoice, "cn_1", 30_00, "Goodwill", at=at)
        again = await credit(session, invoice, "cn_1", 30_00, "Goodwill", at=at)
        await pay(session, invoice, "wire 1", 50_00, at.date())
        await pay(session, invoice, "wire 1", 50_00, at.date())
        owed = await owed_on(session, invoice)

    assert again.number == "CN-2026-00001"
    assert (owed.outstanding_minor, owed.status) == (20_00, "partly_paid")
    assert await refused(books, credit, invoice, "cn_2", 70_01, "More", at=at) == "credit_exceeds_invoice"
    assert await refused(books, pay, invoice, "wire 2", 20_01, at.date()) == "payment_exceeds_invoice"
    assert await refused(books, pay, invoice, "wire 1", 20_00, at.date()) == "payment_reference_used"
    held = await balances(books)
    assert held == {
        "providers_receivable": 20_00,
        "provider_fee_income": -100_00,
        "provider_fee_credits": 30_00,
        "cash": 50_00,
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE caas_rate_card SET lead_minor = 1",
        "DELETE FROM caas_rate_card",
        "UPDATE caas_billable_event SET amount_minor = 0",
        "DELETE FROM caas_invoice_line",
        "TRUNCATE caas_billed_event",
    ],
)
async def test_what_was_billed_stays_as_it_was(books: Database, database: DatabaseUrls, statement: str) -> None:
    await carded(books, CARD)
    await funded(books, leads=1)
    await bill(books, JANUARY)
    owner = create_engine(database.owner)

    with owner.connect() as connection:
        # The walls would hide the rows from the owner, too.
        for table in ("caas_rate_card", "caas_billable_event"):
            connection.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
        with pytest.raises(DBAPIError, match=r"append-only|is used"):
            connection.execute(text(statement))
    owner.dispose()


async def bill(books: Database, first: date) -> None:
    """As the workflow does, on the second of the next month."""
    billing = Billing(books)
    at = datetime.combine(first, datetime.min.time(), UTC) + timedelta(days=32)
    for provider_id, currency in await billing.collect(BilledMonth(TENANT, first)):
        await billing.invoice(Billed(TENANT, provider_id, currency, first, at.replace(day=1)))


async def carded(books: Database, terms: dict[str, Any], *, provider_id: str | None = None, of: date = JANUARY) -> None:
    async with books.transaction(TENANT) as session:
        session.add(card_row(TENANT, provider_id, of, of.toordinal(), card_from(terms)))


async def funded(books: Database, *, leads: int, principal_minor: int = 120_000) -> str:
    """A loan of provider_1 paid out on 15 January, and this many leads of which the last became the loan."""
    for _ in range(leads - 1):
        await led(books, "provider_1", at=datetime(2026, 1, 10, tzinfo=UTC))
    (ref,) = await lend(books, terms=LoanTerms(principal_minor, "USD", Decimal(12), 12))
    paid = datetime(2026, 1, 15, 12, tzinfo=UTC)
    async with books.transaction(TENANT) as session:
        if leads:
            session.add(grant(ref.application_id, "provider_1", datetime(2026, 1, 10, tzinfo=UTC)))
        session.add(
            Payment(
                tenant_id=TENANT,
                id=f"pay_{ref.loan_id}",
                loan_id=ref.loan_id,
                kind=PaymentKind.DISBURSEMENT,
                status=PaymentStatus.SUCCEEDED,
                method="bank_transfer",
                rail="fake",
                external_reference=ref.loan_id,
                amount_minor=principal_minor,
                currency="USD",
                posted_at=paid,
            )
        )
    return ref.loan_id


async def led(books: Database, provider_id: str, *, at: datetime, answered_hours: int | None = None) -> None:
    """A lead that became nothing."""
    (ref,) = await lend(books, status=LoanStatus.CANCELLED)
    async with books.transaction(TENANT) as session:
        session.add(grant(ref.application_id, provider_id, at, answered_hours))


async def settled(books: Database, loan_id: str, when: dict[int, timedelta]) -> None:
    async with books.transaction(TENANT) as session:
        for number, after in when.items():
            row = await session.get_one(InstallmentRow, (TENANT, loan_id, number))
            row.settled_on = row.due_on + after


async def returned(books: Database, loan_id: str, *, at: datetime) -> None:
    async with books.transaction(TENANT) as session:
        loan = await session.get_one(Loan, (TENANT, loan_id))
        await session.execute(update(Loan).where(col(Loan.id) == loan_id).values(status="cancelled"))
        session.add(
            EventRow(
                tenant_id=TENANT,
                id=derived_id("evt", loan_id),
                type="credit.disbursement.returned",
                application_id=loan.application_id,
                loan_id=loan_id,
                occurred_at=at,
                actor="engine",
                data={},
            )
        )


async def refused(books: Database, act: Any, *args: Any, **named: Any) -> str:
    async def attempt() -> None:
        async with books.transaction(TENANT) as session:
            await act(session, *args, **named)

    with pytest.raises(Refusal) as caught:
        await attempt()
    return caught.value.code


def due_after(*, days: int) -> timedelta:
    return timedelta(days=days)


def grant(application_id: str, provider_id: str, at: datetime, answered_hours: int | None = None) -> LeadGrant:
    return LeadGrant(
        tenant_id=TENANT,
        application_id=application_id,
        provider_id=provider_id,
        lead_id=application_id.replace("app", "lead"),
        provider_name=provider_id,
        score=1,
        expected_response_hours=4,
        reasons=[],
        granted_at=at,
        answered_at=None if answered_hours is None else at + timedelta(hours=answered_hours),
    )


def provider(provider_id: str) -> Provider:
    return Provider(
        tenant_id=TENANT,
        id=provider_id,
        company_name=provider_id,
        business_email="api@lender.example",
        contact_person="John Smith",
        registration_number=provider_id,
        business_type="bank",
        registration_country="US",
        status=ProviderStatus.ACTIVE,
        licenses=[],
        license_expires_on=date(2099, 12, 31),
        minimum_amount_minor=1,
        maximum_amount_minor=500_000_00,
        amount_currency="USD",
        rate_minimum_percent=Decimal("3.5"),
        rate_maximum_percent=Decimal(18),
        countries=["US"],
        currencies=["USD"],
        webhook_url="https://lender.example/webhooks",
        webhook_secret="whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    )
