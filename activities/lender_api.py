"""A lender's own REST API, as a plugin sees it: one call, one answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class LenderCall:
    """What is asked. The headers may carry a secret, so they are not shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class LenderAnswer:
    """What was answered, with whatever status; `document` is None when it was not JSON."""

    status_code: int
    document: Any = None
    excerpt: str = ""
    retry_after_seconds: int | None = None


class LenderAway(Exception):
    """No answer came: no connection, no time left, too much said, or a broken line."""


class LenderApi(Protocol):
    """The lenders' APIs, each at the URL its plugin names."""

    async def call(self, call: LenderCall) -> LenderAnswer:
        """One exchange; `LenderAway` when no answer came, `ForbiddenDestination` when none may be asked for."""
