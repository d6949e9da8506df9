"""A provider looks at its own things only: another's path does not exist for it."""

from typing import Annotated

from fastapi import Depends, Path
from sqlalchemy.ext.asyncio import AsyncSession

from activities.provider_rows import UnknownProvider, provider_in
from api.schemas.values import Identifier
from api.security import AnyCaller, Caller, ProviderCaller, SignedProvider
from models.onboarding import ProviderRef
from models.records.providers import Provider

ProviderId = Annotated[Identifier, Path(alias="providerId")]


async def _own(provider_id: ProviderId, caller: ProviderCaller) -> Caller:
    return _checked(provider_id, caller)


async def _own_signed(provider_id: ProviderId, caller: SignedProvider) -> Caller:
    return _checked(provider_id, caller)


async def _own_or_platform(provider_id: ProviderId, caller: AnyCaller) -> Caller:
    return caller if caller.provider_id is None else _checked(provider_id, caller)


OwnProvider = Annotated[Caller, Depends(_own)]
OwnSignedProvider = Annotated[Caller, Depends(_own_signed)]
OwnOrPlatform = Annotated[Caller, Depends(_own_or_platform)]


def _checked(provider_id: str, caller: Caller) -> Caller:
    if caller.provider_id != provider_id:
        raise UnknownProvider(f"There is no provider {provider_id}.", "providerId")
    return caller


async def provider_of(session: AsyncSession, caller: Caller, provider_id: str) -> Provider:
    """The provider's row, when the tenant has it and the caller may know."""
    if caller.provider_id is not None:
        _checked(provider_id, caller)
    return await provider_in(session, ProviderRef(caller.tenant_id, provider_id))
