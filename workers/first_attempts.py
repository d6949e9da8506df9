"""The first attempt at every message, made by the relay itself: the healthy path costs Temporal nothing.

    outbox rows --load, one query a tenant--> lanes, one an endpoint --> attempts side by side --> outcomes
    outcomes    --every few milliseconds, one transaction a tenant--> attempts, statuses, rows deleted
    failures    --recorded--> a standalone activity carries on --> row deleted

Whatever dies between two arrows leaves a row with a lease that ends by itself. What had been sent and not yet recorded
is sent again, under the same id: that is why outcomes are written so often.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from prometheus_client import Counter, Histogram

from activities.deliveries import Deliveries
from models.delivery import AttemptOutcome, BreakerState, DeliveryStatus
from models.records.correlation import correlated
from models.records.database import Database
from models.records.dispatch import Outcome, Parcel, keep_order
from models.records.outbox import MAIL_LANE, hold, settle
from workers.errands import Work
from workers.lanes import Held, Lane
from workers.settings import WorkerSettings

log = structlog.get_logger()

ATTEMPTS = Counter("caas_delivery_attempts_total", "First attempts at messages.", ["outcome"])
DURATION = Histogram("caas_delivery_attempt_seconds", "Time of one first attempt.")

_GATHER_SECONDS = 0.001
_HAND_OVERS_AT_ONCE = 20
_DRAIN_SECONDS = 1.0
_OUTAGE_PAUSE_SECONDS = 1.0

HandOver = Callable[[Parcel], Awaitable[None]]


class FirstAttempts:
    """The lanes, what is in flight on them, and what came of it but is not written yet."""

    def __init__(self, outbox: Database, deliveries: Deliveries, hand_over: HandOver, settings: WorkerSettings) -> None:
        self._outbox = outbox
        self._deliveries = deliveries
        self._hand_over = hand_over
        self._settings = settings
        self._lanes: dict[str, Lane] = {}
        self._held: dict[str, int] = {}
        self._outcomes: list[Outcome] = []
        self._done: list[int] = []
        self._given_back: list[tuple[int, float]] = []
        self._to_write = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._handing_over: set[asyncio.Task[None]] = set()
        self._hand_overs = asyncio.Semaphore(_HAND_OVERS_AT_ONCE)
        self._waiting: set[str] = set()
        self._is_closing = self._is_over = False
        self.has_room = asyncio.Event()
        """Set when something may be worth claiming that was not before."""

    @property
    def full_lanes(self) -> list[str]:
        """The lanes that want nothing more for now."""
        return [name for name, lane in self._lanes.items() if lane.is_full]

    async def take(self, works: Sequence[Work]) -> None:
        """Take up the messages of these claimed rows."""
        by_tenant: defaultdict[str, dict[str, Work]] = defaultdict(dict)
        for work in works:
            delivery_id = work.payload["deliveryId"]
            if self._held.get(delivery_id) == work.id:
                continue  # its lease ended while we were at it; the row is still ours to end
            if delivery_id in self._held or delivery_id in by_tenant[work.tenant_id]:
                self._finish(work.id)  # another row of a message we hold: that one's remains
            else:
                by_tenant[work.tenant_id][delivery_id] = work
        for tenant_id, of_tenant in by_tenant.items():
            parcels = await self._deliveries.load(tenant_id, list(of_tenant))
            out_of_order = [each for each in parcels if self._line_up(of_tenant.pop(each.delivery_id), each)]
            for work in of_tenant.values():
                self._finish(work.id)  # the message is gone
            if out_of_order:
                await self._keep_order(tenant_id, out_of_order, {w.payload["deliveryId"]: w.id for w in works})
        self._pump()

    async def run(self) -> None:
        """Write what came of the attempts until `close`, and hold the leases of what takes long."""
        renewing = asyncio.create_task(self._renew_leases())
        try:
            while not self._is_over:
                await self._to_write.wait()
                await asyncio.sleep(_GATHER_SECONDS)
                await self._write()
        finally:
            renewing.cancel()

    async def close(self) -> None:
        """Send nothing more, and let `run` end by writing what is known and giving the rest back.

        It is not cancelled: what it has in hand would be sent again by the next relay.
        """
        self._is_closing = True
        for lane in self._lanes.values():
            self._give_back(lane.close(0), seconds=0)
        if self._sending:
            await asyncio.wait(self._sending, timeout=_DRAIN_SECONDS)
        for task in self._sending | self._handing_over:
            task.cancel()
        await asyncio.gather(*self._sending, *self._handing_over, return_exceptions=True)
        self._is_over = True
        self._to_write.set()

    def _line_up(self, work: Work, parcel: Parcel) -> bool:
        """Whether it is not the turn of this message."""
        if not parcel.is_unfinished:
            self._finish(work.id)
        elif parcel.has_nowhere_to_go:
            self._outcomes.append(self._deliveries.undeliverable(parcel).done_with(work.id))
            self._to_write.set()
        elif not parcel.is_next:
            return True
        else:
            self._held[parcel.delivery_id] = work.id
            if parcel.status == DeliveryStatus.RETRYING:
                self._pass_on(parcel, work.id)  # it failed, and whoever recorded that died before passing it on
            else:
                self._lane(parcel).take(Held(parcel, work))
        return False

    def _lane(self, parcel: Parcel) -> Lane:
        lane = self._lane_of(parcel.address.endpoint_id if parcel.address else MAIL_LANE)
        if parcel.address and parcel.address.breaker is not BreakerState.CLOSED:
            lane.is_open = True
        return lane

    def _lane_of(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, asyncio.get_running_loop().time)
        return lane

    async def _keep_order(self, tenant_id: str, parcels: list[Parcel], rows: dict[str, int]) -> None:
        ids = [rows[each.delivery_id] for each in parcels]
        endpoints = {each.address.endpoint_id for each in parcels if each.address}
        async with self._outbox.transaction(tenant_id) as session:
            await keep_order(session, tenant_id, ids, endpoints)
            await hold(session, ids, seconds=0)
        self.has_room.set()

    def _pump(self) -> None:
        """Send whatever may be sent, one lane after the other, so that no lane takes all there is."""
        moved = not self._is_closing
        while moved:
            moved = False
            for lane in list(self._lanes.values()):
                if len(self._sending) >= self._settings.deliveries_in_flight:
                    return
                if lane.may_send:
                    self._start(lane)
                    moved = True
                elif lane.queue and lane.wait_seconds > 0:
                    self._pump_later(lane)
                elif lane.is_idle:
                    del self._lanes[lane.name]

    def _pump_later(self, lane: Lane) -> None:
        if lane.name not in self._waiting:
            self._waiting.add(lane.name)
            asyncio.get_running_loop().call_later(lane.wait_seconds, self._pump_again, lane.name)

    def _pump_again(self, name: str) -> None:
        self._waiting.discard(name)
        self._pump()

    def _start(self, lane: Lane) -> None:
        task = asyncio.create_task(self._send(lane, lane.send()))
        self._sending.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._pump()
        self.has_room.set()

    async def _send(self, lane: Lane, held: Held) -> None:
        parcel, row = held.parcel, held.work.id
        try:
            with correlated(held.work.correlation_id), DURATION.time():
                if lane.is_open and (wait := await self._deliveries.held_back(parcel)) is not None:
                    self._close_lane(lane, wait.total_seconds(), also=held)
                    return
                outcome = await self._deliveries.attempt(parcel)
        except Exception as error:  # noqa: BLE001 - whatever it was, the row stays and is tried again
            log.warning("relay postponed a message", **held.work.facts, error=str(error))
            self._give_back([held], seconds=min(2**held.work.attempts, 60))
            return
        finally:
            lane.in_flight -= 1
        lane.is_suspect = outcome.outcome is AttemptOutcome.UNANSWERED
        if outcome.status is DeliveryStatus.DELIVERED:
            lane.is_open = False
        ATTEMPTS.labels(outcome.outcome).inc()
        self._outcomes.append(outcome if outcome.next_attempt_at else outcome.done_with(row))
        self._to_write.set()

    def _close_lane(self, lane: Lane, seconds: float, *, also: Held | None = None) -> None:
        given_back = lane.close(seconds) + ([also] if also else [])
        self._give_back(given_back, seconds=seconds)

    def _give_back(self, held: Sequence[Held], *, seconds: float) -> None:
        for each in held:
            self._held.pop(each.parcel.delivery_id, None)
            self._given_back.append((each.work.id, seconds))
        self._to_write.set()

    def _finish(self, row: int) -> None:
        self._done.append(row)
        self._to_write.set()

    async def _write(self) -> None:
        """Write what has gathered; what cannot be written now is kept, and its leases are held meanwhile."""
        self._to_write.clear()
        outcomes, self._outcomes = self._outcomes, []
        done, self._done = self._done, []
        given_back, self._given_back = self._given_back, []
        by_tenant: defaultdict[str, list[Outcome]] = defaultdict(list)
        for each in outcomes:
            by_tenant[each.parcel.tenant_id].append(each)
        try:
            for tenant_id in list(by_tenant):
                self._close_lanes(await self._deliveries.record(tenant_id, by_tenant[tenant_id]))
                for each in by_tenant.pop(tenant_id):
                    self._recorded(each)
            await self._release(done, given_back)
        except Exception:
            log.exception("relay could not write what came of its messages")
            self._outcomes += [each for left in by_tenant.values() for each in left]
            self._done += done
            self._given_back += given_back
            self._to_write.set()
            await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)

    async def _release(self, done: list[int], given_back: list[tuple[int, float]]) -> None:
        if not done and not given_back:
            return
        by_pause: defaultdict[float, list[int]] = defaultdict(list)
        for row, seconds in given_back:
            by_pause[seconds].append(row)
        async with self._outbox.transaction() as session:
            if done:
                await settle(session, done)
            for seconds, rows in by_pause.items():
                await hold(session, rows, seconds=seconds)

    def _close_lanes(self, pauses: dict[str, timedelta]) -> None:
        for name, pause in pauses.items():
            self._close_lane(self._lane_of(name), pause.total_seconds())

    def _recorded(self, outcome: Outcome) -> None:
        parcel, address = outcome.parcel, outcome.parcel.address
        if outcome.next_attempt_at is None:
            self._held.pop(parcel.delivery_id, None)
            if address and address.fifo:
                self.has_room.set()  # the next one has been called
            return
        self._pass_on(replace(parcel, next_attempt_at=outcome.next_attempt_at), self._held[parcel.delivery_id])

    def _pass_on(self, parcel: Parcel, row: int) -> None:
        task = asyncio.create_task(self._hand_over_one(parcel, row))
        self._handing_over.add(task)
        task.add_done_callback(self._handing_over.discard)

    async def _hand_over_one(self, parcel: Parcel, row: int) -> None:
        """Temporal makes the attempts to come; only when it has said so is the row done."""
        try:
            async with self._hand_overs:
                await self._hand_over(parcel)
        except Exception as error:  # noqa: BLE001 - Temporal is away; the row stays and is passed on later
            log.warning("relay could not pass a message on", delivery_id=parcel.delivery_id, error=str(error))
            self._held.pop(parcel.delivery_id, None)
            self._given_back.append((row, _OUTAGE_PAUSE_SECONDS * 5))
            self._to_write.set()
            return
        self._held.pop(parcel.delivery_id, None)
        self._finish(row)

    async def _renew_leases(self) -> None:
        """What is held for long is not free for others: one statement for all of it, now and then."""
        lease = self._settings.relay_lease_seconds
        while True:
            before = set(self._held.values())
            await asyncio.sleep(lease / 4)
            if old := before & set(self._held.values()):
                try:
                    async with self._outbox.transaction() as session:
                        await hold(session, list(old), seconds=lease)
                except Exception:
                    log.exception("relay could not renew its leases; another may take its messages up")
