"""One offer accepted and the payout prepared, or the application ended without a loan."""

from dataclasses import dataclass
from datetime import datetime, time
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move, offers_of
from activities.chain_mirror import call_off
from activities.provider_news import LeadClosed, tell_lead_closed
from activities.settling import Settlement, fall_back, settle
from activities.standing import OffersMade, offers_made, place_again
from models.application import APPLICATION, ApplicationRef, ApplicationStatus
from models.events import Event, EventType
from models.ids import derived_id
from models.offer import OfferStatus
from models.payment import CHAIN_RAIL, PAYMENT, PaymentKind, PaymentStatus
from models.product import CoolingOffPeriod, LoanProduct
from models.product_schedule import Choices
from models.records.applications import Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from models.records.offers import Offer
from models.records.outbox import emit
from models.records.payments import Payment, RailAddress
from models.records.products import product_of
from models.records.tenants import Tenant

_S = ApplicationStatus


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The borrower has chosen this offer, at this time; the account is where the money goes."""

    ref: ApplicationRef
    offer_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The agreement that came of it. The money may leave after `cooling_off_until`, at once if None.

    A loan that is kept on chain is signed and put there first.
    """

    loan_id: str
    offer_id: str
    amount_minor: int
    currency: str
    cooling_off_until: datetime | None
    on_chain: bool = False
    pays_tokens: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """The application ends without a loan."""

    ref: ApplicationRef
    status: ApplicationStatus
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class OfferTakenBack:
    """A provider takes its offer back before the borrower has accepted one."""

    ref: ApplicationRef
    offer_id: str
    decision_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OfferLapse:
    """The accepted offer lapses before the money has left, by the word of its provider or of an operator."""

    ref: ApplicationRef
    by: str
    reason: str
    at: datetime


class Offers:
    """Writes what becomes of an application's offers."""

    def __init__(self, database: Database, rail_name: str) -> None:
        self._database = database
        self._rail_name = rail_name

    @activity.defn(name="Offers.accept")
    async def accept(self, acceptance: Acceptance) -> Accepted:
        """Bind the borrower and the provider: one offer accepted, and the payout prepared.

        The other offers stand until the money has left: should this one lapse, the next best is there.
        """
        async with self._database.transaction(acceptance.ref.tenant_id) as session:
            application = await locked(session, acceptance.ref)
            offers = await offers_of(session, application)
            chosen = next(offer for offer in offers if offer.id == acceptance.offer_id)
            if application.status == _S.OFFERED:
                await self._accept(session, application, chosen, acceptance.at)
            chain = (await product_of(session, application)).chain
            return Accepted(
                loan_id_of(application.id, application.lapses),
                chosen.id,
                chosen.amount_minor,
                chosen.currency,
                application.cooling_off_until,
                on_chain=chain is not None,
                pays_tokens=chain is not None and chain.pays_tokens,
            )

    @activity.defn(name="Offers.end")
    async def end(self, ending: Ending) -> ApplicationStatus:
        """End the application and what was open of its offers."""
        async with self._database.transaction(ending.ref.tenant_id) as session:
            application = await locked(session, ending.ref)
            if not APPLICATION.is_final(ApplicationStatus(application.status)):
                await _end_offers(session, application, ending)
                if application.status == _S.BIDDING:
                    await _close_lead(session, application, ending)
                if application.loan_id is not None:
                    await _call_off_payout(session, application, ending.reason, at=ending.at)
                move(session, application, ending.status, at=ending.at, reason=ending.reason)
            return ApplicationStatus(application.status)

    @activity.defn(name="Offers.take_back")
    async def take_back(self, taken: OfferTakenBack) -> None:
        """The provider takes its offer back; the next best moves up."""
        async with self._database.transaction(taken.ref.tenant_id) as session:
            application = await locked(session, taken.ref)
            offers = await offers_of(session, application)
            offer = next(each for each in offers if each.id == taken.offer_id)
            if application.status != _S.OFFERED or offer.status != OfferStatus.SUBMITTED:
                return
            decision = await session.get(Decision, (application.tenant_id, taken.decision_id))
            grant = await session.get_one(LeadGrant, (application.tenant_id, application.id, offer.provider_id))
            grant.answer = "withdrawn"
            grant.reason_code = decision.body.get("reasonCode") if decision else None
            by_provider = Settlement(OfferStatus.WITHDRAWN, taken.at, by="provider")
            await settle(session, application, offer, by_provider)
            offer.rank, offer.reason = None, "Taken back by the provider."
            place_again([each for each in offers if each.status == OfferStatus.SUBMITTED], application)
            data = {"offerId": offer.id, "providerId": offer.provider_id, "reasonCode": grant.reason_code}
            event = Event(EventType.OFFER_WITHDRAWN, application.id, taken.at, data=data)
            emit(session, application.tenant_id, event, key=offer.id)

    @activity.defn(name="Offers.lapse")
    async def lapse(self, lapse: OfferLapse) -> OffersMade:
        """The accepted offer lapses: the payout is called off, and what else is valid is offered again."""
        async with self._database.transaction(lapse.ref.tenant_id) as session:
            application = await locked(session, lapse.ref)
            if application.status == _S.SIGNING and application.loan_id is not None:
                reason = lapse.reason or "the accepted offer has lapsed"
                await _call_off_payout(session, application, reason, at=lapse.at)
                offers = await offers_of(session, application)
                accepted = next(offer for offer in offers if offer.status == OfferStatus.ACCEPTED)
                lapsed = Settlement(OfferStatus.LAPSED, lapse.at, by=lapse.by, why=lapse.reason)
                await settle(session, application, accepted, lapsed)
                if not await fall_back(session, application, accepted, at=lapse.at, reason=lapse.reason):
                    reason = "the accepted offer has lapsed, and no other is valid"
                    move(session, application, _S.NO_OFFERS, at=lapse.at, reason=reason)
            return await offers_made(session, application)

    async def _accept(self, session: AsyncSession, application: Application, chosen: Offer, at: datetime) -> None:
        application.loan_id = loan_id_of(application.id, application.lapses)
        await settle(session, application, chosen, Settlement(OfferStatus.ACCEPTED, at))
        move(session, application, _S.ACCEPTED, at=at, offerId=chosen.id, providerId=chosen.provider_id)
        move(session, application, _S.SIGNING, at=at, agreementHash=agreement_hash(application, chosen))
        product = await product_of(session, application)
        application.cooling_off_until = await _cooling_off_until(session, application, product, at)
        if application.cooling_off_until is None and product.chain is None:
            move(session, application, _S.DISBURSING, at=at)
        self._prepare_payout(session, application, chosen, product)

    def _prepare_payout(
        self, session: AsyncSession, application: Application, chosen: Offer, product: LoanProduct
    ) -> None:
        """The payment exists before the rail is asked, so that no crash can lose a transfer that is on its way."""
        loan_id = loan_id_of(application.id, application.lapses)
        pays_tokens = product.chain is not None and product.chain.pays_tokens
        session.add(
            Payment(
                tenant_id=application.tenant_id,
                id=derived_id("pay", loan_id, "disbursement"),
                loan_id=loan_id,
                kind=PaymentKind.DISBURSEMENT,
                status=PaymentStatus.INITIATED,
                method=CHAIN_RAIL if pays_tokens else "bank_transfer",
                rail=CHAIN_RAIL if pays_tokens else self._rail_name,
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


async def _call_off_payout(session: AsyncSession, application: Application, reason: str, *, at: datetime) -> None:
    """The payment that was prepared is never sent: the application ends before the money may leave."""
    loan_id = application.loan_id
    assert loan_id is not None, "an offer was accepted"
    if (await product_of(session, application)).chain is not None:
        await call_off(session, application.tenant_id, loan_id, at=at, reason=reason)
    found = await session.execute(select(Payment).where(col(Payment.external_reference) == loan_id).with_for_update())
    payment = found.scalar_one()
    payment.status = PAYMENT.check(PaymentStatus(payment.status), PaymentStatus.FAILED)
    payment.failure_reason = reason or "cancelled in the cooling-off"


def loan_id_of(application_id: str, lapses: int = 0) -> str:
    """An application becomes one loan, so one gives the other.

    A loan that was agreed and not paid out keeps its id, which is known at the rail; the next attempt has another.
    """
    return derived_id("loan", application_id, *([str(lapses)] if lapses else []))


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


async def _end_offers(session: AsyncSession, application: Application, ending: Ending) -> None:
    left = OfferStatus.EXPIRED if ending.status is _S.OFFERS_EXPIRED else OfferStatus.NOT_SELECTED
    for offer in await offers_of(session, application):
        if offer.status == OfferStatus.SUBMITTED:
            await settle(session, application, offer, Settlement(left, ending.at))
        elif offer.status == OfferStatus.ACCEPTED:
            lapsed = Settlement(OfferStatus.LAPSED, ending.at, by="borrower", why=ending.reason)
            await settle(session, application, offer, lapsed)


async def _close_lead(session: AsyncSession, application: Application, ending: Ending) -> None:
    """Whoever was invited need not decide any more."""
    invited = select(col(LeadGrant.provider_id)).where(col(LeadGrant.application_id) == application.id)
    for provider_id in (await session.execute(invited)).scalars():
        lead = LeadClosed(application.id, application.lead_id, str(ending.status), ending.at)
        tell_lead_closed(session, application.tenant_id, provider_id, lead)
