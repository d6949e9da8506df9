"""Releasing personal data: every release is a row of the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.ids import derived_id
from models.records.applications import Application
from models.records.disclosures import DisclosureReason, DisclosureRow

FULL_APPLICANT = ("personalInfo", "employmentInfo", "financialInfo")


def disclosed(
    session: AsyncSession,
    application: Application,
    provider_id: str,
    why: DisclosureReason,
    reference: str,
    *,
    at: datetime,
    what: Sequence[str] = FULL_APPLICANT,
) -> None:
    """Record to whom something of the borrower is released, and why; `reference` names what it was released for."""
    session.add(
        DisclosureRow(
            tenant_id=application.tenant_id,
            id=derived_id("disclosure", application.id, provider_id, why, reference),
            application_id=application.id,
            lead_id=application.lead_id,
            provider_id=provider_id,
            what=list(what),
            why=why,
            reference=reference,
            disclosed_at=at,
        )
    )
