"""`caas bench webhooks`: how fast, beside a receiver that hangs, and that nothing is lost though everything is killed.

In two phases, as Outpost does it: publish, then prove that every event arrived. Days of the schedule of retries are
lived in seconds: the figures of `CAAS_DELIVERY_*` are divided, the code is the same.
"""

import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from activities.signing import new_secret
from models.delivery import SCHEDULE
from models.records.database import Database, new_id
from models.records.endpoints import Endpoint, EndpointSecret, add_endpoint
from models.records.outbox import deliver_to
from workers.bench.receivers import Behavior, Receivers, receiving
from workers.embedded.settings import throwaway
from workers.stack import Stack
from workers.tenants import NewTenant, create_tenant

_SECONDS_PER_DAY = 24 * 3600
# How many seconds of the schedule are lived in one; the shortest pauses would vanish and are kept longer.
FASTER = 4000
_LEAST_PAUSE_SECONDS = 0.2
_BODY = json.dumps({"type": "test", "data": {"text": "x" * 600}})


@dataclass(frozen=True, slots=True)
class Storm:
    """How much is published, to whom, and how often everything is killed meanwhile."""

    events: int = 10_000
    receivers: int = 50
    slow: int = 5
    failing: int = 5
    away: int = 4
    days_away: float = 2
    kills: int = 20
    seconds_between_kills: tuple[float, float] = (1.0, 4.0)
    at_once: int = 12
    per_second: float = 120
    patience_seconds: float = 400
    over_api: bool = True
    """Else straight into the rows, and only the worker is killed: a killed API leaves claims of 30 seconds behind."""
    lease_seconds: int = 20


@dataclass(slots=True)
class Weathered:
    """What came of a storm."""

    published: int
    lost: int
    foreign: int
    duplicates: int
    refused: int
    kills: int
    seconds: float
    publishing_seconds: float

    @property
    def duplicate_share(self) -> float:
        """Of what was published, how much arrived more than once."""
        return self.duplicates / self.published


def hurried(faster: float = FASTER) -> dict[str, str]:
    """The environment in which days pass in seconds."""
    pauses = [max(each.total_seconds() / faster, _LEAST_PAUSE_SECONDS) for each in SCHEDULE]
    return {
        "CAAS_DELIVERY_RETRY_SECONDS": json.dumps(pauses),
        "CAAS_DELIVERY_THROTTLE_FLOOR_SECONDS": "0.2",
        "CAAS_DELIVERY_DISABLE_AFTER_SECONDS": str(5 * _SECONDS_PER_DAY / faster),
        "CAAS_DELIVERY_BREAKER_PAUSE_SECONDS": "0.5",
        "CAAS_DELIVERY_BREAKER_LONGEST_PAUSE_SECONDS": "2",
        "CAAS_DELIVERY_PROBE_SECONDS": "5",
    }


@dataclass
class Hooked:
    """A stack with endpoints that lead to our receivers."""

    stack: Stack
    database: Database
    tenant: NewTenant
    receivers: Receivers
    endpoints: list[str] = field(default_factory=list)

    async def open_endpoints(self, count: int, **columns: Any) -> None:
        """One for each receiver, the first of which is number 0."""
        async with self.database.transaction(self.tenant.tenant_id) as session:
            for _ in range(count):
                number = len(self.endpoints)
                endpoint_id = new_id("ep")
                self.endpoints.append(endpoint_id)
                endpoint, secret = _endpoint(self.tenant.tenant_id, endpoint_id, self.receivers.hook(number), columns)
                await add_endpoint(session, endpoint, [secret])

    async def publish(self, receiver: int, key: str) -> tuple[str, float]:
        """One message in a transaction of its own; its id, and when it was committed."""
        async with self.database.transaction(self.tenant.tenant_id) as session:
            message_id = deliver_to(session, self.tenant.tenant_id, self.endpoints[receiver], "test", _BODY, key=key)
        return message_id, perf_counter()


@asynccontextmanager
async def hooked(
    behaviors: dict[int, Behavior] | None = None, *, services: Sequence[str] = ("api", "worker"), **environment: str
) -> AsyncIterator[Hooked]:
    """A stack of its own, thrown away afterward."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with tempfile.TemporaryDirectory() as state:
            async with Stack(throwaway(Path(state)), services=services) as stack, receiving(behaviors) as receivers:
                database = Database(stack.database_urls.app)
                try:
                    yield Hooked(stack, database, await create_tenant(database, "Benchmark"), receivers)
                finally:
                    await database.close()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


async def weather(storm: Storm, *, seed: int = 1) -> Weathered:
    """Publish over the API while everything is killed, then wait until every event has arrived."""
    away_until = [0.0]
    behaviors = _behaviors(storm, lambda: perf_counter() < away_until[0])
    environment = hurried() | {"CAAS_RELAY_LEASE_SECONDS": str(storm.lease_seconds)}
    services = ("api", "worker") if storm.over_api else ("worker",)
    async with hooked(behaviors, services=services, **environment) as scene:
        await scene.open_endpoints(storm.receivers)
        began = perf_counter()
        away_until[0] = began + storm.days_away * _SECONDS_PER_DAY / FASTER
        killing = asyncio.create_task(_kill_again_and_again(scene.stack, services, storm, Random(seed)))  # noqa: S311 - dice
        published = await (_publish_over_api if storm.over_api else _publish_directly)(scene, storm)
        publishing_seconds = perf_counter() - began
        kills = await killing
        await _all_arrived(scene.receivers, published, perf_counter() + storm.patience_seconds)
        # What repeats may come late: the leases of the last relay that was killed must have run out.
        await asyncio.sleep(storm.lease_seconds + 2 if kills else 0)
        return _compared(scene.receivers, published, kills, perf_counter() - began, publishing_seconds)


def _behaviors(storm: Storm, is_away: Any) -> dict[int, Behavior]:
    slow, failing = range(storm.slow), range(storm.slow, storm.slow + storm.failing)
    away = range(storm.slow + storm.failing, storm.slow + storm.failing + storm.away)
    return (
        {number: Behavior(seconds=0.3) for number in slow}
        | {number: Behavior(failing_share=0.3) for number in failing}
        | {number: Behavior(is_away=is_away) for number in away}
    )


async def _publish_over_api(scene: Hooked, storm: Storm) -> dict[str, int]:
    """Every event under an Idempotency-Key of its own, asked for until it is answered; message id to receiver."""
    published: dict[str, int] = {}
    lines = asyncio.Semaphore(storm.at_once)
    began = perf_counter()
    async with (
        httpx2.AsyncClient(timeout=10, trust_env=False, base_url=scene.stack.api_url) as http,
        asyncio.TaskGroup() as asking,
    ):

        async def publish(number: int) -> None:
            receiver = number % storm.receivers
            published[await _ask(http, lines, scene, receiver, f"event-{number}")] = receiver

        for number in range(storm.events):
            asking.create_task(publish(number))
            await asyncio.sleep(max(0, began + number / storm.per_second - perf_counter()))
    return published


async def _publish_directly(scene: Hooked, storm: Storm) -> dict[str, int]:
    published: dict[str, int] = {}
    for number in range(storm.events):
        receiver = number % storm.receivers
        published[(await scene.publish(receiver, f"event-{number}"))[0]] = receiver
        await asyncio.sleep(1 / storm.per_second)
    return published


async def _ask(http: httpx2.AsyncClient, lines: asyncio.Semaphore, scene: Hooked, receiver: int, key: str) -> str:
    headers = {"authorization": f"Bearer {scene.tenant.api_key}", "idempotency-key": key}
    path = f"/api/webhooks/endpoints/{scene.endpoints[receiver]}/test"
    while True:
        try:
            async with lines:
                answer = await http.post(path, headers=headers)
            if answer.is_success:
                return str(answer.json()["messageId"])
        except httpx2.HTTPError:
            pass
        await asyncio.sleep(1)


async def _kill_again_and_again(stack: Stack, services: Sequence[str], storm: Storm, dice: Random) -> int:
    for _ in range(storm.kills):
        await asyncio.sleep(dice.uniform(*storm.seconds_between_kills))
        await asyncio.gather(*(stack.kill(name) for name in services))
        await asyncio.gather(*(stack.start(name) for name in services))
    return storm.kills


async def _all_arrived(receivers: Receivers, published: dict[str, int], deadline: float) -> None:
    missing, seen = set(published), 0
    while missing and perf_counter() < deadline:
        await asyncio.sleep(0.1)
        new = receivers.arrivals[seen:]
        seen += len(new)
        missing -= {each.message_id for each in new if each.status_code == 200}  # noqa: PLR2004 - HTTP


def _compared(
    receivers: Receivers, published: dict[str, int], kills: int, seconds: float, publishing_seconds: float
) -> Weathered:
    accepted = Counter((each.message_id, each.receiver) for each in receivers.accepted())
    wanted = set(published.items())
    return Weathered(
        published=len(published),
        lost=len(wanted - set(accepted)),
        foreign=len({(each.message_id, each.receiver) for each in receivers.arrivals} - wanted),
        duplicates=sum(count - 1 for count in accepted.values()),
        refused=len(receivers.arrivals) - accepted.total(),
        kills=kills,
        seconds=seconds,
        publishing_seconds=publishing_seconds,
    )


@dataclass(frozen=True, slots=True)
class Latency:
    """From the commit of the publisher to the arrival at the receiver, in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    count: int


async def steady(scene: Hooked, *, per_second: float, seconds: float, receivers: range, name: str) -> Latency:
    """Publish at a pace, message by message, to each of these in turn; how long each takes to be taken."""
    committed: dict[str, float] = {}
    numbers, began = iter(range(int(per_second * seconds))), perf_counter()
    seen = len(scene.receivers.arrivals)

    async def publish() -> None:
        for number in numbers:
            await asyncio.sleep(max(0, began + number / per_second - perf_counter()))
            receiver = receivers[number % len(receivers)]
            message_id, at = await scene.publish(receiver, f"{name}-{number}")
            committed[message_id] = at

    await asyncio.gather(*(publish() for _ in range(8)))
    await _all_arrived(scene.receivers, dict.fromkeys(committed, 0), perf_counter() + 60)
    arrived: dict[str, float] = {}
    for each in scene.receivers.arrivals[seen:]:
        if each.message_id in committed:
            arrived.setdefault(each.message_id, each.at)
    waits = sorted(max(arrived[each] - at, 0) * 1000 for each, at in committed.items())
    took = max(arrived.values()) - began
    return Latency(len(waits) / took, waits[len(waits) // 2], waits[int(len(waits) * 0.99)], len(waits))


async def drained(scene: Hooked, *, count: int, receivers: range, name: str) -> float:
    """Messages a second when there is a queue of them: what the relay does at most."""
    published: dict[str, int] = {}
    async with scene.database.transaction(scene.tenant.tenant_id) as session:
        for number in range(count):
            receiver = receivers[number % len(receivers)]
            endpoint = scene.endpoints[receiver]
            key = f"{name}-{number}"
            published[deliver_to(session, scene.tenant.tenant_id, endpoint, "test", _BODY, key=key)] = receiver
    began = perf_counter()
    await _all_arrived(scene.receivers, published, began + 120)
    return count / (perf_counter() - began)


@dataclass(slots=True)
class Neighbors:
    """A healthy endpoint's latencies alone and beside one that hangs, round by round."""

    alone: list[Latency] = field(default_factory=list)
    beside: list[Latency] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Of the medians of the rounds' p99: one round may meet the machine in a bad moment."""
        return _median([each.p99_ms for each in self.beside]) / _median([each.p99_ms for each in self.alone])


async def neighbors(scene: Hooked, *, rounds: int, seconds: float, per_second: float = 50) -> Neighbors:
    """Rounds with and without a neighbor that hangs for 30 seconds, in turn; receiver 0 is healthy, the others hang.

    Each round has a neighbor of its own, as after one the breaker knows it.
    """
    found = Neighbors()
    for number in range(rounds):
        scene.receivers.behaviors[number + 1] = Behavior(seconds=30)
        alone = await steady(scene, per_second=per_second, seconds=seconds, receivers=range(1), name=f"alone-{number}")
        found.alone.append(alone)
        hanging = asyncio.create_task(_bother(scene, number + 1, seconds))
        beside = await steady(
            scene, per_second=per_second, seconds=seconds, receivers=range(1), name=f"beside-{number}"
        )
        found.beside.append(beside)
        await hanging
    return found


async def _bother(scene: Hooked, receiver: int, seconds: float) -> None:
    for number in range(int(seconds * 10)):
        await scene.publish(receiver, f"hanging-{receiver}-{number}")
        await asyncio.sleep(0.1)


async def run(storm: Storm | None = None) -> None:
    """Measure and print."""
    console = Console()
    table = Table("", "", title="webhooks", title_justify="left", show_header=False)
    async with hooked(services=("worker",)) as scene:
        await scene.open_endpoints(20)
        await steady(scene, per_second=100, seconds=2, receivers=range(20), name="warm")
        rate = await drained(scene, count=6000, receivers=range(20), name="queue")
        table.add_row("6,000 waiting, 20 endpoints", f"{rate:,.0f}/s")
        for offered in (100, 300, 400):
            found = await steady(scene, per_second=offered, seconds=15, receivers=range(20), name=f"steady-{offered}")
            table.add_row(f"{offered}/s published one by one", _said(found))
        close = await neighbors(scene, rounds=3, seconds=20)
        table.add_row("healthy endpoint alone", ", ".join(f"p99 {each.p99_ms:.0f} ms" for each in close.alone))
        table.add_row("... beside one that hangs", ", ".join(f"p99 {each.p99_ms:.0f} ms" for each in close.beside))
        table.add_row("... median of p99, ratio", f"{close.ratio:.2f}")
    console.print(table)
    came = await weather(storm or Storm())
    console.print(
        f"{came.published:,} events, {came.kills} kills of worker and API in {came.publishing_seconds:.0f} s: "
        f"{came.lost} lost, {came.duplicates} repeated ({came.duplicate_share:.2%}), {came.foreign} under another id, "
        f"{came.refused} attempts refused, {came.seconds:.0f} s in all"
    )


def _said(found: Latency) -> str:
    return f"{found.per_second:,.0f}/s taken, p50 {found.p50_ms:.0f} ms, p99 {found.p99_ms:.0f} ms"


def _median(figures: list[float]) -> float:
    return sorted(figures)[len(figures) // 2]


def _endpoint(tenant_id: str, endpoint_id: str, url: str, columns: dict[str, Any]) -> tuple[Endpoint, EndpointSecret]:
    secret = new_secret(os.urandom(32))
    return (
        Endpoint(tenant_id=tenant_id, id=endpoint_id, url=url, **columns),
        EndpointSecret(tenant_id=tenant_id, id=new_id("eps"), endpoint_id=endpoint_id, scheme="v1", secret=secret),
    )
