"""A loan read back: its schedule, what settles it, and its statement as JSON, CSV or PDF."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from activities.loans import schedule_in
from activities.payoffs import payoffs_on
from api.idempotency import IdempotentRoute
from api.loan_views import payoff_out
from api.resources import Having
from api.routes.loans import LoanId, day_of, loan_in
from api.schemas.transactions import FileKind, PayoffTableOut, ScheduleOut, StatementOut, StatementQuery
from api.schemas.values import Day
from api.security import TenantCaller
from api.statement_files import csv_of, pdf_of
from api.statements import LoanStatement, statement_in
from api.transaction_views import schedule_out, statement_out
from models.errors import Refused
from models.records.applications import Applicant, Application
from models.records.loans import Loan
from models.records.providers import Provider

router = APIRouter(prefix="/api/loans", tags=["loans"], route_class=IdempotentRoute)

On = Annotated[Day | None, Query(description="The day; the loan's own today when absent.")]

_MEDIA: dict[FileKind, str] = {"json": "application/json", "csv": "text/csv", "pdf": "application/pdf"}
_PAYOFF_DAYS = 10
_FILES: dict[str, Any] = {"content": {_MEDIA["csv"]: {}, _MEDIA["pdf"]: {}}}


class DaysReversed(Refused):
    """The period ends before it begins."""


@router.get("/{loanId}/schedule")
async def schedule(loan_id: LoanId, caller: TenantCaller, having: Having, on: On = None) -> ScheduleOut:
    """The repayment schedule as it stands, with the status of each installment on a day."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
        rows = await schedule_in(session, loan)
    return schedule_out(loan, rows, on=await day_of(loan, on, having))


@router.get("/{loanId}/payoff")
async def payoff(loan_id: LoanId, caller: TenantCaller, having: Having, on: On = None) -> PayoffTableOut:
    """What settles the loan on a day and on each of the ten after it. A figure is good through its day."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    first = await day_of(loan, on, having)
    days = [first + timedelta(days=n) for n in range(_PAYOFF_DAYS + 1)]
    async with having.database.transaction(caller.tenant_id) as session:
        quotes = [payoff_out(each, loan.currency) for each in await payoffs_on(session, loan, days)]
    return PayoffTableOut(loan_id=loan.id, currency=loan.currency, on=first, payoff=quotes[0], table=quotes[1:])


@router.get("/{loanId}/statement", response_model=StatementOut, responses={200: _FILES})
async def statement(
    loan_id: LoanId,
    caller: TenantCaller,
    having: Having,
    asked: Annotated[StatementQuery, Query()],
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """What was owed, what changed it and what is owed; as it is known now, or as it was known at a moment."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    first, last = asked.since or loan.disbursed_on, await day_of(loan, asked.until or asked.on, having)
    if last < first:
        raise DaysReversed(f"The statement would end on {last}, before it begins on {first}.", "to")
    async with having.database.transaction(caller.tenant_id) as session:
        found = await statement_in(session, loan, since=first, until=last, known_at=asked.known_at)
        borrower, lender = await _names(session, loan)
    return _rendered(loan, found, asked.file or _accepted(accept), asked.known_at, borrower, lender)


def _rendered(
    loan: Loan, found: LoanStatement, wanted: FileKind, known_at: datetime | None, borrower: str, lender: str
) -> Response:
    if wanted == "json":
        return JSONResponse(statement_out(loan, found, known_at=known_at).model_dump(mode="json", by_alias=True))
    if wanted == "csv":
        body = csv_of(loan, found)
    else:
        moment = (known_at or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
        body = pdf_of(loan, found, borrower=borrower, lender=lender, known_at=moment)
    name = f"statement-{loan.id}-{found.statement.until}.{wanted}"
    return Response(body, media_type=_MEDIA[wanted], headers={"Content-Disposition": f'inline; filename="{name}"'})


def _accepted(accept: str) -> FileKind:
    """The first kind we have among those the header names."""
    for part in accept.split(","):
        for name, media in _MEDIA.items():
            if part.split(";")[0].strip() == media:
                return name
    return "json"


async def _names(session: AsyncSession, loan: Loan) -> tuple[str, str]:
    application = await session.get_one(Application, (loan.tenant_id, loan.application_id))
    applicant = await session.get_one(Applicant, (loan.tenant_id, application.applicant_id))
    provider = await session.get(Provider, (loan.tenant_id, loan.provider_id))
    return f"{applicant.first_name} {applicant.last_name}", provider.company_name if provider else loan.provider_id
