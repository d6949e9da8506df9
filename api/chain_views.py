"""A loan on chain as the platform reads it, out of its rows and what the node says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.chain_reconciliation import TASK
from api.chain_desk import MANAGER, ORACLE, Site
from api.schemas.chain import (
    ContractsOut,
    EventOnChainOut,
    LoanChainOut,
    NetworkOut,
    OperationOut,
    ReconciliationOut,
    SignatureOut,
    SignerRole,
    SigningOut,
    StandingOut,
    StandingsOut,
    TransactionOnChainOut,
)
from api.schemas.values import Number, number
from models.chain import ChainFunds, ChainOperationKind, ChainState, OperationStatus, TransactionStatus
from models.money import exponent_of
from models.reconciliation import Figures
from models.records.chain_events import ChainEvent, EventStatus
from models.records.chain_loans import ChainLoan, ChainOperation, ChainSignature
from models.records.chain_transactions import ChainTransaction
from models.records.operator_tasks import OperatorTask
from models.sightings import Logged, Sighting, sighting_of

_MOST_EXACT = 2**53
ZERO_ADDRESS = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the node says of a loan, if it is there to say it."""

    node: Literal["answers", "away", "not_configured"]
    site: Site | None = None
    figures: Figures | None = None
    approvals_needed: int | None = None


@dataclass(frozen=True, slots=True)
class LoanRows:
    """Everything on record of a loan on chain."""

    chained: ChainLoan
    signatures: Sequence[ChainSignature]
    operations: Sequence[ChainOperation]
    transactions: Sequence[ChainTransaction]
    events: Sequence[ChainEvent]
    task: OperatorTask | None


async def rows_of(session: AsyncSession, chained: ChainLoan) -> LoanRows:
    """The rows of a loan on chain, each kind in its order."""

    async def found(table: Any, *order: Any, where: Any = None) -> Sequence[Any]:
        query = select(table).where(table.loan_id == chained.loan_id).order_by(*order)
        rows: Sequence[Any] = (await session.execute(query if where is None else query.where(where))).scalars().all()
        return rows

    tasks = await found(
        OperatorTask,
        OperatorTask.opened_at,
        where=(col(OperatorTask.kind) == TASK) & col(OperatorTask.resolved_at).is_(None),
    )
    return LoanRows(
        chained,
        await found(ChainSignature, ChainSignature.signed_at, ChainSignature.signer),
        await found(ChainOperation, ChainOperation.position),
        await found(ChainTransaction, ChainTransaction.nonce, ChainTransaction.attempt),
        await found(
            ChainEvent,
            ChainEvent.block_number,
            ChainEvent.log_index,
            where=col(ChainEvent.status) != EventStatus.ORPHANED,
        ),
        next(iter(tasks), None),
    )


def loan_chain_out(rows: LoanRows, on_chain: OnChain, explorer_url: str) -> LoanChainOut:
    """The whole of it."""
    chained = rows.chained
    contracts: Mapping[str, str] = on_chain.site.contracts if on_chain.site else {}
    return LoanChainOut(
        loan_id=chained.loan_id,
        application_id=chained.application_id,
        network=NetworkOut(chain_id=chained.chain_id, node=on_chain.node, explorer_url=explorer_url or None),
        contracts=ContractsOut(
            credit_aggregator=chained.aggregator,
            collateral_manager=contracts.get(MANAGER),
            credit_scoring_oracle=contracts.get(ORACLE),
        ),
        loan_key=chained.loan_key,
        funds=ChainFunds(chained.funds),
        secured=chained.secured,
        currency=chained.currency,
        asset=str(chained.terms.get("asset", "")),
        scale=chained.scale,
        terms=exact(chained.terms),
        terms_hash=chained.terms_hash,
        standing=_standings(rows, on_chain),
        signing=_signing(rows, on_chain.approvals_needed),
        operations=[_operation(row) for row in rows.operations],
        transactions=[_transaction(row, explorer_url) for row in rows.transactions],
        events=[_event(row, explorer_url) for row in rows.events],
        reconciliation=ReconciliationOut(
            agrees=rows.task is None,
            task_id=rows.task.id if rows.task else None,
            summary=rows.task.summary if rows.task else None,
        ),
    )


def major(base_units: int, chained: ChainLoan) -> Number:
    """Base units of a loan's asset as an amount in major units."""
    return number(Decimal(int(base_units)).scaleb(-exponent_of(chained.currency) - chained.scale))


def exact(document: Any) -> Any:
    """A document whose numbers every reader of JSON reads exactly: longer ones are text."""
    if isinstance(document, Mapping):
        return {name: exact(value) for name, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [exact(value) for value in document]
    is_long = isinstance(document, int) and abs(document) > _MOST_EXACT
    return str(document) if is_long else document


def _standings(rows: LoanRows, on_chain: OnChain) -> StandingsOut:
    chained = rows.chained
    told = Figures(
        ChainState(chained.told_state), chained.told_outstanding, chained.told_interest, chained.told_sequence
    )
    confirmed = Sighting(
        ChainState(chained.seen_state),
        int(chained.seen_outstanding),
        int(chained.seen_interest),
        chained.seen_sequence,
    )
    waiting = [Logged(row.name, row.arguments, row.block_number) for row in rows.events if row.status == "seen"]
    seen = sighting_of(waiting, confirmed)
    return StandingsOut(
        told=_standing(told, chained),
        seen=_standing(_figures(seen), chained),
        confirmed=_standing(_figures(confirmed), chained),
        on_chain=None if on_chain.figures is None else _standing(on_chain.figures, chained),
    )


def _figures(seen: Sighting) -> Figures:
    return Figures(seen.state, seen.outstanding, seen.interest, seen.sequence)


def _standing(figures: Figures, chained: ChainLoan) -> StandingOut:
    return StandingOut(
        state=figures.state,
        outstanding=major(figures.outstanding, chained),
        outstanding_base_units=str(int(figures.outstanding)),
        interest_paid=major(figures.interest, chained),
        interest_paid_base_units=str(int(figures.interest)),
        sequence=figures.sequence,
    )


def _signing(rows: LoanRows, needed: int | None) -> SigningOut:
    given = [row.role for row in rows.signatures]
    needs_lender = rows.chained.terms.get("lender", ZERO_ADDRESS).lower() != ZERO_ADDRESS
    return SigningOut(
        approvals_needed=needed,
        approvals_missing=None if needed is None else max(0, needed - given.count("underwriter")),
        needs_lender=needs_lender,
        lender_missing=needs_lender and "lender" not in given,
        signatures=[
            SignatureOut(
                role=cast("SignerRole", row.role),
                signer=row.signer,
                signed_at=row.signed_at,
                given_by=row.given_by,
            )
            for row in rows.signatures
        ],
    )


def _operation(row: ChainOperation) -> OperationOut:
    return OperationOut(
        operation_id=row.id,
        position=row.position,
        kind=ChainOperationKind(row.kind),
        function=f"{row.contract}.{row.function}",
        status=OperationStatus(row.status),
        cause=row.cause,
        requested_at=row.requested_at,
        done_at=row.done_at,
        transaction_hash=row.tx_hash,
        block_number=row.block_number,
        gas_used=row.gas_used,
        error=row.error,
        error_detail=row.error_detail,
    )


def _transaction(row: ChainTransaction, explorer_url: str) -> TransactionOnChainOut:
    return TransactionOnChainOut(
        operation_id=row.op_id,
        attempt=row.attempt,
        function=f"{row.contract}.{row.function}",
        status=TransactionStatus(row.status),
        hash=row.hash,
        signer=row.signer,
        nonce=row.nonce,
        gas_limit=row.gas,
        gas_used=row.gas_used,
        max_fee_wei=str(row.max_fee),
        block_number=row.block_number,
        error=row.error,
        explorer_url=_explored(row.hash, explorer_url),
    )


def _event(row: ChainEvent, explorer_url: str) -> EventOnChainOut:
    return EventOnChainOut(
        event_id=row.id,
        name=row.name,
        contract=row.contract,
        arguments=exact(row.arguments),
        status=row.status,
        block_number=row.block_number,
        log_index=row.log_index,
        transaction_hash=row.tx_hash,
        explorer_url=_explored(row.tx_hash, explorer_url),
    )


def _explored(tx_hash: str, explorer_url: str) -> str | None:
    return f"{explorer_url.rstrip('/')}/tx/{tx_hash}" if explorer_url else None
