"""Deliveries through the relay on real rows: attempts, retries, breakers, order, pace, and what is switched off."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlmodel import col, select
from temporalio.client import ActivityExecutionStatus, Client
from temporalio.worker import Worker

from activities.deliveries import SWITCHED_OFF, Deliveries
from activities.postbox import Delivered, Undelivered
from activities.signing import verify
from models.delivery import BreakerState, DeliveryPolicy
from models.events import Event, EventType
from models.records.database import Database
from models.records.deliveries import recover
from models.records.dispatch import Parcel
from models.records.endpoints import DeliveryAttempt, Endpoint, EndpointHealth, EndpointSecret, add_endpoint
from models.records.outbox import Channel, Delivery, OutboxRow, deliver, deliver_to, emit
from tests.workflows.fakes import FakeMailer
from tests.workflows.world import TENANT, eventually, populate
from workers.embedded.postgres import DatabaseUrls
from workers.errands import Errands, Work
from workers.first_attempts import FirstAttempts
from workers.relay import Relay
from workers.settings import WorkerSettings

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
QUICK = WorkerSettings(relay_idle_seconds=0.02, relay_pace_seconds=0.005)
# A failing endpoint is not left alone unless a test says so.
PATIENT = DeliveryPolicy(breaker_least=10_000)

Answer = Delivered | Exception | asyncio.Event


@dataclass
class Lenders:
    """Receivers that answer 200, unless they are told otherwise: with what is in line for them, then with `always`."""

    got: list[tuple[str, str, str]] = field(default_factory=list)
    in_line: defaultdict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Answer] = field(default_factory=dict)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    now: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        self.now[url] += 1
        self.most[url] = max(self.most[url], self.now[url])
        try:
            self.got.append((url, headers["webhook-id"], body.decode()))
            self.headers.append(headers)
            answer = self.in_line[url].pop(0) if self.in_line[url] else self.always.get(url, Delivered(200, None, "ok"))
            await asyncio.sleep(0.001)
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                return Delivered(200, None, "at last")
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            self.now[url] -= 1

    def bodies(self, url: str) -> list[str]:
        return [body for to, _, body in self.got if to == url]


@dataclass
class Scripted:
    """Errands without Temporal: what is passed on is kept, and can be attempted as the activity would."""

    deliveries: Deliveries
    passed_on: list[Parcel] = field(default_factory=list)
    is_away: bool = False

    async def retry_later(self, parcel: Parcel) -> None:
        if self.is_away:
            raise RuntimeError("Temporal is away")
        self.passed_on.append(parcel)


@dataclass
class Post:
    """A tenant, its rows, a relay on them and a clock that a test may move."""

    rows: Database
    outbox: Database
    lenders: Lenders = field(default_factory=Lenders)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    policy: DeliveryPolicy = PATIENT
    moved: timedelta = timedelta(0)
    errands: list[Scripted] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def deliveries(self) -> Deliveries:
        return Deliveries(self.outbox, self.lenders, self.mailer, self.policy, now=self.now)

    async def endpoint(self, name: str, **columns: Any) -> str:
        endpoint = Endpoint(tenant_id=TENANT, id=f"ep_{name}", url=url_of(name), **columns)
        secret = EndpointSecret(tenant_id=TENANT, id=f"eps_{name}", endpoint_id=endpoint.id, scheme="v1", secret=SECRET)
        async with self.rows.transaction(TENANT) as session:
            await add_endpoint(session, endpoint, [secret])
        return endpoint.id

    async def send(self, endpoint_id: str, *bodies: str) -> None:
        """Each in a transaction of its own."""
        for body in bodies:
            async with self.rows.transaction(TENANT) as session:
                deliver_to(session, TENANT, endpoint_id, "test", body, key=f"{endpoint_id}:{body}")

    @asynccontextmanager
    async def relaying(self, *, relays: int = 1, settings: WorkerSettings = QUICK) -> AsyncIterator[Scripted]:
        errands = [Scripted(self.deliveries()) for _ in range(relays)]
        tasks = [asyncio.create_task(Relay(self.outbox, cast("Errands", each), settings).run()) for each in errands]
        try:
            yield errands[0]
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

    async def all(self, table: Any) -> list[Any]:
        async with self.rows.transaction(TENANT) as session:
            return list((await session.execute(select(table))).scalars())

    async def is_empty(self) -> bool:
        return not await self.all(OutboxRow)

    async def delivery(self) -> Delivery:
        (row,) = await self.all(Delivery)
        return cast("Delivery", row)

    async def statuses(self) -> list[str]:
        async with self.rows.transaction(TENANT) as session:
            query = select(Delivery.status).order_by(col(Delivery.sequence))
            return list((await session.execute(query)).scalars())

    async def retried(self, errands: Scripted) -> Delivery:
        """One attempt more, as the activity makes it."""
        row = await self.delivery()
        (parcel,) = await errands.deliveries.load(TENANT, [row.id])
        if await errands.deliveries.held_back(parcel) is None:
            await errands.deliveries.record(TENANT, [await errands.deliveries.attempt(parcel)])
        return await self.delivery()


def url_of(name: str) -> str:
    return f"https://{name}.example/hook"


@pytest.fixture
async def post(database: DatabaseUrls) -> AsyncIterator[Post]:
    rows, outbox = Database(database.app), Database(database.relay)
    await populate(rows, ())
    yield Post(rows, outbox)
    await rows.close()
    await outbox.close()


async def test_a_message_is_signed_taken_and_written_down(post: Post) -> None:
    endpoint_id = await post.endpoint("one")

    async with post.relaying() as errands:
        await post.send(endpoint_id, "hello")
        await eventually(post.is_empty)

    row, (attempt,) = await post.delivery(), await post.all(DeliveryAttempt)
    ((_, message_id, _),) = post.lenders.got
    assert (row.status, row.attempts, row.message_id) == ("delivered", 1, message_id)
    assert (attempt.number, attempt.status_code, attempt.outcome, attempt.excerpt) == (1, 200, "accepted", "ok")
    verify(SECRET, post.lenders.headers[0], b"hello", now=datetime.now(UTC))
    assert errands.passed_on == []


async def test_a_healthy_endpoint_writes_nothing_of_its_health(post: Post) -> None:
    endpoint_id = await post.endpoint("one")

    async with post.relaying():
        await post.send(endpoint_id, *"abcdefghij")
        await eventually(post.is_empty)

    assert await post.all(EndpointHealth) == []
    assert (await post.statuses()) == ["delivered"] * 10


async def test_while_a_secret_is_rotated_a_message_carries_both_signatures(post: Post) -> None:
    endpoint_id, other = await post.endpoint("one"), "whsec_" + "QUJD" * 8
    async with post.rows.transaction(TENANT) as session:
        until = datetime.now(UTC) + timedelta(hours=1)
        session.add(
            EndpointSecret(
                tenant_id=TENANT, id="eps_2", endpoint_id=endpoint_id, scheme="v1", secret=other, expires_at=until
            )
        )
        gone = datetime.now(UTC) - timedelta(seconds=1)
        expired = "whsec_" + "REVG" * 8
        session.add(
            EndpointSecret(
                tenant_id=TENANT, id="eps_3", endpoint_id=endpoint_id, scheme="v1", secret=expired, expires_at=gone
            )
        )

    async with post.relaying():
        await post.send(endpoint_id, "hello")
        await eventually(post.is_empty)

    headers = post.lenders.headers[0]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, other):
        verify(secret, headers, b"hello", now=datetime.now(UTC))


async def test_a_failure_is_recorded_and_passed_on_with_its_pause(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.in_line[url_of("one")] = [Delivered(500, None, "no")]

    async with post.relaying() as errands:
        await post.send(endpoint_id, "hello")
        await eventually(post.is_empty)

    row, (parcel,) = await post.delivery(), errands.passed_on
    assert (row.status, row.attempts, row.failures, row.last_error) == ("retrying", 1, 1, "HTTP 500: no")
    assert parcel.next_attempt_at == row.next_attempt_at
    assert row.next_attempt_at is not None
    assert 3 < (row.next_attempt_at - datetime.now(UTC)).total_seconds() < 6.1


async def test_a_message_that_failed_is_passed_on_by_the_next_relay_when_the_first_dies_before_it(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.in_line[url_of("one")] = [Undelivered("no answer")]
    async with post.relaying() as errands:
        errands.is_away = True
        await post.send(endpoint_id, "hello")
        await eventually(lambda: _is(post, "retrying"))
    assert not await post.is_empty()

    async with post.relaying() as errands:
        await eventually(post.is_empty)

    assert len(errands.passed_on) == 1
    assert len(post.lenders.got) == 1, "it was not tried out of turn"


async def _is(post: Post, status: str) -> bool:
    return (await post.delivery()).status == status


async def test_the_whole_schedule_is_lived_through_and_then_it_is_over(post: Post) -> None:
    endpoint_id, pauses = await post.endpoint("one"), []
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")
    post.policy = DeliveryPolicy(breaker_least=10_000, jitter=0)

    async with post.relaying() as errands:
        await post.send(endpoint_id, "hello")
        await eventually(post.is_empty)
    row = await post.delivery()
    while row.next_attempt_at:
        pauses.append(round((row.next_attempt_at - post.now()).total_seconds(), -1))
        post.moved += row.next_attempt_at - post.now()
        row = await post.retried(errands)

    assert pauses == [0, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert (row.status, row.attempts) == ("failed", 10)
    attempts = await post.all(DeliveryAttempt)
    assert [each.number for each in sorted(attempts, key=lambda each: each.id)] == list(range(1, 11))
    assert len({message_id for _, message_id, _ in post.lenders.got}) == 1


async def test_a_receiver_that_asks_for_a_pause_gets_it(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.in_line[url_of("one")] = [Delivered(429, 900, "slow down")]

    async with post.relaying():
        await post.send(endpoint_id, "first")
        await eventually(lambda: _is(post, "retrying"))
        await post.send(endpoint_id, "second")
        await asyncio.sleep(0.2)

    first, *_ = sorted(await post.all(Delivery), key=lambda each: each.sequence)
    assert 895 < (first.next_attempt_at - datetime.now(UTC)).total_seconds() < 901
    assert post.lenders.bodies(url_of("one")) == ["first"], "the second waits too: it is the endpoint that is tired"


async def test_an_endpoint_that_is_gone_is_switched_off_and_everybody_told(post: Post) -> None:
    await populate(post.rows, ("provider_gone",))
    await post.endpoint("platform")
    post.lenders.in_line["https://provider_gone.example/webhooks"] = [Delivered(410, None, "")]

    async with post.relaying() as errands:
        async with post.rows.transaction(TENANT) as session:
            deliver(session, TENANT, Channel.WEBHOOK, "provider_gone", "lead_closed", "{}", key="k")
        await eventually(lambda: bool(post.mailer.sent))
        await eventually(post.is_empty)

    assert errands.passed_on == []
    off = next(each for each in await post.all(Endpoint) if each.provider_id == "provider_gone")
    assert (off.enabled, off.disabled_reason) == (False, "It answered 410 Gone.")
    assert post.mailer.sent[0][1] == "api@lender.example"
    (told,) = [json.loads(body) for url, _, body in post.lenders.got if url == url_of("platform")]
    assert (told["type"], told["data"]["endpointId"]) == ("endpoint_disabled", off.id)


async def test_five_days_of_nothing_but_failures_switch_an_endpoint_off(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")

    async with post.relaying() as errands:
        await post.send(endpoint_id, "hello")
        await eventually(post.is_empty)
        for _ in range(5):
            assert (await post.all(Endpoint))[0].enabled
            post.moved += timedelta(days=1)
            await post.retried(errands)

        (endpoint,) = await post.all(Endpoint)
        assert not endpoint.enabled
        assert endpoint.disabled_reason.startswith("Nothing arrived since ")
        row = await post.retried(errands)
        assert (row.status, row.last_error) == ("failed", SWITCHED_OFF)


async def test_one_success_begins_the_five_days_anew(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")

    async with post.relaying() as errands:
        await post.send(endpoint_id, "a")
        await eventually(post.is_empty)
        for day in range(1, 10):
            post.moved = timedelta(days=day)
            if day == 4:
                post.lenders.in_line[url_of("one")] = [Delivered(200, None, "ok")]
                await post.send(endpoint_id, "b")
                await eventually(post.is_empty)
                (health,) = await post.all(EndpointHealth)
                assert health.failing_since is None
            await _retry_first(post, errands)
            assert (await post.all(Endpoint))[0].enabled == (day < 9), day


async def _retry_first(post: Post, errands: Scripted) -> None:
    first = min(await post.all(Delivery), key=lambda each: each.sequence)
    (parcel,) = await errands.deliveries.load(TENANT, [first.id])
    await errands.deliveries.record(TENANT, [await errands.deliveries.attempt(parcel)])


async def test_a_failure_now_and_then_switches_nothing_off(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")

    async with post.relaying():
        for week in range(4):
            post.moved = timedelta(weeks=week)
            await post.send(endpoint_id, f"week {week}")
            await eventually(post.is_empty)

    assert (await post.all(Endpoint))[0].enabled


async def test_what_waits_for_an_endpoint_that_is_switched_off_can_be_recovered(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    await post.send(endpoint_id, "a", "b")
    await _enable(post, is_enabled=False)

    async with post.relaying():
        await eventually(post.is_empty)
        assert await post.statuses() == ["failed", "failed"]
        assert post.lenders.got == []
        await _enable(post, is_enabled=True)
        async with post.rows.transaction(TENANT) as session:
            since = datetime.now(UTC) - timedelta(hours=1)
            assert await recover(session, TENANT, endpoint_id, since=since, is_dry_run=False) == 2
        await eventually(post.is_empty)

    assert await post.statuses() == ["delivered", "delivered"]


async def _enable(post: Post, *, is_enabled: bool) -> None:
    async with post.rows.transaction(TENANT) as session:
        (await session.execute(select(Endpoint))).scalar_one().enabled = is_enabled


async def test_the_breaker_opens_and_one_probe_closes_it(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")
    post.policy = DeliveryPolicy(breaker_pause=timedelta(seconds=2))

    async with post.relaying():
        await post.send(endpoint_id, *(f"early {number}" for number in range(10)))
        await eventually(lambda: _breaker(post, BreakerState.OPEN))
        await post.send(endpoint_id, *(f"late {number}" for number in range(20)))
        await asyncio.sleep(0.2)
        assert not [body for body in post.lenders.bodies(url_of("one")) if body.startswith("late")]

        post.lenders.always.clear()
        await eventually(post.is_empty)

    assert await _breaker(post, BreakerState.CLOSED)
    assert (await post.statuses())[10:] == ["delivered"] * 20
    late = [body for body in post.lenders.bodies(url_of("one")) if body.startswith("late")]
    assert len(late) == 20


async def test_a_probe_that_fails_keeps_the_breaker_open_for_longer(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")
    post.policy = DeliveryPolicy(breaker_pause=timedelta(seconds=1))

    async with post.relaying():
        await post.send(endpoint_id, *(f"early {number}" for number in range(10)))
        await eventually(lambda: _breaker(post, BreakerState.OPEN))
        tried = len(post.lenders.got)
        await post.send(endpoint_id, *(f"late {number}" for number in range(20)))
        await eventually(lambda: len(post.lenders.got) > tried)
        await asyncio.sleep(0.1)

        assert len(post.lenders.got) == tried + 1, "one probe and no more"
        (health,) = await post.all(EndpointHealth)
        assert health.trips == 2


async def _breaker(post: Post, state: BreakerState) -> bool:
    return [each.breaker for each in await post.all(EndpointHealth)] == [state]


async def test_a_fifo_endpoint_gets_everything_in_order_from_two_relays(post: Post) -> None:
    endpoint_id = await post.endpoint("one", fifo=True)
    bodies = [f"{number:02}" for number in range(30)]

    async with post.relaying(relays=2):
        await post.send(endpoint_id, *bodies)
        await eventually(post.is_empty)

    assert post.lenders.bodies(url_of("one")) == bodies
    assert post.lenders.most[url_of("one")] == 1


async def test_a_fifo_endpoint_waits_for_what_failed_and_goes_on_when_it_is_given_up(post: Post) -> None:
    endpoint_id = await post.endpoint("one", fifo=True)
    post.lenders.in_line[url_of("one")] = [Delivered(500, None, "no"), Delivered(500, None, "no")]
    post.policy = DeliveryPolicy(schedule=(timedelta(seconds=5),), breaker_least=10_000)

    async with post.relaying() as errands:
        await post.send(endpoint_id, "a", "b", "c")
        await eventually(lambda: bool(errands.passed_on))
        await asyncio.sleep(0.2)
        assert post.lenders.bodies(url_of("one")) == ["a"]
        assert await post.is_empty()

        await _retry_first(post, errands)
        await eventually(lambda: len(post.lenders.got) == 4)
        await eventually(post.is_empty)

    assert post.lenders.bodies(url_of("one")) == ["a", "a", "b", "c"]
    assert await post.statuses() == ["failed", "delivered", "delivered"]


async def test_concurrent_publishers_are_numbered_as_they_commit(post: Post) -> None:
    endpoint_id = await post.endpoint("one", fifo=True)

    async with post.relaying(relays=2):
        await asyncio.gather(*(post.send(endpoint_id, f"{number}") for number in range(20)))
        await eventually(post.is_empty)

    in_order = sorted(await post.all(Delivery), key=lambda each: each.sequence)
    assert post.lenders.bodies(url_of("one")) == [each.body for each in in_order]


async def test_no_more_are_in_flight_than_an_endpoint_allows(post: Post) -> None:
    endpoint_id = await post.endpoint("one", max_in_flight=3)

    async with post.relaying():
        await post.send(endpoint_id, *(str(number) for number in range(20)))
        await eventually(post.is_empty)

    assert post.lenders.most[url_of("one")] <= 3


async def test_an_endpoint_with_a_rate_limit_is_not_sent_more(post: Post) -> None:
    endpoint_id = await post.endpoint("one", rate_limit_per_second=20)
    await post.send(endpoint_id, *(str(number) for number in range(11)))
    began = asyncio.get_running_loop().time()

    async with post.relaying():
        await eventually(post.is_empty)

    assert asyncio.get_running_loop().time() - began >= 0.5


async def test_a_neighbor_that_hangs_takes_its_own_slots_only(post: Post) -> None:
    hanging, healthy = await post.endpoint("hanging", max_in_flight=10), await post.endpoint("healthy")
    post.lenders.always[url_of("hanging")] = asyncio.Event()
    await post.send(hanging, *(str(number) for number in range(60)))

    async with post.relaying(settings=QUICK.model_copy(update={"relay_batch": 20, "deliveries_in_flight": 15})):
        await post.send(healthy, *(str(number) for number in range(30)))
        await eventually(lambda: len(post.lenders.bodies(url_of("healthy"))) == 30, seconds=10)

        assert post.lenders.most[url_of("hanging")] == 10


async def test_what_a_relay_holds_when_it_stops_is_free_at_once(post: Post) -> None:
    endpoint_id, let_go = await post.endpoint("one", max_in_flight=10), asyncio.Event()
    post.lenders.always[url_of("one")] = let_go
    async with post.relaying():
        await post.send(endpoint_id, *(str(number) for number in range(30)))
        await eventually(lambda: len(post.lenders.got) == 10)
    post.lenders.always.clear()
    post.lenders.got.clear()

    async with post.relaying():
        await eventually(lambda: len(post.lenders.got) >= 20, seconds=5)


async def test_a_row_whose_lease_ended_while_it_was_held_is_not_given_away(post: Post) -> None:
    endpoint_id = await post.endpoint("one")
    post.lenders.always[url_of("one")] = asyncio.Event()
    await post.send(endpoint_id, "hello")
    (row,) = await post.all(OutboxRow)
    deliveries = post.deliveries()
    attempts = FirstAttempts(post.outbox, deliveries, Scripted(deliveries).retry_later, QUICK)
    writing = asyncio.create_task(attempts.run())

    for _ in range(2):
        await attempts.take([Work.of(row)])
        await asyncio.sleep(0.05)

    assert len(await post.all(OutboxRow)) == 1
    assert len(post.lenders.got) == 1
    await attempts.close()
    await writing


async def test_the_platform_hears_of_domain_events(post: Post) -> None:
    await post.endpoint("one", event_types=["payment.failed"])

    async with post.relaying():
        async with post.rows.transaction(TENANT) as session:
            for type_ in (EventType.PAYMENT_FAILED, EventType.LOAN_CLOSED):
                emit(session, TENANT, Event(type_, "app_1", datetime(2026, 3, 1, tzinfo=UTC), "loan_1"), key="1")
        await eventually(post.is_empty)

    ((_, message_id, body),) = post.lenders.got
    told = json.loads(body)
    assert (told["type"], told["eventId"]) == ("payment.failed", message_id)
    assert told["data"] == {"applicationId": "app_1", "loanId": "loan_1"}


@asynccontextmanager
async def carried_on(post: Post, client: Client) -> AsyncIterator[None]:
    """The relay with a real Temporal behind it, and a worker that serves the retries."""
    deliveries, queue = post.deliveries(), f"test-{uuid4()}"
    relaying = asyncio.create_task(Relay(post.outbox, Errands(client, deliveries, retry_queue=queue), QUICK).run())
    try:
        async with Worker(client, task_queue=queue, activities=[deliveries.deliver]):
            yield
    finally:
        relaying.cancel()
        with suppress(asyncio.CancelledError):
            await relaying


async def test_temporal_carries_on_by_the_schedule_until_it_arrives(post: Post, temporal_client: Client) -> None:
    endpoint_id = await post.endpoint("one")
    post.policy = DeliveryPolicy(schedule=(timedelta(seconds=0.2),) * 5)
    post.lenders.in_line[url_of("one")] = [Undelivered("no answer")] * 3

    async with carried_on(post, temporal_client):
        await post.send(endpoint_id, "hello")
        await eventually(lambda: _is(post, "delivered"))

    attempts = sorted(await post.all(DeliveryAttempt), key=lambda each: each.number)
    assert [each.outcome for each in attempts] == ["unanswered"] * 3 + ["accepted"]
    row = await post.delivery()
    handle = temporal_client.get_activity_handle(f"deliver/{row.id}")
    assert (await handle.describe()).status is ActivityExecutionStatus.COMPLETED


async def test_temporal_gives_up_when_the_schedule_is_over(post: Post, temporal_client: Client) -> None:
    endpoint_id = await post.endpoint("one")
    post.policy = DeliveryPolicy(schedule=(timedelta(seconds=0.1),) * 2)
    post.lenders.always[url_of("one")] = Delivered(500, None, "no")

    async with carried_on(post, temporal_client):
        await post.send(endpoint_id, "hello")
        await eventually(lambda: _is(post, "failed"))

    assert (await post.delivery()).attempts == 3


async def test_temporal_waits_with_its_retries_while_the_breaker_is_open(post: Post, temporal_client: Client) -> None:
    endpoint_id = await post.endpoint("one")
    post.policy = DeliveryPolicy(
        schedule=(timedelta(seconds=0.3),) * 9, breaker_least=4, breaker_pause=timedelta(seconds=2)
    )
    post.lenders.in_line[url_of("one")] = [Undelivered("no answer")] * 4

    async with carried_on(post, temporal_client):
        await post.send(endpoint_id, "a", "b", "c", "d")
        await eventually(lambda: _breaker(post, BreakerState.OPEN))
        await asyncio.sleep(1)
        assert len(post.lenders.got) == 4
        await eventually(lambda: _all_delivered(post))

    assert len(post.lenders.got) == 8


async def _all_delivered(post: Post) -> bool:
    return set(await post.statuses()) == {"delivered"}
