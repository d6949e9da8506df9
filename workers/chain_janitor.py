"""Seeing that what is signed gets mined, whoever has signed it and whatever has become of him.

A turn claims what has lain for a while (`SKIP LOCKED`, and a lease by its time stamp, so that two janitors share the
work), in the order of nonces, because one that is missing holds up all behind it. The first of a signer that does not
get through though the node has it is replaced by one that pays more. Sending twice does no harm; replacing twice is
prevented by the signer's lock. Nonces are never filled in with anything else.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import func, select, tuple_, update
from sqlmodel import col

from activities.chain_attempts import OPEN, mark_mined, mark_sent, outbid
from activities.chain_fees import FeesAboveLimit, outbidding
from activities.chain_writes import WritePolicy
from contracts.node import Block, ChainNode, Fees, Sent
from models.chain import TransactionStatus
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database

log = structlog.get_logger()

PENDING = Gauge("caas_chain_transactions_pending", "Signed transactions that are not mined yet.", ["signer"])
OLDEST = Gauge("caas_chain_oldest_pending_seconds", "Age of the oldest of them.", ["signer"])
BALANCE = Gauge("caas_chain_signer_balance_ether", "What a signer can pay for gas.", ["signer"])
TIDIED = Counter("caas_chain_janitor_total", "What the janitor did to transactions.", ["outcome"])

_BATCH = 200
# Deeper reorganizations are for people.
_REORG_BLOCKS = 128
_WEI_PER_ETHER = 10**18
_KEY = (col(ChainTransaction.tenant_id), col(ChainTransaction.op_id), col(ChainTransaction.attempt))
_MINED = (TransactionStatus.CONFIRMED, TransactionStatus.REVERTED)


class FundedNode(ChainNode, Protocol):
    """A node that also knows what our signers have."""

    async def balance(self, signer: str) -> int: ...


@dataclass(frozen=True, slots=True)
class JanitorPace:
    """How often it looks, and how long it lets things lie."""

    turn_seconds: float = 2.0
    resend_after: timedelta = field(default=timedelta(seconds=5))
    outbid_after: timedelta = field(default=timedelta(seconds=90))


def _now() -> datetime:
    return datetime.now(UTC)


class ChainJanitor:
    """Runs until cancelled; several may run at once."""

    def __init__(
        self,
        rows: Database,
        node: FundedNode,
        policy: WritePolicy,
        pace: JanitorPace | None = None,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`rows` is of the relay's role, which sees the transactions of every tenant."""
        self._rows = rows
        self._node = node
        self._policy = policy
        self._pace = pace or JanitorPace()
        self._now = now
        self._tip: Block | None = None

    async def run(self) -> None:
        """Tidy, and tidy again; an outage of the node or of the rows is waited out."""
        while True:
            try:
                await self.tidy()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
                log.warning("chain janitor is held up", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._pace.turn_seconds)

    async def tidy(self) -> None:
        """One turn."""
        await self._take_back_what_was_unmined()
        blocked: set[str] = set()
        for row in await self._claim():
            if row.signer not in blocked and not await self._push(row):
                blocked.add(row.signer)
        await self._measure()

    # ------------------------------------------------------------ what lies too long

    async def _claim(self) -> Sequence[ChainTransaction]:
        chain_id, now = await self._node.chain_id(), self._now()
        lying = (
            select(*_KEY)
            .where(
                col(ChainTransaction.chain_id) == chain_id,
                col(ChainTransaction.status).in_(OPEN),
                col(ChainTransaction.changed_at) <= now - self._pace.resend_after,
            )
            .order_by(col(ChainTransaction.signer), col(ChainTransaction.nonce))
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self._rows.transaction() as session:
            keys = [tuple(key) for key in await session.execute(lying)]
            if not keys:
                return []
            mine = update(ChainTransaction).where(tuple_(*_KEY).in_(keys)).values(changed_at=now)
            rows = (await session.execute(mine.returning(ChainTransaction))).scalars().all()
        return sorted(rows, key=lambda row: (row.signer, row.nonce, row.attempt))

    async def _push(self, row: ChainTransaction) -> bool:
        """Bring one transaction forward; False when those behind it need not be tried."""
        if await self._finish(row):
            return True
        answer = await self._node.send(row.raw)
        TIDIED.labels(answer).inc()
        match answer:
            case Sent.ACCEPTED | Sent.ALREADY_KNOWN:
                async with self._rows.transaction(row.tenant_id) as session:
                    await mark_sent(session, row, at=self._now())
                if self._is_stuck(row) and await self._is_first(row):
                    await self._outbid(row)
                return True
            case Sent.UNDERPRICED:
                if await self._is_first(row):
                    await self._outbid(row)
                return True
            case Sent.NONCE_TOO_LOW:  # a sibling is mined, or a stranger's transaction: the writer finds out which
                await self._finish_siblings(row)
                return True
            case Sent.NONCE_TOO_HIGH:
                return False

    def _is_stuck(self, row: ChainTransaction) -> bool:
        return row.sent_at is not None and self._now() - row.sent_at >= self._pace.outbid_after

    async def _is_first(self, row: ChainTransaction) -> bool:
        """Only the lowest open nonce of a signer can be stuck by its price; the others wait for it."""
        lowest = select(func.min(col(ChainTransaction.nonce))).where(
            col(ChainTransaction.chain_id) == row.chain_id,
            col(ChainTransaction.signer) == row.signer,
            col(ChainTransaction.status).in_(OPEN),
        )
        async with self._rows.transaction() as session:
            return (await session.execute(lowest)).scalar_one() == row.nonce

    async def _outbid(self, row: ChainTransaction) -> None:
        if row.signer not in self._policy.signers:
            log.warning("no key to pay more for a stuck transaction", signer=row.signer, nonce=row.nonce)
            return
        try:
            fees = outbidding(Fees(row.max_fee, row.priority_fee), await self._node.fees(), limit=self._policy.max_fee)
        except FeesAboveLimit as error:
            log.warning("a transaction is stuck", signer=row.signer, nonce=row.nonce, error=str(error))
            return
        async with self._rows.transaction(row.tenant_id) as session:
            new = await outbid(session, self._node, row, fees, at=self._now())
        if new is None:
            return
        TIDIED.labels("outbid").inc()
        log.info("chain janitor pays more", signer=new.signer, nonce=new.nonce, old=row.hash, new=new.hash)
        if await self._node.send(new.raw) in (Sent.ACCEPTED, Sent.ALREADY_KNOWN):
            async with self._rows.transaction(row.tenant_id) as session:
                await mark_sent(session, new, at=self._now())

    async def _finish(self, row: ChainTransaction) -> bool:
        """Write down that it is mined, when it is: nobody may be waiting for it any more."""
        receipt = await self._node.receipt(row.hash)
        if receipt is None:
            return False
        depth = (await self._node.head()).number - receipt.block_number
        if depth >= self._policy.confirmations:
            async with self._rows.transaction(row.tenant_id) as session:
                error = None if receipt.succeeded else "reverted"
                await mark_mined(session, row, receipt, at=self._now(), error=error)
            TIDIED.labels("finished").inc()
        return True

    async def _finish_siblings(self, row: ChainTransaction) -> None:
        """What was replaced may have been faster than what replaced it."""
        found = select(ChainTransaction).where(
            col(ChainTransaction.chain_id) == row.chain_id,
            col(ChainTransaction.signer) == row.signer,
            col(ChainTransaction.nonce) == row.nonce,
            col(ChainTransaction.hash) != row.hash,
        )
        async with self._rows.transaction() as session:
            siblings = (await session.execute(found)).scalars().all()
        for sibling in siblings:
            if await self._finish(sibling):
                return

    # ------------------------------------------------------------ reorganizations

    async def _take_back_what_was_unmined(self) -> None:
        """After a reorganization what was in blocks that are gone is open again, and is sent again."""
        head = await self._node.head()
        if self._tip is not None:
            same = await self._node.block(self._tip.number)
            if same is not None and same.hash == self._tip.hash:
                self._tip = head
                return
        for number, block_hash in await self._mined_since(head.number - _REORG_BLOCKS):
            block = await self._node.block(number)
            if block is None or block.hash != block_hash:
                await self._reopen(number, block_hash)
        self._tip = head

    async def _mined_since(self, first: int) -> Sequence[tuple[int, str]]:
        found = select(col(ChainTransaction.block_number), col(ChainTransaction.block_hash)).where(
            col(ChainTransaction.chain_id) == await self._node.chain_id(),
            col(ChainTransaction.status).in_(_MINED),
            col(ChainTransaction.block_number) >= first,
        )
        async with self._rows.transaction() as session:
            rows = await session.execute(found.distinct())
        return [(number, block_hash) for number, block_hash in rows if number is not None and block_hash is not None]

    async def _reopen(self, number: int, block_hash: str) -> None:
        gone = update(ChainTransaction).where(
            col(ChainTransaction.chain_id) == await self._node.chain_id(),
            col(ChainTransaction.block_hash) == block_hash,
            col(ChainTransaction.status).in_(_MINED),
        )
        values: dict[str, Any] = {
            "status": TransactionStatus.SENT,
            "block_number": None,
            "block_hash": None,
            "gas_used": None,
            "error": None,
            "sent_at": self._now(),
            "changed_at": self._now() - self._pace.resend_after,
        }
        async with self._rows.transaction() as session:
            reopened = (await session.execute(gone.values(values).returning(col(ChainTransaction.hash)))).all()
        TIDIED.labels("reopened").inc(len(reopened))
        log.warning("a block is gone from the chain", block=number, transactions=len(reopened))

    # ------------------------------------------------------------ figures

    async def _measure(self) -> None:
        found = (
            select(col(ChainTransaction.signer), func.count(), func.min(col(ChainTransaction.recorded_at)))
            .where(
                col(ChainTransaction.chain_id) == await self._node.chain_id(), col(ChainTransaction.status).in_(OPEN)
            )
            .group_by(col(ChainTransaction.signer))
        )
        async with self._rows.transaction() as session:
            waiting = {signer: (count, oldest) for signer, count, oldest in await session.execute(found)}
        for signer in {*self._policy.signers, *waiting}:
            count, oldest = waiting.get(signer, (0, None))
            PENDING.labels(signer).set(count)
            OLDEST.labels(signer).set((self._now() - oldest).total_seconds() if oldest else 0)
        for signer in self._policy.signers:
            BALANCE.labels(signer).set(await self._node.balance(signer) / _WEI_PER_ETHER)
