"""How often a caller may ask, counted in the transaction that finds its key, and said on every answer.

`RateLimit-Policy` and `RateLimit` as in draft-ietf-httpapi-ratelimit-headers-11; the problem type is the one it
registers. All keys of a provider share one budget, so that turning a key over does not double it.
"""

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from api.settings import ApiSettings
from models.quota import WINDOW_SECONDS, Quota
from models.records.quotas import Standards

_QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class QuotaExceeded(Exception):
    """The caller has asked more often than it may. No refusal of the business: the same request is fine later."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(f"quota exceeded: {quota.name}")
        self.quota = quota


class Metered:
    """Says on every answer to a known caller how much of its budget is left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def answer(message: Message) -> None:
            quota: Quota | None = scope.get("state", {}).get("quota")
            if quota is not None and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"{quota.name}";q={quota.requests_per_minute};w={WINDOW_SECONDS}'
                headers["RateLimit"] = f'"{quota.name}";r={quota.remaining};t={quota.full_after_seconds}'
            await send(message)

        await self._app(scope, receive, answer)


def standards_of(settings: ApiSettings) -> Standards:
    """The limits of those for whom no operator has set one."""
    return Standards(settings.provider_requests_per_minute, settings.platform_requests_per_minute)


def check(request: Request, quota: Quota) -> None:
    """Have the answer say what is left, or raise `QuotaExceeded`."""
    request.state.quota = quota
    if quota.is_exceeded:
        raise QuotaExceeded(quota)


async def too_many(_: Request, error: Exception) -> JSONResponse:
    """429, with when to come back."""
    assert isinstance(error, QuotaExceeded)
    quota = error.quota
    structlog.get_logger().warning("quota exceeded", policy=quota.name, per_minute=quota.requests_per_minute)
    return problem(
        429,
        "quota_exceeded",
        f"At most {quota.requests_per_minute} requests a minute; the next one in {quota.retry_after_seconds} s.",
        headers={"Retry-After": str(quota.retry_after_seconds)},
        more={
            "type": _QUOTA_EXCEEDED,
            "title": "Request cannot be satisfied as assigned quota has been exceeded",
            "violated-policies": [quota.name],
        },
    )
