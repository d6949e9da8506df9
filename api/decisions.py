"""A provider's decision: kept as it came, put into the workflow's terms, and what the workflow said of it."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.decision_terms import in_workflow_terms
from api.idempotency import IdempotencyKeyReused
from api.problems import Forbidden
from api.processes import Declined, NoSuchProcess
from api.resources import Resources
from api.schemas.leads import DecidedOut, DecisionIn, LapseIn
from api.security import Caller
from models.application import ApplicationStatus
from models.bidding import BiddingClosed, FeeOutOfRange
from models.decision import DecisionKind
from models.errors import Conflict, NotFound, Refused
from models.ids import derived_id
from models.offer import NoAcceptedOffer
from models.ranking import priced
from models.records.applications import Application
from models.records.database import Database
from models.records.leads import Decision, LeadGrant
from models.records.products import product_of
from models.records.providers import Provider
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import Lapse, ProviderDecision

_K = DecisionKind
_BID = [
    "Customer will be notified of approval",
    "Customer can accept or decline the offer",
    "Upon acceptance, loan agreement will be generated",
]
_NEXT_STEPS = {
    _K.APPROVED: _BID,
    _K.COUNTER_OFFER: [
        "Customer will be notified of the counter-offer, and that it differs from what was asked for",
        *_BID[1:],
    ],
    _K.DECLINED: ["The decline is on record", "This lead will not be sent to you again"],
    _K.NEED_INFORMATION: [
        "The platform is asked for the information",
        "You are told by `information_provided` when it is there",
        "The bidding window does not wait: decide before it closes",
    ],
    _K.WITHDRAWN: ["The withdrawal is on record", "This lead will not be sent to you again"],
}


class UnknownLead(NotFound):
    """The lead does not exist for this provider: it was never invited, whether the lead exists or not."""


class ProviderSuspended(Conflict):
    """A provider that is suspended makes no offers."""


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
            application = await granted_to(session, provider_id, self.lead_id)
            provider = await session.get_one(Provider, (tenant_id, provider_id))
            if provider.status == "suspended":
                raise ProviderSuspended("This provider is suspended, and decides on no leads.", "providerId")
            judged = in_workflow_terms(decision, decision_id, application, provider)
            await _check_price(session, judged, application)
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
    if caller.provider_id != decision.provider_id:
        raise Forbidden("This key belongs to another provider.", "providerId")
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
    return DecidedOut(accepted=True, next_steps=_NEXT_STEPS[judged.decision])


async def lapsed(having: Resources, caller: Caller, lapse: LapseIn, *, message_id: str) -> ApplicationStatus:
    """Let the provider's accepted offer lapse; where that leaves the application."""
    async with having.database.transaction(caller.tenant_id) as session:
        application = await granted_to(session, lapse.provider_id, lapse.lead_id)
    reason = f"{lapse.reason_code}: {lapse.reason}" if lapse.reason else str(lapse.reason_code)
    try:
        status: ApplicationStatus = await having.processes.update(
            application_workflow_id(application.id),
            ApplicationWorkflow.lapse,
            Lapse(lapse.provider_id, reason),
            update_id=f"lapse:{lapse.provider_id}:{message_id}",
        )
    except NoSuchProcess:
        detail = f"The application is {application.status}; no accepted offer waits for its payout."
        raise NoAcceptedOffer(detail, "leadId") from None
    return status


async def _check_price(session: AsyncSession, judged: ProviderDecision, application: Application) -> None:
    """Refuse a fee that leaves next to nothing: its APR cannot be told, and the bid would be dropped without a word."""
    now = datetime.now(UTC)
    bid = judged.bid(application.currency, now)
    if bid is None or not bid.processing_fee_minor:
        return
    product = await product_of(session, application)
    if priced(bid, now.date(), product) is None and priced(replace(bid, processing_fee_minor=0), now.date(), product):
        raise FeeOutOfRange("The processing fee must leave something to disburse.", "processingFee")


async def granted_to(session: AsyncSession, provider_id: str, lead_id: str) -> Application:
    """The application of a lead the provider was invited to, or `UnknownLead`."""
    granted = await session.execute(
        select(Application)
        .join(LeadGrant, col(LeadGrant.application_id) == col(Application.id))
        .where(LeadGrant.lead_id == lead_id, LeadGrant.provider_id == provider_id)
    )
    application = granted.scalar_one_or_none()
    if application is None:
        raise UnknownLead(f"There is no lead {lead_id} for this provider.", "leadId")
    return application


def check_path(decision: DecisionIn | LapseIn, *, provider_id: str, lead_id: str) -> None:
    """The signed body says the same as the path, which is not signed."""
    if decision.lead_id != lead_id:
        raise PathMismatch("The body names another lead than the path.", "leadId")
    if decision.provider_id != provider_id:
        raise PathMismatch("The body names another provider than the path.", "providerId")
