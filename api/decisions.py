"""A provider's decision: kept as it came, put into the workflow's terms, and what the workflow said of it."""

import json
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from api.idempotency import IdempotencyKeyReused
from api.processes import Declined, NoSuchProcess
from api.resources import Resources
from api.schemas.leads import DecidedOut, DecisionIn
from api.security import Caller
from models.bidding import BiddingClosed
from models.errors import NotFound, Refused
from models.ids import derived_id
from models.money import minor_units
from models.records.applications import Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import ProviderDecision

_APPROVED = [
    "Customer will be notified of approval",
    "Customer can accept or decline the offer",
    "Upon acceptance, loan agreement will be generated",
]
_DECLINED = ["The decline is on record", "This lead will not be sent to you again"]


class UnknownLead(NotFound):
    """The lead does not exist for this provider: it was never invited, whether the lead exists or not."""


class TermsMissing(Refused):
    """An approval names an amount, a rate and a tenure."""


class OtherCurrency(Refused):
    """The currency is not the one that was asked for."""


class PathMismatch(Refused):
    """The body and the path name different things."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """One provider's decisions on one lead."""

    database: Database
    caller: Caller
    lead_id: str

    async def store(self, decision: DecisionIn, raw: bytes, message_id: str) -> tuple[Application, ProviderDecision]:
        """Keep the body before the workflow judges it; the same message is one row, with the same contents."""
        tenant_id, provider_id = self.caller.tenant_id, decision.provider_id
        decision_id = derived_id("decision", tenant_id, provider_id, self.lead_id, message_id)
        row = {
            "tenant_id": tenant_id,
            "id": decision_id,
            "provider_id": provider_id,
            "lead_id": self.lead_id,
            "message_id": message_id,
            "body": json.loads(raw),
        }
        async with self.database.transaction(tenant_id) as session:
            granted = await session.execute(
                select(Application)
                .join(LeadGrant, col(LeadGrant.application_id) == col(Application.id))
                .where(LeadGrant.lead_id == self.lead_id, LeadGrant.provider_id == provider_id)
            )
            application = granted.scalar_one_or_none()
            if application is None:
                raise UnknownLead(f"There is no lead {self.lead_id} for this provider.", "leadId")
            judged = _in_workflow_terms(decision, decision_id, application)
            await session.execute(insert(Decision).values(row).on_conflict_do_nothing())
            kept = await session.get_one(Decision, (tenant_id, decision_id))
            if kept.body != row["body"]:
                raise IdempotencyKeyReused("This message id was used for another decision.", "webhook-id")
        return application, judged

    async def refuse(self, decision_id: str, code: str) -> None:
        """Keep why it was refused."""
        async with self.database.transaction(self.caller.tenant_id) as session:
            await session.execute(update(Decision).where(col(Decision.id) == decision_id).values(refused_because=code))


async def decided(
    having: Resources, caller: Caller, decision: DecisionIn, raw: bytes, *, message_id: str
) -> DecidedOut:
    """Keep one decision, then put it to the lead's workflow; the same message is the same decision."""
    inbox = Inbox(having.database, caller, decision.lead_id)
    application, judged = await inbox.store(decision, raw, message_id)
    try:
        await having.processes.update(
            application_workflow_id(application.id),
            ApplicationWorkflow.decide,
            judged,
            # Of this provider: two of them may number their messages alike.
            update_id=f"{decision.provider_id}:{message_id}",
        )
    except NoSuchProcess:
        closed = BiddingClosed("Bidding for this lead has closed.")
        await inbox.refuse(judged.decision_id, closed.code)
        raise closed from None
    except Declined as declined:
        await inbox.refuse(judged.decision_id, declined.code)
        raise
    return DecidedOut(accepted=True, next_steps=_APPROVED if judged.decision == "approved" else _DECLINED)


def check_path(decision: DecisionIn, *, provider_id: str, lead_id: str) -> None:
    """The signed body says the same as the path, which is not signed."""
    if decision.lead_id != lead_id:
        raise PathMismatch("The body names another lead than the path.", "leadId")
    if decision.provider_id != provider_id:
        raise PathMismatch("The body names another provider than the path.", "providerId")


def _in_workflow_terms(decision: DecisionIn, decision_id: str, application: Application) -> ProviderDecision:
    if decision.decision != "approved":
        return ProviderDecision(decision.provider_id, decision_id, "declined")
    currency = application.currency
    if decision.currency not in (None, currency):
        raise OtherCurrency(f"The borrower asked for {currency}.", "currency")
    if decision.approved_amount is None:
        raise TermsMissing("An approval names its amount.", "approvedAmount")
    if decision.interest_rate is None:
        raise TermsMissing("An approval names its interest rate.", "interestRate")
    if decision.tenure is None:
        raise TermsMissing("An approval names its tenure.", "tenure")
    return ProviderDecision(
        provider_id=decision.provider_id,
        decision_id=decision_id,
        decision="approved",
        amount_minor=minor_units(decision.approved_amount, currency, field="approvedAmount"),
        annual_rate_percent=decision.interest_rate,
        tenure_days=decision.tenure,
        processing_fee_minor=minor_units(decision.processing_fee or 0, currency, field="processingFee"),
        expires_at=decision.expires_at,
    )
