"""Applications: submitted, looked at, and answered by the borrower."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from activities.applications import UnknownApplication
from api.examples import APPLICATION
from api.idempotency import IdempotentRoute, Ids
from api.intake import Submission, check_account, take_in
from api.processes import NoSuchProcess
from api.products import Acting, currency_for, lent_version
from api.resources import Having, Resources
from api.schemas.applications import (
    AcceptedOut,
    AcceptIn,
    ApplicationIn,
    ApplicationOut,
    DisbursementAccountIn,
    LapseReasonIn,
    ReasonIn,
    StatusOut,
    SubmittedOut,
)
from api.schemas.values import Identifier
from api.security import Caller, TenantCaller
from api.views import application_out, links_of
from models.application import ApplicationStatus
from models.errors import Conflict, Refused
from models.offer import NoAcceptedOffer, NotOffered, OfferStatus, StandingOffer, acceptable
from models.records.applications import Applicant, Application
from models.records.offers import Offer
from models.records.tenants import Tenant
from workflows.acceptance import TooLateToWithdraw
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import Choice, Chosen, Lapse, Withdrawal

router = APIRouter(prefix="/api/loans/applications", tags=["applications"], route_class=IdempotentRoute)

ApplicationId = Annotated[Identifier, Path(alias="applicationId")]


class DisbursementAccountMissing(Refused):
    """Nobody has said where the money goes."""


class DisbursementAccountKnown(Conflict):
    """Another account was given before."""


@router.post("", status_code=201)
async def submit(
    body: Annotated[ApplicationIn, Body(openapi_examples=APPLICATION)], caller: TenantCaller, having: Having, ids: Ids
) -> SubmittedOut:
    """Take an application in. It runs at once, or, when the process engine is away, as soon as it is back."""
    async with having.database.transaction(caller.tenant_id) as session:
        application_id = ids("app")
        application = await session.get(Application, (caller.tenant_id, application_id))
        if application is None:
            tenant = await session.get_one(Tenant, caller.tenant_id)
            product = await lent_version(session, body.product_id) if body.product_id else None
            submission = Submission(
                applicant_id=ids("applicant"),
                application_id=application_id,
                lead_id=ids("lead"),
                user_id=body.user_id,
                applicant=body.applicant,
                wanted=body.loan_application,
                currency=currency_for(body.loan_application.currency, product, tenant),
                identity=body.identity,
                account=body.disbursement_account,
                at=datetime.now(UTC),
                product=product,
                wallet=body.wallet_address,
            )
            application = await take_in(session, caller.tenant_id, submission)
    return SubmittedOut(
        application_id=application.id,
        lead_id=application.lead_id,
        status=ApplicationStatus(application.status),
        submitted_at=application.submitted_at,
        links=links_of(application),
    )


@router.get("/{applicationId}")
async def show(application_id: ApplicationId, caller: TenantCaller, having: Having) -> ApplicationOut:
    """Where the application stands."""
    async with having.database.transaction(caller.tenant_id) as session:
        application = await application_in(session, caller, application_id)
    return application_out(application, having.pages)


@router.post("/{applicationId}/accept")
async def accept(application_id: ApplicationId, body: AcceptIn, caller: TenantCaller, having: Having) -> AcceptedOut:
    """Accept one offer for the borrower; answered when the acceptance is on record and the payout is prepared."""
    async with having.database.transaction(caller.tenant_id) as session:
        application = await application_in(session, caller, application_id, lock=True)
        if application.status == ApplicationStatus.OFFERED:
            await _check_choice(session, application, body.offer_id)
            await _settle_account(session, application, body.disbursement_account)
    try:
        chosen: Chosen = await having.processes.update(
            application_workflow_id(application_id),
            ApplicationWorkflow.accept,
            Choice(body.offer_id),
            update_id=f"accept:{body.offer_id}",
        )
    except NoSuchProcess:
        raise NotOffered(f"The application is {application.status}; there is no offer to accept.", "offerId") from None
    return AcceptedOut(
        application_id=application_id, offer_id=chosen.offer_id, loan_id=chosen.loan_id, status=chosen.status
    )


@router.post("/{applicationId}/decline")
async def decline(
    application_id: ApplicationId, caller: TenantCaller, having: Having, body: ReasonIn | None = None
) -> StatusOut:
    """Decline every offer; the application ends."""
    status = await _status_of(having, caller, application_id)
    try:
        ended: ApplicationStatus = await having.processes.update(
            application_workflow_id(application_id),
            ApplicationWorkflow.decline,
            Withdrawal(body.reason if body else ""),
            update_id="decline",
        )
    except NoSuchProcess:
        raise NotOffered(f"The application is {status}; there is no offer to decline.") from None
    return StatusOut(application_id=application_id, status=ended)


@router.post("/{applicationId}/lapse")
async def lapse(
    application_id: ApplicationId, body: LapseReasonIn, caller: TenantCaller, actor: Acting, having: Having
) -> StatusOut:
    """Let the accepted offer lapse before the money leaves; the borrower is offered the next best one."""
    async with having.database.transaction(caller.tenant_id) as session:
        application = await application_in(session, caller, application_id)
    reason = f"{body.reason} ({actor.operator})" if actor.operator else body.reason
    try:
        left: ApplicationStatus = await having.processes.update(
            application_workflow_id(application_id),
            ApplicationWorkflow.lapse,
            Lapse(reason=reason),
            update_id=f"lapse:{application.lapses}",
        )
    except NoSuchProcess:
        detail = f"The application is {application.status}; no accepted offer waits for its payout."
        raise NoAcceptedOffer(detail, "status") from None
    return StatusOut(application_id=application_id, status=left)


@router.post("/{applicationId}/withdraw")
async def withdraw(
    application_id: ApplicationId, caller: TenantCaller, having: Having, body: ReasonIn | None = None
) -> StatusOut:
    """Withdraw; possible until the money is on its way, and in the cooling-off period a cancellation."""
    status = await _status_of(having, caller, application_id)
    ask = having.processes.update_when_started if status is ApplicationStatus.SUBMITTED else having.processes.update
    try:
        ended: ApplicationStatus = await ask(
            application_workflow_id(application_id),
            ApplicationWorkflow.withdraw,
            Withdrawal(body.reason if body else ""),
            update_id="withdraw",
        )
    except NoSuchProcess:
        raise TooLateToWithdraw(f"The application is {status}; it can no longer be withdrawn.", "status") from None
    return StatusOut(application_id=application_id, status=ended)


async def application_in(
    session: AsyncSession, caller: Caller, application_id: str, *, lock: bool = False
) -> Application:
    """The tenant's application, or `UnknownApplication`."""
    application = await session.get(Application, (caller.tenant_id, application_id), with_for_update=lock)
    if application is None:
        raise UnknownApplication(f"There is no application {application_id}.", "applicationId")
    return application


async def _status_of(having: Resources, caller: Caller, application_id: str) -> ApplicationStatus:
    async with having.database.transaction(caller.tenant_id) as session:
        return ApplicationStatus((await application_in(session, caller, application_id)).status)


async def _check_choice(session: AsyncSession, application: Application, offer_id: str) -> None:
    """What the rows can refuse, they refuse before anything is written. The workflow's clock has the last word."""
    offers = (await session.execute(select(Offer).where(Offer.application_id == application.id))).scalars()
    gone = frozenset({OfferStatus.WITHDRAWN, OfferStatus.SUPERSEDED, OfferStatus.LAPSED})
    standing = tuple(
        StandingOffer(offer.id, offer.provider_id, offer.expires_at, offer.status in gone) for offer in offers
    )
    acceptable(offer_id, standing, at=datetime.now(UTC))


async def _settle_account(session: AsyncSession, application: Application, given: DisbursementAccountIn | None) -> None:
    """Know where the money goes before the borrower is bound.

    The one place where the API writes a row that a workflow owns: an account number is personal data and may not
    travel through the workflow. The first account stays. Were a second one taken, then of two acceptances at the same
    moment one could bind and the other say where the money goes.
    """
    known = (application.beneficiary_account_number, application.beneficiary_bank_code)
    if given is None:
        if None in known:
            raise DisbursementAccountMissing("Say where the money is to go.", "disbursementAccount")
        return
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    check_account(given, applicant.first_name, applicant.last_name)
    if None not in known and known != (given.account_number, given.bank_code):
        raise DisbursementAccountKnown("Another account was given before, and stays.", "disbursementAccount")
    application.beneficiary_account_number = given.account_number
    application.beneficiary_bank_code = given.bank_code
