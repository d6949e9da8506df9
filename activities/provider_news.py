"""What a credit provider is told: one envelope for every event, queued in the caller's transaction."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models.events import ProviderEventType
from models.ids import derived_id
from models.records.outbox import Channel, deliver


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
