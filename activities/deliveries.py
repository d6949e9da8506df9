"""Sending messages: one attempt at one stranger, and what came of it written down.

The relay makes the first attempt. What fails is carried on by `deliver`, a standalone activity that Temporal calls
again after each pause of the schedule; how far a message has come is in its row, so that resetting the activity in
the Temporal UI makes the next attempt at once and loses nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.destinations import ForbiddenDestination
from activities.mail import Mailer, MailRefused
from activities.postbox import Postbox
from activities.provider_news import ProviderNews, tell_platform, tell_provider
from activities.signing import signed_headers
from models.delivery import AttemptOutcome, BreakerState, DeliveryPolicy, DeliveryStatus, RecentAttempts, outcome_of
from models.events import ProviderEventType
from models.records.database import Database
from models.records.dispatch import (
    Address,
    Outcome,
    Parcel,
    call_next,
    load,
    lock_order,
    note_failure,
    note_success,
    record,
    switch_off,
    take_probe,
)
from models.records.outbox import Channel, deliver

_NO_POLICY = DeliveryPolicy()
SWITCHED_OFF = "The endpoint is switched off."


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message of which tenant."""

    tenant_id: str
    delivery_id: str


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Seen:
    """What this process knows of an endpoint that fails, before any row does."""

    recent: RecentAttempts = field(default_factory=RecentAttempts)
    is_ailing: bool = False


class Deliveries:
    """Sends what the outbox holds. A message may arrive twice; its id says so to the receiver."""

    def __init__(
        self,
        database: Database,
        postbox: Postbox,
        mailer: Mailer,
        policy: DeliveryPolicy = _NO_POLICY,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._postbox = postbox
        self._mailer = mailer
        self._now = now
        self._seen: defaultdict[str, _Seen] = defaultdict(_Seen)
        self.policy = policy

    @activity.defn(name="Deliveries.deliver")
    async def deliver(self, ref: MessageRef) -> None:
        """One attempt of the long schedule of retries; Temporal makes the next one when it is due."""
        parcels = await self.load(ref.tenant_id, [ref.delivery_id])
        if not parcels or not parcels[0].is_unfinished:
            return
        (parcel,) = parcels
        if (wait := await self.held_back(parcel)) is not None:
            raise _again("The endpoint is left alone until it has recovered.", wait)
        outcome = await self.attempt(parcel)
        await self.record(ref.tenant_id, [outcome])
        if outcome.next_attempt_at:
            raise _again(outcome.error or "", outcome.next_attempt_at - outcome.at)
        if outcome.status is not DeliveryStatus.DELIVERED:
            raise ApplicationError(outcome.error or "", type="DeliveryFailed", non_retryable=True)

    async def load(self, tenant_id: str, delivery_ids: Sequence[str]) -> list[Parcel]:
        """What it takes to send these messages."""
        async with self._database.transaction(tenant_id) as session:
            return await load(session, tenant_id, delivery_ids)

    async def held_back(self, parcel: Parcel) -> timedelta | None:
        """How long to leave the endpoint alone; None when the message may be sent now, perhaps as the one probe."""
        address = parcel.address
        if address is None or address.breaker is BreakerState.CLOSED or not address.enabled:
            return None
        now = self._now()
        async with self._database.transaction(parcel.tenant_id) as session:
            taken = await take_probe(
                session, parcel.tenant_id, address.endpoint_id, at=now, for_=self.policy.probe_lasts
            )
        if taken is None:
            return None
        state, retry_at = taken
        wait = max(retry_at - now, timedelta(0))
        return min(wait, self.policy.probe_watch) if state is BreakerState.HALF_OPEN else wait

    async def attempt(self, parcel: Parcel) -> Outcome:
        """Send once; whatever happens is an outcome, for `record` to write."""
        if parcel.has_nowhere_to_go:
            return self.undeliverable(parcel)
        at, began = self._now(), perf_counter()
        answer = await self._send(parcel, at)
        return self._judged(parcel, at, answer, duration_ms=round((perf_counter() - began) * 1000))

    def undeliverable(self, parcel: Parcel) -> Outcome:
        """A message for an endpoint that is switched off fails unsent; it can be recovered."""
        return Outcome(parcel, self._now(), DeliveryStatus.FAILED, error=SWITCHED_OFF)

    async def record(self, tenant_id: str, outcomes: Sequence[Outcome]) -> dict[str, timedelta]:
        """Write what came of these messages, all in one transaction; healthy endpoints cost nothing but their attempts.

        The answer names the endpoints that are to be left alone, and for how long.
        """
        ended_in_order = {a.endpoint_id for each in outcomes if each.is_final and (a := each.parcel.address) and a.fifo}
        async with self._database.transaction(tenant_id) as session:
            if ended_in_order:
                await lock_order(session, ended_in_order)
            await record(session, tenant_id, outcomes)
            opened = await self._note_health(session, tenant_id, outcomes)
            if ended_in_order:
                await call_next(session, tenant_id, ended_in_order)
        return self._throttled(outcomes) | opened

    def _throttled(self, outcomes: Sequence[Outcome]) -> dict[str, timedelta]:
        """Whoever asks for less gets less: not only of this message, of all."""
        longest = self.policy.breaker_longest_pause
        return {
            each.parcel.address.endpoint_id: min(each.next_attempt_at - each.at, longest)
            for each in outcomes
            if each.outcome is AttemptOutcome.THROTTLED and each.parcel.address and each.next_attempt_at
        }

    async def _send(self, parcel: Parcel, at: datetime) -> "_Answer":
        try:
            if parcel.address is None:
                await self._mailer.send(parcel.message_id, parcel.recipient, parcel.subject, parcel.body)
                return _Answer(AttemptOutcome.ACCEPTED)
            body = parcel.body.encode()
            headers = signed_headers(parcel.address.secrets, parcel.message_id, at, body)
            answer = await self._postbox.post(parcel.address.url, {"content-type": "application/json", **headers}, body)
        except (ForbiddenDestination, MailRefused) as refusal:
            return _Answer(AttemptOutcome.FORBIDDEN, str(refusal), is_final=True)
        except Exception as outage:  # noqa: BLE001 - whatever a stranger's protocol raises, the message did not get through
            return _Answer(AttemptOutcome.UNANSWERED, f"{type(outage).__name__}: {outage}")
        outcome = outcome_of(answer.status_code)
        is_accepted, wanted = outcome is AttemptOutcome.ACCEPTED, answer.retry_after_seconds
        return _Answer(
            outcome,
            None if is_accepted else f"HTTP {answer.status_code}: {answer.excerpt}",
            is_final=outcome is AttemptOutcome.GONE,
            status_code=answer.status_code,
            excerpt=answer.excerpt,
            wanted=None if wanted is None else timedelta(seconds=wanted),
        )

    def _judged(self, parcel: Parcel, at: datetime, answer: "_Answer", *, duration_ms: int) -> Outcome:
        """Where the message stands after this answer."""
        pause = None
        if answer.outcome is AttemptOutcome.ACCEPTED:
            status = DeliveryStatus.DELIVERED
        else:
            if not answer.is_final:
                throttled = answer.outcome is AttemptOutcome.THROTTLED
                pause = self.policy.pause_after(
                    parcel.delivery_id, parcel.failures + 1, throttled=throttled, wanted=answer.wanted
                )
            status = DeliveryStatus.RETRYING if pause else DeliveryStatus.FAILED
        return Outcome(
            parcel,
            at,
            status,
            error=answer.error,
            next_attempt_at=self._now() + pause if pause else None,
            outcome=answer.outcome,
            status_code=answer.status_code,
            duration_ms=duration_ms,
            excerpt=answer.excerpt,
        )

    async def _note_health(
        self, session: AsyncSession, tenant_id: str, outcomes: Sequence[Outcome]
    ) -> dict[str, timedelta]:
        """Endpoints that failed, and those that are well again; in one order, as two relays may do it at once."""
        by_endpoint: defaultdict[str, list[Outcome]] = defaultdict(list)
        for each in outcomes:
            if each.is_attempt and each.parcel.address:
                by_endpoint[each.parcel.address.endpoint_id].append(each)
        well, opened = [], {}
        for endpoint_id, made in sorted(by_endpoint.items()):
            seen = self._seen[endpoint_id]
            for each in made:
                seen.recent.saw(each.at, self.policy, failed=each.failed)
            if not all(each.failed for each in made):
                if seen.is_ailing or any(each.parcel.address and each.parcel.address.is_ailing for each in made):
                    well.append(endpoint_id)
                continue
            seen.is_ailing = True
            if pause := await self._note_failures(session, tenant_id, made, seen):
                opened[endpoint_id] = pause
        if well:
            await note_success(session, tenant_id, well)
        for endpoint_id in well:
            self._seen[endpoint_id].is_ailing = False
            self._seen[endpoint_id].recent.forget()
        return opened

    async def _note_failures(
        self, session: AsyncSession, tenant_id: str, made: list[Outcome], seen: _Seen
    ) -> timedelta | None:
        """How long the breaker stays open, if these failures open it."""
        last = max(made, key=lambda each: each.at)
        address = last.parcel.address
        assert address is not None, "a mailbox has no health"
        was_probe = address.breaker is not BreakerState.CLOSED
        trips, pause = 0, None
        if was_probe or seen.recent.trips(self.policy):
            trips = address.trips + 1
            pause = self.policy.cool_down(trips)
            seen.recent.forget()
        failing_since = await note_failure(
            session,
            tenant_id,
            address.endpoint_id,
            last.at,
            gap=self.policy.series_gap,
            trips=trips,
            retry_at=self._now() + pause if pause else None,
        )
        if any(each.outcome is AttemptOutcome.GONE for each in made):
            await self._switch_off(session, tenant_id, address, "It answered 410 Gone.")
        elif self.policy.is_over(failing_since, last.at):
            await self._switch_off(
                session, tenant_id, address, f"Nothing arrived since {failing_since:%Y-%m-%d %H:%M} UTC."
            )
        return pause

    async def _switch_off(self, session: AsyncSession, tenant_id: str, address: Address, reason: str) -> None:
        """Switch the endpoint off and say so: to the platform, to the provider's other endpoints and by mail."""
        at = self._now()
        switched = await switch_off(session, tenant_id, address.endpoint_id, reason=reason, at=at)
        if switched is None:
            return
        provider_id, url, mailbox = switched
        data = {"endpointId": address.endpoint_id, "url": url, "reason": reason, "providerId": provider_id}
        news = ProviderNews(ProviderEventType.ENDPOINT_DISABLED, f"{address.endpoint_id}:{at.isoformat()}", at, data)
        tell_platform(session, tenant_id, news)
        if provider_id:
            tell_provider(session, tenant_id, provider_id, news)
        if mailbox:
            text = (
                f"We have stopped sending events to {url}.\n\n{reason}\n\nOnce it answers again, enable the endpoint "
                f"{address.endpoint_id} and ask for what it missed: POST .../endpoints/{address.endpoint_id}/recover.\n"
            )
            key = f"endpoint_disabled:{address.endpoint_id}:{at.isoformat()}"
            deliver(session, tenant_id, Channel.MAIL, mailbox, "Your webhook endpoint was switched off", text, key=key)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one attempt met with."""

    outcome: AttemptOutcome
    error: str | None = None
    is_final: bool = False
    status_code: int | None = None
    excerpt: str = ""
    wanted: timedelta | None = None


def _again(why: str, pause: timedelta) -> ApplicationError:
    """Have Temporal call again after the pause; it is nobody's error here."""
    return ApplicationError(
        why, type="DeliveryFailed", next_retry_delay=pause, category=ApplicationErrorCategory.BENIGN
    )
