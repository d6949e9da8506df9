"""Carrying out what is to be written for a loan on chain: one write at a time, the oldest first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.chain_attempts import WriteOrder
from activities.chain_mirror import Happened, mirror, open_operations
from activities.chain_writes import Written
from activities.loans import schedule_in
from activities.operator_tasks import open_task, settle_task
from models.chain import Call, ChainOperationKind, ChainState, ContractRefused, OperationStatus
from models.errors import Conflict
from models.loan import LoanRef
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.database import Database
from models.records.loans import Loan

TASK = "chain_operation"

_K = ChainOperationKind
# What was due when it was left, and is not any more: a price has moved, or somebody else was faster.
_MOOT = {
    _K.MARGIN_CALL: frozenset({"Healthy", "MarginCallRunning"}),
    _K.CLEAR_MARGIN_CALL: frozenset({"HealthTooLow", "NoMarginCall"}),
    _K.START_LIQUIDATION: frozenset({"LiquidationNotAllowed"}),
    _K.RELEASE: frozenset({"NothingToRelease"}),
    _K.RETURN_CREDIT: frozenset({"NothingToReturn"}),
}


class ChainNotConfigured(Exception):
    """This process knows no chain: an outage, that ends when one is configured."""

    def __init__(self) -> None:
        super().__init__("no chain is configured (CAAS_CHAIN_RPC_URL and CAAS_CHAIN_ADDRESSES)")


class NothingHalted(Conflict):
    """No write of the loan waits for an operator."""


class ChainWriting(Protocol):
    """Sees that a write is on the chain, once; raises `ContractRefused` when the contract says no."""

    async def write(self, order: WriteOrder) -> Written: ...


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of a turn: how many writes are left, and the contract's refusal if they wait for an operator."""

    left: int
    kind: str | None = None
    tx_hash: str | None = None
    refusal: str | None = None

    @property
    def is_halted(self) -> bool:
        """Whether an operator must look at it first."""
        return self.refusal is not None


@dataclass(frozen=True, slots=True)
class Retry:
    """An operator wants the write that was refused to be tried again."""

    ref: LoanRef
    at: datetime


class ChainLoans:
    """Writes what is left for loans."""

    def __init__(self, database: Database, writes: ChainWriting | None) -> None:
        self._database = database
        self._writes = writes

    @activity.defn(name="ChainLoans.perform")
    async def perform(self, ref: LoanRef) -> Performed:
        """Carry out the oldest write that is open; nothing while one before it was refused."""
        async with self._database.transaction(ref.tenant_id) as session:
            waiting = await open_operations(session, ref.tenant_id, ref.loan_id)
        if not waiting:
            return Performed(0)
        operation = waiting[0]
        if operation.status == OperationStatus.FAILED:
            return Performed(len(waiting), operation.kind, refusal=operation.error or "refused")
        if self._writes is None:
            raise ChainNotConfigured
        call = Call(operation.contract, operation.function, tuple(operation.arguments))
        try:
            written = await self._writes.write(WriteOrder(ref.tenant_id, ref.loan_id, operation.id, call))
        except ContractRefused as refused:
            if refused.error in _MOOT.get(ChainOperationKind(operation.kind), ()):
                return await self._drop(ref, operation, refused)
            return await self._halt(ref, operation, refused)
        return await self._settle(ref, operation, written)

    @activity.defn(name="ChainLoans.retry")
    async def retry(self, retry: Retry) -> None:
        """Let the write that was refused be tried again."""
        ref = retry.ref
        async with self._database.transaction(ref.tenant_id) as session:
            waiting = await open_operations(session, ref.tenant_id, ref.loan_id)
            if not waiting:
                raise NothingHalted("Nothing is left to be written for this loan.", "loanId")
            first = await _locked(session, waiting[0])
            if first.status == OperationStatus.FAILED:
                first.status, first.error, first.error_detail = OperationStatus.PENDING, None, None
                await settle_task(session, ref.tenant_id, TASK, key=first.id, resolution="tried again", at=retry.at)

    async def _drop(self, ref: LoanRef, operation: ChainOperation, refused: ContractRefused) -> Performed:
        """Whoever watches the collateral leaves the write again when it is due again."""
        async with self._database.transaction(ref.tenant_id) as session:
            loan = await session.get(Loan, (ref.tenant_id, ref.loan_id), with_for_update=True)
            operation = await _locked(session, operation)
            if operation.status == OperationStatus.PENDING:
                operation.status = OperationStatus.DROPPED
                operation.error, operation.error_detail = refused.error, refused.detail
                if operation.kind == _K.START_LIQUIDATION:
                    assert loan is not None, "only the collateral of loans that are paid out is sold"
                    await _not_sold(session, loan)
            await session.flush()
            left = len(await open_operations(session, ref.tenant_id, ref.loan_id))
            return Performed(left, operation.kind)

    async def _halt(self, ref: LoanRef, operation: ChainOperation, refused: ContractRefused) -> Performed:
        at = datetime.now(UTC)
        async with self._database.transaction(ref.tenant_id) as session:
            operation = await _locked(session, operation)
            if operation.status == OperationStatus.PENDING:
                operation.status = OperationStatus.FAILED
                operation.error, operation.error_detail = refused.error or refused.code, refused.detail
                await open_task(
                    session,
                    ref.tenant_id,
                    TASK,
                    loan_id=ref.loan_id,
                    summary=f"The contract refuses to {operation.kind.replace('_', ' ')}: {operation.error}.",
                    details={
                        "operationId": operation.id,
                        "function": f"{operation.contract}.{operation.function}",
                        "error": operation.error,
                        "detail": refused.detail,
                    },
                    key=operation.id,
                    at=at,
                    reopens=True,
                )
            left = len(await open_operations(session, ref.tenant_id, ref.loan_id))
            return Performed(left, operation.kind, refusal=operation.error)

    async def _settle(self, ref: LoanRef, operation: ChainOperation, written: Written) -> Performed:
        async with self._database.transaction(ref.tenant_id) as session:
            chained = await session.get_one(ChainLoan, (ref.tenant_id, ref.loan_id), with_for_update=True)
            operation = await _locked(session, operation)
            if operation.status != OperationStatus.DONE:
                operation.status, operation.done_at = OperationStatus.DONE, datetime.now(UTC)
                operation.tx_hash, operation.block_number = written.tx_hash, written.block_number
                operation.gas_used, operation.error, operation.error_detail = written.gas_used, None, None
                _remember(chained, operation)
            await session.flush()
            left = len(await open_operations(session, ref.tenant_id, ref.loan_id))
            return Performed(left, operation.kind, operation.tx_hash)


def _remember(chained: ChainLoan, operation: ChainOperation) -> None:
    """What makes a loan on chain is told when it is done; what follows the ledger was told when it was left."""
    if operation.kind == ChainOperationKind.ORIGINATE and chained.told_state == ChainState.NONE:
        chained.told_state = ChainState.ORIGINATED
        chained.told_principal = int(chained.terms["principal"])
    if operation.kind == ChainOperationKind.FUND and chained.told_state == ChainState.ORIGINATED:
        chained.told_state = ChainState.ACTIVE
        chained.told_outstanding = chained.told_principal
        chained.told_sequence += 1


async def _locked(session: AsyncSession, operation: ChainOperation) -> ChainOperation:
    key = (operation.tenant_id, operation.id)
    return await session.get_one(ChainOperation, key, with_for_update=True, populate_existing=True)


async def _not_sold(session: AsyncSession, loan: Loan) -> None:
    """The loan goes on as it was. Nothing numbered was left behind the sale, so its number is free again."""
    chained = await session.get_one(ChainLoan, (loan.tenant_id, loan.id), with_for_update=True)
    chained.told_sequence -= 1
    chained.told_state = chained.seen_state
    happened = Happened("not sold", max(datetime.now(UTC), loan.clock_at))
    await mirror(session, loan, await schedule_in(session, loan), happened)
