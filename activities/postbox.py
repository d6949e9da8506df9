"""Posting a signed message to a URL a lender gave us, as the delivery of webhooks sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side answered, with whatever status; `excerpt` is the start of what it said, for the attempt log."""

    status_code: int
    retry_after_seconds: int | None
    excerpt: str

    @property
    def accepted(self) -> bool:
        return self.status_code // 100 == 2  # noqa: PLR2004 - a redirect is a failure: following it would leave the vetted host


class Undelivered(Exception):
    """No answer came: no connection, no time left, or a broken one."""


class Postbox(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivered:
        """One attempt; `Undelivered` when no answer came, `ForbiddenDestination` when none may be asked for."""
