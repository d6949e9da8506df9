"""A lead a platform has assessed itself: taken in once, and told to whom it went."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from statistics import fmean
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.intake import Submission, take_in
from api.products import currency_for, lent_version
from api.schemas.leads import DistributedOut, LeadIn, NotifiedOut
from api.schemas.values import Number
from models.application import ApplicationStatus
from models.errors import Conflict
from models.ids import derived_id
from models.money import minor_units
from models.records.applications import Application
from models.records.leads import LeadGrant
from models.records.tenants import Tenant


class LeadKnown(Conflict):
    """This lead was sent before, with other contents."""


async def take_lead(session: AsyncSession, tenant_id: str, lead: LeadIn) -> Application:
    """The lead's application, new or as it was taken the first time."""
    applicant_id = _applicant_id(tenant_id, lead)
    found = await session.execute(select(Application).where(Application.lead_id == lead.lead_id))
    if known := found.scalar_one_or_none():
        if known.applicant_id != applicant_id:
            raise LeadKnown(f"The lead {lead.lead_id} was sent before, with other contents.", "leadId")
        return known
    tenant = await session.get_one(Tenant, tenant_id)
    product = await lent_version(session, lead.product_id) if lead.product_id else None
    currency = currency_for(lead.loan_application.currency, product, tenant)
    submission = Submission(
        applicant_id=applicant_id,
        application_id=derived_id("app", tenant_id, lead.lead_id),
        lead_id=lead.lead_id,
        user_id=lead.user_id,
        applicant=lead.applicant,
        wanted=lead.loan_application,
        currency=currency,
        identity=lead.identity,
        account=lead.disbursement_account,
        at=datetime.now(UTC),
        product=product,
    )
    assessment = lead.credit_assessment
    recommended = assessment.recommendations
    return await take_in(
        session,
        tenant_id,
        submission,
        pre_assessed=True,
        credit_score=assessment.credit_score,
        risk_rating=assessment.risk_rating,
        debt_to_income_ratio=assessment.debt_to_income_ratio,
        recommended_amount_minor=minor_units(
            recommended.recommended_amount,
            currency,
            field="creditAssessment.recommendations.recommendedAmount",
        ),
        recommended_tenure_days=recommended.recommended_tenure,
        recommended_rate_percent=recommended.recommended_interest_rate,
    )


async def distributed(session: AsyncSession, application: Application) -> DistributedOut:
    """Whom the lead went to, best match first."""
    found = await session.execute(
        select(LeadGrant)
        .where(LeadGrant.application_id == application.id)
        .order_by(col(LeadGrant.score).desc(), col(LeadGrant.provider_id))
    )
    grants = found.scalars().all()
    return DistributedOut(
        distribution_id=derived_id("dist", application.tenant_id, application.lead_id),
        providers_notified=len(grants),
        estimated_response_time=_mean_hours(grants),
        distribution=[
            NotifiedOut(
                provider_id=grant.provider_id,
                provider_name=grant.provider_name,
                score=grant.score,
                expected_response_time=_hours(grant.expected_response_hours),
            )
            for grant in grants
        ],
        application_id=application.id,
        status=ApplicationStatus(application.status),
        reason=application.status_reason,
    )


def _applicant_id(tenant_id: str, lead: LeadIn) -> str:
    """Named after the whole content of the lead, so that the row itself tells the same lead from a changed one."""
    # A lead that names no product and no window has the name it had before leads could.
    unnamed: dict[str, Any] = {} if lead.product_id else {"product_id": True}
    if lead.loan_application.bidding_window_hours is None:
        unnamed["loan_application"] = {"bidding_window_hours"}
    content = json.dumps(lead.model_dump(mode="json", by_alias=True, exclude=unnamed), sort_keys=True)
    return derived_id("applicant", tenant_id, lead.lead_id, sha256(content.encode()).hexdigest())


def _mean_hours(grants: Sequence[LeadGrant]) -> Number | None:
    return _hours(fmean(grant.expected_response_hours for grant in grants)) if grants else None


def _hours(hours: float) -> Number:
    rounded = round(hours, 1)
    return int(rounded) if rounded.is_integer() else rounded
