"""Decisions in bulk: JSON lines under one signature."""

import re

from fastapi import APIRouter, Request

from api.bulk import MOST_LINES, Bulk
from api.idempotency import Ids, SignedRoute, answers_secrets
from api.own import OwnSignedProvider, ProviderId
from api.schemas.bulk import BulkOut
from api.schemas.leads import DecisionIn
from models.errors import Refused

router = APIRouter(prefix="/api/v1/providers", tags=["decisions"], route_class=SignedRoute)

PATH = re.compile(r"/api/v1/providers/[^/]+/decisions/bulk")

_MEDIA_TYPE = "application/x-ndjson"
_DESCRIBED = {
    "requestBody": {
        "required": True,
        "content": {_MEDIA_TYPE: {"schema": DecisionIn.model_json_schema(ref_template="#/components/schemas/{model}")}},
    }
}


class NotJsonLines(Refused):
    """The body is not said to be JSON lines."""


# Not secret, but not to be kept either: a line that found the engine away must find it back when the bulk is repeated.
@router.post(
    "/{providerId}/decisions/bulk",
    openapi_extra=_DESCRIBED,
    description=f"""
Take up to {MOST_LINES:,} decisions, one JSON object per line, each a decision with its own `messageId`.

One signature covers the whole body, of at most 16 MiB. Each line is judged as if it had come alone; a bad one is named
in `results` with its line, code and field, and spoils nobody else. Repeating the bulk repeats nothing: send it again
when a line was answered 503. Lines of one lead are judged in their order.
""",
)
@answers_secrets
async def decide_all(provider_id: ProviderId, request: Request, caller: OwnSignedProvider, _: Ids) -> BulkOut:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise NotJsonLines(f"Send `Content-Type: {_MEDIA_TYPE}`, one JSON object per line.", "Content-Type")
    return await Bulk(request, caller, provider_id).judged(await request.body())
