"""What a provider wants to know before it decides, and what the platform answers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.applications import locked
from activities.disclosures import disclosed
from activities.provider_news import ProviderNews, tell_provider
from models.application import ApplicationRef, ApplicationStatus
from models.events import Event, EventType, ProviderEventType
from models.records.applications import Application
from models.records.database import Database
from models.records.disclosures import DisclosureReason
from models.records.information import InformationRow
from models.records.leads import Decision
from models.records.outbox import emit


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider asked is in the body of its decision; the id of the one is that of the other."""

    ref: ApplicationRef
    information_id: str
    at: datetime


class Information:
    """Writes what was asked, and that it was answered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="Information.ask")
    async def ask(self, question: Question) -> None:
        """The platform can read the question from here on."""
        async with self._database.transaction(question.ref.tenant_id) as session:
            application = await locked(session, question.ref)
            if await _asked(session, question) is None:
                decision = await session.get_one(Decision, (question.ref.tenant_id, question.information_id))
                session.add(_row(application, decision, question.at))
                _emit(session, application, EventType.INFORMATION_REQUESTED, decision.provider_id, question)

    @activity.defn(name="Information.provide")
    async def provide(self, question: Question) -> bool:
        """The answer goes to the provider that asked; False when the window has closed before it did."""
        async with self._database.transaction(question.ref.tenant_id) as session:
            application = await locked(session, question.ref)
            row = await _asked(session, question)
            assert row is not None
            if row.answered_at is None and row.answer is not None and application.status == ApplicationStatus.BIDDING:
                row.answered_at = question.at
                _release(session, application, row)
                _emit(session, application, EventType.INFORMATION_PROVIDED, row.provider_id, question)
            return row.answered_at is not None


async def _asked(session: AsyncSession, question: Question) -> InformationRow | None:
    return await session.get(InformationRow, (question.ref.tenant_id, question.information_id))


def _row(application: Application, decision: Decision, at: datetime) -> InformationRow:
    return InformationRow(
        tenant_id=application.tenant_id,
        id=decision.id,
        application_id=application.id,
        lead_id=application.lead_id,
        provider_id=decision.provider_id,
        needed=list(decision.body.get("informationNeeded") or []),
        note=decision.body.get("reason"),
        asked_at=at,
    )


def _release(session: AsyncSession, application: Application, row: InformationRow) -> None:
    assert row.answered_at is not None
    data = {"leadId": row.lead_id, "informationId": row.id, "informationNeeded": row.needed, "answer": row.answer}
    news = ProviderNews(
        ProviderEventType.INFORMATION_PROVIDED, row.id, row.answered_at, data, expires_at=application.bids_close_at
    )
    tell_provider(session, row.tenant_id, row.provider_id, news)
    disclosed(
        session,
        application,
        row.provider_id,
        DisclosureReason.INFORMATION_PROVIDED,
        row.id,
        at=row.answered_at,
        what=row.needed,
    )


def _emit(
    session: AsyncSession, application: Application, kind: EventType, provider_id: str, question: Question
) -> None:
    """The event says that something was asked or answered, and not what: the timeline holds no personal data."""
    data = {"informationId": question.information_id, "providerId": provider_id}
    emit(session, application.tenant_id, Event(kind, application.id, question.at, data=data), key=data["informationId"])
