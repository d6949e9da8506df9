"""Loans: found, read, and what an operator or a borrower may order."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from activities.loans import UnknownLoan, schedule_in
from activities.payoffs import payoffs_on
from api.idempotency import IdempotentRoute, Ids
from api.loan_views import loan_detail_out, loan_out
from api.pagination import PageOut, Pages
from api.processes import NoSuchProcess
from api.resources import Having, Resources
from api.routes.applications import application_in
from api.schemas.applications import StatusIn, StatusOut
from api.schemas.loans import LoanAnswerOut, LoanDetailOut, LoanOut, PromiseIn
from api.schemas.values import Day, Identifier, money
from api.security import Caller, TenantCaller
from models.application import ApplicationStatus
from models.delinquency import Bucket
from models.errors import Refused
from models.loan import LoanStatus
from models.records.loans import Loan
from models.records.products import product_of
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import Review
from workflows.loan import LoanAnswer, LoanClosed, LoanWorkflow, PromiseToPay, WriteOffOrder, loan_workflow_id
from workflows.underwriting import NothingToReview

router = APIRouter(prefix="/api/loans", tags=["loans"], route_class=IdempotentRoute)

LoanId = Annotated[Identifier, Path(alias="loanId")]


class BeforeDisbursement(Refused):
    """The day lies before the loan."""


class StatusNotOrderable(Refused):
    """Nobody may order this status for this."""


@router.get("")
async def find(
    caller: TenantCaller,
    having: Having,
    paging: Pages,
    status: LoanStatus | None = None,
    application_id: Annotated[Identifier | None, Query(alias="applicationId")] = None,
    provider_id: Annotated[Identifier | None, Query(alias="providerId")] = None,
    delinquency_bucket: Annotated[Bucket | None, Query(alias="delinquencyBucket")] = None,
) -> PageOut[LoanOut]:
    """The tenant's loans, filtered."""
    wanted = {
        Loan.status: status,
        Loan.application_id: application_id,
        Loan.provider_id: provider_id,
        Loan.delinquency_bucket: delinquency_bucket,
    }
    query = select(Loan).where(*(column == value for column, value in wanted.items() if value is not None))
    if paging.after is not None:
        query = query.where(Loan.id > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query.order_by(Loan.id).limit(paging.fetched))).scalars().all()
    return paging.page(rows, loan_out, lambda loan: (loan.id,))


@router.get("/{loanId}")
async def show(
    loan_id: LoanId,
    caller: TenantCaller,
    having: Having,
    on: Annotated[Day | None, Query(description="The day to read the loan on; its own today when absent.")] = None,
) -> LoanDetailOut:
    """One loan with its schedule, and what settles it on the day."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    day = await day_of(loan, on, having)
    async with having.database.transaction(caller.tenant_id) as session:
        product, schedule = await product_of(session, loan), await schedule_in(session, loan)
        (payoff,) = await payoffs_on(session, loan, [day])
    return loan_detail_out(loan, schedule, payoff, having.pages, product=product, on=day)


async def day_of(loan: Loan, day: date | None, having: Resources) -> date:
    """The day asked for, which the loan must have lived to see; its own today when none is."""
    if day is None:
        return await today_of(loan, having)
    if day < loan.disbursed_on:
        raise BeforeDisbursement(f"The loan was disbursed on {loan.disbursed_on}.", "on")
    return day


async def today_of(loan: Loan, having: Resources) -> date:
    """A loan on a virtual clock is ahead of us, perhaps further than its last transaction; any other lives today."""
    now = datetime.now(UTC)
    if loan.clock_at <= now:
        return now.date()
    clock = await having.processes.clock_of(loan_workflow_id(loan.id))
    return max(clock or loan.clock_at, loan.clock_at).date()


@router.patch("/{loanId}/status")
async def order_status(
    loan_id: LoanId, body: StatusIn, caller: TenantCaller, having: Having, ids: Ids
) -> StatusOut | LoanAnswerOut:
    """Decide a manual review (an application's id: `approved`, `rejected`) or write a loan off."""
    is_loan_status = body.status == "closed_written_off"
    if loan_id.startswith("app_") and not is_loan_status:
        review = Review(approve=body.status == "approved", reason=body.reason)
        return await _review(having, caller, loan_id, review, ids("review"))
    if loan_id.startswith("loan_") and is_loan_status:
        return await _order(having, caller, loan_id, WriteOffOrder(body.reason), ids("order"))
    raise StatusNotOrderable(f"{loan_id} cannot be set to {body.status}.", "status")


@router.post("/{loanId}/promises")
async def promise(loan_id: LoanId, body: PromiseIn, caller: TenantCaller, having: Having, ids: Ids) -> LoanAnswerOut:
    """The borrower promises to pay by a day; no letters are sent until it has passed."""
    return await _order(having, caller, loan_id, PromiseToPay(body.promised_on), ids("promise"))


async def loan_in(session: AsyncSession, caller: Caller, loan_id: str) -> Loan:
    """The tenant's loan, or `UnknownLoan`."""
    loan = await session.get(Loan, (caller.tenant_id, loan_id))
    if loan is None:
        raise UnknownLoan(f"There is no loan {loan_id}.", "loanId")
    return loan


async def _review(having: Resources, caller: Caller, application_id: str, review: Review, update_id: str) -> StatusOut:
    async with having.database.transaction(caller.tenant_id) as session:
        before = (await application_in(session, caller, application_id)).status
    try:
        status: ApplicationStatus = await having.processes.update(
            application_workflow_id(application_id), ApplicationWorkflow.review, review, update_id=update_id
        )
    except NoSuchProcess:
        raise NothingToReview(f"The application is {before}; it does not wait for a review.", "status") from None
    return StatusOut(application_id=application_id, status=status)


async def _order(
    having: Resources, caller: Caller, loan_id: str, order: PromiseToPay | WriteOffOrder, update_id: str
) -> LoanAnswerOut:
    update = LoanWorkflow.promise_to_pay if isinstance(order, PromiseToPay) else LoanWorkflow.write_off
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    try:
        answer: LoanAnswer = await having.processes.update(
            loan_workflow_id(loan_id), update, order, update_id=update_id
        )
    except NoSuchProcess:
        raise LoanClosed("The loan is closed.", "loanId") from None
    return LoanAnswerOut(
        loan_id=loan_id,
        status=LoanStatus(answer.status),
        outstanding=money(answer.outstanding_minor, loan.currency),
        promised_on=answer.promised_on,
    )
