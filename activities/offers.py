"""One offer accepted and the payout prepared, or the application ended without a loan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move, offers_of
from activities.leads import lead_data
from activities.provider_news import ProviderNews, tell_provider
from models.application import APPLICATION, ApplicationRef, ApplicationStatus
from models.events import Event, EventType, ProviderEventType
from models.ids import derived_id
from models.offer import OFFER, OfferStatus
from models.payment import PAYMENT, PaymentKind, PaymentStatus
from models.product import CoolingOffPeriod, LoanProduct
from models.product_schedule import Choices
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.offers import Offer
from models.records.outbox import emit
from models.records.payments import Payment, RailAddress
from models.records.products import product_of
from models.records.tenants import Tenant

_S = ApplicationStatus
_OFFER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The borrower has chosen this offer, at this time; the account is where the money goes."""

    ref: ApplicationRef
    offer_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The agreement that came of it. The money may leave after `cooling_off_until`, at once if None."""

    loan_id: str
    offer_id: str
    amount_minor: int
    currency: str
    cooling_off_until: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """The application ends without a loan."""

    ref: ApplicationRef
    status: ApplicationStatus
    at: datetime
    reason: str


class Offers:
    """Writes what becomes of an application's offers."""

    def __init__(self, database: Database, rail_name: str) -> None:
        self._database = database
        self._rail_name = rail_name

    @activity.defn(name="Offers.accept")
    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Bind the borrower and the provider: one offer accepted, the others not selected, the payout prepared."""
        async with self._database.transaction(acceptance.ref.tenant_id) as session:
            application = await locked(session, acceptance.ref)
            offers = await offers_of(session, application)
            chosen = next(offer for offer in offers if offer.id == acceptance.offer_id)
            if application.status == _S.OFFERED:
                await self._accept(session, application, chosen, offers, acceptance.at)
            return Accepted(
                loan_id_of(application.id),
                chosen.id,
                chosen.amount_minor,
                chosen.currency,
                application.cooling_off_until,
            )

    @activity.defn(name="Offers.end")
    async def end(self, ending: Ending) -> ApplicationStatus:
        """End the application and what was open of its offers."""
        async with self._database.transaction(ending.ref.tenant_id) as session:
            application = await locked(session, ending.ref)
            if not APPLICATION.is_final(ApplicationStatus(application.status)):
                left = OfferStatus.EXPIRED if ending.status is _S.OFFERS_EXPIRED else OfferStatus.NOT_SELECTED
                for offer in await offers_of(session, application):
                    if offer.status in (OfferStatus.SUBMITTED, OfferStatus.ACCEPTED):
                        lapsed = offer.status == OfferStatus.ACCEPTED
                        await _settle(session, application, offer, OfferStatus.LAPSED if lapsed else left, ending.at)
                if application.loan_id is not None:
                    await _call_off_payout(session, application.loan_id, ending.reason)
                move(session, application, ending.status, at=ending.at, reason=ending.reason)
            return ApplicationStatus(application.status)

    async def _accept(
        self, session: AsyncSession, application: Application, chosen: Offer, offers: Sequence[Offer], at: datetime
    ) -> None:
        application.loan_id = loan_id_of(application.id)
        for offer in offers:
            if offer is not chosen and offer.status == OfferStatus.SUBMITTED:
                await _settle(session, application, offer, OfferStatus.NOT_SELECTED, at)
        await _settle(session, application, chosen, OfferStatus.ACCEPTED, at)
        move(session, application, _S.ACCEPTED, at=at, offerId=chosen.id, providerId=chosen.provider_id)
        move(session, application, _S.SIGNING, at=at, agreementHash=agreement_hash(application, chosen))
        product = await product_of(session, application)
        application.cooling_off_until = await _cooling_off_until(session, application, product, at)
        if application.cooling_off_until is None:
            move(session, application, _S.DISBURSING, at=at)
        self._prepare_payout(session, application, chosen, product)

    def _prepare_payout(
        self, session: AsyncSession, application: Application, chosen: Offer, product: LoanProduct
    ) -> None:
        """The payment exists before the rail is asked, so that no crash can lose a transfer that is on its way."""
        loan_id = loan_id_of(application.id)
        session.add(
            Payment(
                tenant_id=application.tenant_id,
                id=derived_id("pay", loan_id, "disbursement"),
                loan_id=loan_id,
                kind=PaymentKind.DISBURSEMENT,
                status=PaymentStatus.INITIATED,
                method="bank_transfer",
                rail=self._rail_name,
                external_reference=loan_id,
                amount_minor=_disbursed_minor(chosen, product),
                currency=chosen.currency,
            )
        )
        session.add(
            RailAddress(
                tenant_id=application.tenant_id, address=loan_id, application_id=application.id, loan_id=loan_id
            )
        )


async def _cooling_off_until(
    session: AsyncSession, application: Application, product: LoanProduct, at: datetime
) -> datetime | None:
    """Until when the borrower may think again: as long as the product says, else the tenant; None for no time."""
    tenant = await session.get_one(Tenant, application.tenant_id)
    period = product.cooling_off or CoolingOffPeriod(tenant.cooling_off_days)
    if period.days == 0:
        return None
    return datetime.combine(period.last_day(at.date(), product.schedule.business_days), time.max, at.tzinfo)


def _disbursed_minor(chosen: Offer, product: LoanProduct) -> int:
    """What leaves, when the lender's fee and the product's own have been kept back."""
    agreed = Choices(
        principal_minor=chosen.amount_minor,
        currency=chosen.currency,
        annual_rate_percent=chosen.annual_rate_percent,
        installments=chosen.installments,
        disbursed_on=chosen.received_at.date(),  # no fee that is kept back depends on it
        processing_fee_minor=chosen.processing_fee_minor,
    )
    return product.terms(agreed).disbursed_minor


async def _call_off_payout(session: AsyncSession, loan_id: str, reason: str) -> None:
    """The payment that was prepared is never sent: the application ends before the money may leave."""
    found = await session.execute(select(Payment).where(col(Payment.external_reference) == loan_id).with_for_update())
    payment = found.scalar_one()
    payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.FAILED)
    payment.failure_reason = reason or "cancelled in the cooling-off"


def loan_id_of(application_id: str) -> str:
    """An application becomes one loan, so one gives the other."""
    return derived_id("loan", application_id)


def agreement_hash(application: Application, offer: Offer) -> str:
    """SHA-256 over the terms the borrower agreed to, for the audit trail."""
    terms = (
        application.id,
        offer.id,
        offer.provider_id,
        str(offer.amount_minor),
        offer.currency,
        f"{offer.annual_rate_percent:f}",
        str(offer.processing_fee_minor),
        str(offer.installments),
        f"{offer.apr_percent:f}",
        *(() if application.product_id is None else (application.product_id, str(application.product_version))),
    )
    return sha256("|".join(terms).encode()).hexdigest()


async def _settle(
    session: AsyncSession, application: Application, offer: Offer, status: OfferStatus, at: datetime
) -> None:
    """Move one offer and tell its provider; only the provider whose offer was accepted learns who the borrower is."""
    offer.status = OFFER.check(OfferStatus(offer.status), status)
    data = {"leadId": application.lead_id, "offerId": offer.id, "status": status}
    if status is not OfferStatus.ACCEPTED:
        news = ProviderNews(ProviderEventType.OFFER_NOT_SELECTED, application.id, at, data)
        tell_provider(session, offer.tenant_id, offer.provider_id, news)
        return
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    data |= lead_data(application, applicant, disclosure="full")
    news = ProviderNews(ProviderEventType.OFFER_ACCEPTED, application.id, at, data)
    tell_provider(session, offer.tenant_id, offer.provider_id, news)
    accepted = Event(EventType.OFFER_ACCEPTED, application.id, at, application.loan_id, {"offerId": offer.id})
    emit(session, application.tenant_id, accepted, key=offer.id)
