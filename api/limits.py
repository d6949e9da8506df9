"""A body that says it is too large is refused unread; one that only turns out to be is cut off by Starlette."""

from starlette.datastructures import Headers
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
