"""Rows as the workflows leave them, for tests that begin in the middle of a story."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities.loans import locked_loan
from activities.postings import Note, post_transaction
from models.application import ApplicationStatus
from models.loan import LoanRef, LoanStatus
from models.records.applications import Application
from models.records.database import new_id
from models.records.leads import LeadGrant
from models.records.loans import Loan
from models.records.matching import MatchingRow
from models.records.offers import Offer
from models.records.payments import RailAddress
from models.transactions import Transaction, TransactionKind
from tests.api.worlds import Body, World

DISBURSED_ON = date(2026, 1, 15)
# What a loan becomes; the other columns are what it was agreed to be.
_AFTERWARD = frozenset(
    {"status", "clock_at", "delinquency_bucket", "days_past_due", "charged_off_on", "forbearance_since"}
    | {"forbearance_until", "classification", "non_accrual_since", "overpaid_minor", "in_collection"}
)


async def granted(world: World, submitted: Body, credentials: Body) -> None:
    """The provider was invited to bid for the application."""
    await world.add(
        LeadGrant(
            tenant_id=world.tenant.tenant_id,
            application_id=submitted["applicationId"],
            provider_id=credentials["providerId"],
            lead_id=submitted["leadId"],
            provider_name="FirstCredit Bank",
            score=92,
            expected_response_hours=4,
            reasons=[],
            granted_at=datetime.now(UTC),
        )
    )


async def matched(world: World, submitted: Body) -> None:
    """The lead was matched, and somebody has put a provider into the result that was no candidate."""
    await world.add(
        MatchingRow(
            tenant_id=world.tenant.tenant_id,
            application_id=submitted["applicationId"],
            lead_id=submitted["leadId"],
            matched_at=datetime.now(UTC),
            matched_on=datetime.now(UTC).date(),
            weights_version=1,
            weights={},
            lead={
                "leadId": submitted["leadId"],
                "amountMinor": 1,
                "currency": "USD",
                "country": "US",
                "tenureDays": 365,
                "creditScore": 700,
                "recommendedRatePercent": "7",
            },
            candidates=[],
            result={"invited": [], "excluded": [{"providerId": "p", "reason": "not active"}]},
        )
    )


async def offered(world: World, submitted: Body, *, valid_hours: int = 48, offer_id: str = "offer_1") -> None:
    """Bidding has closed with this one offer."""
    expires_at = datetime.now(UTC) + timedelta(hours=valid_hours)
    await world.add(_offer(world, submitted["applicationId"], offer_id, expires_at))
    await world.change(_setting(submitted, status=ApplicationStatus.OFFERED, offers_expire_at=expires_at))


async def moved(world: World, submitted: Body, status: ApplicationStatus, **columns: object) -> None:
    """The workflow has brought the application here."""
    await world.change(_setting(submitted, status=status, **columns))


async def lent(world: World, **columns: Any) -> Loan:
    """A loan of 1,200.00 at 12 % over twelve months, paid out, with its schedule and its account."""
    submitted = await world.apply()
    after = {name: columns.pop(name) for name in _AFTERWARD & columns.keys()}
    loan = _loan(world.tenant.tenant_id, submitted["applicationId"], **({"id": new_id("loan")} | columns))
    addresses = [
        RailAddress(tenant_id=loan.tenant_id, address=address, application_id=loan.application_id, loan_id=loan.id)
        for address in (str(loan.account_number), loan.id)
    ]
    await world.add(loan, *addresses)
    await posted(world, loan, TransactionKind.DISBURSEMENT, loan.principal_minor, on=loan.disbursed_on)
    if after:
        await world.change(lambda session: session.execute(update(Loan).where(col(Loan.id) == loan.id).values(after)))
    async with world.database.transaction(loan.tenant_id) as session:
        return await session.get_one(Loan, (loan.tenant_id, loan.id))


async def posted(
    world: World, loan: Loan, kind: TransactionKind, amount_minor: int = 0, *, on: date, **what: Any
) -> str:
    """Have a transaction posted as the workflow does; its id."""
    transaction = Transaction(new_id("txn"), kind, on, amount_minor, **what)
    async with world.database.transaction(loan.tenant_id) as session:
        ref = LoanRef(loan.tenant_id, loan.application_id, loan.id)
        at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
        await post_transaction(session, await locked_loan(session, ref), transaction, at=at, note=Note("tenant"))
    return transaction.id


def _loan(tenant_id: str, application_id: str, **columns: Any) -> Loan:
    standing: dict[str, Any] = {
        "status": LoanStatus.ACTIVE,
        "clock_at": datetime(2026, 1, 15, 12, tzinfo=UTC),
    }
    return Loan(
        tenant_id=tenant_id,
        application_id=application_id,
        provider_id="provider_1",
        offer_id="offer_1",
        principal_minor=120_000,
        currency="USD",
        annual_rate_percent=Decimal(12),
        apr_percent=Decimal("12.5"),
        installments=12,
        frequency="months",
        every=1,
        method="equal_installment",
        day_count="30/360",
        processing_fee_minor=500,
        disbursed_on=DISBURSED_ON,
        account_number=new_id("acct").removeprefix("acct_"),
        account_bank="Test Bank",
        outstanding_minor=127_942,
        **(standing | columns),
    )


def _setting(submitted: Body, **columns: object) -> Callable[[AsyncSession], Awaitable[object]]:
    def change(session: AsyncSession) -> Awaitable[object]:
        return session.execute(
            update(Application).where(col(Application.id) == submitted["applicationId"]).values(columns)
        )

    return change


def _offer(world: World, application_id: str, offer_id: str, expires_at: datetime) -> Offer:
    return Offer(
        tenant_id=world.tenant.tenant_id,
        id=offer_id,
        application_id=application_id,
        provider_id="provider_1",
        provider_name="QuickLoan Inc",
        decision_id="decision_1",
        amount_minor=2_500_000,
        currency="USD",
        annual_rate_percent=Decimal("8.2"),
        tenure_days=365,
        processing_fee_minor=30_000,
        installments=12,
        installment_minor=217_702,
        apr_percent=Decimal("10.48"),
        apr_method="us_reg_z_appendix_j",
        finance_charge_minor=142_427,
        total_repayable_minor=2_612_427,
        rank=1,
        reason="Lowest APR.",
        received_at=datetime.now(UTC),
        expires_at=expires_at,
    )
