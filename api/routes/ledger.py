"""The books: the chart of accounts, journals, what every account holds on any day, and what is closed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.books import closed_through
from api.idempotency import IdempotentRoute
from api.ledger_views import balance_out, chart_out, closure_out, journal_out
from api.pagination import PageOut, Pages, moment
from api.resources import Having
from api.schemas.ledger import (
    BooksOut,
    ChartIn,
    ChartOut,
    ClosureIn,
    ClosureOut,
    ClosuresOut,
    JournalOut,
    TrialBalanceOut,
)
from api.schemas.values import Day, Identifier, Moment, money
from api.security import TenantCaller
from models.chart import Account, AccountName, chart_with
from models.errors import Conflict, Refused
from models.records.ledger import AccountRow, ClosedPeriodRow, EntryRow, JournalRow

router = APIRouter(prefix="/api/ledger", tags=["ledger"], route_class=IdempotentRoute)

OfLoan = Annotated[Identifier | None, Query(alias="loanId", description="Of one loan only.")]
On = Annotated[Day | None, Query(description="At the end of this day; with all that is booked when absent.")]
KnownAt = Annotated[
    Moment | None, Query(alias="knownAt", description="As it was known then; as it is known when absent.")
]


class PeriodNotOver(Refused):
    """A period is closed when its last day has passed."""


class PeriodClosedBefore(Conflict):
    """The books are closed further than that already; they are not opened again."""


@router.get("/accounts")
async def accounts(caller: TenantCaller, having: Having) -> ChartOut:
    """The chart of accounts, as the tenant calls them."""
    async with having.database.transaction(caller.tenant_id) as session:
        return chart_out(await _chart_in(session))


@router.put("/accounts")
async def name_accounts(body: ChartIn, caller: TenantCaller, having: Having) -> ChartOut:
    """Name the accounts; those that are left out are called as usual."""
    chart = chart_with({each.account: AccountName(each.code, each.name) for each in body.accounts})
    rows = [
        {"tenant_id": caller.tenant_id, "account": account, "code": called.code, "name": called.name}
        for account, called in chart.items()
    ]
    async with having.database.transaction(caller.tenant_id) as session:
        named = insert(AccountRow).values(rows)
        replaced = {"code": named.excluded.code, "name": named.excluded.name}
        await session.execute(named.on_conflict_do_update(index_elements=["tenant_id", "account"], set_=replaced))
    return chart_out(chart)


@router.get("/trial-balance")
async def trial_balance(
    caller: TenantCaller, having: Having, on: On = None, known_at: KnownAt = None, loan_id: OfLoan = None
) -> TrialBalanceOut:
    """The balance of every account by currency: on any day, and as it was known at any moment."""
    query = (
        select(JournalRow.currency, EntryRow.account, func.sum(EntryRow.amount_minor))
        .join(
            JournalRow,
            (col(JournalRow.tenant_id) == col(EntryRow.tenant_id)) & (col(JournalRow.id) == col(EntryRow.journal_id)),
        )
        .where(col(JournalRow.tenant_id) == caller.tenant_id)
        .group_by(col(JournalRow.currency), col(EntryRow.account))
        .order_by(col(JournalRow.currency), col(EntryRow.account))
    )
    if on is not None:
        query = query.where(col(JournalRow.booked_on) <= on)
    if known_at is not None:
        query = query.where(col(JournalRow.recorded_at) <= known_at)
    if loan_id is not None:
        query = query.where(JournalRow.loan_id == loan_id)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = [(currency, account, int(sum_)) for currency, account, sum_ in await session.execute(query)]
        chart = await _chart_in(session)
    by_currency = [(currency, list(lines)) for currency, lines in groupby(rows, lambda row: row[0])]
    books = [
        BooksOut(
            currency=currency,
            accounts=[balance_out(chart[Account(account)], account, held, currency) for _, account, held in lines],
            total=money(sum(held for _, _, held in lines), currency),
        )
        for currency, lines in by_currency
    ]
    return TrialBalanceOut(on=on, known_at=known_at, currencies=books)


@router.get("/journals")
async def journals(
    caller: TenantCaller, having: Having, paging: Pages, on: On = None, loan_id: OfLoan = None
) -> PageOut[JournalOut]:
    """The journals in the order of the days they count from, with their entries."""
    order = (col(JournalRow.booked_on), col(JournalRow.recorded_at), col(JournalRow.id))
    query = select(JournalRow).where(col(JournalRow.tenant_id) == caller.tenant_id)
    if loan_id is not None:
        query = query.where(JournalRow.loan_id == loan_id)
    if on is not None:
        query = query.where(col(JournalRow.booked_on) <= on)
    if (after := paging.position(date.fromisoformat, moment, str)) is not None:
        query = query.where(tuple_(*order) > after)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(query.order_by(*order).limit(paging.fetched))).scalars().all()
        entries = await _entries_of(session, rows)
    return paging.page(
        rows,
        lambda row: journal_out(row, entries[row.id]),
        lambda row: (row.booked_on.isoformat(), row.recorded_at.isoformat(), row.id),
    )


@router.get("/closures")
async def closures(caller: TenantCaller, having: Having) -> ClosuresOut:
    """The periods that were closed."""
    latest_first = select(ClosedPeriodRow).order_by(col(ClosedPeriodRow.closed_through).desc())
    async with having.database.transaction(caller.tenant_id) as session:
        rows = (await session.execute(latest_first)).scalars().all()
    return ClosuresOut(closed_through=rows[0].closed_through if rows else None, data=[closure_out(r) for r in rows])


@router.post("/closures", status_code=201)
async def close_period(body: ClosureIn, caller: TenantCaller, having: Having) -> ClosureOut:
    """Close the books through a day: nothing is dated on or before it any more."""
    if body.closed_through >= datetime.now(UTC).date():
        raise PeriodNotOver("A period is closed when its last day has passed.", "closedThrough")
    async with having.database.transaction(caller.tenant_id) as session:
        closed = await closed_through(session, caller.tenant_id)
        if closed is not None and body.closed_through <= closed:
            raise PeriodClosedBefore(f"The books are closed through {closed} already.", "closedThrough")
        row = ClosedPeriodRow(tenant_id=caller.tenant_id, closed_through=body.closed_through)
        session.add(row)
    return closure_out(row)


async def _chart_in(session: AsyncSession) -> dict[Account, AccountName]:
    rows = (await session.execute(select(AccountRow))).scalars()
    return chart_with({row.account: AccountName(row.code, row.name) for row in rows})


async def _entries_of(session: AsyncSession, journals: Iterable[JournalRow]) -> dict[str, list[EntryRow]]:
    found: dict[str, list[EntryRow]] = {journal.id: [] for journal in journals}
    lines = select(EntryRow).where(col(EntryRow.journal_id).in_(found))
    for entry in (await session.execute(lines.order_by(col(EntryRow.line)))).scalars():
        found[entry.journal_id].append(entry)
    return found
