"""A provider's API keys over HTTP: its own, or any provider's for the platform."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.credentials import NewKey, keys_of, revoked, rotated
from api.idempotency import IdempotentRoute, Ids, answers_secrets
from api.own import OwnOrPlatform, ProviderId
from api.resources import Having
from api.schemas.providers import KeyOut, KeysOut, RevokedOut, RotatedOut, RotationIn
from api.schemas.values import Identifier
from models.onboarding import ProviderRef
from models.records.tenants import ApiKey

router = APIRouter(prefix="/api/v1/providers", tags=["providers"], route_class=IdempotentRoute)

KeyId = Annotated[Identifier, Path(alias="keyId")]


@router.get("/{providerId}/credentials")
async def find(provider_id: ProviderId, caller: OwnOrPlatform, having: Having) -> KeysOut:
    """The keys there are and were, without what opens anything."""
    async with having.database.transaction(caller.tenant_id) as session:
        keys = await keys_of(session, ProviderRef(caller.tenant_id, provider_id))
    return KeysOut(keys=[_shown(each) for each in keys])


@router.post("/{providerId}/credentials/rotate", status_code=201)
@answers_secrets
async def rotate(
    request: Request,
    provider_id: ProviderId,
    caller: OwnOrPlatform,
    having: Having,
    ids: Ids,
    body: RotationIn | None = None,
) -> RotatedOut:
    """Give the provider a new key, shown once; the others stay good for the overlap."""
    ref, asked = ProviderRef(caller.tenant_id, provider_id), body or RotationIn()
    new = NewKey.drawn(request, ids("key"), live=caller.is_live)
    async with having.database.transaction(caller.tenant_id) as session:
        overlap = timedelta(hours=asked.overlap_hours)
        until = await rotated(session, ref, new, caller, overlap=overlap, reason=asked.reason, at=datetime.now(UTC))
    return RotatedOut(provider_id=provider_id, key_id=new.id, api_key=new.key, previous_keys_valid_until=until)


@router.delete("/{providerId}/credentials/{keyId}")
async def revoke(provider_id: ProviderId, key_id: KeyId, caller: OwnOrPlatform, having: Having) -> RevokedOut:
    """Let a key open nothing any more, at once."""
    async with having.database.transaction(caller.tenant_id) as session:
        at = await revoked(session, ProviderRef(caller.tenant_id, provider_id), key_id, caller, at=datetime.now(UTC))
    return RevokedOut(key_id=key_id, revoked_at=at)


def _shown(key: ApiKey) -> KeyOut:
    return KeyOut(
        key_id=key.id,
        prefix=key.prefix,
        last_four=key.last_four,
        created_at=key.recorded_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
