"""How an application moves: one status after another, each with its event, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.application import APPLICATION, ApplicationRef, ApplicationStatus
from models.errors import NotFound
from models.events import Event, EventType
from models.records.applications import Application
from models.records.offers import Offer
from models.records.outbox import emit


class UnknownApplication(NotFound):
    """The tenant has no such application."""


async def locked(session: AsyncSession, ref: ApplicationRef) -> Application:
    """The application's row, locked until the transaction ends, so that a step that runs twice runs in turn."""
    row = await session.get(Application, (ref.tenant_id, ref.application_id), with_for_update=True)
    if row is None:
        raise UnknownApplication(f"There is no application {ref.application_id}.", "applicationId")
    return row


def move(
    session: AsyncSession,
    application: Application,
    *path: ApplicationStatus,
    at: datetime,
    reason: str | None = None,
    **data: Any,
) -> None:
    """Take the application through the statuses of `path`; `reason` and `data` belong to the last of them."""
    for status in path:
        last = status is path[-1]
        before = application.status
        application.status = APPLICATION.check(ApplicationStatus(before), status)
        application.status_at = at
        application.status_reason = reason if last else None
        event = Event(
            EventType.STATUS_CHANGED,
            application.id,
            at,
            application.loan_id,
            {"from": before, "to": status, **({"reason": reason} if last and reason else {}), **(data if last else {})},
        )
        emit(session, application.tenant_id, event, key=f"{status}:{at.isoformat()}")


async def offers_of(session: AsyncSession, application: Application) -> Sequence[Offer]:
    """The application's offers, best first."""
    found = await session.execute(
        select(Offer).where(col(Offer.application_id) == application.id).order_by(col(Offer.rank))
    )
    return found.scalars().all()
