"""An application's row as the platform reads it."""

from api.resources import TemporalPages
from api.schemas.applications import (
    ApplicationOut,
    CreditAssessmentOut,
    LoanApplicationOut,
    RecommendationsOut,
)
from api.schemas.values import money, percent
from models.application import ApplicationStatus
from models.records.applications import Application
from workflows.application import application_workflow_id


def application_out(application: Application, pages: TemporalPages) -> ApplicationOut:
    """Everything but the person."""
    return ApplicationOut(
        application_id=application.id,
        lead_id=application.lead_id,
        status=ApplicationStatus(application.status),
        status_reason=application.status_reason,
        status_at=application.status_at,
        submitted_at=application.submitted_at,
        loan_application=LoanApplicationOut(
            requested_amount=money(application.requested_amount_minor, application.currency),
            currency=application.currency,
            purpose=application.purpose,
            tenure=application.tenure_days,
        ),
        credit_assessment=_assessment(application),
        identity_verified=application.identity_verified,
        pre_assessed=application.pre_assessed,
        product_id=application.product_id,
        product_version=application.product_version,
        bids_close_at=application.bids_close_at,
        offers_expire_at=application.offers_expire_at,
        cooling_off_until=application.cooling_off_until,
        loan_id=application.loan_id,
        links=links_of(application),
        temporal_url=pages.of(application_workflow_id(application.id)),
    )


def links_of(application: Application) -> dict[str, str]:
    """Where to go on."""
    here = f"/api/loans/applications/{application.id}"
    links = {"self": here, "offers": f"{here}/offers", "timeline": f"{here}/timeline"}
    # Named by the acceptance, there once the money has left.
    if application.status == ApplicationStatus.DISBURSED:
        links["loan"] = f"/api/loans/{application.loan_id}"
    return links


def _assessment(application: Application) -> CreditAssessmentOut | None:
    if application.credit_score is None:
        return None
    recommended, currency = application.recommended_amount_minor, application.currency
    ratio, rate = application.debt_to_income_ratio, application.recommended_rate_percent
    return CreditAssessmentOut(
        credit_score=application.credit_score,
        risk_rating=application.risk_rating,
        debt_to_income_ratio=None if ratio is None else percent(ratio),
        recommendations=RecommendationsOut(
            recommended_amount=None if recommended is None else money(recommended, currency),
            recommended_tenure=application.recommended_tenure_days,
            recommended_interest_rate=None if rate is None else percent(rate),
        ),
        reason_codes=application.reason_codes,
    )
