"""Loans with collateral as rows: which are watched, their health factors, and the writes their collateral calls for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.chain_mirror import Happened, ask_chain, leave, open_operations
from activities.operator_tasks import open_task, settle_task
from activities.payoffs import payoffs_on
from activities.postings import today_of
from models.chain import ChainOperationKind, ChainState
from models.collateral import RUNNING
from models.loan import LoanRef
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.database import Database
from models.records.loans import Loan

_K = ChainOperationKind
TASK = "collateral_unwatched"

# Kinds that change the loan itself carry its next number; the others are the collateral's alone.
_FUNCTIONS: dict[ChainOperationKind, tuple[str, str]] = {
    _K.MARGIN_CALL: ("CollateralManager", "marginCall"),
    _K.CLEAR_MARGIN_CALL: ("CollateralManager", "clearMarginCall"),
    _K.START_LIQUIDATION: ("CreditAggregator", "startLiquidation"),
    _K.SETTLE_LIQUIDATION: ("CreditAggregator", "settleLiquidation"),
    _K.RELEASE: ("CollateralManager", "release"),
}
_NUMBERED = frozenset({_K.START_LIQUIDATION, _K.SETTLE_LIQUIDATION})
_MOST = 10**38

_RECORD = text("""
    UPDATE caas_chain_loan SET health_factor = h.factor
    FROM unnest(CAST(:tenants AS text[]), CAST(:loans AS text[]), CAST(:factors AS numeric[]))
        AS h(tenant_id, loan_id, factor)
    WHERE caas_chain_loan.tenant_id = h.tenant_id AND caas_chain_loan.loan_id = h.loan_id
        AND caas_chain_loan.health_factor IS DISTINCT FROM h.factor
""")


@dataclass(frozen=True, slots=True)
class Watched:
    """A loan whose collateral is watched, as the last confirmed events show it."""

    ref: LoanRef
    loan_key: str
    state: ChainState
    margin_called_until: datetime | None


class ChainCollateral:
    """The rows behind the watch: `everybody` sees the loans of all tenants, `rows` those of one."""

    def __init__(self, everybody: Database, rows: Database, chain_id: int) -> None:
        self._everybody = everybody
        self._rows = rows
        self._chain_id = chain_id
        self._unwatched: set[LoanRef] = set()

    async def watched(self) -> list[Watched]:
        """Secured loans that run or are being sold, and ended ones until their collateral has been given back."""
        runs = col(ChainLoan.seen_state).in_([*RUNNING, ChainState.LIQUIDATING])
        found = select(ChainLoan).where(
            col(ChainLoan.chain_id) == self._chain_id,
            col(ChainLoan.secured),
            or_(runs, col(ChainLoan.health_factor).is_not(None)),
        )
        async with self._everybody.transaction() as session:
            rows = (await session.execute(found)).scalars().all()
        return [
            Watched(
                LoanRef(row.tenant_id, row.application_id, row.loan_id),
                row.loan_key,
                ChainState(row.seen_state),
                row.margin_called_until,
            )
            for row in rows
        ]

    async def record(self, healths: Collection[tuple[LoanRef, int]]) -> None:
        """Write the factors that have changed; of a loan without a debt, the greatest there is room for."""
        if not healths:
            return
        columns = {
            "tenants": [ref.tenant_id for ref, _ in healths],
            "loans": [ref.loan_id for ref, _ in healths],
            "factors": [min(factor, _MOST) for _, factor in healths],
        }
        async with self._everybody.transaction() as session:
            await session.execute(_RECORD, columns)

    async def done_with(self, loan: Watched) -> None:
        """The loan has ended and nothing is left to give back."""
        async with self._rows.transaction(loan.ref.tenant_id) as session:
            row = await session.get_one(ChainLoan, (loan.ref.tenant_id, loan.ref.loan_id), with_for_update=True)
            row.health_factor = None

    async def leave(self, loan: Watched, kind: ChainOperationKind, *, seen_at: int, at: datetime) -> bool:
        """Leave a write, unless one of its kind is on its way, or was applied after the block that was looked at."""
        ref = loan.ref
        async with self._rows.transaction(ref.tenant_id) as session:
            booked = await session.get(Loan, (ref.tenant_id, ref.loan_id), with_for_update=True)
            chained = await session.get_one(ChainLoan, (ref.tenant_id, ref.loan_id), with_for_update=True)
            if booked is None or await _is_under_way(session, ref, kind, seen_at):
                return False
            if kind is _K.RELEASE and booked.outstanding_minor:  # the ledger may open on chain again what a sale closed
                return False
            arguments: list[Any] = []
            if kind in _NUMBERED:
                chained.told_sequence += 1
                arguments.append(chained.told_sequence)
            if kind is _K.START_LIQUIDATION:
                chained.told_state = ChainState.LIQUIDATING
                arguments.append(await _interest_due(session, booked, chained, at))
            happened = Happened(f"collateral at block {seen_at}", at)
            if kind in _NUMBERED:
                await leave(session, chained, kind, _FUNCTIONS[kind], arguments, happened)
            else:
                key = [chained.loan_key]
                await leave(session, chained, kind, _FUNCTIONS[kind], key, happened, names_itself=False)
            ask_chain(session, chained)
            return True

    async def unwatched(self, loan: Watched, *, at: datetime) -> None:
        """Nobody can say what the collateral is worth: a person has to look at its prices."""
        if loan.ref in self._unwatched:
            return
        async with self._rows.transaction(loan.ref.tenant_id) as session:
            await open_task(
                session,
                loan.ref.tenant_id,
                TASK,
                loan_id=loan.ref.loan_id,
                summary="The collateral of the loan cannot be valued: its prices are too old, or do not agree.",
                details={"loanKey": loan.loan_key},
                key=loan.ref.loan_id,
                at=at,
                reopens=True,
            )
        self._unwatched.add(loan.ref)

    async def watched_again(self, loan: Watched, *, at: datetime) -> None:
        """There is a price again."""
        if loan.ref not in self._unwatched:
            return
        resolution, key = "The collateral can be valued again.", loan.ref.loan_id
        async with self._rows.transaction(loan.ref.tenant_id) as session:
            await settle_task(session, loan.ref.tenant_id, TASK, key=key, resolution=resolution, at=at)
        self._unwatched.discard(loan.ref)


async def _is_under_way(session: AsyncSession, ref: LoanRef, kind: ChainOperationKind, seen_at: int) -> bool:
    """Whether it is on its way, or was applied after the block that was looked at."""
    if any(each.kind == kind for each in await open_operations(session, ref.tenant_id, ref.loan_id)):
        return True
    later = select(col(ChainOperation.id)).where(
        col(ChainOperation.loan_id) == ref.loan_id,
        col(ChainOperation.kind) == kind,
        col(ChainOperation.block_number) > seen_at,
    )
    return (await session.execute(later.limit(1))).first() is not None


async def _interest_due(session: AsyncSession, loan: Loan, chained: ChainLoan, at: datetime) -> int:
    """What is owed beside the principal, as far as the contract's cap lets it be claimed there."""
    (payoff,) = await payoffs_on(session, loan, [today_of(loan, at)])
    owed: int = (payoff.interest_minor + payoff.fee_minor + payoff.penalty_minor) * 10**chained.scale
    cap = int(chained.terms["principal"]) * int(chained.terms["interestCapBps"]) // 10_000
    return max(0, min(owed, cap - int(chained.told_interest)))
