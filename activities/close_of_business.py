"""Closing a business day: accrual, aging and provisions of every loan of a tenant, a partition at a time.

A partition is one transaction under the locks of its loans. A loan carries the last day that is closed on it, so a
partition that runs twice, or again after a kill, finds nothing left to do (docs/decisions/0015-close-of-business.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.books import open_day
from activities.chain_mirror import Happened, mirror
from activities.loans import schedule_in
from models.business_day import closing_journals, standing_on
from models.loan import OPEN
from models.records.closing import (
    LockedLoan,
    append_journals,
    lock_partition,
    partitions,
    pass_over,
    sums_of,
    write_standings,
)
from models.records.database import Database
from models.records.ledger import BusinessDayRow
from models.records.loans import Loan
from models.records.outbox import OutboxKind, ask_relay
from models.records.products import product_of

LOANS_PER_PARTITION = 1_000
_RECONCILED_AT_ONCE = 50
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """A day of a tenant."""

    tenant_id: str
    on: date


@dataclass(frozen=True, slots=True)
class Partition:
    """The loans of a tenant within these ids, both included, on a day."""

    tenant_id: str
    on: date
    first_id: str
    last_id: str


@dataclass(frozen=True, slots=True)
class OpenDay:
    """The next day to close, and what is left of it."""

    day: BusinessDay
    partitions: tuple[Partition, ...]


class CloseOfBusiness:
    """Closes business days, one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="CloseOfBusiness.next_day")
    async def next_day(self, through: BusinessDay) -> OpenDay | None:
        """Begin the first day up to `through` that is not closed, or go on with it; None when all of them are closed.

        The first day a tenant ever closes is `through` itself: what was earned before it is accrued with it.
        """
        tenant_id = through.tenant_id
        async with self._database.transaction(tenant_id) as session:
            latest = select(func.max(BusinessDayRow.business_date)).where(col(BusinessDayRow.completed_at).is_not(None))
            closed: date | None = (await session.execute(latest)).scalar()
            on = through.on if closed is None else closed + _ONE_DAY
            if on > through.on:
                return None
            begun = insert(BusinessDayRow).values(tenant_id=tenant_id, business_date=on, loans=0)
            await session.execute(begun.on_conflict_do_nothing())
            ranges = await partitions(session, tenant_id, on, size=LOANS_PER_PARTITION)
            return OpenDay(BusinessDay(tenant_id, on), tuple(Partition(tenant_id, on, *ids) for ids in ranges))

    @activity.defn(name="CloseOfBusiness.close_partition")
    async def close_partition(self, part: Partition) -> int:
        """Close the day on the loans of a partition; the number of them it was still open on."""
        async with self._database.transaction(part.tenant_id) as session:
            locked = await lock_partition(session, part.tenant_id, part.on, part.first_id, part.last_id)
            # Something has happened to these since, and that transaction has accrued and aged them to its own day.
            later = [row.loan.id for row in locked if row.accrued_on is not None and row.accrued_on > part.on]
            await pass_over(session, part.tenant_id, part.on, later)
            await _close(session, part, [row for row in locked if row.loan.id not in later])
            return len(locked)

    @activity.defn(name="CloseOfBusiness.complete")
    async def complete(self, day: BusinessDay) -> None:
        """The day is closed on every loan."""
        async with self._database.transaction(day.tenant_id) as session:
            loans = select(func.count()).select_from(Loan).where(col(Loan.closed_business_on) == day.on)
            await session.execute(
                update(BusinessDayRow)
                .where(col(BusinessDayRow.business_date) == day.on, col(BusinessDayRow.completed_at).is_(None))
                .values(completed_at=func.now(), loans=loans.scalar_subquery())
            )
            await _ask_to_reconcile(session, day)


async def _ask_to_reconcile(session: AsyncSession, day: BusinessDay) -> None:
    """Have the loans on chain compared with it that are open, or have ended on the day."""
    is_live = or_(col(Loan.status).in_(OPEN), col(Loan.closed_on) >= day.on)
    found = await session.execute(
        select(col(Loan.id), col(Loan.application_id)).where(col(Loan.on_chain), is_live).order_by(col(Loan.id))
    )
    loans = [[loan_id, application_id] for loan_id, application_id in found]
    for place in range(0, len(loans), _RECONCILED_AT_ONCE):
        some = {"loans": loans[place : place + _RECONCILED_AT_ONCE]}
        ask_relay(session, day.tenant_id, OutboxKind.CHAIN_RECONCILIATION, some)


async def _close(session: AsyncSession, part: Partition, rows: Sequence[LockedLoan]) -> None:
    if not rows:
        return
    booked_on = await open_day(session, part.tenant_id, part.on)
    sums = await sums_of(session, part.tenant_id, part.on, [row.loan.id for row in rows])
    standings, journals = {}, []
    for row in rows:
        loan, product = row.loan, await product_of(session, row)
        standings[loan.id] = standing = standing_on(loan, sums[loan.id], on=part.on, product=product)
        journals += [(loan.id, j) for j in closing_journals(loan, standing, on=part.on, booked_on=booked_on)]
    await write_standings(session, part.tenant_id, part.on, standings)
    if journals:
        await append_journals(session, part.tenant_id, journals)
    await _tell_chains(session, part, list(standings))


async def _tell_chains(session: AsyncSession, part: Partition, ids: Sequence[str]) -> None:
    """The day may have made a loan delinquent, or lost, that is kept on chain."""
    chained = select(Loan).where(col(Loan.id).in_(ids), col(Loan.on_chain)).order_by(col(Loan.id))
    at = datetime.combine(part.on, time.max, UTC)
    for loan in (await session.execute(chained.execution_options(populate_existing=True))).scalars():
        await product_of(session, loan)
        await mirror(session, loan, await schedule_in(session, loan), Happened(f"cob:{part.on}", at))
