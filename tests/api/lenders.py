"""A credit provider as it uses the API: with its key, its secret, and what the workflows have left for it."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx2

from activities.offers import loan_id_of
from models.application import ApplicationStatus
from models.loan import LoanStatus
from models.offer import OfferStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.database import new_id
from models.records.loans import Loan
from models.records.offers import Offer
from models.records.payments import Payment
from tests.api.rows import granted, moved
from tests.api.worlds import Body, World, signed


@dataclass
class Lender:
    """One registered provider of a world."""

    world: World
    credentials: Body

    @property
    def id(self) -> str:
        return str(self.credentials["providerId"])

    async def get(
        self, path: str, *, of: str = "", headers: dict[str, str] | None = None, **params: Any
    ) -> httpx2.Response:
        key = {"authorization": f"Bearer {self.credentials['apiKey']}"}
        return await self.world.http.get(self._at(path, of), params=params, headers=key | (headers or {}))

    async def post(
        self, path: str, body: object = None, *, of: str = "", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        key = {"authorization": f"Bearer {self.credentials['apiKey']}"}
        return await self.world.http.post(self._at(path, of), json=body, headers=key | (headers or {}))

    async def tell(
        self, path: str, body: object, *, of: str = "", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """The same with a signature."""
        return await self.send(path, json.dumps(body).encode(), of=of, headers=headers)

    async def send(
        self, path: str, raw: bytes, *, of: str = "", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        sent = signed(self.credentials, raw, message_id=new_id("msg")) | (headers or {})
        return await self.world.http.post(self._at(path, of), content=raw, headers=sent)

    async def invited(self, **changes: Any) -> Body:
        """A lead of its own, in the bidding."""
        submitted = await self.world.apply(**changes)
        await granted(self.world, submitted, self.credentials)
        await moved(self.world, submitted, ApplicationStatus.BIDDING)
        return submitted

    async def offers(self, submitted: Body, status: OfferStatus = OfferStatus.SUBMITTED, **columns: Any) -> Offer:
        """The window has closed with its offer."""
        await moved(self.world, submitted, ApplicationStatus.OFFERED)
        offer = _offer(self.world, submitted, self.id, status, columns)
        await self.world.add(offer)
        return offer

    async def wins(self, submitted: Body, *, paid_minor: int = 2_470_000, **columns: Any) -> Loan:
        """Its offer was accepted and paid out: 25,000.00 less 300.00."""
        await self.offers(submitted, OfferStatus.FUNDED)
        loan_id = loan_id_of(submitted["applicationId"])
        loan = _loan(self.world, submitted, self.id, loan_id, columns)
        await self.world.add(_payout(self.world, loan_id, paid_minor), loan)
        await moved(self.world, submitted, ApplicationStatus.DISBURSED, loan_id=loan_id)
        return loan

    def _at(self, path: str, of: str) -> str:
        return f"/api/v1/providers/{of or self.id}{path}"


async def lender(world: World, number: str = "R-1") -> Lender:
    return Lender(world, await world.register(number))


def _offer(world: World, submitted: Body, provider_id: str, status: OfferStatus, columns: Body) -> Offer:
    usual: Body = {
        "id": new_id("offer"),
        "amount_minor": 2_500_000,
        "apr_percent": Decimal("10.48"),
        "received_at": datetime.now(UTC),
        "expires_at": datetime(2036, 1, 1, tzinfo=UTC),
    }
    return Offer(
        tenant_id=world.tenant.tenant_id,
        application_id=submitted["applicationId"],
        provider_id=provider_id,
        provider_name="FirstCredit Bank",
        decision_id=new_id("decision"),
        status=status,
        currency="USD",
        annual_rate_percent=Decimal("8.2"),
        tenure_days=365,
        processing_fee_minor=30_000,
        installments=12,
        installment_minor=217_702,
        apr_method="us_reg_z_appendix_j",
        finance_charge_minor=142_427,
        total_repayable_minor=2_612_427,
        rank=1,
        reason="Lowest APR.",
        **(usual | columns),
    )


def _payout(world: World, loan_id: str, amount_minor: int) -> Payment:
    return Payment(
        tenant_id=world.tenant.tenant_id,
        id=new_id("pay"),
        loan_id=loan_id,
        kind=PaymentKind.DISBURSEMENT,
        status=PaymentStatus.SUCCEEDED,
        method="bank_transfer",
        rail="paystack",
        external_reference=loan_id,
        amount_minor=amount_minor,
        currency="USD",
    )


def _loan(world: World, submitted: Body, provider_id: str, loan_id: str, columns: Body) -> Loan:
    usual: Body = {"status": LoanStatus.ACTIVE, "disbursed_on": date(2026, 1, 15)}
    return Loan(
        tenant_id=world.tenant.tenant_id,
        id=loan_id,
        application_id=submitted["applicationId"],
        provider_id=provider_id,
        offer_id="offer_1",
        principal_minor=2_500_000,
        currency="USD",
        annual_rate_percent=Decimal("8.2"),
        apr_percent=Decimal("10.48"),
        installments=12,
        frequency="months",
        every=1,
        method="equal_installment",
        day_count="30/360",
        processing_fee_minor=30_000,
        outstanding_minor=2_612_427,
        clock_at=datetime(2026, 1, 15, 12, tzinfo=UTC),
        **(usual | columns),
    )
