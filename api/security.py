"""Who is calling: a tenant's key or a provider's, found by its hash; and whether the body was signed as it must be."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from activities.signing import verify
from api.keys import hash_of, is_well_formed, key_prefix
from api.problems import Forbidden, NotAuthenticated
from api.rate_limits import check, standards_of
from api.resources import resources_of
from models.records.endpoints import symmetric_secrets_of
from models.records.quotas import counted_key

# For the documentation only: the header is read below, so that every failure is a problem of ours.
_bearer = HTTPBearer(auto_error=False, description="An API key: `Authorization: Bearer caas_test_sk_...`")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key was used; `provider_id` is None for the tenant itself."""

    tenant_id: str
    provider_id: str | None
    is_live: bool
    key_id: str

    @property
    def name(self) -> str:
        """The caller among those of its tenant."""
        return self.provider_id or "tenant"


async def authenticate(request: Request) -> Caller:
    """The caller, or `NotAuthenticated`; looked up once a request."""
    if not hasattr(request.state, "caller"):
        key = presented_key(request)
        caller = await _holder_of(request, key)
        structlog.contextvars.bind_contextvars(tenant_id=caller.tenant_id, caller=caller.name)
        request.state.caller = caller
    found: Caller = request.state.caller
    return found


async def authenticate_signed(request: Request) -> Caller:
    """A provider whose body carries a Standard Webhooks signature, made just now with a secret of its endpoints."""
    if not hasattr(request.state, "is_signed"):
        caller = await _provider(await authenticate(request))
        assert caller.provider_id is not None, "it is a provider's key"
        now = datetime.now(UTC)
        async with resources_of(request).database.transaction(caller.tenant_id) as session:
            secrets = await symmetric_secrets_of(session, caller.tenant_id, caller.provider_id, at=now)
        verify(secrets, request.headers, await request.body(), now=now)
        request.state.is_signed = True
    return await authenticate(request)


async def _any(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    return await authenticate(request)


async def _tenant(caller: Annotated[Caller, Depends(_any)]) -> Caller:
    if caller.provider_id is not None:
        raise Forbidden("This is for the platform's own key, not for a provider's.", "Authorization")
    return caller


async def _provider(caller: Annotated[Caller, Depends(_any)]) -> Caller:
    if caller.provider_id is None:
        raise Forbidden("This is for a provider's key, not for the platform's.", "Authorization")
    return caller


async def _signed_provider(request: Request, _: Annotated[object, Depends(_bearer)]) -> Caller:
    return await authenticate_signed(request)


AnyCaller = Annotated[Caller, Depends(_any)]
TenantCaller = Annotated[Caller, Depends(_tenant)]
ProviderCaller = Annotated[Caller, Depends(_provider)]
SignedProvider = Annotated[Caller, Depends(_signed_provider)]


def presented_key(request: Request) -> str:
    """The key on the request, if it can be one at all."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_well_formed(key):
        raise NotAuthenticated("Send an API key as `Authorization: Bearer caas_...`.", "Authorization")
    return key


async def _holder_of(request: Request, key: str) -> Caller:
    hashed = hash_of(key)
    # Nobody knows the tenant yet: row-level security shows the one row that carries this hash.
    having = resources_of(request)
    async with having.database.transaction("", api_key_hash=hashed) as session:
        found = await counted_key(session, hashed, standards_of(having.settings))
    if found is None or not found[0].opens(datetime.now(UTC)):
        raise NotAuthenticated("This API key is not known, was revoked, or has expired.", "Authorization")
    row, quota = found
    check(request, quota)
    return Caller(row.tenant_id, row.provider_id, is_live=row.prefix == key_prefix(live=True), key_id=row.id)
