"""Writing to the chain exactly once.

    look the operation up -> try it without sending -> sign and keep -> send -> wait until it is mined and deep enough

A transaction is on record before it is sent, with its nonce, and nothing that is not on record is ever sent: a crash
leaves neither a gap nor a double. The contract remembers too, by the sequence number of the loan, so that even a
database that was restored from a backup does not write twice. Each step is one short transaction or one call to the
node.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from temporalio import activity

from activities.chain_attempts import (
    OPEN,
    WriteOrder,
    attempts_of,
    catch_up,
    introduce_signer,
    knows_signer,
    lock_signer,
    mark_displaced,
    mark_mined,
    mark_sent,
    others_of_loan,
    sign,
)
from activities.chain_evidence import evidence_of
from activities.chain_fees import within
from contracts.node import ChainNode, Receipt, Sent
from models.chain import Call, ContractRefused, TransactionStatus
from models.records.chain_transactions import ChainTransaction
from models.records.database import Database

__all__ = ["ChainBehind", "ChainWrites", "NotMined", "WriteOrder", "WritePolicy", "Written"]

_ROOM_NUMERATOR, _ROOM_DENOMINATOR = 6, 5
_FIRST_PAUSE_SECONDS = 0.02
_TAKEN = frozenset({Sent.ACCEPTED, Sent.ALREADY_KNOWN})


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """Who signs, what it may cost, and how patient we are."""

    signers: tuple[str, ...]
    max_fee: int
    """Wei per gas."""
    confirmations: int = 0
    first_block: int = 0
    """No event of our contracts is older."""
    poll_seconds: float = 1.0
    patience_seconds: float = 600.0
    """How long one attempt of the activity waits; the next one waits on."""
    displaced_seconds: float = 30.0
    """How long a nonce may be used up without a receipt of ours, before we believe that a stranger has used it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write that is on the chain. `was_applied`: it was there before, by a transaction that is not on record."""

    op_id: str
    tx_hash: str
    block_number: int
    gas_used: int
    was_applied: bool = False


class NotMined(Exception):
    """A transaction waits for its block longer than we do; it is asked about again."""


class ChainBehind(Exception):
    """An earlier write for the loan is not (or no longer) on the chain; it comes first."""


@dataclass(frozen=True, slots=True)
class _Mined:
    attempt: ChainTransaction
    receipt: Receipt


@dataclass(slots=True)
class _Waiting:
    """What one caller knows of a transaction on its way."""

    began: float
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    answer: Sent | None = None
    asked_about: str = ""
    nonce_used_since: float | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class ChainWrites:
    """Carries operations to the chain. Any number of callers, in any number of processes, may carry the same one."""

    def __init__(
        self,
        database: Database,
        node: ChainNode,
        policy: WritePolicy,
        *,
        now: Callable[[], datetime] = _now,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._node = node
        self._policy = policy
        self._now = now
        self._clock = clock
        self._introduced: set[str] = set()

    async def write(self, order: WriteOrder) -> Written:
        """See that the operation is on the chain, once; a contract that says no raises `ContractRefused`."""
        while True:
            attempts = await self._attempts(order)
            if done := _confirmed(attempts):
                return _written(done)
            if not _open(attempts):
                try:
                    attempts = [*attempts, await self._sign(order)]
                except ContractRefused as refused:
                    return await self._applied_before(order, refused)
            if written := await self._carry_through(order, attempts):
                return written

    # ------------------------------------------------------------ before it is sent

    async def _sign(self, order: WriteOrder) -> ChainTransaction:
        """Try it, then sign it and keep it. What the contract refuses uses no nonce."""
        chain_id, address = await self._node.chain_id(), self._signer_of(order.loan_id)
        gas = await self._node.estimate(order.call, sender=address)
        fees = within(await self._node.fees(), limit=self._policy.max_fee)
        await self._introduce(chain_id, address)
        async with self._database.transaction(order.tenant_id) as session:
            signer = await lock_signer(session, chain_id, address)
            room = gas * _ROOM_NUMERATOR // _ROOM_DENOMINATOR
            return await sign(session, self._node, order, signer, gas=room, fees=fees, at=self._now())

    async def _introduce(self, chain_id: int, address: str) -> None:
        if address in self._introduced:
            return
        async with self._database.transaction() as session:
            is_known = await knows_signer(session, chain_id, address)
        if not is_known:
            nonce = await self._node.next_nonce(address)
            async with self._database.transaction() as session:
                await introduce_signer(session, chain_id, address, nonce)
        self._introduced.add(address)

    def _signer_of(self, loan_id: str) -> str:
        """One signer for all of a loan, so that its writes are mined in their order."""
        number = int.from_bytes(hashlib.sha256(loan_id.encode()).digest()[:8])
        return self._policy.signers[number % len(self._policy.signers)]

    # ------------------------------------------------------------ on its way

    async def _carry_through(self, order: WriteOrder, attempts: Sequence[ChainTransaction]) -> Written | None:
        """Send, and wait until it is mined deep enough; None when its nonce was taken and it must be signed anew."""
        waiting = _Waiting(began=self._clock())
        while True:
            await self._send(attempts, waiting)
            mined = await self._mined(attempts)
            if mined and await self._is_deep(mined.receipt):
                return await self._settle(order, mined)
            if not mined and await self._is_lost(attempts, waiting):
                return None
            self._wait_no_longer_than(waiting.began, order)
            await asyncio.sleep(waiting.pause_seconds)
            if waiting.pause_seconds >= self._policy.poll_seconds:  # by now the janitor may have replaced it
                attempts = await self._attempts(order)
                if done := _confirmed(attempts):
                    return _written(done)
            waiting.pause_seconds = min(2 * waiting.pause_seconds, self._policy.poll_seconds)

    async def _send(self, attempts: Sequence[ChainTransaction], waiting: _Waiting) -> None:
        """Send what the node is not known to have. What it has and loses again is the janitor's."""
        live = _open(attempts)
        if live is None or (live.hash == waiting.asked_about and waiting.answer in _TAKEN):
            return
        waiting.answer, waiting.asked_about = await self._node.send(live.raw), live.hash
        if waiting.answer in _TAKEN and live.status == TransactionStatus.SIGNED:
            async with self._database.transaction(live.tenant_id) as session:
                await mark_sent(session, live, at=self._now())

    async def _is_lost(self, attempts: Sequence[ChainTransaction], waiting: _Waiting) -> bool:
        """Whether none of these will be mined: there is no open one, or a stranger's transaction has had its nonce."""
        live = _open(attempts)
        if live is None:
            return True
        if waiting.answer is not Sent.NONCE_TOO_LOW:
            waiting.nonce_used_since = None
            return False
        if waiting.nonce_used_since is None:
            waiting.nonce_used_since = self._clock()
        if self._clock() - waiting.nonce_used_since < self._policy.displaced_seconds:
            return False
        await self._displace(live)
        return True

    async def _mined(self, attempts: Sequence[ChainTransaction]) -> _Mined | None:
        """Whichever of the operation's transactions is on the chain: also one that was replaced, if it was faster."""
        failed = None
        for attempt in attempts:
            if attempt.status == TransactionStatus.REVERTED and attempt is not attempts[-1]:
                continue
            if receipt := await self._node.receipt(attempt.hash):
                if receipt.succeeded:
                    return _Mined(attempt, receipt)
                failed = _Mined(attempt, receipt)
        return failed

    async def _is_deep(self, receipt: Receipt) -> bool:
        if not self._policy.confirmations:
            return True
        return (await self._node.head()).number - receipt.block_number >= self._policy.confirmations

    def _wait_no_longer_than(self, began: float, order: WriteOrder) -> None:
        if activity.in_activity():
            activity.heartbeat()
        waited = self._clock() - began
        if waited >= self._policy.patience_seconds:
            raise NotMined(f"{order.call.function} for {order.loan_id} is not mined after {waited:.0f} s")

    async def _displace(self, attempt: ChainTransaction) -> None:
        nonce = await self._node.next_nonce(attempt.signer)
        async with self._database.transaction(attempt.tenant_id) as session:
            await catch_up(session, attempt.chain_id, attempt.signer, nonce)
            await mark_displaced(session, attempt, at=self._now())

    # ------------------------------------------------------------ what came of it

    async def _settle(self, order: WriteOrder, mined: _Mined) -> Written:
        attempt, receipt = mined.attempt, mined.receipt
        refused = None if receipt.succeeded else await self._why(order.call, attempt, receipt)
        async with self._database.transaction(order.tenant_id) as session:
            await mark_mined(session, attempt, receipt, at=self._now(), error=refused.detail if refused else None)
        if refused:
            return await self._applied_before(order, refused)
        return Written(order.op_id, receipt.tx_hash, receipt.block_number, receipt.gas_used)

    async def _why(self, call: Call, attempt: ChainTransaction, receipt: Receipt) -> ContractRefused:
        """A receipt gives no reason: the call is tried again at the end of its block, then of the one before."""
        for block in (receipt.block_number, receipt.block_number - 1):
            try:
                await self._node.read(call, block=block)
            except ContractRefused as refused:
                return refused
        if receipt.gas_used >= attempt.gas:
            return ContractRefused(f"{call.function} ran out of gas ({attempt.gas})", error="OutOfGas")
        return ContractRefused(f"{call.function} was refused, and would not be now", error="Reverted")

    async def _applied_before(self, order: WriteOrder, refused: ContractRefused) -> Written:
        """A refusal of what is there already, by us, is a success; any other is what it is."""
        event = await evidence_of(self._node, order, since=self._policy.first_block)
        if event is None:
            await self._check_predecessors(order, refused)
            raise refused
        receipt = await self._node.receipt(event.tx_hash)
        if receipt is None or not await self._is_deep(receipt):
            raise NotMined(f"{order.call.function} for {order.loan_id} is applied, and not deep enough yet")
        return Written(order.op_id, receipt.tx_hash, receipt.block_number, receipt.gas_used, was_applied=True)

    async def _check_predecessors(self, order: WriteOrder, refused: ContractRefused) -> None:
        """A refusal means nothing while the chain lacks what was written before: after a reorganization, for one."""
        async with self._database.transaction(order.tenant_id) as session:
            others = await others_of_loan(session, order)
        if not others:
            return
        waiting = [each for each in others if each.status in OPEN]
        if waiting or await self._node.receipt(others[0].hash) is None:
            first = waiting[-1] if waiting else others[0]
            raise ChainBehind(f"{first.function} of {order.loan_id} is not on the chain yet") from refused

    async def _attempts(self, order: WriteOrder) -> list[ChainTransaction]:
        async with self._database.transaction(order.tenant_id) as session:
            return await attempts_of(session, order.tenant_id, order.op_id)


def _open(attempts: Sequence[ChainTransaction]) -> ChainTransaction | None:
    return next((each for each in reversed(attempts) if each.status in OPEN), None)


def _confirmed(attempts: Sequence[ChainTransaction]) -> ChainTransaction | None:
    return next((each for each in attempts if each.status == TransactionStatus.CONFIRMED), None)


def _written(row: ChainTransaction) -> Written:
    return Written(row.op_id, row.hash, row.block_number or 0, row.gas_used or 0)
