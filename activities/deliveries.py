"""Sending one message: one attempt at one stranger, and what came of it written down."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, update
from sqlmodel import col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.destinations import ForbiddenDestination
from activities.mail import Mailer, MailRefused
from activities.postbox import Postbox
from activities.signing import signed_headers
from models.records.database import Database
from models.records.outbox import Channel, Delivery
from models.records.providers import Provider

# The retries of Standard Webhooks 1.0.0: immediately (the relay), then after these pauses; 75 hours in all.
RETRY_SCHEDULE = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
_GONE = 410


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Which message of which tenant."""

    tenant_id: str
    delivery_id: str


class DeliveryFailed(Exception):
    """The message did not get through; `final` when it never will. `wait_seconds` is what the receiver asked for."""

    def __init__(self, detail: str, *, final: bool = False, wait_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.final = final
        self.wait_seconds = wait_seconds


class Deliveries:
    """Sends what the outbox holds. A message may arrive twice; its id says so to the receiver."""

    def __init__(self, database: Database, postbox: Postbox, mailer: Mailer) -> None:
        self._database = database
        self._postbox = postbox
        self._mailer = mailer

    @activity.defn(name="Deliveries.deliver")
    async def deliver(self, ref: MessageRef) -> None:
        """One attempt of the long retry schedule; Temporal makes the next one when it is due."""
        attempt = activity.info().attempt
        try:
            await self.attempt(ref, is_last=attempt >= len(RETRY_SCHEDULE))
        except DeliveryFailed as failure:
            pause = RETRY_SCHEDULE[min(attempt, len(RETRY_SCHEDULE) - 1)]
            if failure.wait_seconds:
                pause = max(pause, timedelta(seconds=failure.wait_seconds))
            raise ApplicationError(
                str(failure), type="DeliveryFailed", non_retryable=failure.final, next_retry_delay=pause
            ) from failure

    async def attempt(self, ref: MessageRef, *, is_last: bool = False) -> None:
        """Send once and record the outcome; raise `DeliveryFailed` unless it was accepted."""
        delivery, provider = await self._load(ref)
        if delivery.status == "delivered":
            return
        failure: DeliveryFailed | None = None
        try:
            await self._send(delivery, provider)
        except DeliveryFailed as failed:
            failure = failed
        await self._record(ref, failure, is_over=failure is None or failure.final or is_last)
        if failure:
            raise failure

    async def _send(self, delivery: Delivery, provider: Provider | None) -> None:
        try:
            if provider is None:
                await self._mailer.send(delivery.id, delivery.recipient, delivery.subject, delivery.body)
                return
            body = delivery.body.encode()
            headers = signed_headers(provider.webhook_secret, delivery.id, datetime.now(UTC), body)
            answer = await self._postbox.post(
                provider.webhook_url, {"content-type": "application/json", **headers}, body
            )
        except (ForbiddenDestination, MailRefused) as refusal:
            raise DeliveryFailed(str(refusal), final=True) from refusal
        except Exception as outage:  # whatever a stranger's protocol raises, the message did not get through
            raise DeliveryFailed(f"{type(outage).__name__}: {outage}") from outage
        if not answer.accepted:
            detail = f"HTTP {answer.status_code}: {answer.excerpt}"
            raise DeliveryFailed(detail, final=answer.status_code == _GONE, wait_seconds=answer.retry_after_seconds)

    async def _load(self, ref: MessageRef) -> tuple[Delivery, Provider | None]:
        """The message, and the provider it is for when it is a webhook."""
        addressee = and_(col(Provider.id) == col(Delivery.recipient), col(Delivery.channel) == Channel.WEBHOOK)
        query = select(Delivery, Provider).outerjoin(Provider, addressee).where(col(Delivery.id) == ref.delivery_id)
        async with self._database.transaction(ref.tenant_id) as session:
            delivery, provider = (await session.execute(query)).one()
            return delivery, provider

    async def _record(self, ref: MessageRef, failure: DeliveryFailed | None, *, is_over: bool) -> None:
        async with self._database.transaction(ref.tenant_id) as session:
            await session.execute(
                update(Delivery)
                .where(col(Delivery.id) == ref.delivery_id)
                .values(
                    attempts=col(Delivery.attempts) + 1,
                    last_error=str(failure) if failure else None,
                    delivered_at=None if failure else datetime.now(UTC),
                    status=("failed" if is_over else "retrying") if failure else "delivered",
                )
            )
