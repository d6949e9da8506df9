"""The transactions of an operation on record. Each function is a part of somebody's short transaction.

signed -> sent -> confirmed | reverted      of those with one nonce exactly one is mined, the others are replaced
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Update, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from contracts.node import ChainNode, Fees, Receipt, Slot
from models.chain import Call, TransactionStatus
from models.records.chain_transactions import ChainSigner, ChainTransaction

OPEN = (TransactionStatus.SIGNED, TransactionStatus.SENT)


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """A write for a loan. The same `op_id` is the same write, for ever."""

    tenant_id: str
    loan_id: str
    op_id: str
    call: Call


async def attempts_of(session: AsyncSession, tenant_id: str, op_id: str) -> list[ChainTransaction]:
    """Every transaction ever signed for an operation, the first one first."""
    found = select(ChainTransaction).where(
        col(ChainTransaction.tenant_id) == tenant_id, col(ChainTransaction.op_id) == op_id
    )
    return list((await session.execute(found.order_by(col(ChainTransaction.attempt)))).scalars())


async def knows_signer(session: AsyncSession, chain_id: int, address: str) -> bool:
    """Whether we count the nonces of a signer."""
    return await session.get(ChainSigner, (chain_id, address)) is not None


async def introduce_signer(session: AsyncSession, chain_id: int, address: str, nonce: int) -> None:
    """Count from the chain's own number. Whoever comes second has asked the chain before anything of ours was sent."""
    row = insert(ChainSigner).values(chain_id=chain_id, address=address, next_nonce=nonce)
    await session.execute(row.on_conflict_do_nothing())


async def catch_up(session: AsyncSession, chain_id: int, address: str, nonce: int) -> None:
    """The chain has seen transactions of this signer that we have no record of: count on from there."""
    changed = update(ChainSigner).where(col(ChainSigner.chain_id) == chain_id, col(ChainSigner.address) == address)
    await session.execute(changed.values(next_nonce=func.greatest(col(ChainSigner.next_nonce), nonce)))


async def lock_signer(session: AsyncSession, chain_id: int, address: str) -> ChainSigner:
    """Nobody else signs for him until this transaction ends."""
    found = select(ChainSigner).where(col(ChainSigner.chain_id) == chain_id, col(ChainSigner.address) == address)
    return (await session.execute(found.with_for_update())).scalar_one()


async def sign(
    session: AsyncSession,
    node: ChainNode,
    order: WriteOrder,
    signer: ChainSigner,
    *,
    gas: int,
    fees: Fees,
    at: datetime,
) -> ChainTransaction:
    """Sign an operation with the signer's next nonce, or return what is signed and open. He is locked."""
    earlier = await attempts_of(session, order.tenant_id, order.op_id)
    if standing := [each for each in earlier if each.status in (*OPEN, TransactionStatus.CONFIRMED)]:
        return standing[-1]
    slot = Slot(signer.address, signer.next_nonce, gas, fees)
    row = _signed(node, order, slot, chain_id=signer.chain_id, attempt=len(earlier), at=at)
    session.add(row)
    signer.next_nonce += 1
    return row


async def outbid(
    session: AsyncSession, node: ChainNode, stuck: ChainTransaction, fees: Fees, *, at: datetime
) -> ChainTransaction | None:
    """Sign a transaction that takes the place of a stuck one; None when it is not stuck any more."""
    await lock_signer(session, stuck.chain_id, stuck.signer)
    attempts = await attempts_of(session, stuck.tenant_id, stuck.op_id)
    old = next(each for each in attempts if each.attempt == stuck.attempt)
    if old.status not in OPEN:
        return None
    call = Call(old.contract, old.function, tuple(old.arguments))
    order = WriteOrder(old.tenant_id, old.loan_id, old.op_id, call)
    slot = Slot(old.signer, old.nonce, old.gas, fees)
    new = _signed(node, order, slot, chain_id=old.chain_id, attempt=len(attempts), at=at)
    old.status, old.changed_at = TransactionStatus.REPLACED, at
    session.add(new)
    return new


def _signed(
    node: ChainNode, order: WriteOrder, slot: Slot, *, chain_id: int, attempt: int, at: datetime
) -> ChainTransaction:
    signed = node.signed(order.call, slot)
    return ChainTransaction(
        tenant_id=order.tenant_id,
        op_id=order.op_id,
        attempt=attempt,
        chain_id=chain_id,
        loan_id=order.loan_id,
        contract=order.call.contract,
        function=order.call.function,
        arguments=list(order.call.arguments),
        signer=slot.signer,
        nonce=slot.nonce,
        raw=signed.raw,
        hash=signed.hash,
        gas=slot.gas,
        max_fee=slot.fees.max_fee,
        priority_fee=slot.fees.priority_fee,
        changed_at=at,
    )


async def mark_sent(session: AsyncSession, row: ChainTransaction, *, at: datetime) -> None:
    """The node has it. What has been mined since is left as it is."""
    values = {"status": TransactionStatus.SENT, "changed_at": at, "sent_at": func.coalesce(_COLUMN_SENT_AT, at)}
    await session.execute(_this(row).where(col(ChainTransaction.status).in_(OPEN)).values(values))


async def mark_mined(
    session: AsyncSession, row: ChainTransaction, receipt: Receipt, *, at: datetime, error: str | None = None
) -> None:
    """A transaction has its place on the chain, and those of its nonce have lost theirs."""
    status = TransactionStatus.CONFIRMED if receipt.succeeded else TransactionStatus.REVERTED
    values = {
        "status": status,
        "block_number": receipt.block_number,
        "block_hash": receipt.block_hash,
        "gas_used": receipt.gas_used,
        "error": error,
        "changed_at": at,
    }
    await session.execute(_this(row).values(values))
    rivals = (
        update(ChainTransaction)
        .where(
            col(ChainTransaction.chain_id) == row.chain_id,
            col(ChainTransaction.signer) == row.signer,
            col(ChainTransaction.nonce) == row.nonce,
            col(ChainTransaction.hash) != row.hash,
            col(ChainTransaction.status).in_(OPEN),
        )
        .values(status=TransactionStatus.REPLACED, changed_at=at)
    )
    await session.execute(rivals)


async def mark_displaced(session: AsyncSession, row: ChainTransaction, *, at: datetime) -> None:
    """A transaction that is not on record has taken the nonce: this one will never be mined."""
    values = {"status": TransactionStatus.REPLACED, "error": "another transaction took the nonce", "changed_at": at}
    await session.execute(_this(row).where(col(ChainTransaction.status).in_(OPEN)).values(values))


async def others_of_loan(session: AsyncSession, order: WriteOrder) -> Sequence[ChainTransaction]:
    """What else was written for the loan and may be on the chain, the newest first."""
    found = select(ChainTransaction).where(
        col(ChainTransaction.tenant_id) == order.tenant_id,
        col(ChainTransaction.loan_id) == order.loan_id,
        col(ChainTransaction.op_id) != order.op_id,
        col(ChainTransaction.status).in_((*OPEN, TransactionStatus.CONFIRMED)),
    )
    return (await session.execute(found.order_by(col(ChainTransaction.recorded_at).desc()))).scalars().all()


def _this(row: ChainTransaction) -> Update:
    return update(ChainTransaction).where(
        col(ChainTransaction.tenant_id) == row.tenant_id,
        col(ChainTransaction.op_id) == row.op_id,
        col(ChainTransaction.attempt) == row.attempt,
    )


_COLUMN_SENT_AT = col(ChainTransaction.sent_at)
