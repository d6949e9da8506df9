"""The relay: what the outbox holds happens, at least once, in the order it comes due.

Rows are claimed in one short statement (`FOR UPDATE SKIP LOCKED`) that gives the claimer a lease; the work is done
outside any transaction, and the row is deleted when it is done. A relay that dies leaves leases that end by
themselves, and another takes the rows up. Nothing reads "id > last", so a late commit is never passed over.
"""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import SQLAlchemyError

from models.records.correlation import correlated
from models.records.database import Database
from models.records.outbox import OutboxKind, claim, postpone, settle
from workers.errands import Errands, Work
from workers.first_attempts import FirstAttempts
from workers.settings import WorkerSettings

log = structlog.get_logger()

RELAYED = Counter("caas_relay_rows_total", "Outbox rows handled.", ["kind", "outcome"])
DURATION = Histogram("caas_relay_seconds", "Time to handle one outbox row.", ["kind"])

_OUTAGE_PAUSE_SECONDS = 1


class Relay:
    """Runs until cancelled; several may run at once."""

    def __init__(self, outbox: Database, errands: Errands, settings: WorkerSettings) -> None:
        self._outbox = outbox
        self._errands = errands
        self._settings = settings
        self._running: set[asyncio.Task[int | None]] = set()
        self._messages = FirstAttempts(outbox, errands.deliveries, errands.retry_later, settings)

    async def run(self) -> None:
        """Relay for ever; an outage of the database or of Temporal is waited out."""
        writing = asyncio.create_task(self._messages.run())
        try:
            while True:
                try:
                    await self._whole_turn()
                except Exception:
                    log.exception("relay cannot reach the outbox")
                    await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            await self._messages.close()
            await writing

    async def _whole_turn(self) -> None:
        """A turn is not broken off: what it has claimed would wait for its lease to end."""
        turn = asyncio.create_task(self._turn())
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            await asyncio.wait([turn])
            raise

    async def _turn(self) -> None:
        """Settle what is done, take up as much as there is room for, and wait for one or the other.

        Rows are handled side by side and each at its own pace: a receiver that hangs delays nobody but itself.
        """
        done = {task for task in self._running if task.done()}
        await self._settle([row_id for task in done if (row_id := task.result()) is not None])
        self._running -= done
        self._messages.has_room.clear()
        claimed = await self._claim()
        messages = [work for work in claimed if work.kind == OutboxKind.DELIVER]
        self._running |= {
            asyncio.create_task(self._handle(work)) for work in claimed if work.kind != OutboxKind.DELIVER
        }
        if messages:
            await self._messages.take(messages)
        await self._rest(is_idle=not claimed)

    async def _rest(self, *, is_idle: bool) -> None:
        """A little while even when there is work: rows that are claimed together cost less."""
        if not is_idle:
            await asyncio.sleep(self._settings.relay_pace_seconds)
            return
        room = asyncio.create_task(self._messages.has_room.wait())
        try:
            idle = self._settings.relay_idle_seconds
            await asyncio.wait({room, *self._running}, timeout=idle, return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.cancel()

    async def _claim(self) -> list[Work]:
        """Rows of lanes that have room, and errands if there are hands for them."""
        async with self._outbox.transaction() as session:
            rows = await claim(
                session,
                self._settings.relay_batch,
                lease_seconds=self._settings.relay_lease_seconds,
                without=self._messages.full_lanes,
                lanes_only=len(self._running) >= self._settings.relay_batch,
            )
        return [Work.of(row) for row in rows]

    async def _handle(self, work: Work) -> int | None:
        """Do one row's work; its id when it is done, None when it must be tried again."""
        try:
            with DURATION.labels(work.kind).time(), correlated(work.correlation_id):
                await self._errands.do(work)
        except Exception as error:  # noqa: BLE001 - whatever it was, the row stays and is tried again
            RELAYED.labels(work.kind, "postponed").inc()
            log.warning("relay postponed a row", **work.facts, error=str(error))
            await self._postpone(work, error)
            return None
        RELAYED.labels(work.kind, "done").inc()
        return work.id

    async def _postpone(self, work: Work, error: Exception) -> None:
        try:
            async with self._outbox.transaction() as session:
                await postpone(session, work.id, error=str(error), seconds=min(2**work.attempts, 60))
        except SQLAlchemyError:
            log.warning("relay could not postpone a row; its lease will end by itself", row=work.id)

    async def _settle(self, ids: Sequence[int]) -> None:
        if ids:
            async with self._outbox.transaction() as session:
                await settle(session, ids)
