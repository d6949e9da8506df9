"""A provider's API keys: rotated with an overlap in which the old ones are still good, listed, revoked."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import urandom

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from activities.provider_rows import Deed, provider_in, write_down
from api.idempotency import key_of
from api.keys import ENTROPY_BYTES, api_key, hash_of, key_prefix
from api.security import Caller, presented_key
from models.errors import Conflict, NotFound
from models.onboarding import ProviderRef
from models.records.tenants import ApiKey


class UnknownKey(NotFound):
    """The provider has no such key."""


class ShownToAnother(Conflict):
    """The rotation was made with another API key, and what it gave can be shown to that one only."""


class LastKey(Conflict):
    """A provider cannot revoke the only key it has left."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key on its way to its holder; `id` names it afterward."""

    id: str
    key: str

    @classmethod
    def drawn(cls, request: Request, key_id: str, *, live: bool) -> "NewKey":
        """Under an Idempotency-Key it comes from the caller's own key, as the first credentials do."""
        if key_of(request):
            entropy = hmac.digest(presented_key(request).encode(), f"rotated:{key_id}".encode(), "sha256")
        else:
            entropy = urandom(ENTROPY_BYTES)
        return cls(key_id, api_key(entropy, live=live))


async def keys_of(session: AsyncSession, ref: ProviderRef, *, lock: bool = False) -> Sequence[ApiKey]:
    """All keys the provider was ever given, oldest first."""
    await provider_in(session, ref, lock=lock)
    query = select(ApiKey).where(col(ApiKey.provider_id) == ref.provider_id)
    return (await session.execute(query.order_by(col(ApiKey.recorded_at), col(ApiKey.id)))).scalars().all()


async def rotated(
    session: AsyncSession,
    ref: ProviderRef,
    new: NewKey,
    caller: Caller,
    *,
    overlap: timedelta,
    reason: str,
    at: datetime,
) -> datetime | None:
    """Add the key, and let the others end; when the last of them does. A rotation that is asked for twice is one."""
    keys = await keys_of(session, ref, lock=True)
    old = [each for each in keys if each.id != new.id and each.revoked_at is None]
    if made := next((each for each in keys if each.id == new.id), None):
        if made.key_hash != hash_of(new.key):
            raise ShownToAnother("This rotation was made with another API key.", "Authorization")
        return max((each.expires_at for each in old if each.expires_at), default=None)
    for each in old:
        each.expires_at = min(each.expires_at or at + overlap, at + overlap)
    session.add(
        ApiKey(
            tenant_id=ref.tenant_id,
            id=new.id,
            provider_id=ref.provider_id,
            key_hash=hash_of(new.key),
            prefix=key_prefix(live=caller.is_live),
            last_four=new.key[-4:],
        )
    )
    provider = await provider_in(session, ref)
    await write_down(session, provider, Deed(new.id, "rotate_key", caller.key_id, reason, at, {"keyId": new.id}))
    return max((each.expires_at for each in old if each.expires_at), default=None)


async def revoked(session: AsyncSession, ref: ProviderRef, key_id: str, caller: Caller, *, at: datetime) -> datetime:
    """Let a key open nothing any more; since when it does not."""
    keys = await keys_of(session, ref, lock=True)
    key = next((each for each in keys if each.id == key_id), None)
    if key is None:
        raise UnknownKey(f"The provider has no key {key_id}.", "keyId")
    if key.revoked_at is not None:
        return key.revoked_at
    others = [each for each in keys if each.id != key_id and each.opens(at)]
    if caller.provider_id is not None and not others:
        raise LastKey("This is the only key left: rotate it instead.", "keyId")
    key.revoked_at = at
    provider = await provider_in(session, ref)
    deed = Deed(f"revoke:{key_id}", "revoke_key", caller.key_id, "revoked", at, {"keyId": key_id})
    await write_down(session, provider, deed)
    return at
