"""Leaving a write for a loan's chain with the transaction that makes it necessary."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.chain import ChainOperationKind
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.outbox import OutboxKind, ask_relay


def operation_id(loan_key: str, kind: ChainOperationKind, cause: str) -> str:
    """The `opId` of the write that a fact calls for, bytes32: the same fact, the same write."""
    return "0x" + sha256(chr(31).join((loan_key, kind, cause)).encode()).hexdigest()


async def leave_operation(
    session: AsyncSession,
    chained: ChainLoan,
    kind: ChainOperationKind,
    call: tuple[str, str, list[Any]],
    *,
    cause: str,
    at: datetime,
) -> bool:
    """Leave a write behind the loan's last one; the row of the loan is locked. False when the fact is known."""
    key = (chained.tenant_id, operation_id(chained.loan_key, kind, cause))
    if await session.get(ChainOperation, key) is not None:
        return False
    last = select(func.coalesce(func.max(col(ChainOperation.position)), 0)).where(
        col(ChainOperation.loan_id) == chained.loan_id
    )
    contract, function, arguments = call
    session.add(
        ChainOperation(
            tenant_id=chained.tenant_id,
            id=key[1],
            loan_id=chained.loan_id,
            position=(await session.execute(last)).scalar_one() + 1,
            kind=kind,
            contract=contract,
            function=function,
            arguments=arguments,
            cause=cause,
            requested_at=at,
        )
    )
    await session.flush()
    ask_relay(session, chained.tenant_id, OutboxKind.CHAIN_OPERATIONS, {"loanId": chained.loan_id})
    return True
