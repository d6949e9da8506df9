"""Where webhooks go: endpoints, what their messages are signed with, how they fare, and every attempt at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, Index, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, col, select

from models.delivery import BreakerState
from models.ids import derived_id
from models.records.columns import RecordedRow, TenantRow, document, instant, word
from models.records.providers import Provider

_OF_ENDPOINT = (["tenant_id", "endpoint_id"], ["caas_endpoint.tenant_id", "caas_endpoint.id"])


class Endpoint(RecordedRow, table=True):
    """A URL that is told of events; a provider's, or without one the platform's own."""

    __tablename__ = "caas_endpoint"
    __table_args__ = (Index("caas_endpoint_provider", "tenant_id", "provider_id", "id"),)

    id: str = Field(primary_key=True)
    provider_id: str | None = None
    url: str
    description: str = ""
    event_types: list[str] = document(default_factory=list)
    """Which it is told of; none named is all of them."""
    enabled: bool = True
    disabled_reason: str | None = None
    disabled_at: datetime | None = instant(default=None)
    deleted_at: datetime | None = instant(default=None)
    fifo: bool = False
    rate_limit_per_second: int | None = None
    max_in_flight: int = 5
    """What is in flight when a relay is killed is sent again, so it is little unless the owner asks for more."""
    schemes: list[str] = document(default_factory=lambda: ["v1"])


class EndpointSecret(RecordedRow, table=True):
    """What messages are signed with. While several are good, each message carries a signature of each."""

    __tablename__ = "caas_endpoint_secret"
    __table_args__ = (
        ForeignKeyConstraint(*_OF_ENDPOINT),
        Index("caas_endpoint_secret_endpoint", "tenant_id", "endpoint_id"),
    )

    id: str = Field(primary_key=True)
    endpoint_id: str
    scheme: str
    secret: str
    public_key: str | None = None
    expires_at: datetime | None = instant(default=None)


class EndpointHealth(TenantRow, table=True):
    """How an endpoint fares. There is no row until it fails, and none is changed while it does well."""

    __tablename__ = "caas_endpoint_health"
    __table_args__ = (ForeignKeyConstraint(*_OF_ENDPOINT),)

    endpoint_id: str = Field(primary_key=True)
    failing_since: datetime | None = instant(default=None)
    last_failed_at: datetime | None = instant(default=None)
    breaker: BreakerState = word(default=BreakerState.CLOSED)
    trips: int = 0
    retry_at: datetime | None = instant(default=None)
    """While the breaker is open: when somebody may try the endpoint with one message."""


class DeliveryAttempt(TenantRow, table=True):
    """One attempt at one endpoint, append-only."""

    __tablename__ = "caas_delivery_attempt"
    __table_args__ = (Index("caas_delivery_attempt_delivery", "tenant_id", "delivery_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    delivery_id: str
    endpoint_id: str | None = None
    number: int
    at: datetime = instant()
    status_code: int | None = None
    duration_ms: int
    outcome: str
    excerpt: str = ""
    error: str | None = None


def first_endpoint_id(tenant_id: str, provider_id: str) -> str:
    """The endpoint that comes with a provider's registration."""
    return derived_id("ep", tenant_id, provider_id)


async def first_endpoint(session: AsyncSession, provider: Provider) -> None:
    """Open the endpoint that a provider registers with: the secret it is shown signs from now on."""
    endpoint_id = first_endpoint_id(provider.tenant_id, provider.id)
    await add_endpoint(
        session,
        Endpoint(
            tenant_id=provider.tenant_id,
            id=endpoint_id,
            provider_id=provider.id,
            url=provider.webhook_url,
            description="Given at registration",
        ),
        [
            EndpointSecret(
                tenant_id=provider.tenant_id,
                id=derived_id("eps", provider.tenant_id, endpoint_id),
                endpoint_id=endpoint_id,
                scheme="v1",
                secret=provider.webhook_secret,
            )
        ],
    )


async def add_endpoint(session: AsyncSession, endpoint: Endpoint, secrets: Sequence[EndpointSecret]) -> None:
    """Put an endpoint and its secrets on record, in the order the foreign keys ask for."""
    session.add(endpoint)
    await session.flush()
    session.add_all(secrets)


async def symmetric_secrets_of(session: AsyncSession, tenant_id: str, provider_id: str, *, at: datetime) -> list[str]:
    """Every secret a provider may sign its own messages with: while one is rotated, the old one too."""
    query = (
        select(EndpointSecret.secret)
        .join(Endpoint, _same_endpoint())
        .where(
            col(Endpoint.tenant_id) == tenant_id,
            col(Endpoint.provider_id) == provider_id,
            col(Endpoint.deleted_at).is_(None),
            col(EndpointSecret.scheme) == "v1",
            is_valid(at),
        )
    )
    return list((await session.execute(query)).scalars())


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a provider hears us, and what we sign with."""

    url: str
    secret: str


async def addressee_of(session: AsyncSession, tenant_id: str, provider_id: str, *, at: datetime) -> Addressee | None:
    """The provider's oldest endpoint, as it is now, with its newest secret; None when it has closed them all."""
    query = (
        select(col(Endpoint.url), col(EndpointSecret.secret))
        .join(EndpointSecret, _same_endpoint())
        .where(
            col(Endpoint.tenant_id) == tenant_id,
            col(Endpoint.provider_id) == provider_id,
            col(Endpoint.deleted_at).is_(None),
            col(EndpointSecret.scheme) == "v1",
            is_valid(at),
        )
        .order_by(col(Endpoint.recorded_at), col(Endpoint.id), col(EndpointSecret.recorded_at).desc())
        .limit(1)
    )
    found = (await session.execute(query)).one_or_none()
    return None if found is None else Addressee(*found)


def is_valid(at: datetime) -> Any:
    """Whether a secret is still good."""
    return or_(col(EndpointSecret.expires_at).is_(None), col(EndpointSecret.expires_at) > at)


def _same_endpoint() -> Any:
    return (col(Endpoint.tenant_id) == col(EndpointSecret.tenant_id)) & (
        col(Endpoint.id) == col(EndpointSecret.endpoint_id)
    )
