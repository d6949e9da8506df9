"""Webhook endpoints and the deliveries to them, as their owner sees them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from api.schemas.values import In, Moment, Out, Url
from models.delivery import BreakerState, DeliveryStatus
from models.events import EventType, ProviderEventType

Scheme = Literal["v1", "v1a"]
KNOWN_EVENTS = tuple(sorted({*EventType, *ProviderEventType}))


def _known(name: str) -> str:
    if name not in KNOWN_EVENTS:
        raise ValueError(f"{name!r} is no event of ours; see /api/webhooks/event-types")
    return name


def _symmetric() -> list[Scheme]:
    return ["v1"]


EventName = Annotated[str, AfterValidator(_known)]
EventNames = Annotated[
    list[EventName], Field(max_length=100, description="Which events it is told of; none named is all.")
]
Description = Annotated[str, Field(max_length=500)]
RateLimit = Annotated[StrictInt, Field(ge=1, le=10_000, description="Messages a second, at most.")]
InFlight = Annotated[StrictInt, Field(ge=1, le=100, description="Messages under way at once, at most.")]


class EndpointIn(In):
    """A new endpoint."""

    url: Url
    description: Description = ""
    event_types: EventNames = Field(default_factory=list)
    fifo: StrictBool = False
    rate_limit_per_second: RateLimit | None = None
    max_in_flight: InFlight = 5
    schemes: Annotated[list[Scheme], Field(min_length=1, max_length=2)] = Field(default_factory=_symmetric)


class EndpointChangeIn(In):
    """What is named is changed; to enable an endpoint again forgets how it failed."""

    url: Url | None = None
    description: Description | None = None
    event_types: EventNames | None = None
    enabled: StrictBool | None = None
    fifo: StrictBool | None = None
    rate_limit_per_second: RateLimit | None = None
    max_in_flight: InFlight | None = None


class RotateIn(In):
    """A new secret; the old one goes on for a while."""

    scheme: Scheme | None = None
    overlap_hours: Annotated[StrictInt, Field(ge=0, le=24 * 30)] = 24


class RecoverIn(In):
    """Everything that failed since a moment is sent again."""

    since: Moment
    dry_run: StrictBool = False


class SecretOut(Out):
    """A secret of an endpoint, without what is secret of it; messages carry one signature for each."""

    scheme: Scheme
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None


class NewSecretOut(Out):
    """Shown once: the secret to verify with (`whsec_`), or the public key (`whpk_`)."""

    scheme: Scheme
    secret: str | None
    public_key: str | None


class HealthOut(Out):
    """How the endpoint fares."""

    failing_since: datetime | None
    last_failed_at: datetime | None
    breaker: BreakerState
    retry_at: datetime | None


class EndpointOut(Out):
    """One endpoint."""

    endpoint_id: str
    provider_id: str | None
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    fifo: bool
    rate_limit_per_second: int | None
    max_in_flight: int
    schemes: list[Scheme]
    created_at: datetime


class EndpointDetailOut(EndpointOut):
    """One endpoint with its health and what its messages are signed with."""

    success: bool = True
    health: HealthOut
    secrets: list[SecretOut]


class EndpointMadeOut(EndpointDetailOut):
    """The only time a new secret is shown."""

    new_secrets: list[NewSecretOut]


class DeliveryOut(Out):
    """One message on its way to the endpoint; `messageId` is its `webhook-id`."""

    delivery_id: str
    message_id: str
    event_type: str
    status: DeliveryStatus
    attempts: int
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime


class AttemptOut(Out):
    """One attempt, as it went."""

    number: int
    at: datetime
    status_code: int | None
    duration_ms: int
    outcome: str
    excerpt: str
    error: str | None


class DeliveryDetailOut(DeliveryOut):
    """One message with every attempt at it."""

    success: bool = True
    body: str
    attempt_log: list[AttemptOut]


class QueuedOut(Out):
    """A message is on its way."""

    success: bool = True
    message_id: str
    delivery_id: str


class RecoveredOut(Out):
    """How many messages are (or, in a dry run, would be) sent again."""

    success: bool = True
    recovered: int
    dry_run: bool


class StatsOut(Out):
    """How the deliveries since a moment stand, and how long the attempts took."""

    success: bool = True
    since: datetime
    pending: int
    retrying: int
    delivered: int
    failed: int
    attempts: int
    failed_attempts: int
    p50_ms: int | None
    p99_ms: int | None


class EventTypesOut(Out):
    """Every event an endpoint can ask for."""

    success: bool = True
    data: list[str]


class ExampleOut(Out):
    """A message as it would arrive."""

    success: bool = True
    event_type: str
    payload: dict[str, Any]
