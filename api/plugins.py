"""Plugins as rows: who may see them, how they are replaced, and what is replayed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, func, select

from activities.destinations import ForbiddenDestination, check_destination
from api.schemas.leads import DecisionIn
from api.schemas.plugins import PluginOut, RunOut
from api.security import Caller
from models.errors import Conflict, NotFound, Refused
from models.plugin import Plugin, plugin_of, shown_of, with_secrets
from models.plugin_run import RunStatus
from models.records.outbox import OutboxKind, ask_relay
from models.records.plugins import PluginRevisionRow, PluginRow, PluginRunRow
from models.records.providers import Provider

_MOST_PLUGINS = 20


class UnknownPlugin(NotFound):
    """The provider has no such plugin, or the caller no such provider."""


class UnknownRun(NotFound):
    """The plugin has no such run."""


class NotQueued(Conflict):
    """Only what could not be sent can be replayed."""


class TooManyPlugins(Refused):
    """A provider has so many plugins and no more."""


async def provider_in(session: AsyncSession, caller: Caller, provider_id: str) -> Provider:
    """The provider, if the caller is he or his platform."""
    known = await session.get(Provider, (caller.tenant_id, provider_id))
    if known is None or caller.provider_id not in (None, provider_id):
        raise UnknownPlugin(f"There is no provider {provider_id}.", "providerId")
    return known


async def plugin_in(
    session: AsyncSession, caller: Caller, provider_id: str, name: str, *, locked: bool = False
) -> PluginRow:
    """One plugin, for those who may see it."""
    await provider_in(session, caller, provider_id)
    key = (caller.tenant_id, provider_id, name)
    row = await session.get(PluginRow, key, with_for_update=True if locked else None)
    if row is None:
        raise UnknownPlugin(f"There is no plugin {name}.", "pluginName")
    return row


async def configure(
    session: AsyncSession, caller: Caller, provider_id: str, given: Mapping[str, Any], *, allow_local: bool
) -> PluginRow:
    """Make a plugin, or replace the one of its name; the one before is kept as a revision."""
    # Two who configure at the same time take turns, and each sees the other's revision.
    await provider_in(session, caller, provider_id)
    await session.get_one(Provider, (caller.tenant_id, provider_id), with_for_update=True)
    document = _plain(given)
    name = document.get("pluginName")
    known = await session.get(PluginRow, (caller.tenant_id, provider_id, name)) if isinstance(name, str) else None
    if known is not None and _asks_the_same(document, known.settings):
        document = with_secrets(document, known.secrets)
    plugin = plugin_of(document)
    _check_urls(plugin, allow_local=allow_local)
    if known is None:
        await _require_room(session, provider_id)
        known = PluginRow(
            tenant_id=caller.tenant_id,
            provider_id=provider_id,
            name=plugin.name,
            revision=0,
            **_columns(plugin, document),
        )
        session.add(known)
    for column, value in _columns(plugin, document).items():
        setattr(known, column, value)
    known.revision += 1
    await session.flush()
    session.add(
        PluginRevisionRow(
            tenant_id=caller.tenant_id,
            provider_id=provider_id,
            name=plugin.name,
            revision=known.revision,
            settings=known.settings,
            changed_by=caller.key_id,
        )
    )
    return known


def replay(session: AsyncSession, run: PluginRunRow) -> None:
    """Send on its way again what could not be sent; what the lender took is only asked after."""
    if run.status != RunStatus.QUEUED:
        raise NotQueued(f"The run is {run.status}, and not in the queue.", "runId")
    run.status = RunStatus.PENDING if run.taken_at is None else RunStatus.AWAITING_ANSWER
    run.failures = 0
    ask_relay(session, run.tenant_id, OutboxKind.SYNC_PLUGIN, {"runId": run.id})


def problem_of_decision(told: Mapping[str, Any], lead_id: str, provider_id: str) -> str | None:
    """Why what a lender's answer tells us is no decision; None when it is one."""
    decision = {name: value for name, value in told.items() if name != "externalId"}
    try:
        DecisionIn.model_validate({**decision, "leadId": lead_id, "providerId": provider_id})
    except ValidationError as invalid:
        first = invalid.errors()[0]
        return f"{'.'.join(str(each) for each in first['loc'])}: {first['msg']}"
    return None


def plugin_out(row: PluginRow) -> PluginOut:
    return PluginOut(
        provider_id=row.provider_id,
        plugin_name=row.name,
        revision=row.revision,
        enabled=row.enabled,
        changed_at=row.changed_at,
        plugin=row.settings,
    )


def run_out(row: PluginRunRow) -> RunOut:
    return RunOut(
        run_id=row.id,
        plugin_name=row.plugin_name,
        event_type=row.event_type,
        lead_id=row.lead_id,
        status=RunStatus(row.status),
        failures=row.failures,
        last_status_code=row.last_status_code,
        last_error=row.last_error,
        external_id=row.external_id,
        answer=row.answer,
        decision_outcome=row.decision_outcome,
        recorded_at=row.recorded_at,
        finished_at=row.finished_at,
    )


def _columns(plugin: Plugin, document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sync_frequency": plugin.sync_frequency,
        "events": list(plugin.events),
        "settings": shown_of(document, plugin),
        "secrets": dict(plugin.authentication.secrets),
        "changed_at": datetime.now(UTC),
    }


def _asks_the_same(document: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether the same lender is asked in the same way. A secret that is only covered is not sent anywhere else:
    whoever may change a plugin could learn by that what nobody is shown."""
    return all(_found(document, *path) == _found(known, *path) for path in _WHO_IS_ASKED)


_WHO_IS_ASKED = (
    ("configuration", "endpoints", "baseUrl"),
    ("configuration", "authentication", "type"),
    ("configuration", "authentication", "tokenUrl"),
)


def _found(document: Any, *path: str) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _check_urls(plugin: Plugin, *, allow_local: bool) -> None:
    urls = [
        ("configuration.endpoints.baseUrl", plugin.endpoints.base_url),
        ("configuration.endpoints.syncEndpoint", plugin.endpoints.sync_url),
        ("configuration.endpoints.statusEndpoint", plugin.endpoints.status_url("id")),
        ("configuration.authentication.tokenUrl", plugin.authentication.shown.get("tokenUrl")),
    ]
    for field, url in urls:
        if url is None:
            continue
        try:
            check_destination(url, allow_local=allow_local)
        except ForbiddenDestination as refusal:
            raise ForbiddenDestination(refusal.detail, field) from None
    if "?" in plugin.endpoints.base_url:
        raise ForbiddenDestination("Paths are put behind this URL: it ends before any query.", urls[0][0])


async def _require_room(session: AsyncSession, provider_id: str) -> None:
    count = select(func.count()).select_from(PluginRow).where(col(PluginRow.provider_id) == provider_id)
    if (await session.execute(count)).scalar_one() >= _MOST_PLUGINS:
        raise TooManyPlugins(f"A provider has at most {_MOST_PLUGINS} plugins.", "pluginName")


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The document as JSON keeps it: its decimals have at most fifteen digits, which is checked when it is read."""
    plain: dict[str, Any] = json.loads(json.dumps(given, default=float))
    return plain
