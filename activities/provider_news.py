"""What a credit provider is told: one envelope for every event, queued in the caller's transaction."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import ProviderEventType
from models.ids import derived_id
from models.records.outbox import PLATFORM, Channel, deliver, deliver_to
from models.records.plugins import tell_plugins
from models.records.provider_messages import remember


@dataclass(frozen=True, slots=True)
class ProviderNews:
    """One event; the same event `about` the same thing is the same message, however often it is told."""

    event: ProviderEventType
    about: str
    at: datetime
    data: dict[str, Any]
    expires_at: datetime | None = None


def tell_provider(session: AsyncSession, tenant_id: str, provider_id: str, news: ProviderNews) -> None:
    """Queue the news for every enabled endpoint of a provider that asks for it, and keep it for whoever reads later."""
    key = _key(news, provider_id)
    body = _envelope(tenant_id, provider_id, news, key)
    remember(
        session,
        {
            "tenant_id": tenant_id,
            "id": body["eventId"],
            "provider_id": provider_id,
            "event_type": news.event,
            "told_at": news.at,
            "body": body,
        },
    )
    deliver(session, tenant_id, Channel.WEBHOOK, provider_id, news.event, json.dumps(body), key=key)
    told = {**news.data, "eventType": news.event, "eventId": body["eventId"], "timestamp": body["timestamp"]}
    tell_plugins(session, tenant_id, provider_id, told, expires_at=news.expires_at)


def tell_platform(session: AsyncSession, tenant_id: str, news: ProviderNews) -> None:
    """Queue the news for the platform's own endpoints."""
    key = _key(news, PLATFORM)
    body = json.dumps(_envelope(tenant_id, None, news, key))
    deliver(session, tenant_id, Channel.WEBHOOK, PLATFORM, news.event, body, key=key)


def tell_endpoint(
    session: AsyncSession, tenant_id: str, endpoint_id: str, provider_id: str | None, news: ProviderNews
) -> str:
    """Queue the news for one endpoint, whatever it asks for; the id of the message."""
    key = _key(news, endpoint_id)
    body = json.dumps(_envelope(tenant_id, provider_id, news, key))
    return deliver_to(session, tenant_id, endpoint_id, news.event, body, key=key)


def _key(news: ProviderNews, recipient: str) -> str:
    return f"{news.event}:{news.about}:{recipient}"


def _envelope(tenant_id: str, provider_id: str | None, news: ProviderNews, key: str) -> dict[str, Any]:
    return {
        "eventId": derived_id("msg", tenant_id, key),
        "eventType": news.event,
        "type": news.event,
        "providerId": provider_id,
        "timestamp": news.at.isoformat(),
        "data": news.data,
        "expiresAt": news.expires_at.isoformat() if news.expires_at else None,
    }


@dataclass(frozen=True, slots=True)
class LeadClosed:
    """A lead that nobody waits for an answer to any more, and why."""

    application_id: str
    lead_id: str
    reason: str
    at: datetime


def tell_lead_closed(session: AsyncSession, tenant_id: str, provider_id: str, lead: LeadClosed) -> None:
    """Spare a provider the work of deciding on a lead that is closed."""
    data = {"leadId": lead.lead_id, "reason": lead.reason}
    news = ProviderNews(ProviderEventType.LEAD_CLOSED, lead.application_id, lead.at, data)
    tell_provider(session, tenant_id, provider_id, news)
