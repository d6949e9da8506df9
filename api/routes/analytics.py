"""How a provider does: its record, its dashboard, and what borrowers think of it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from api.analytics import analytics_of, dashboard_of, period_of, today_utc
from api.idempotency import IdempotentRoute, Ids
from api.own import OwnOrPlatform, ProviderId, provider_of
from api.resources import Having
from api.routes.loans import LoanId, loan_in
from api.schemas.analytics import AnalyticsOut, DashboardOut, RatingIn, RatingOut
from api.schemas.values import Day
from api.security import TenantCaller
from models.errors import Conflict
from models.records.provider_notices import LoanRating

router = APIRouter(tags=["analytics"], route_class=IdempotentRoute)


class AlreadyRated(Conflict):
    """The borrower was asked once, and has answered."""


@router.get("/api/v1/providers/{providerId}/analytics")
async def analytics(
    provider_id: ProviderId,
    caller: OwnOrPlatform,
    having: Having,
    first: Annotated[Day | None, Query(alias="from", description="The first day, UTC; 30 days by default.")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day, included; today by default.")] = None,
) -> AnalyticsOut:
    """What became of the leads a provider received in a period, and its place among the others.

    A place is told only where at least five providers stand in the cell: with fewer, a rival could be worked out.
    """
    period = period_of(first, last, today=today_utc())
    async with having.database.transaction(caller.tenant_id) as session:
        return await analytics_of(session, await provider_of(session, caller, provider_id), period)


@router.get("/api/v1/providers/{providerId}/dashboard")
async def dashboard(provider_id: ProviderId, caller: OwnOrPlatform, having: Having) -> DashboardOut:
    """The last 30 days at a glance, and how they compare with the 30 before."""
    async with having.database.transaction(caller.tenant_id) as session:
        return await dashboard_of(session, await provider_of(session, caller, provider_id), today=today_utc())


@router.post("/api/loans/{loanId}/rating", status_code=201)
async def rate(
    loan_id: LoanId, body: RatingIn, caller: TenantCaller, having: Having, response: Response, _: Ids
) -> RatingOut:
    """Tell what the borrower thinks of the lender, 1 to 5, once for each loan. 200 when it is known."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
        row = {"tenant_id": caller.tenant_id, "loan_id": loan.id, "score": body.score, "rated_at": datetime.now(UTC)}
        added = await session.execute(
            insert(LoanRating).values(row).on_conflict_do_nothing().returning(col(LoanRating.loan_id))
        )
        is_new = added.first() is not None
        kept = await session.get_one(LoanRating, (caller.tenant_id, loan.id))
        if kept.score != body.score:
            raise AlreadyRated(f"This loan was rated {kept.score}.", "score")
    response.status_code = 201 if is_new else 200
    return RatingOut(loan_id=loan.id, provider_id=loan.provider_id, score=kept.score, rated_at=kept.rated_at)
