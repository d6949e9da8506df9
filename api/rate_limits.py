"""How often a caller may ask, counted in the transaction that finds its key, and said on every answer.

`RateLimit-Policy` and `RateLimit` as in draft-ietf-httpapi-ratelimit-headers-11; the problem type is the one it
registers. All keys of a provider share one budget, so that turning a key over does not double it.
"""

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from api.resources import resources_of
from models.quota import WINDOW_SECONDS, Quota
from models.records.quotas import take_request

PLATFORM_HOLDER = "platform"

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


async def admit(request: Request, session: AsyncSession, tenant_id: str, provider_id: str | None) -> None:
    """Count this request of a caller that was just found, or raise `QuotaExceeded`."""
    settings = resources_of(request).settings
    name = "platform" if provider_id is None else "provider"
    standard = settings.platform_requests_per_minute if provider_id is None else settings.provider_requests_per_minute
    quota = await take_request(session, tenant_id, provider_id or PLATFORM_HOLDER, name=name, standard=standard)
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
