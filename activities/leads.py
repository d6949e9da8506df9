"""Which providers are invited to bid, and what they are told."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from activities.applications import move
from activities.disclosures import disclosed
from activities.matches import matched
from activities.provider_news import ProviderNews, tell_provider
from models.application import ApplicationStatus
from models.events import ProviderEventType
from models.ids import derived_id
from models.matching import Matches
from models.money import major_units
from models.records.applications import Applicant, Application
from models.records.disclosures import DisclosureReason
from models.records.leads import LeadGrant
from models.records.products import product_of
from models.records.tenants import Tenant

_INCOME_BAND = Decimal(2500)


async def invite(session: AsyncSession, application: Application, *, at: datetime) -> list[LeadGrant]:
    """Match, grant and tell the providers, and open the bidding window; without a match the application ends."""
    tenant = await session.get_one(Tenant, application.tenant_id)
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    product = await product_of(session, application)
    matches = await matched(session, application, product, at=at)
    excluded = {exclusion.provider_id: exclusion.reason for exclusion in matches.excluded}
    if not matches.invited:
        move(session, application, ApplicationStatus.NO_OFFERS, at=at, reason="no provider matches", excluded=excluded)
        return []
    # As long as the request says, else the product, else the tenant.
    hours = application.bidding_window_hours or product.bidding_window_hours or tenant.bidding_window_hours
    application.bidding_window_hours, closes_at = hours, at + timedelta(hours=hours)
    application.bids_close_at = closes_at
    grants = _grants(application, matches, at)
    session.add_all(grants)
    move(
        session,
        application,
        ApplicationStatus.BIDDING,
        at=at,
        invited=[g.provider_id for g in grants],
        excluded=excluded,
        **({"explored": matches.explored} if matches.explored else {}),
    )
    for grant in grants:
        data = lead_data(application, applicant, disclosure=tenant.lead_disclosure)
        news = ProviderNews(ProviderEventType.LEAD_RECEIVED, application.id, at, data, expires_at=closes_at)
        tell_provider(session, application.tenant_id, grant.provider_id, news)
        if tenant.lead_disclosure == "full":
            disclosed(session, application, grant.provider_id, DisclosureReason.FULL_LEAD, application.id, at=at)
    return grants


def lead_data(application: Application, applicant: Applicant, *, disclosure: str) -> dict[str, Any]:
    """The lead as a provider reads it: the whole applicant (`full`), or bands and a pseudonym (`masked`)."""
    return {
        "leadId": application.lead_id,
        "applicant": full_applicant(applicant) if disclosure == "full" else masked_applicant(applicant),
        "loanApplication": {
            "requestedAmount": _number(application.requested_amount_minor, application.currency),
            "currency": application.currency,
            "purpose": application.purpose,
            "tenure": application.tenure_days,
        },
        "creditAssessment": {
            "creditScore": application.credit_score,
            "riskRating": application.risk_rating,
            "debtToIncomeRatio": float(application.debt_to_income_ratio or 0),
            "recommendations": {
                "recommendedAmount": _number(application.recommended_amount_minor or 0, application.currency),
                "recommendedTenure": application.recommended_tenure_days,
                "recommendedInterestRate": float(application.recommended_rate_percent or 0),
            },
        },
    }


def full_applicant(applicant: Applicant) -> dict[str, Any]:
    """The applicant in full, in the owner's shape; for the provider whose offer was accepted."""
    return {
        "personalInfo": {
            "firstName": applicant.first_name,
            "lastName": applicant.last_name,
            "email": applicant.email,
            "phoneNumber": applicant.phone_number,
            "address": applicant.address,
        },
        "employmentInfo": applicant.employment,
        "financialInfo": applicant.finances,
    }


def masked_applicant(applicant: Applicant) -> dict[str, Any]:
    """What a provider needs to price the lead, and nothing that says who it is."""
    income = Decimal(str(applicant.employment.get("monthlyIncome") or 0))
    floor = int(income // _INCOME_BAND * _INCOME_BAND)
    return {
        "pseudonym": derived_id("applicant", applicant.tenant_id, applicant.id),
        "personalInfo": {"address": {k: applicant.address.get(k) for k in ("state", "country")}},
        "employmentInfo": {
            "employmentStatus": applicant.employment.get("employmentStatus"),
            "monthlyIncomeBand": [floor, floor + int(_INCOME_BAND)],
            "employmentDuration": applicant.employment.get("employmentDuration"),
        },
        "financialInfo": {
            "existingLoans": len(applicant.finances.get("existingLoans") or []),
            "creditCards": len(applicant.finances.get("creditCards") or []),
        },
    }


def _grants(application: Application, matches: Matches, at: datetime) -> list[LeadGrant]:
    return [
        LeadGrant(
            tenant_id=application.tenant_id,
            application_id=application.id,
            provider_id=found.provider_id,
            lead_id=application.lead_id,
            provider_name=found.name,
            score=int(found.score),
            expected_response_hours=float(found.expected_response_hours),
            reasons=list(found.reasons),
            granted_at=at,
        )
        for found in matches.invited
    ]


def _number(minor: int, currency: str) -> float:
    return float(major_units(minor, currency))
