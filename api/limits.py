"""A body that says it is too large is refused unread; one that only turns out to be is cut off by Starlette."""

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

_TOO_LARGE = 413


class DeclaredLength:
    """Answers with a problem, where Starlette's own limit would answer in plain text."""

    def __init__(self, app: ASGIApp, max_body_size: int) -> None:
        self._app = app
        self._max_body_size = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        declared = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if declared.isdecimal() and int(declared) > self._max_body_size:
            detail = f"A body has at most {self._max_body_size} bytes."
            await problem(_TOO_LARGE, "body_too_large", detail)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class BodyLimits:
    """One limit for all bodies, and a larger one for the paths that say so; the path is matched as a whole."""

    def __init__(self, app: ASGIApp, usual: int, larger: Mapping[re.Pattern[str], int]) -> None:
        self._usual = _limited(app, usual)
        self._larger = [(pattern, _limited(app, limit)) for pattern, limit in larger.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await self._for(scope)(scope, receive, send)

    def _for(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "http" and scope["method"] == "POST":
            return next((app for pattern, app in self._larger if pattern.fullmatch(scope["path"])), self._usual)
        return self._usual


def _limited(app: ASGIApp, max_body_size: int) -> ASGIApp:
    return DeclaredLength(RequestBodyLimitMiddleware(app, max_body_size), max_body_size)
