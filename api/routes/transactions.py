"""What happens to a loan after it has been paid out: posted, undone, restructured and read back."""

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from activities.history import history_in, page_of, reversed_in
from activities.loans import schedule_in
from activities.postings import previewed
from activities.transactions import transaction_for
from api.idempotency import IdempotentRoute, Ids
from api.orders import carried_out, forbearance_order, granted, restructure_order, transaction_order
from api.pagination import InvalidCursor, PageOut, Pages
from api.resources import Having, Resources
from api.routes.loans import LoanId, loan_in, today_of
from api.schemas.transactions import (
    RestructureIn,
    RestructureOut,
    TransactionAnswerOut,
    TransactionIn,
    TransactionOut,
)
from api.security import Caller, TenantCaller
from api.transaction_views import restructure_out, standing_out, transaction_out
from models.records.loans import Loan

router = APIRouter(prefix="/api/loans", tags=["loans"], route_class=IdempotentRoute)


@router.get("/{loanId}/transactions")
async def find(loan_id: LoanId, caller: TenantCaller, having: Having, paging: Pages) -> PageOut[TransactionOut]:
    """Everything posted to the loan in the order of recording, with what each did; the undone ones are marked."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
        rows, undone = await page_of(session, loan, after=_after(paging.after), limit=paging.fetched)
    return paging.page(rows, lambda each: transaction_out(each, undone), lambda each: (str(each.row.sequence),))


@router.post("/{loanId}/transactions", status_code=201)
async def post(
    loan_id: LoanId, body: TransactionIn, caller: TenantCaller, having: Having, ids: Ids
) -> TransactionAnswerOut:
    """Post one transaction. What may not be is refused by name, and nothing is posted."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    order = transaction_order(loan, body, ids, caller)
    await carried_out(having, loan, order)
    async with having.database.transaction(caller.tenant_id) as session:
        return await _answer(session, caller, loan_id, order.id)


@router.post("/{loanId}/restructure")
async def restructure(
    loan_id: LoanId, body: RestructureIn, caller: TenantCaller, having: Having, ids: Ids
) -> RestructureOut:
    """Give what is still owed new terms, or leave the borrower alone for a while."""
    async with having.database.transaction(caller.tenant_id) as session:
        loan = await loan_in(session, caller, loan_id)
    if body.type == "forbearance":
        return await _forborne(having, loan, body, ids("forbear"))
    order = restructure_order(body, ids, caller)
    if body.preview:
        today = await today_of(loan, having)
        async with having.database.transaction(caller.tenant_id) as session:
            account = await previewed(session, loan, transaction_for(order, today), today=today)
        return restructure_out(loan, account.installments, on=today, order_id=None)
    await carried_out(having, loan, order)
    return await _restructured(having, loan, order.id)


async def _forborne(having: Resources, loan: Loan, body: RestructureIn, update_id: str) -> RestructureOut:
    """Forbearance leaves the schedule as it is."""
    order = forbearance_order(body)
    if not body.preview:
        await granted(having, loan, order, update_id)
    shown = await _restructured(having, loan, None)
    return shown.model_copy(update={"forbearance_until": order.until, "preview": body.preview})


async def _answer(session: AsyncSession, caller: Caller, loan_id: str, transaction_id: str) -> TransactionAnswerOut:
    loan = await loan_in(session, caller, loan_id)
    history = await history_in(session, loan)
    posted = next(each for each in history if each.transaction.id == transaction_id)
    return TransactionAnswerOut(transaction=transaction_out(posted, reversed_in(history)), loan=standing_out(loan))


async def _restructured(having: Resources, loan: Loan, order_id: str | None) -> RestructureOut:
    async with having.database.transaction(loan.tenant_id) as session:
        now = await session.get_one(Loan, (loan.tenant_id, loan.id))
        schedule = await schedule_in(session, now)
    return restructure_out(now, schedule, on=await today_of(now, having), order_id=order_id)


def _after(position: tuple[str, ...] | None) -> int:
    if position is None:
        return 0
    try:
        return int(position[0])
    except ValueError:
        raise InvalidCursor("This is not a cursor of ours.", "cursor") from None
