"""Reading a chain: every block once, in its order, and once more where the chain has changed its mind.

    head -> is the last block we read still below it?  yes -> read on, a window at a time
                                                       no  -> walk back to the last block that still is, and read on

Polling is the truth; what is read may be read again without harm (docs/decisions/0027-reading-the-chain.md).
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from prometheus_client import Counter, Gauge

from activities.chain_events import ChainEvents, Checkpoint, Cursor
from contracts.node import Block, ChainNode
from models.errors import Conflict

log = structlog.get_logger()

READ = Counter("caas_chain_events_total", "Events of our loans, by what became of them.", ["outcome"])
BLOCK = Gauge("caas_chain_block", "The last block that was read.")

_WINDOW_BLOCKS = 2_000
_REFUSED_SECONDS = 60


class AnotherChain(Conflict):
    """The node shows another chain under the number of the one we have read."""


class _Moved(Exception):
    """Blocks changed between two questions; the next turn finds out how."""


class ChainReader:
    """Reads until it is cancelled; several may run at once."""

    def __init__(
        self,
        node: ChainNode,
        events: ChainEvents,
        *,
        confirmations: int,
        poll_seconds: float = 1,
        window_blocks: int = _WINDOW_BLOCKS,
        first_block: int = 0,
    ) -> None:
        self._node = node
        self._events = events
        self._confirmations = confirmations
        self._poll_seconds = poll_seconds
        self._window = window_blocks
        self._first = first_block
        self._is_known = False

    async def run(self) -> None:
        """Read for ever; an outage of the node or of the rows is waited out. Another chain is not read, ever."""
        while True:
            try:
                await self.turn()
            except AnotherChain as refused:
                log.error("this chain is not read", reason=refused.detail)  # noqa: TRY400 - the sentence says it all
                await asyncio.sleep(_REFUSED_SECONDS)
            except Exception:
                log.exception("reader cannot reach the chain or the rows")
                self._is_known = False
            await asyncio.sleep(self._poll_seconds)

    async def turn(self) -> None:
        """Read up to the head; when the chain moves meanwhile, the next turn goes on."""
        cursor = await self._cursor()
        head = await self._node.head()
        try:
            if not await self._stands(cursor, head):
                cursor = await self._walk_back(cursor, head)
            await self._read_on(cursor, head)
        except _Moved:
            log.info("the chain moved while it was read")

    async def _cursor(self) -> Cursor:
        cursor = await self._events.cursor()
        if cursor is None:
            await self._events.begin(await self._start())
            cursor = await self._events.cursor()
            assert cursor is not None, "somebody has begun"
        if not self._is_known:
            await self._check_genesis(cursor)
            self._is_known = True
        return cursor

    async def _start(self) -> Cursor:
        genesis = await self._block(0)
        before = genesis if self._first <= 1 else await self._block(self._first - 1)
        # Block 0 holds no transaction.
        return Cursor(genesis.hash, before.number, before.hash, confirmed=before.number)

    async def _check_genesis(self, cursor: Cursor) -> None:
        genesis = await self._node.block(0)
        if genesis is None or genesis.hash != cursor.genesis:
            found = "none" if genesis is None else genesis.hash
            raise AnotherChain(
                f"The chain we have read begins with block {cursor.genesis}, and the node's with {found}. Use another "
                "chain id for another chain, or a fresh database.",
                "CAAS_CHAIN_RPC_URL",
            )

    async def _stands(self, cursor: Cursor, head: Block) -> bool:
        """Whether the last block we read is still of the chain. Of a node that lags behind us, its head must be."""
        if head.number == cursor.number:
            return head.hash == cursor.hash
        if head.number == cursor.number + 1:
            return head.parent_hash == cursor.hash
        if head.number < cursor.number:
            known = dict(cursor.trail).get(head.number)
            return known is None or known == head.hash
        block = await self._node.block(cursor.number)
        return block is not None and block.hash == cursor.hash

    async def _walk_back(self, cursor: Cursor, head: Block) -> Cursor:
        await self._check_genesis(cursor)
        common = await self._common(cursor, head)
        back = cursor.at(common, confirmed=min(cursor.confirmed, common[0]))
        kept = await self._events.rewind(cursor, back)
        if kept is None:
            raise _Moved
        READ.labels("orphaned").inc(kept.orphaned)
        log.warning(
            "the chain was reorganized",
            depth=cursor.number - common[0],
            orphaned=kept.orphaned,
            orphaned_after_confirmation=len(kept.deeply),
        )
        return back

    async def _common(self, cursor: Cursor, head: Block) -> Checkpoint:
        """The highest block we have on record that is still of the chain; the beginning, if none is."""
        async for number, block_hash in self._on_record(cursor):
            if number <= head.number:
                block = await self._node.block(number)
                if block is not None and block.hash == block_hash:
                    return number, block_hash
        start = await self._start()
        return start.block

    async def _on_record(self, cursor: Cursor) -> AsyncIterator[Checkpoint]:
        """Blocks below the cursor, from the trail and of events, the highest first; each once."""
        trail = sorted(cursor.trail, reverse=True)
        below = cursor.number + 1
        while True:
            found = await self._events.checkpoints(below)
            lowest = found[-1][0] if found else -1
            reached = [each for each in trail if lowest <= each[0]]
            for each in sorted({*found, *reached}, reverse=True):
                yield each
            if not found:
                return
            trail = [each for each in trail if each[0] < lowest]
            below = lowest

    async def _read_on(self, cursor: Cursor, head: Block) -> None:
        while cursor.number < head.number:
            last = min(cursor.number + self._window, head.number)
            cursor = await self._read_window(cursor, last, head)

    async def _read_window(self, cursor: Cursor, last: int, head: Block) -> Cursor:
        """Read the blocks after the cursor. The last one is the same before and after, so all of them were."""
        first = cursor.number + 1
        end = head if last == head.number else await self._block(last)
        begin = end if first == last else await self._block(first)
        if begin.parent_hash != cursor.hash:
            raise _Moved
        events = await self._node.events(first, last)
        if (await self._block(last)).hash != end.hash:
            raise _Moved
        confirmed = max(cursor.confirmed, min(last, head.number - self._confirmations))
        after = cursor.at((last, end.hash), confirmed=confirmed)
        kept = await self._events.advance(cursor, after, events)
        if kept is None:
            raise _Moved
        BLOCK.set(last)
        READ.labels("seen").inc(kept.events)
        READ.labels("confirmed").inc(kept.confirmed)
        return after

    async def _block(self, number: int) -> Block:
        block = await self._node.block(number)
        if block is None:
            raise _Moved
        return block
