"""Whether to lend at all: identity, screening and score become one decision, and the decision one transaction."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.applications import locked, move
from activities.kyc import IdentityResult, ScreeningOutcome, ScreeningResult
from activities.leads import invite
from models.application import ApplicationRef, ApplicationStatus
from models.bid_limits import BidLimits, limits_of
from models.events import Event, EventType
from models.money import minor_units
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.leads import LeadGrant
from models.records.outbox import emit
from models.records.products import product_of
from models.scoring import ApplicantProfile, Assessment, Recommendation, assess

_S = ApplicationStatus
_UNDECIDED = frozenset({_S.SUBMITTED, _S.ACTION_REQUIRED})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the strangers said about an applicant, and when; None where nobody was asked."""

    ref: ApplicationRef
    at: datetime
    identity: IdentityResult | None = None
    screening: ScreeningResult | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """One provider invited to bid, in the order of the match."""

    provider_id: str
    provider_name: str
    score: int
    expected_response_hours: float


@dataclass(frozen=True, slots=True)
class Underwritten:
    """Where underwriting left the application, and the auction it opened if it did; `limits` are a product's."""

    status: ApplicationStatus
    requested_minor: int
    currency: str
    risk_rating: str | None = None
    reason: str | None = None
    invited: tuple[Invitation, ...] = ()
    bids_close_at: datetime | None = None
    limits: BidLimits | None = None


class Underwriting:
    """Decides on applications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Underwriting.underwrite")
    async def underwrite(self, evidence: Evidence) -> Underwritten:
        """Record the evidence, assess, and if the answer is yes invite the providers, all in one transaction."""
        async with self._database.transaction(evidence.ref.tenant_id) as session:
            application = await locked(session, evidence.ref)
            if application.status in _UNDECIDED:
                await self._decide(session, application, evidence)
            return await _outcome(session, application)

    @activity.defn(name="Underwriting.approve")
    async def approve(self, evidence: Evidence) -> Underwritten:
        """A reviewer has said yes to what was referred; what the scorecard rejects stays rejected."""
        async with self._database.transaction(evidence.ref.tenant_id) as session:
            application = await locked(session, evidence.ref)
            if application.status == _S.MANUAL_REVIEW:
                assessment = await _assess(session, application)
                move(session, application, _S.ASSESSING, at=evidence.at)
                if assessment.recommendation is Recommendation.REJECT:
                    _turn(session, application, _S.REJECTED, assessment, evidence.at)
                else:
                    await _distribute(session, application, evidence.at)
            return await _outcome(session, application)

    async def _decide(self, session: AsyncSession, application: Application, evidence: Evidence) -> None:
        at = evidence.at
        if application.pre_assessed:
            await _distribute(session, application, at)
            return
        if not _identified(session, application, evidence):
            return
        if evidence.screening is not None:
            application.screening_list_version = evidence.screening.list_version
            if evidence.screening.outcome is ScreeningOutcome.HIT:
                move(session, application, _S.SCREENING, _S.MANUAL_REVIEW, at=at, reason="sanctions list hit")
                return
        assessment = await _assess(session, application)
        move(session, application, _S.SCREENING, _S.ASSESSING, at=at)
        if assessment.recommendation is Recommendation.APPROVE:
            await _distribute(session, application, at)
        else:
            is_rejected = assessment.recommendation is Recommendation.REJECT
            status = _S.REJECTED if is_rejected else _S.MANUAL_REVIEW
            _turn(session, application, status, assessment, at)


def _identified(session: AsyncSession, application: Application, evidence: Evidence) -> bool:
    identity = evidence.identity
    move(session, application, _S.VERIFYING_IDENTITY, at=evidence.at)
    application.identity_verified = identity is not None and identity.verified and identity.name_match
    application.identity_reference = identity.reference if identity else None
    if not application.identity_verified:
        reason = (identity.reason if identity else None) or "the name does not match the identity"
        move(session, application, _S.ACTION_REQUIRED, at=evidence.at, reason=reason)
    return application.identity_verified


def _turn(
    session: AsyncSession, application: Application, status: ApplicationStatus, assessment: Assessment, at: datetime
) -> None:
    """Away from the providers, with the reason codes the borrower is owed."""
    move(session, application, status, at=at, reason=", ".join(assessment.reason_codes))


async def _assess(session: AsyncSession, application: Application) -> Assessment:
    applicant = await session.get_one(Applicant, (application.tenant_id, application.applicant_id))
    assessment = assess(
        profile_of(applicant, application.currency),
        requested_minor=application.requested_amount_minor,
        tenure_days=application.tenure_days,
    )
    application.credit_score = assessment.credit_score
    application.risk_rating = str(assessment.risk_rating)
    application.recommended_amount_minor = assessment.recommended_limit_minor
    application.recommended_tenure_days = assessment.recommended_tenure_days
    application.recommended_rate_percent = assessment.recommended_rate_percent
    application.debt_to_income_ratio = assessment.debt_to_income_ratio
    application.reason_codes = list(assessment.reason_codes)
    return assessment


async def _distribute(session: AsyncSession, application: Application, at: datetime) -> None:
    for event in (EventType.APPLICATION_APPROVED, EventType.CREDIT_APPLICATION_APPROVED):
        data = {"creditScore": application.credit_score, "riskRating": application.risk_rating}
        emit(session, application.tenant_id, Event(event, application.id, at, data=data), key="approved")
    move(session, application, _S.DISTRIBUTING, at=at)
    await invite(session, application, at=at)


async def _outcome(session: AsyncSession, application: Application) -> Underwritten:
    grants = (
        await session.execute(
            select(LeadGrant)
            .where(col(LeadGrant.application_id) == application.id)
            .order_by(col(LeadGrant.score).desc(), col(LeadGrant.provider_id))
        )
    ).scalars()
    limits = None
    if application.product_id is not None and application.bids_close_at is not None:
        product, requested = await product_of(session, application), application.requested_amount_minor
        limits = limits_of(product, requested_minor=requested, on=application.status_at.date())
    return Underwritten(
        status=ApplicationStatus(application.status),
        requested_minor=application.requested_amount_minor,
        currency=application.currency,
        risk_rating=application.risk_rating,
        reason=application.status_reason,
        invited=tuple(Invitation(g.provider_id, g.provider_name, g.score, g.expected_response_hours) for g in grants),
        bids_close_at=application.bids_close_at,
        limits=limits,
    )


def profile_of(applicant: Applicant, currency: str) -> ApplicantProfile:
    """What the scorecard may see of an applicant: figures, no names."""
    loans = applicant.finances.get("existingLoans") or []
    payments = sum((Decimal(str(loan.get("monthlyPayment") or 0)) for loan in loans), Decimal(0))
    return ApplicantProfile(
        monthly_income_minor=_minor(applicant.employment.get("monthlyIncome"), currency),
        monthly_expenses_minor=_minor(applicant.finances.get("monthlyExpenses"), currency),
        monthly_debt_service_minor=_minor(payments, currency),
        employment_status=str(applicant.employment.get("employmentStatus") or ""),
        employment_months=int(applicant.employment.get("employmentDuration") or 0),
        existing_loans=len(loans),
        credit_cards=len(applicant.finances.get("creditCards") or []),
        currency=currency,
    )


def _minor(amount: object, currency: str) -> int:
    return minor_units(str(amount or 0), currency)
