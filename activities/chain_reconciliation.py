"""Comparing a loan on chain with the ledger: one task for an operator while they differ, none when they do not."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from temporalio import activity

from activities.chain_mirror import open_operations
from activities.loans import schedule_in
from activities.operator_tasks import open_task, settle_task
from contracts.node import ChainNode
from models.chain import Call, ChainOperationKind, ChainState
from models.chart import Account
from models.loan import OPEN, LoanRef, LoanStatus
from models.reconciliation import Difference, Figures, OpenWrite, Sides, differences
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan
from models.records.database import Database
from models.records.ledger import EntryRow, JournalRow
from models.records.loans import Loan

TASK = "chain_reconciliation"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of a comparison."""

    differences: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether the ledger and the chain say the same."""
        return not self.differences


class ChainReconciliation:
    """Compares loans, one at a time."""

    def __init__(self, database: Database, node: ChainNode) -> None:
        self._database = database
        self._node = node

    @activity.defn(name="ChainReconciliation.check")
    async def check(self, ref: LoanRef) -> Reconciled:
        """Compare a loan that is paid out; opens a task where a difference is, or settles the one it opened."""
        async with self._database.transaction(ref.tenant_id) as session:
            chained = await session.get(ChainLoan, (ref.tenant_id, ref.loan_id))
        if chained is None:
            return Reconciled()
        # Before the rows: what is written meanwhile shows as an open write that has been applied.
        chain = Figures.of_chain(await self._node.read(Call("CreditAggregator", "loan", (chained.loan_key,))))
        async with self._database.transaction(ref.tenant_id) as session:
            sides = await _sides(session, ref, chain)
            found = differences(sides) if sides else ()
            await _report(session, ref, found)
        return Reconciled(tuple(map(str, found)))


async def _sides(session: AsyncSession, ref: LoanRef, chain: Figures) -> Sides | None:
    """None for what is no loan yet: nothing is booked of it."""
    loan = await session.get(Loan, (ref.tenant_id, ref.loan_id), with_for_update=True)
    if loan is None:
        return None
    chained = await session.get_one(ChainLoan, (ref.tenant_id, ref.loan_id), populate_existing=True)
    return Sides(
        ledger=await ledger_figures(session, loan, chained.scale),
        told=Figures(
            ChainState(chained.told_state),
            int(chained.told_outstanding),
            int(chained.told_interest),
            chained.told_sequence,
        ),
        chain=chain,
        seen=await _seen(session, chained, chain),
        principal=int(chained.terms["principal"]),
        writes=await _open_writes(session, loan),
    )


async def ledger_figures(session: AsyncSession, loan: Loan, scale: int) -> Figures:
    """What the books say: the receivable, and what was received beside the principal."""
    schedule, unit = await schedule_in(session, loan), 10**scale
    if loan.charged_off_on is None:
        outstanding = await _receivable(session, loan)
    else:  # out of the books, and owed all the same
        outstanding = sum(row.principal_outstanding_minor for row in schedule)
    received = sum(row.paid_minor - row.principal_paid_minor for row in schedule)
    return Figures(_state_of(loan, outstanding), outstanding * unit, received * unit)


async def _receivable(session: AsyncSession, loan: Loan) -> int:
    found = await session.execute(
        select(func.coalesce(func.sum(col(EntryRow.amount_minor)), 0))
        .select_from(EntryRow)
        .join(JournalRow, col(JournalRow.id) == col(EntryRow.journal_id))
        .where(
            col(JournalRow.tenant_id) == loan.tenant_id,
            col(EntryRow.tenant_id) == loan.tenant_id,
            col(JournalRow.loan_id) == loan.id,
            col(EntryRow.account) == Account.LOANS_RECEIVABLE,
        )
    )
    return int(found.scalar_one())


def _state_of(loan: Loan, outstanding: int) -> ChainState:
    """A loan closes on chain with its last principal; interest alone may still be owed."""
    match LoanStatus(loan.status):
        case LoanStatus.CANCELLED:
            return ChainState.CANCELLED
        case LoanStatus.CLOSED_WRITTEN_OFF:
            return ChainState.WRITTEN_OFF
        case status if status in OPEN and outstanding:
            return ChainState.ACTIVE
        case _:
            return ChainState.CLOSED


async def _seen(session: AsyncSession, chained: ChainLoan, chain: Figures) -> Figures | None:
    """What the events say, once all of them that the chain's figures rest on are confirmed."""
    waiting = select(func.count()).where(
        col(ChainEvent.loan_id) == chained.loan_id, col(ChainEvent.status) == EventStatus.SEEN
    )
    if chained.seen_sequence != chain.sequence or (await session.execute(waiting)).scalar_one():
        return None
    state = ChainState(chained.seen_state)
    return Figures(state, int(chained.seen_outstanding), int(chained.seen_interest), chained.seen_sequence)


async def _open_writes(session: AsyncSession, loan: Loan) -> list[OpenWrite]:
    rows = await open_operations(session, loan.tenant_id, loan.id)
    return [OpenWrite(ChainOperationKind(row.kind), row.arguments) for row in rows]


async def _report(session: AsyncSession, ref: LoanRef, found: tuple[Difference, ...]) -> None:
    now = datetime.now(UTC)
    if not found:
        resolution = "The ledger and the chain agree again."
        await settle_task(session, ref.tenant_id, TASK, key=ref.loan_id, resolution=resolution, at=now)
        return
    await open_task(
        session,
        ref.tenant_id,
        TASK,
        loan_id=ref.loan_id,
        summary="The ledger and the chain differ. " + "; ".join(map(str, found)) + ".",
        details={
            "unit": "base units of the loan's asset",
            "differences": [{"what": each.what, **dict(zip(each.sides, each.figures, strict=True))} for each in found],
        },
        key=ref.loan_id,
        at=now,
        reopens=True,
    )
