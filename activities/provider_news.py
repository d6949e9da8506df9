"""What a credit provider is told: one envelope for every event, queued in the caller's transaction."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import ProviderEventType
from models.ids import derived_id
from models.records.outbox import Channel, deliver
from models.records.plugins import tell_plugins


@dataclass(frozen=True, slots=True)
class ProviderNews:
    """One event; the same event `about` the same thing is the same message, however often it is told."""

    event: ProviderEventType
    about: str
    at: datetime
    data: dict[str, Any]
    expires_at: datetime | None = None


def tell_provider(session: AsyncSession, tenant_id: str, provider_id: str, news: ProviderNews) -> None:
    """Queue one signed webhook to a provider."""
    key = f"{news.event}:{news.about}:{provider_id}"
    body = {
        "eventId": derived_id("msg", tenant_id, key),
        "eventType": news.event,
        "type": news.event,
        "providerId": provider_id,
        "timestamp": news.at.isoformat(),
        "data": news.data,
        "expiresAt": news.expires_at.isoformat() if news.expires_at else None,
    }
    deliver(session, tenant_id, Channel.WEBHOOK, provider_id, news.event, json.dumps(body), key=key)
    event_id = derived_id("msg", tenant_id, key)
    told = {**news.data, "eventType": news.event, "eventId": event_id, "timestamp": news.at.isoformat()}
    tell_plugins(session, tenant_id, provider_id, told, expires_at=news.expires_at)
