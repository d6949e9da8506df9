"""Providers, leads and auctions on real rows, without workflows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlmodel import SQLModel, select

from activities.auctions import Answer, Auctions, ClosedAuction
from activities.underwriting import Evidence, Underwriting, Underwritten
from models.application import ApplicationRef
from models.bidding import Bid
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.leads import Decision
from models.records.providers import Provider
from models.records.tenants import Tenant
from workers.embedded.postgres import DatabaseUrls

TENANT = "tenant_test"
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@dataclass
class Market:
    """One tenant and its providers."""

    database: Database
    numbers: Any = field(default_factory=lambda: count(1))

    async def provider(self, provider_id: str, **columns: Any) -> None:
        await self.add(_provider(provider_id, columns))

    async def lead(self, **columns: Any) -> ApplicationRef:
        """A lead that the platform has assessed itself, not sent out yet."""
        number = next(self.numbers)
        await self.add(_applicant(number), _application(number, columns))
        return ApplicationRef(TENANT, f"app_{number:026}")

    async def invites(self, ref: ApplicationRef, *, at: datetime = NOW) -> Underwritten:
        return await Underwriting(self.database).underwrite(Evidence(ref, at))

    async def closes(self, ref: ApplicationRef, *bids: Bid, at: datetime = NOW + timedelta(hours=48)) -> None:
        answers = tuple(Answer(bid.provider_id, "approved", bid.received_at, bid.decision_id) for bid in bids)
        await Auctions(self.database).close(ClosedAuction(ref, at, bids, answers))

    async def decision(self, ref: ApplicationRef, provider_id: str, decision_id: str, **body: Any) -> None:
        """The body of a decision, as the API keeps it."""
        application = await self.application(ref)
        await self.add(
            Decision(
                tenant_id=TENANT,
                id=decision_id,
                provider_id=provider_id,
                lead_id=application.lead_id,
                message_id=decision_id,
                body=body,
            )
        )

    async def application(self, ref: ApplicationRef) -> Application:
        async with self.database.transaction(TENANT) as session:
            return await session.get_one(Application, (TENANT, ref.application_id))

    async def add(self, *rows: SQLModel) -> None:
        async with self.database.transaction(TENANT) as session:
            for row in rows:
                session.add(row)
                await session.flush()

    async def rows(self, table: Any, *where: Any) -> list[Any]:
        async with self.database.transaction(TENANT) as session:
            return list((await session.execute(select(table).where(*where))).scalars())


@asynccontextmanager
async def open_market(urls: DatabaseUrls, **tenant: Any) -> AsyncIterator[Market]:
    market = Market(Database(urls.app))
    await market.add(Tenant(tenant_id=TENANT, name="Test Platform", **tenant))
    yield market
    await market.database.close()


def bid(provider_id: str, percent: str = "8.2", **terms: Any) -> Bid:
    return Bid(
        **{
            "provider_id": provider_id,
            "decision_id": f"dec_{provider_id}",
            "amount_minor": 25_000_00,
            "currency": "USD",
            "annual_rate_percent": Decimal(percent),
            "tenure_days": 365,
            "processing_fee_minor": 300_00,
            "received_at": NOW + timedelta(hours=2),
            "expires_at": None,
            **terms,
        }
    )


def _provider(provider_id: str, columns: dict[str, Any]) -> Provider:
    return Provider(
        **{
            "tenant_id": TENANT,
            "id": provider_id,
            "company_name": provider_id.title(),
            "business_email": "api@lender.example",
            "contact_person": "John Smith",
            "registration_number": provider_id,
            "business_type": "bank",
            "registration_country": "US",
            "status": "active",
            "licenses": [],
            "license_expires_on": date(2099, 12, 31),
            "minimum_amount_minor": 5_000_00,
            "maximum_amount_minor": 500_000_00,
            "amount_currency": "USD",
            "rate_minimum_percent": Decimal("3.5"),
            "rate_maximum_percent": Decimal(18),
            "countries": ["US"],
            "currencies": ["USD"],
            "webhook_url": f"https://{provider_id}.example/webhooks",
            "webhook_secret": "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
            **columns,
        }
    )


def _applicant(number: int) -> Applicant:
    return Applicant(
        tenant_id=TENANT,
        id=f"applicant_{number}",
        first_name="Sarah",
        last_name="Johnson",
        email="sarah@email.example",
        phone_number="+15550123",
        address={"country": "US"},
        employment={},
        finances={},
        identity_type="phone_number",
        identity_number="+15550123",
    )


def _application(number: int, columns: dict[str, Any]) -> Application:
    return Application(
        **{
            "tenant_id": TENANT,
            "id": f"app_{number:026}",
            "lead_id": f"lead_{number:026}",
            "applicant_id": f"applicant_{number}",
            "requested_amount_minor": 25_000_00,
            "currency": "USD",
            "country": "US",
            "purpose": "Business expansion",
            "submitted_at": NOW,
            "status_at": NOW,
            "tenure_days": 365,
            "pre_assessed": True,
            "credit_score": 742,
            "risk_rating": "low",
            "recommended_rate_percent": Decimal("7.5"),
            **columns,
        }
    )
