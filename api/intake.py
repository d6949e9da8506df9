"""Taking an application in: applicant, application, events and the order to start, in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.kyc import names_match
from api.schemas.applicants import ApplicantIn, IdentityIn
from api.schemas.applications import DisbursementAccountIn, LoanApplicationIn
from models.chain_terms import parties_of
from models.errors import Refused
from models.events import Event, EventType
from models.money import minor_units
from models.product_document import product_from
from models.records.applications import Applicant, Application
from models.records.outbox import OutboxKind, ask_relay, emit
from models.records.products import LoanProductRow


class NotTheBorrowersAccount(Refused):
    """The account to pay out to is in another name than the borrower's."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a platform sends to have a loan made of it."""

    applicant_id: str
    application_id: str
    lead_id: str
    user_id: str | None
    applicant: ApplicantIn
    wanted: LoanApplicationIn
    currency: str
    identity: IdentityIn | None
    account: DisbursementAccountIn | None
    at: datetime
    product: LoanProductRow | None = None
    wallet: str | None = None


async def take_in(session: AsyncSession, tenant_id: str, submission: Submission, **assessment: Any) -> Application:
    """Write it, tell it, and leave the start to the relay: it runs when Temporal is there.

    `assessment` holds the application's columns that a platform has assessed itself.
    """
    applicant = _applicant(tenant_id, submission)
    application = _application(tenant_id, submission, assessment)
    session.add(applicant)
    await session.flush()
    session.add(application)
    await session.flush()
    data = {"leadId": application.lead_id, "currency": application.currency, "tenure": application.tenure_days}
    for kind in (EventType.APPLICATION_SUBMITTED, EventType.CREDIT_APPLICATION_SUBMITTED):
        event = Event(kind, application.id, submission.at, data=data, actor="platform")
        emit(session, tenant_id, event, key="submitted")
    start = {
        "applicationId": application.id,
        "currency": application.currency,
        "preAssessed": application.pre_assessed,
    }
    ask_relay(session, tenant_id, OutboxKind.START_APPLICATION, start)
    return application


def check_account(account: DisbursementAccountIn, first_name: str, last_name: str) -> None:
    """Money goes to the borrower, and to nobody the borrower names."""
    if account.account_name and not names_match(first_name, last_name, account.account_name):
        raise NotTheBorrowersAccount(
            "The account must be in the borrower's own name.", "disbursementAccount.accountName"
        )


def _applicant(tenant_id: str, submission: Submission) -> Applicant:
    for amount, path in submission.applicant.amounts():
        minor_units(amount, submission.currency, field=path)
    person = submission.applicant.personal_info
    identity = submission.identity or IdentityIn(type="phone_number", number=person.phone_number)
    if submission.account:
        check_account(submission.account, person.first_name, person.last_name)
    shown = submission.applicant.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Applicant(
        tenant_id=tenant_id,
        id=submission.applicant_id,
        user_id=submission.user_id,
        first_name=person.first_name,
        last_name=person.last_name,
        birth_date=person.birth_date,
        email=person.email,
        phone_number=person.phone_number,
        address=shown["personalInfo"]["address"],
        employment=shown["employmentInfo"],
        finances=shown["financialInfo"],
        identity_type=identity.type,
        identity_number=identity.number,
    )


def _application(tenant_id: str, submission: Submission, assessment: dict[str, Any]) -> Application:
    wanted, account, product = submission.wanted, submission.account, submission.product
    amount_minor = minor_units(wanted.requested_amount, submission.currency, field="loanApplication.requestedAmount")
    if product is not None:
        settings = product_from(product.settings)
        settings.check_request(amount_minor, submission.currency, wanted.tenure)
        if settings.chain is not None:
            parties_of(settings.chain, submission.wallet)
    return Application(
        tenant_id=tenant_id,
        id=submission.application_id,
        lead_id=submission.lead_id,
        applicant_id=submission.applicant_id,
        product_id=product.id if product else None,
        product_version=product.version if product else None,
        requested_amount_minor=amount_minor,
        currency=submission.currency,
        country=submission.applicant.personal_info.address.country,
        purpose=wanted.purpose,
        tenure_days=wanted.tenure,
        bidding_window_hours=wanted.bidding_window_hours,
        submitted_at=submission.at,
        status_at=submission.at,
        wallet_address=submission.wallet,
        beneficiary_account_number=account.account_number if account else None,
        beneficiary_bank_code=account.bank_code if account else None,
        **assessment,
    )
