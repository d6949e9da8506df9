"""Business days: how their close went, and closing one by hand."""

from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter
from sqlmodel import col, select

from api.idempotency import IdempotentRoute
from api.pagination import PageOut, Pages
from api.resources import Having
from api.schemas.ledger import BusinessDayOut, CloseIn, ClosingOut
from api.security import TenantCaller
from models.errors import Refused
from models.records.ledger import BusinessDayRow
from models.records.outbox import OutboxKind, ask_relay
from workflows.close_of_business import close_of_business_id

router = APIRouter(prefix="/api/ledger/close-of-business", tags=["ledger"], route_class=IdempotentRoute)


class DayNotOver(Refused):
    """A business day is closed when it has passed."""


@router.get("")
async def days(caller: TenantCaller, having: Having, paging: Pages) -> PageOut[BusinessDayOut]:
    """The days that were closed or are being closed, the latest first."""
    query = select(BusinessDayRow).order_by(col(BusinessDayRow.business_date).desc()).limit(paging.fetched)
    if (after := paging.position(date.fromisoformat)) is not None:
        query = query.where(col(BusinessDayRow.business_date) < after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, _day_out, lambda row: (row.business_date.isoformat(),))


@router.post("", status_code=202)
async def close(body: CloseIn, caller: TenantCaller, having: Having) -> ClosingOut:
    """Close a day now, as the schedule does every night; a day that is closed stays as it is."""
    today = datetime.now(UTC).date()
    on = body.on or today - timedelta(days=1)
    if on >= today:
        raise DayNotOver("A business day is closed when it has passed.", "date")
    async with having.database.transaction(caller.tenant_id) as session:
        ask_relay(session, caller.tenant_id, OutboxKind.CLOSE_OF_BUSINESS, {"date": on.isoformat()})
    workflow_id = close_of_business_id(caller.tenant_id, on)
    return ClosingOut(business_date=on, workflow_id=workflow_id, temporal_url=having.pages.of(workflow_id))


def _day_out(row: BusinessDayRow) -> BusinessDayOut:
    return BusinessDayOut(
        business_date=row.business_date, begun_at=row.recorded_at, completed_at=row.completed_at, loans=row.loans
    )
