"""A provider looks at its own things only: another's path does not exist for it."""

from typing import Annotated

from fastapi import Depends

from activities.provider_rows import UnknownProvider
from api.routes.providers import ProviderId
from api.security import AnyCaller, Caller, ProviderCaller, SignedProvider


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
