"""The leads of one provider: how each stands with it, and what it may see of it.

open       the window is open and it has not answered
answered   it has, and nobody is chosen yet
won        its offer was accepted
lost       it has answered, and its offer was not
expired    it has not answered, and it is too late
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, literal, or_, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.disclosures import disclosed
from activities.leads import lead_data
from api.decisions import UnknownLead
from api.schemas.provider_leads import LeadStanding, ProviderLeadDetailOut, ProviderLeadOut
from api.schemas.values import money
from models.application import ApplicationStatus
from models.decision import DecisionKind
from models.offer import OfferStatus
from models.records.applications import Applicant, Application
from models.records.disclosures import DisclosureReason
from models.records.leads import Decision, LeadGrant
from models.records.loans import Loan
from models.records.offers import Offer
from models.records.provider_notices import LeadReceipt
from models.records.tenants import Tenant

_UNDECIDED = (
    ApplicationStatus.BIDDING,
    ApplicationStatus.OFFERED,
    ApplicationStatus.ACCEPTED,
    ApplicationStatus.SIGNING,
    ApplicationStatus.DISBURSING,
)


def _has_offer(*statuses: OfferStatus) -> ColumnElement[bool]:
    return exists().where(
        col(Offer.application_id) == col(LeadGrant.application_id),
        col(Offer.provider_id) == col(LeadGrant.provider_id),
        col(Offer.status).in_(statuses),
    )


# The grant says so when the window has closed; until then the decision that was taken does.
_HAS_ANSWERED = or_(
    col(LeadGrant.answered_at).is_not(None),
    exists().where(
        col(Decision.lead_id) == col(LeadGrant.lead_id),
        col(Decision.provider_id) == col(LeadGrant.provider_id),
        col(Decision.refused_because).is_(None),
        col(Decision.body)["decision"].astext != DecisionKind.NEED_INFORMATION,
    ),
)
_STANDING = case(
    (_has_offer(OfferStatus.ACCEPTED, OfferStatus.FUNDED), "won"),
    (and_(col(Application.status) == ApplicationStatus.BIDDING, ~_HAS_ANSWERED), "open"),
    (~_HAS_ANSWERED, "expired"),
    (col(Application.status) == ApplicationStatus.BIDDING, "answered"),
    (and_(col(Application.status).in_(_UNDECIDED), _has_offer(OfferStatus.SUBMITTED)), "answered"),
    else_="lost",
)


# What must also be true of these, in words an index knows.
_IMPLIED: dict[LeadStanding, tuple[ColumnElement[bool], ...]] = {
    "won": (_has_offer(OfferStatus.ACCEPTED, OfferStatus.FUNDED),),
    "open": (col(Application.status).in_([ApplicationStatus.BIDDING]),),
    "answered": (col(Application.status).in_(_UNDECIDED),),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the provider's leads."""

    status: LeadStanding | None = None
    since: datetime | None = None
    before: tuple[datetime, str] | None = None


def leads_of(provider_id: str, wanted: Wanted) -> Select[Any]:
    """The leads that are wanted, newest first."""
    position = tuple_(col(LeadGrant.granted_at), col(LeadGrant.application_id))
    query = _granted(provider_id).order_by(col(LeadGrant.granted_at).desc(), col(LeadGrant.application_id).desc())
    if wanted.since is not None:
        query = query.where(col(LeadGrant.granted_at) >= wanted.since)
    if wanted.status is not None:
        # As a case, because the planner takes an equality for rare, and would read every lead to find fifty.
        query = query.where(case((literal(wanted.status) == _STANDING, true()), else_=false()))
        query = query.where(*_IMPLIED.get(wanted.status, ()))
    if wanted.before is not None:
        query = query.where(position < tuple_(*wanted.before))
    return query


@dataclass(frozen=True, slots=True)
class SeenLead:
    """One lead as one provider stands to it."""

    grant: LeadGrant
    application: Application
    standing: LeadStanding
    received_at: datetime | None
    loan_id: str | None


async def lead_of(session: AsyncSession, provider_id: str, lead_id: str) -> SeenLead:
    """One lead, or `UnknownLead`: whether it exists for others is not told."""
    found = (await session.execute(_granted(provider_id).where(col(LeadGrant.lead_id) == lead_id))).one_or_none()
    if found is None:
        raise UnknownLead(f"There is no lead {lead_id} for this provider.", "leadId")
    return SeenLead(*found)


def shown(lead: SeenLead) -> ProviderLeadOut:
    """The lead in a list: nothing in it names the borrower."""
    grant, application = lead.grant, lead.application
    return ProviderLeadOut(
        lead_id=grant.lead_id,
        status=lead.standing,
        granted_at=grant.granted_at,
        decide_by=application.bids_close_at,
        received_at=lead.received_at,
        requested_amount=money(application.requested_amount_minor, application.currency),
        currency=application.currency,
        purpose=application.purpose,
        tenure=application.tenure_days,
        country=application.country,
        credit_score=application.credit_score,
        risk_rating=application.risk_rating,
        loan_id=lead.loan_id,
    )


async def shown_whole(session: AsyncSession, lead: SeenLead, *, at: datetime) -> ProviderLeadDetailOut:
    """The lead by itself, disclosed as its webhooks disclose it: in full to the winner, else as the tenant says.

    Reading who the borrower is leaves a row.
    """
    application = lead.application
    tenant = await session.get_one(Tenant, application.tenant_id)
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    listed = shown(lead)
    is_full = lead.standing == "won" or tenant.lead_disclosure == "full"
    disclosure: Literal["masked", "full"] = "full" if is_full else "masked"
    if is_full:
        reason = DisclosureReason.LEAD_READ
        disclosed(session, application, lead.grant.provider_id, reason, at.isoformat(), at=at)
    return ProviderLeadDetailOut(
        **listed.model_dump(),
        disclosure=disclosure,
        lead=lead_data(application, applicant, disclosure=disclosure),
    )


def _granted(provider_id: str) -> Select[Any]:
    own_loan = and_(
        col(Loan.application_id) == col(LeadGrant.application_id),
        col(Loan.provider_id) == col(LeadGrant.provider_id),
    )
    own_receipt = and_(
        col(LeadReceipt.application_id) == col(LeadGrant.application_id),
        col(LeadReceipt.provider_id) == col(LeadGrant.provider_id),
    )
    columns: tuple[Any, ...] = (LeadGrant, Application, _STANDING, col(LeadReceipt.received_at), col(Loan.id))
    granted: Select[Any] = (
        select(*columns)
        .join(Application, col(Application.id) == col(LeadGrant.application_id))
        .outerjoin(LeadReceipt, own_receipt)
        .outerjoin(Loan, own_loan)
        .where(col(LeadGrant.provider_id) == provider_id)
    )
    return granted
