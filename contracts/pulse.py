"""Whether the chain answers, and whether it is ours."""

from enum import StrEnum
from typing import Self

from contracts.settings import ChainSettings
from contracts.trouble import ChainTrouble

TIMEOUT_SECONDS = 2


class ChainHealth(StrEnum):
    """`DEGRADED`: a node answers, but not for the chain of the address book."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


class Pulse:
    """One node's."""

    def __init__(self, settings: ChainSettings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: ChainSettings) -> Self | None:
        """None where there is no chain."""
        return cls(settings) if settings.is_on else None

    async def felt(self) -> ChainHealth:
        # Not loaded where there is no chain.
        from contracts.addresses import AddressBook  # noqa: PLC0415
        from contracts.rpc import chain_id_of  # noqa: PLC0415

        try:
            served = await chain_id_of(self._settings.rpc_url, timeout_seconds=TIMEOUT_SECONDS)
        except ChainTrouble:
            return ChainHealth.DOWN
        try:
            book = AddressBook.read(self._settings.addresses) if self._settings.addresses else None
        except ChainTrouble:
            return ChainHealth.DEGRADED
        return ChainHealth.HEALTHY if book and book.chain_id == served else ChainHealth.DEGRADED
