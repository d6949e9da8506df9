"""Webhook endpoints: the platform's own, and those of each provider; the same operations for both."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from sqlmodel import col, select

from activities.provider_news import ProviderNews, tell_endpoint
from api.endpoints import (
    EndpointIsOff,
    Entropy,
    Owning,
    StillOnItsWay,
    TooLongAgo,
    change,
    detail,
    endpoint_out,
    endpoints_of,
    made,
    make,
    rotate,
)
from api.event_examples import example_of
from api.idempotency import IdempotentRoute, Ids, answers_secrets
from api.pagination import PageOut, Pages, whole
from api.resources import Having
from api.schemas.endpoints import (
    KNOWN_EVENTS,
    AttemptOut,
    DeliveryDetailOut,
    DeliveryOut,
    EndpointChangeIn,
    EndpointDetailOut,
    EndpointIn,
    EndpointMadeOut,
    EndpointOut,
    EventName,
    EventTypesOut,
    ExampleOut,
    NewSecretOut,
    QueuedOut,
    RecoveredOut,
    RecoverIn,
    RotateIn,
    StatsOut,
)
from api.schemas.values import Identifier, Moment
from api.security import AnyCaller
from models.delivery import DeliveryStatus
from models.errors import NotFound
from models.events import ProviderEventType
from models.records.deliveries import recover, resend, stats
from models.records.endpoints import DeliveryAttempt, Endpoint
from models.records.outbox import Delivery, write_what_is_left

RECOVERABLE = timedelta(days=30)


async def _of_provider(_: Annotated[Identifier, Path(alias="providerId")]) -> None:
    """Whose endpoints; see `Owning`."""


_PLATFORM = APIRouter(prefix="/api/webhooks/endpoints", tags=["webhooks"], route_class=IdempotentRoute)
_PROVIDERS = APIRouter(
    prefix="/api/v1/providers/{providerId}/endpoints",
    tags=["webhooks"],
    route_class=IdempotentRoute,
    dependencies=[Depends(_of_provider)],
)
Handler = TypeVar("Handler", bound=Callable[..., Any])

EndpointId = Annotated[Identifier, Path(alias="endpointId")]
DeliveryId = Annotated[Identifier, Path(alias="deliveryId")]


def operation(method: str, path: str, *, status_code: int = 200) -> Callable[[Handler], Handler]:
    """The same for the platform's endpoints and for those of each provider."""

    def offer(handler: Handler) -> Handler:
        for owners in (_PLATFORM, _PROVIDERS):
            owners.add_api_route(path, handler, methods=[method], status_code=status_code)
        return handler

    return offer


class UnknownEventType(NotFound):
    """There is no such event."""


class RotatedOut(NewSecretOut):
    """The only time the new secret is shown."""

    success: bool = True


@operation("POST", "", status_code=201)
@answers_secrets
async def create(body: EndpointIn, owner: Owning, having: Having, ids: Ids, dice: Entropy) -> EndpointMadeOut:
    """Open an endpoint and show its secret, once."""
    async with having.database.transaction(owner.tenant_id) as session:
        endpoint, secrets = await make(session, owner, body, ids("ep"), dice, allow_local=having.settings.is_sandbox)
        await session.flush()
        return await made(session, endpoint, secrets)


@operation("GET", "")
async def find(owner: Owning, having: Having, paging: Pages) -> PageOut[EndpointOut]:
    """Every endpoint, switched off or not."""
    query = select(Endpoint).where(*endpoints_of(owner)).order_by(col(Endpoint.id)).limit(paging.fetched)
    if paging.after is not None:
        query = query.where(col(Endpoint.id) > paging.after[0])
    async with having.database.transaction(owner.tenant_id) as session:
        await owner.check(session)
        rows = (await session.execute(query)).scalars().all()
    return paging.page(rows, endpoint_out, lambda endpoint: (endpoint.id,))


@operation("GET", "/{endpointId}")
async def show(endpoint_id: EndpointId, owner: Owning, having: Having) -> EndpointDetailOut:
    """One endpoint, how it fares and until when its secrets are good."""
    async with having.database.transaction(owner.tenant_id) as session:
        return await detail(session, await owner.endpoint(session, endpoint_id))


@operation("PATCH", "/{endpointId}")
async def update(endpoint_id: EndpointId, body: EndpointChangeIn, owner: Owning, having: Having) -> EndpointDetailOut:
    """Change what is named; to enable an endpoint forgets how it failed."""
    async with having.database.transaction(owner.tenant_id) as session:
        endpoint = await change(session, owner, endpoint_id, body, allow_local=having.settings.is_sandbox)
        return await detail(session, endpoint)


@operation("DELETE", "/{endpointId}", status_code=204)
async def remove(endpoint_id: EndpointId, owner: Owning, having: Having) -> None:
    """Send it nothing more, what is on its way included. Its deliveries stay on record."""
    async with having.database.transaction(owner.tenant_id) as session:
        endpoint = await owner.endpoint(session, endpoint_id, for_change=True)
        endpoint.enabled, endpoint.deleted_at = False, datetime.now(UTC)


@operation("POST", "/{endpointId}/secret/rotate")
@answers_secrets
async def rotate_secret(
    endpoint_id: EndpointId, body: RotateIn, owner: Owning, having: Having, dice: Entropy
) -> RotatedOut:
    """Show a new secret, once. Until the old one expires, messages carry a signature of each."""
    overlap = timedelta(hours=body.overlap_hours)
    async with having.database.transaction(owner.tenant_id) as session:
        fresh = await rotate(session, owner, endpoint_id, body.scheme, overlap=overlap, dice=dice)
    return RotatedOut(**fresh.model_dump())


@operation("POST", "/{endpointId}/test", status_code=202)
async def send_test(endpoint_id: EndpointId, owner: Owning, having: Having, ids: Ids) -> QueuedOut:
    """Send a `test` event to this endpoint, whatever events it asks for."""
    now = datetime.now(UTC)
    async with having.database.transaction(owner.tenant_id) as session:
        endpoint = await owner.endpoint(session, endpoint_id)
        if not endpoint.enabled:
            raise EndpointIsOff("The endpoint is switched off; enable it first.", "endpointId")
        data = example_of(ProviderEventType.TEST)["data"]
        news = ProviderNews(ProviderEventType.TEST, ids("test"), now, data)
        message_id = tell_endpoint(session, owner.tenant_id, endpoint_id, owner.provider_id, news)
        await write_what_is_left(session)
        query = select(Delivery.id).where(
            col(Delivery.endpoint_id) == endpoint_id, col(Delivery.message_id) == message_id
        )
        delivery_id = (await session.execute(query.order_by(col(Delivery.sequence).desc()).limit(1))).scalar_one()
    return QueuedOut(message_id=message_id, delivery_id=delivery_id)


@operation("GET", "/{endpointId}/deliveries")
async def deliveries(
    endpoint_id: EndpointId,
    owner: Owning,
    having: Having,
    paging: Pages,
    status: Annotated[DeliveryStatus | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
    event_type: Annotated[EventName | None, Query(alias="type")] = None,
) -> PageOut[DeliveryOut]:
    """What was sent to the endpoint, newest first."""
    query = select(Delivery).where(col(Delivery.endpoint_id) == endpoint_id)
    if status is not None:
        query = query.where(col(Delivery.status) == status)
    if since is not None:
        query = query.where(col(Delivery.recorded_at) >= since)
    if event_type is not None:
        query = query.where(col(Delivery.event_type) == event_type)
    if (after := paging.position(whole)) is not None:
        query = query.where(col(Delivery.sequence) < after[0])
    async with having.database.transaction(owner.tenant_id) as session:
        await owner.endpoint(session, endpoint_id)
        found = await session.execute(query.order_by(col(Delivery.sequence).desc()).limit(paging.fetched))
        rows = found.scalars().all()
    return paging.page(rows, _delivery, lambda row: (str(row.sequence),))


@operation("GET", "/{endpointId}/deliveries/{deliveryId}")
async def delivery(
    endpoint_id: EndpointId, delivery_id: DeliveryId, owner: Owning, having: Having
) -> DeliveryDetailOut:
    """One message with every attempt at it."""
    query = (
        select(DeliveryAttempt).where(col(DeliveryAttempt.delivery_id) == delivery_id).order_by(col(DeliveryAttempt.id))
    )
    async with having.database.transaction(owner.tenant_id) as session:
        row = await owner.delivery(session, endpoint_id, delivery_id)
        attempts = (await session.execute(query)).scalars().all()
    return DeliveryDetailOut(
        **_delivery(row).model_dump(), body=row.body, attempt_log=[_attempt(each) for each in attempts]
    )


@operation("POST", "/{endpointId}/deliveries/{deliveryId}/resend", status_code=202)
async def send_again(endpoint_id: EndpointId, delivery_id: DeliveryId, owner: Owning, having: Having) -> QueuedOut:
    """Send one message again, under the id it had, whether it arrived or was given up."""
    async with having.database.transaction(owner.tenant_id) as session:
        row = await owner.delivery(session, endpoint_id, delivery_id)
        endpoint = await owner.endpoint(session, endpoint_id)
        if not endpoint.enabled:
            raise EndpointIsOff("The endpoint is switched off; enable it first.", "endpointId")
        if not await resend(session, owner.tenant_id, endpoint_id, delivery_id):
            raise StillOnItsWay("The message is on its way already.", "deliveryId")
    return QueuedOut(message_id=row.message_id or row.id, delivery_id=row.id)


@operation("POST", "/{endpointId}/recover", status_code=202)
async def recover_since(endpoint_id: EndpointId, body: RecoverIn, owner: Owning, having: Having) -> RecoveredOut:
    """Send everything again that was given up since a moment; a dry run only counts it."""
    if body.since < datetime.now(UTC) - RECOVERABLE:
        raise TooLongAgo(f"Messages are recovered for {RECOVERABLE.days} days and not longer.", "since")
    async with having.database.transaction(owner.tenant_id) as session:
        endpoint = await owner.endpoint(session, endpoint_id)
        if not endpoint.enabled and not body.dry_run:
            raise EndpointIsOff("The endpoint is switched off; enable it first.", "endpointId")
        count = await recover(session, owner.tenant_id, endpoint_id, since=body.since, is_dry_run=body.dry_run)
    return RecoveredOut(recovered=count, dry_run=body.dry_run)


@operation("GET", "/{endpointId}/stats")
async def statistics(
    endpoint_id: EndpointId, owner: Owning, having: Having, since: Annotated[Moment | None, Query()] = None
) -> StatsOut:
    """How the deliveries since a moment (a day ago, unless named) stand."""
    since = since or datetime.now(UTC) - timedelta(days=1)
    async with having.database.transaction(owner.tenant_id) as session:
        await owner.endpoint(session, endpoint_id)
        counted = await stats(session, owner.tenant_id, endpoint_id, since=since)
    return StatsOut(since=since, **counted)


events = APIRouter(prefix="/api/webhooks/event-types", tags=["webhooks"])


@events.get("")
async def event_types(_: AnyCaller) -> EventTypesOut:
    """Every event an endpoint can ask for."""
    return EventTypesOut(data=list(KNOWN_EVENTS))


@events.get("/{eventType}/example")
async def example(event_type: Annotated[str, Path(alias="eventType", max_length=100)], _: AnyCaller) -> ExampleOut:
    """What a message of this event looks like."""
    if event_type not in KNOWN_EVENTS:
        raise UnknownEventType(f"There is no event {event_type}.", "eventType")
    return ExampleOut(event_type=event_type, payload=example_of(event_type))


router = APIRouter()
for each in (_PLATFORM, _PROVIDERS, events):
    router.include_router(each)


def _delivery(row: Delivery) -> DeliveryOut:
    return DeliveryOut(
        delivery_id=row.id,
        message_id=row.message_id or row.id,
        event_type=row.event_type or row.subject,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        last_error=row.last_error,
        next_attempt_at=row.next_attempt_at,
        delivered_at=row.delivered_at,
        created_at=row.recorded_at,
    )


def _attempt(row: DeliveryAttempt) -> AttemptOut:
    return AttemptOut(
        number=row.number,
        at=row.at,
        status_code=row.status_code,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        excerpt=row.excerpt,
        error=row.error,
    )
