"""An endpoint's owner and what it may do: the platform with its own endpoints, a provider with its own."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.destinations import check_destination
from activities.provider_rows import UnknownProvider
from activities.signing_keys import new_key_pair, new_secret
from api.idempotency import key_of
from api.problems import Forbidden
from api.schemas.endpoints import (
    EndpointChangeIn,
    EndpointDetailOut,
    EndpointIn,
    EndpointMadeOut,
    EndpointOut,
    HealthOut,
    NewSecretOut,
    Scheme,
    SecretOut,
)
from api.security import AnyCaller, Caller, presented_key
from models.delivery import BreakerState
from models.errors import Conflict, NotFound, Refused
from models.ids import derived_id
from models.records.dispatch import call_all, note_success
from models.records.endpoints import Endpoint, EndpointHealth, EndpointSecret, add_endpoint, is_valid
from models.records.outbox import Delivery
from models.records.providers import Provider

_MOST_ENDPOINTS = 100
_MOST_OLD_SECRETS = 10
_ENTROPY_BYTES = 32


class UnknownEndpoint(NotFound):
    """This owner has no such endpoint."""


class UnknownDelivery(NotFound):
    """No such message went to this endpoint."""


class TooManyEndpoints(Conflict):
    """An owner has so many endpoints and no more."""


class TooManySecrets(Conflict):
    """So many old secrets are still good that another rotation must wait."""


class EndpointIsOff(Conflict):
    """The endpoint is switched off: enable it first."""


class StillOnItsWay(Conflict):
    """The message is being sent already."""


class TooLongAgo(Refused):
    """Messages are recovered for so many days and not longer."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose endpoints these are; `provider_id` is None for the platform's own."""

    caller: Caller
    provider_id: str | None

    @property
    def tenant_id(self) -> str:
        """The tenant."""
        return self.caller.tenant_id

    async def check(self, session: AsyncSession) -> None:
        """A provider that does not exist has no endpoints, not an empty list of them."""
        if self.provider_id and await session.get(Provider, (self.tenant_id, self.provider_id)) is None:
            raise UnknownProvider(f"There is no provider {self.provider_id}.", "providerId")

    async def endpoint(self, session: AsyncSession, endpoint_id: str, *, for_change: bool = False) -> Endpoint:
        """One of its endpoints; everything else is unknown, whether it exists or not."""
        found = await session.get(Endpoint, (self.tenant_id, endpoint_id), with_for_update=for_change or None)
        if found is None or found.deleted_at or found.provider_id != self.provider_id:
            raise UnknownEndpoint(f"There is no endpoint {endpoint_id}.", "endpointId")
        return found

    async def delivery(self, session: AsyncSession, endpoint_id: str, delivery_id: str) -> Delivery:
        """A message to one of its endpoints."""
        await self.endpoint(session, endpoint_id)
        found = await session.get(Delivery, (self.tenant_id, delivery_id))
        if found is None or found.endpoint_id != endpoint_id:
            raise UnknownDelivery(f"There is no delivery {delivery_id}.", "deliveryId")
        return found


async def _owner(request: Request, caller: AnyCaller) -> Owner:
    provider_id = request.path_params.get("providerId")
    if provider_id is None and caller.provider_id is not None:
        raise Forbidden("This is for the platform's own key, not for a provider's.", "Authorization")
    if caller.provider_id not in (None, provider_id):
        raise UnknownProvider(f"There is no provider {provider_id}.", "providerId")
    return Owner(caller, provider_id)


Owning = Annotated[Owner, Depends(_owner)]


@dataclass(frozen=True, slots=True)
class Dice:
    """Randomness for secrets. Under an Idempotency-Key it comes from the caller's own key: repeating the request shows
    the same secret, and no kept answer holds it."""

    seed: bytes

    def __call__(self, purpose: str) -> bytes:
        """The bytes for one secret."""
        return hmac.digest(self.seed, purpose.encode(), "sha256")[:_ENTROPY_BYTES]


async def _dice(request: Request) -> Dice:
    key = key_of(request)
    return Dice(f"{presented_key(request)}:{request.url.path}:{key}".encode() if key else urandom(_ENTROPY_BYTES))


Entropy = Annotated[Dice, Depends(_dice)]


async def make(
    session: AsyncSession, owner: Owner, body: EndpointIn, endpoint_id: str, dice: Dice, *, allow_local: bool
) -> tuple[Endpoint, list[NewSecretOut]]:
    """Open an endpoint; repeating the request opens it once and shows the same secrets."""
    check_destination(body.url, allow_local=allow_local)
    await owner.check(session)
    schemes: list[str] = list(dict.fromkeys(body.schemes))
    secrets = [secret_row(owner.tenant_id, endpoint_id, scheme, dice) for scheme in schemes]
    if known := await session.get(Endpoint, (owner.tenant_id, endpoint_id)):
        return known, [_new(each) for each in secrets]
    query = select(func.count()).select_from(Endpoint).where(*endpoints_of(owner))
    if (await session.execute(query)).scalar_one() >= _MOST_ENDPOINTS:
        raise TooManyEndpoints(f"There are {_MOST_ENDPOINTS} endpoints already; delete one first.")
    endpoint = Endpoint(
        tenant_id=owner.tenant_id,
        id=endpoint_id,
        provider_id=owner.provider_id,
        **body.model_dump(exclude={"schemes"}),
        schemes=schemes,
    )
    await add_endpoint(session, endpoint, secrets)
    return endpoint, [_new(each) for each in secrets]


async def change(
    session: AsyncSession, owner: Owner, endpoint_id: str, body: EndpointChangeIn, *, allow_local: bool
) -> Endpoint:
    """Change what is named. Enabling forgets how the endpoint failed; ending the order lets go what waits."""
    if body.url is not None:
        check_destination(body.url, allow_local=allow_local)
    endpoint = await owner.endpoint(session, endpoint_id, for_change=True)
    named = body.model_dump(exclude_unset=True)
    ends_order = endpoint.fifo and named.get("fifo") is False
    for name, value in named.items():
        if value is not None or name == "rate_limit_per_second":
            setattr(endpoint, name, value)
    if body.enabled is True:
        endpoint.disabled_at = endpoint.disabled_reason = None
        await note_success(session, owner.tenant_id, [endpoint_id])
    if body.enabled is False and endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = datetime.now(UTC), "Switched off by its owner."
    await session.flush()
    if ends_order:
        await call_all(session, owner.tenant_id, endpoint_id)
    return endpoint


async def rotate(
    session: AsyncSession, owner: Owner, endpoint_id: str, scheme: Scheme | None, *, overlap: timedelta, dice: Dice
) -> NewSecretOut:
    """Sign with a new secret from now on, and with the old one too until it expires."""
    endpoint = await owner.endpoint(session, endpoint_id, for_change=True)
    now, chosen = datetime.now(UTC), scheme or endpoint.schemes[0]
    fresh = secret_row(owner.tenant_id, endpoint_id, chosen, dice)
    if await session.get(EndpointSecret, (owner.tenant_id, fresh.id)):
        return _new(fresh)
    good = await secrets_of(session, endpoint, now)
    old = [each for each in good if chosen not in endpoint.schemes or each.scheme == chosen]
    if len(old) > _MOST_OLD_SECRETS:
        raise TooManySecrets(f"{_MOST_OLD_SECRETS} old secrets are still good; wait until one has expired.")
    for each in old:
        each.expires_at = min(each.expires_at or now + overlap, now + overlap)
    if chosen not in endpoint.schemes:
        endpoint.schemes = [chosen]
    session.add(fresh)
    return _new(fresh)


async def secrets_of(session: AsyncSession, endpoint: Endpoint, at: datetime) -> Sequence[EndpointSecret]:
    """What messages to this endpoint are signed with now, newest first."""
    query = (
        select(EndpointSecret)
        .where(
            col(EndpointSecret.tenant_id) == endpoint.tenant_id,
            col(EndpointSecret.endpoint_id) == endpoint.id,
            is_valid(at),
        )
        .order_by(col(EndpointSecret.recorded_at).desc(), col(EndpointSecret.id))
    )
    return (await session.execute(query)).scalars().all()


def secret_row(tenant_id: str, endpoint_id: str, scheme: str, dice: Dice) -> EndpointSecret:
    """A new secret; its id comes from what it is, so that the same request writes it once."""
    entropy, public_key = dice(f"{scheme}:{endpoint_id}"), None
    if scheme == "v1":
        secret = new_secret(entropy)
    else:
        secret, public_key = new_key_pair(entropy)
    return EndpointSecret(
        tenant_id=tenant_id,
        id=derived_id("eps", tenant_id, endpoint_id, secret),
        endpoint_id=endpoint_id,
        scheme=scheme,
        secret=secret,
        public_key=public_key,
    )


async def detail(session: AsyncSession, endpoint: Endpoint) -> EndpointDetailOut:
    """One endpoint with its health and its secrets' dates."""
    health = await session.get(EndpointHealth, (endpoint.tenant_id, endpoint.id), populate_existing=True)
    secrets = await secrets_of(session, endpoint, datetime.now(UTC))
    return EndpointDetailOut(
        **endpoint_out(endpoint).model_dump(),
        health=HealthOut(
            failing_since=health.failing_since if health else None,
            last_failed_at=health.last_failed_at if health else None,
            breaker=health.breaker if health else BreakerState.CLOSED,
            retry_at=health.retry_at if health else None,
        ),
        secrets=[
            SecretOut(
                scheme=each.scheme,  # type: ignore[arg-type]
                public_key=each.public_key,
                created_at=each.recorded_at,
                expires_at=each.expires_at,
            )
            for each in secrets
        ],
    )


async def made(session: AsyncSession, endpoint: Endpoint, new_secrets: list[NewSecretOut]) -> EndpointMadeOut:
    """The endpoint with what is shown once."""
    shown = await detail(session, endpoint)
    return EndpointMadeOut(**shown.model_dump(), new_secrets=new_secrets)


def endpoint_out(endpoint: Endpoint) -> EndpointOut:
    """One endpoint in a list."""
    return EndpointOut(
        endpoint_id=endpoint.id,
        provider_id=endpoint.provider_id,
        url=endpoint.url,
        description=endpoint.description,
        event_types=endpoint.event_types,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        disabled_at=endpoint.disabled_at,
        fifo=endpoint.fifo,
        rate_limit_per_second=endpoint.rate_limit_per_second,
        max_in_flight=endpoint.max_in_flight,
        schemes=endpoint.schemes,  # type: ignore[arg-type]
        created_at=endpoint.recorded_at,
    )


def endpoints_of(owner: Owner) -> tuple[Any, ...]:
    """What picks an owner's endpoints."""
    mine = (
        col(Endpoint.provider_id).is_(None)
        if owner.provider_id is None
        else col(Endpoint.provider_id) == owner.provider_id
    )
    return col(Endpoint.tenant_id) == owner.tenant_id, col(Endpoint.deleted_at).is_(None), mine


def _new(secret: EndpointSecret) -> NewSecretOut:
    return NewSecretOut(
        scheme=secret.scheme,  # type: ignore[arg-type]
        secret=secret.secret if secret.scheme == "v1" else None,
        public_key=secret.public_key,
    )
