"""Plugins: how a lender's own API is driven, what was configured when, and each exchange with it."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant
from models.records.correlation import correlation_id


class PluginRow(RecordedRow, table=True):
    """A plugin as it is now. The settings have their secrets covered; they are beside them, and shown to nobody."""

    __tablename__ = "caas_plugin"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "provider_id"], ["caas_provider.tenant_id", "caas_provider.id"]),
    )

    provider_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    revision: int = 1
    enabled: bool = True
    sync_frequency: str
    events: list[str] = document()
    settings: dict[str, Any] = document()
    secrets: dict[str, Any] = document()
    changed_at: datetime = instant()


class PluginRevisionRow(RecordedRow, table=True):
    """What was configured, by whose key, append-only."""

    __tablename__ = "caas_plugin_revision"

    provider_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    settings: dict[str, Any] = document()
    changed_by: str


class PluginRunRow(RecordedRow, table=True):
    """One event on its way to one lender's API, and what he answered. `told` is the event in our words."""

    __tablename__ = "caas_plugin_run"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "provider_id", "plugin_name"],
            ["caas_plugin.tenant_id", "caas_plugin.provider_id", "caas_plugin.name"],
        ),
        Index("caas_plugin_run_status", "tenant_id", "provider_id", "plugin_name", "status", "id"),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    plugin_name: str
    event_type: str
    lead_id: str | None = None
    told: dict[str, Any] = document()
    expires_at: datetime | None = instant(default=None)
    status: str
    failures: int = 0
    polls: int = 0
    taken_at: datetime | None = instant(default=None)
    """When the lender took it; from then on he is only asked what became of it."""
    external_id: str | None = None
    last_status_code: int | None = None
    last_error: str | None = None
    answer: dict[str, Any] | None = document(default=None)
    """The lender's answer in our words."""
    decision_outcome: str | None = None
    finished_at: datetime | None = instant(default=None)


_KEY = "told to plugins"
# One statement for all events and all plugins; who has no plugin costs a look at an index and leaves no trace.
_HAND_OVER = text("""
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb))
            AS t(tenant_id text, provider_id text, event_type text, message_id text, event jsonb,
                 expires_at timestamptz)
    ), queued AS (
        INSERT INTO caas_plugin_run (tenant_id, id, provider_id, plugin_name, event_type, lead_id, told, expires_at,
                                     status, failures, polls)
        SELECT t.tenant_id,
            'run_' || left(encode(sha256(convert_to(t.message_id || ':' || p.name, 'UTF8')), 'hex'), 26),
            p.provider_id, p.name, t.event_type, t.event->>'leadId', t.event, t.expires_at,
            CASE p.sync_frequency WHEN 'real_time' THEN 'pending' ELSE 'waiting' END, 0, 0
        FROM told t JOIN caas_plugin p ON p.tenant_id = t.tenant_id AND p.provider_id = t.provider_id
            AND p.enabled AND jsonb_exists(p.events, t.event_type)
        ON CONFLICT DO NOTHING
        RETURNING tenant_id, id, status
    )
    INSERT INTO caas_outbox (tenant_id, kind, payload, correlation_id, available_at, attempts)
    SELECT tenant_id, 'sync_plugin', jsonb_build_object('runId', id), :correlation_id, now(), 0
    FROM queued WHERE status = 'pending'
""")
_RELEASE = text("""
    WITH released AS (
        UPDATE caas_plugin_run r SET status = 'pending' FROM caas_plugin p
        WHERE p.tenant_id = r.tenant_id AND p.provider_id = r.provider_id AND p.name = r.plugin_name AND p.enabled
            AND r.tenant_id = :tenant_id AND r.provider_id = :provider_id AND r.plugin_name = :name
            AND r.status = 'waiting'
        RETURNING r.tenant_id, r.id
    ), asked AS (
        INSERT INTO caas_outbox (tenant_id, kind, payload, correlation_id, available_at, attempts)
        SELECT tenant_id, 'sync_plugin', jsonb_build_object('runId', id), :correlation_id, now(), 0 FROM released
    )
    SELECT count(*) FROM released
""")


def tell_plugins(
    session: AsyncSession,
    tenant_id: str,
    provider_id: str,
    told: dict[str, Any],
    *,
    expires_at: datetime | None,
) -> None:
    """Leave an event for the provider's plugins that ask for it, with the caller's transaction."""
    session.info.setdefault(_KEY, []).append(
        {
            "tenant_id": tenant_id,
            "provider_id": provider_id,
            "event_type": told["eventType"],
            "message_id": told["eventId"],
            "event": told,
            "expires_at": expires_at.isoformat() if expires_at else None,
        }
    )


async def hand_to_plugins(session: AsyncSession) -> None:
    """Write what this transaction leaves for plugins, before its commit."""
    if told := session.info.pop(_KEY, None):
        await session.execute(_HAND_OVER, {"told": json.dumps(told), "correlation_id": correlation_id()})


async def release(session: AsyncSession, tenant_id: str, provider_id: str, name: str) -> int:
    """Send on its way what waits for a plugin's hour; how much it was."""
    where = {"tenant_id": tenant_id, "provider_id": provider_id, "name": name, "correlation_id": correlation_id()}
    released: int = (await session.execute(_RELEASE, where)).scalar_one()
    return released
