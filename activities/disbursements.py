"""Paying a loan out: ask the rail once, ask again what became of it, and book the answer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import UnknownApplication, locked, move
from activities.chain_mirror import call_off
from activities.loans import position_in, terms_of
from activities.notices import disbursed_notice
from activities.postings import Note, disbursement_transaction_id, post_transaction
from activities.provider_news import ProviderNews, tell_provider
from activities.rails import Beneficiary, Rail, TransferResult
from activities.settling import Settlement, fall_back, settle, settle_the_others
from activities.standing import OffersMade, offers_made
from models import payout_failure
from models.application import ApplicationRef, ApplicationStatus
from models.apr import AprMethod
from models.errors import Conflict
from models.events import Event, EventType, ProviderEventType
from models.loan import LoanPosition
from models.money import formatted
from models.offer import OFFER, OfferStatus
from models.payment import PAYMENT, PaymentStatus
from models.product import LoanProduct
from models.product_schedule import Choices
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.loans import Loan
from models.records.offers import Offer
from models.records.outbox import Channel, deliver, emit
from models.records.payments import Payment
from models.records.products import product_of
from models.transactions import Transaction, TransactionKind

_S = ApplicationStatus


class NoAccountToPay(Conflict):
    """The application names no account to pay out to."""


@dataclass(frozen=True, slots=True)
class Payout:
    """The disbursement of this loan; its reference at the rail is the loan's id, so it can be sent only once."""

    ref: ApplicationRef
    loan_id: str


@dataclass(frozen=True, slots=True)
class Started:
    """The cooling-off of this application has passed at this time."""

    ref: ApplicationRef
    at: datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """What the rail finally said about a payout, and when."""

    ref: ApplicationRef
    loan_id: str
    transfer: TransferResult
    at: datetime


class Disbursements:
    """Moves the principal to the borrower."""

    def __init__(self, database: Database, rail: Rail) -> None:
        self._database = database
        self._rail = rail

    @activity.defn(name="Disbursements.send")
    async def send(self, payout: Payout) -> TransferResult:
        """Order the transfer. A repetition is safe: the rail knows the reference and answers what became of it."""
        beneficiary, payment = await self._order(payout)
        return await self._rail.send(
            beneficiary, payment.amount_minor, payment.currency, payout.loan_id, f"Loan {payout.loan_id}"
        )

    @activity.defn(name="Disbursements.find")
    async def find(self, payout: Payout) -> TransferResult | None:
        """Ask the rail what became of the transfer; None when it has never heard of it."""
        return await self._rail.find(payout.loan_id)

    @activity.defn(name="Disbursements.start")
    async def start(self, started: Started) -> None:
        """The cooling-off has passed: the application is disbursing from here on."""
        async with self._database.transaction(started.ref.tenant_id) as session:
            application = await locked(session, started.ref)
            if application.status == _S.SIGNING:
                move(session, application, _S.DISBURSING, at=started.at)

    @activity.defn(name="Disbursements.book")
    async def book(self, booking: Booking) -> LoanPosition:
        """The money has left: loan, schedule, journal and events in one transaction."""
        async with self._database.transaction(booking.ref.tenant_id) as session:
            application = await locked(session, booking.ref)
            loan = await session.get(Loan, (booking.ref.tenant_id, booking.loan_id))
            if loan is None:
                loan = await _open(session, application, booking)
            return await position_in(session, loan, on=booking.at.date())

    @activity.defn(name="Disbursements.fail")
    async def fail(self, booking: Booking) -> OffersMade:
        """The rail has conclusively not paid: nothing left, nothing is owed.

        If the lender is why, the borrower is offered the next best; else the application ends.
        """
        async with self._database.transaction(booking.ref.tenant_id) as session:
            application = await locked(session, booking.ref)
            if application.status == _S.DISBURSING and application.loan_id == booking.loan_id:
                await _settle_payment(session, booking, PaymentStatus.FAILED)
                reason = booking.transfer.reason or "the rail refused the transfer"
                await _fall(session, application, reason, at=booking.at)
                data = {"reference": booking.loan_id, "reason": reason}
                for kind in (EventType.DISBURSEMENT_FAILED, EventType.PAYMENT_FAILED):
                    event = Event(kind, application.id, booking.at, booking.loan_id, data)
                    emit(session, application.tenant_id, event, key=booking.loan_id)
            return await offers_made(session, application)

    async def _order(self, payout: Payout) -> tuple[Beneficiary, Payment]:
        async with self._database.transaction(payout.ref.tenant_id) as session:
            application = await session.get(Application, (payout.ref.tenant_id, payout.ref.application_id))
            if application is None:
                raise UnknownApplication(f"There is no application {payout.ref.application_id}.", "applicationId")
            if application.beneficiary_account_number is None or application.beneficiary_bank_code is None:
                raise NoAccountToPay("The application names no account to pay out to.", "disbursementAccount")
            applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
            return (
                Beneficiary(
                    f"{applicant.first_name} {applicant.last_name}",
                    application.beneficiary_account_number,
                    application.beneficiary_bank_code,
                    application.currency,
                ),
                await _payment(session, payout.loan_id),
            )


async def _fall(session: AsyncSession, application: Application, reason: str, *, at: datetime) -> None:
    """The accepted offer lapses; the application goes back to the others, or ends."""
    offer = await _accepted_offer(session, application)
    is_the_lenders = payout_failure.is_the_lenders(reason)
    by = "provider" if is_the_lenders else "rail"
    await settle(session, application, offer, Settlement(OfferStatus.LAPSED, at, by=by, why=reason))
    if (await product_of(session, application)).chain is not None and application.loan_id is not None:
        await call_off(session, application.tenant_id, application.loan_id, at=at, reason=reason)
    if not (is_the_lenders and await fall_back(session, application, offer, at=at, reason=reason)):
        await settle_the_others(session, application, at=at)
        move(session, application, _S.DISBURSEMENT_FAILED, at=at, reason=reason)


async def _open(session: AsyncSession, application: Application, booking: Booking) -> Loan:
    at = booking.at
    offer = await _accepted_offer(session, application)
    await _settle_payment(session, booking, PaymentStatus.SUCCEEDED)
    offer.status = OFFER.check(OfferStatus(offer.status), OfferStatus.FUNDED)
    await settle_the_others(session, application, at=at)
    product = await product_of(session, application)
    loan = _loan(application, offer, booking, product)
    session.add(loan)
    await session.flush()
    await post_transaction(session, loan, _disbursed(loan), at=at, note=Note())
    move(session, application, _S.DISBURSED, at=at, loanId=loan.id)
    data = {"loanId": loan.id, "reference": booking.loan_id, "railCode": booking.transfer.rail_code}
    completed = Event(EventType.DISBURSEMENT_COMPLETED, application.id, at, loan.id, data)
    emit(session, application.tenant_id, completed, key=loan.id)
    lead = {"leadId": application.lead_id, "offerId": offer.id, "loanId": loan.id}
    news = ProviderNews(ProviderEventType.LOAN_FUNDED, application.id, at, lead)
    tell_provider(session, offer.tenant_id, offer.provider_id, news)
    await _tell_borrower(session, application, loan, terms_of(loan, product).disbursed_minor)
    return loan


def _disbursed(loan: Loan) -> Transaction:
    return Transaction(
        id=disbursement_transaction_id(loan.id),
        kind=TransactionKind.DISBURSEMENT,
        on=loan.disbursed_on,
        amount_minor=loan.principal_minor,
    )


def _loan(application: Application, offer: Offer, booking: Booking, product: LoanProduct) -> Loan:
    agreed = Choices(
        principal_minor=offer.amount_minor,
        currency=offer.currency,
        annual_rate_percent=offer.annual_rate_percent,
        installments=product.schedule.installments_for(offer.tenure_days),
        disbursed_on=booking.at.date(),
        processing_fee_minor=offer.processing_fee_minor,
    )
    terms = product.terms(agreed)
    return Loan(
        tenant_id=application.tenant_id,
        id=booking.loan_id,
        application_id=application.id,
        provider_id=offer.provider_id,
        offer_id=offer.id,
        product_id=application.product_id,
        product_version=application.product_version,
        principal_minor=terms.principal_minor,
        currency=terms.currency,
        annual_rate_percent=terms.annual_rate_percent,
        apr_percent=offer.apr_percent,
        apr_method=AprMethod(offer.apr_method),
        installments=terms.installments,
        frequency=terms.frequency,
        every=terms.every,
        method=terms.method,
        day_count=terms.day_count,
        processing_fee_minor=terms.processing_fee_minor,
        disbursed_on=booking.at.date(),
        outstanding_minor=terms.principal_minor,
        on_chain=product.chain is not None,
        clock_at=booking.at,
    )


async def _settle_payment(session: AsyncSession, booking: Booking, status: PaymentStatus) -> None:
    payment = await _payment(session, booking.loan_id)
    payment.status = PAYMENT.check(PaymentStatus(payment.status), status)
    payment.rail_code = booking.transfer.rail_code
    payment.failure_reason = booking.transfer.reason
    payment.posted_at = booking.at
    payment.received_on = booking.at.date()


async def _payment(session: AsyncSession, loan_id: str) -> Payment:
    found = await session.execute(select(Payment).where(col(Payment.external_reference) == loan_id).with_for_update())
    return found.scalar_one()


async def _accepted_offer(session: AsyncSession, application: Application) -> Offer:
    found = await session.execute(
        select(Offer).where(col(Offer.application_id) == application.id, col(Offer.status) == OfferStatus.ACCEPTED)
    )
    return found.scalar_one()


async def _tell_borrower(session: AsyncSession, application: Application, loan: Loan, disbursed_minor: int) -> None:
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    net = formatted(disbursed_minor, loan.currency)
    assert loan.next_due_on is not None
    subject, text = disbursed_notice(applicant.first_name, net, loan.next_due_on)
    deliver(session, loan.tenant_id, Channel.MAIL, applicant.email, subject, text, key=f"disbursed:{loan.id}")
