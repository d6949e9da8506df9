"""Webhooks of payment rails: no key, but a signature over the raw body."""

from typing import Annotated

from fastapi import APIRouter, Header, Request

from activities.paystack_events import parse_webhook
from activities.rails import RailEventKind
from api.rail_news import take_news
from api.resources import Having
from api.schemas.messages import HeardOut

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

_PAYSTACK = "paystack"


@router.post("/paystack")
async def paystack(
    request: Request, having: Having, x_paystack_signature: Annotated[str | None, Header()] = None
) -> HeardOut:
    """News of a transfer or of money that arrived."""
    raw = await request.body()
    event = parse_webhook(raw, x_paystack_signature, having.settings.rail_secret_key.get_secret_value())
    if event.kind is RailEventKind.OTHER:
        return HeardOut(status="ignored")
    is_news = await take_news(having.database, _PAYSTACK, event, raw)
    # 200 for what is known already: told 4xx, the rail would send it for days.
    return HeardOut(status="accepted" if is_news else "duplicate")
