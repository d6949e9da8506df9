"""Which providers are invited to bid, and what they are told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.applications import move
from activities.provider_news import ProviderNews, tell_provider
from models.application import ApplicationStatus
from models.events import ProviderEventType
from models.ids import derived_id
from models.matching import Lead, Matches, ProviderProfile, match
from models.money import exponent_of, major_units, rounded
from models.records.applications import Applicant, Application
from models.records.leads import LeadGrant
from models.records.products import owner_of
from models.records.providers import Provider
from models.records.tenants import Tenant

_INCOME_BAND = Decimal(2500)
_RECORD_SPAN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class _Record:
    """A provider's record as measured; None where it has none yet."""

    median_response_hours: Decimal | None = None
    approval_rate: Decimal | None = None
    invited_open: int = 0


_UNKNOWN = _Record()


async def invite(session: AsyncSession, application: Application, *, at: datetime) -> list[LeadGrant]:
    """Match, grant and tell the providers, and open the bidding window; without a match the application ends."""
    tenant = await session.get_one(Tenant, application.tenant_id)
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    matches = match(_lead(application), await _profiles(session, application, at=at), on=at.date())
    excluded = {exclusion.provider_id: exclusion.reason for exclusion in matches.excluded}
    if not matches.invited:
        move(session, application, ApplicationStatus.NO_OFFERS, at=at, reason="no provider matches", excluded=excluded)
        return []
    closes_at = at + timedelta(hours=tenant.bidding_window_hours)
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
    )
    for grant in grants:
        data = lead_data(application, applicant, disclosure=tenant.lead_disclosure)
        news = ProviderNews(ProviderEventType.LEAD_RECEIVED, application.id, at, data, expires_at=closes_at)
        tell_provider(session, application.tenant_id, grant.provider_id, news)
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


def _lead(application: Application) -> Lead:
    return Lead(
        amount_minor=application.requested_amount_minor,
        currency=application.currency,
        country=application.country,
        tenure_days=application.tenure_days,
        credit_score=application.credit_score or 0,
        recommended_rate_percent=application.recommended_rate_percent or Decimal(0),
    )


async def _profiles(session: AsyncSession, application: Application, *, at: datetime) -> list[ProviderProfile]:
    """Those who may lend: everybody, or the one whose product was asked for."""
    query = select(Provider).order_by(col(Provider.id))
    if owner := await owner_of(session, application):
        query = query.where(col(Provider.id) == owner)
    providers = (await session.execute(query)).scalars().all()
    records = await _records(session, since=at - _RECORD_SPAN)
    return [_profile(provider, application.currency, records.get(provider.id, _UNKNOWN)) for provider in providers]


async def _records(session: AsyncSession, *, since: datetime) -> dict[str, _Record]:
    """What each provider has done with the leads of the last months, in one query."""
    answered = col(LeadGrant.answered_at)
    hours = func.extract("epoch", answered - col(LeadGrant.granted_at)) / 3600
    is_approved = case((col(LeadGrant.answer) == "approved", 1), (answered.is_not(None), 0))
    found = await session.execute(
        select(
            col(LeadGrant.provider_id),
            func.percentile_cont(0.5).within_group(hours),
            func.avg(is_approved),
            func.count().filter(answered.is_(None), col(Application.status) == ApplicationStatus.BIDDING),
        )
        .join(Application, col(Application.id) == col(LeadGrant.application_id))
        .where(col(LeadGrant.granted_at) >= since)
        .group_by(col(LeadGrant.provider_id))
    )
    return {
        provider_id: _Record(_decimal(median), _decimal(rate), is_open) for provider_id, median, rate, is_open in found
    }


def _decimal(measured: float | Decimal | None) -> Decimal | None:
    return None if measured is None else Decimal(str(measured))


def _profile(provider: Provider, currency: str, record: _Record) -> ProviderProfile:
    """The limits are numbers that hold in each currency the provider lends, as it registered them."""
    return ProviderProfile(
        provider_id=provider.id,
        name=provider.company_name,
        active=provider.status == "active",
        minimum_minor=_restated(provider.minimum_amount_minor, provider.amount_currency, currency),
        maximum_minor=_restated(provider.maximum_amount_minor, provider.amount_currency, currency),
        currencies=frozenset(provider.currencies),
        countries=frozenset(provider.countries),
        rate_minimum_percent=provider.rate_minimum_percent,
        rate_maximum_percent=provider.rate_maximum_percent,
        license_expires_on=provider.license_expires_on,
        median_response_hours=record.median_response_hours,
        approval_rate=record.approval_rate,
        invited_open=record.invited_open,
    )


def _restated(minor: int, of: str, currency: str) -> int:
    return rounded(major_units(minor, of).scaleb(exponent_of(currency)))


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
