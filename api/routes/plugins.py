"""Plugins: a lender's own API, driven by configuration. For the provider itself, and for its platform."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from sqlmodel import col, select

from activities.plugins import dry_run_answer
from api.examples import LEAD, PLUGIN
from api.idempotency import IdempotentRoute, Ids
from api.own import ProviderId
from api.pagination import PageOut, Pages
from api.plugins import (
    UnknownRun,
    configure,
    plugin_in,
    plugin_out,
    problem_of_decision,
    provider_in,
    replay,
    run_out,
)
from api.resources import Having
from api.schemas.plugins import (
    Document,
    DryRunIn,
    DryRunOut,
    PluginDetailOut,
    PluginOut,
    ReleasedOut,
    RunDetailOut,
    RunOut,
)
from api.schemas.values import Identifier
from api.security import AnyCaller
from models.plugin import plugin_of, with_secrets
from models.plugin_paths import Side
from models.plugin_run import RunStatus
from models.records.plugins import PluginRow, PluginRunRow, release

router = APIRouter(prefix="/api/v1/providers/{providerId}/plugins", tags=["plugins"], route_class=IdempotentRoute)

PluginName = Annotated[Identifier, Path(alias="pluginName")]
RunId = Annotated[Identifier, Path(alias="runId")]
_MOST_REPLAYED = 500


@router.post("", status_code=201)
async def create(
    provider_id: ProviderId,
    body: Annotated[Document, Body(openapi_examples=PLUGIN)],
    caller: AnyCaller,
    having: Having,
    _: Ids,
) -> PluginDetailOut:
    """Make a plugin, or replace the one of the same name.

    Secrets are never shown again. A secret sent as it is shown is kept, as long as the same lender is asked.
    """
    async with having.database.transaction(caller.tenant_id) as session:
        row = await configure(session, caller, provider_id, body, allow_local=having.settings.is_sandbox)
    return _detail(row)


@router.get("")
async def find(provider_id: ProviderId, caller: AnyCaller, having: Having, paging: Pages) -> PageOut[PluginOut]:
    """The provider's plugins."""
    query = select(PluginRow).where(col(PluginRow.provider_id) == provider_id)
    if paging.after is not None:
        query = query.where(col(PluginRow.name) > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        await provider_in(session, caller, provider_id)
        rows = (await session.execute(query.order_by(col(PluginRow.name)).limit(paging.fetched))).scalars().all()
    return paging.page(rows, plugin_out, lambda row: (row.name,))


@router.get("/{pluginName}")
async def show(provider_id: ProviderId, name: PluginName, caller: AnyCaller, having: Having) -> PluginDetailOut:
    """One plugin, its secrets covered."""
    async with having.database.transaction(caller.tenant_id) as session:
        return _detail(await plugin_in(session, caller, provider_id, name))


@router.post("/{pluginName}/enable")
async def enable(provider_id: ProviderId, name: PluginName, caller: AnyCaller, having: Having) -> PluginDetailOut:
    """Let the plugin hear events."""
    return await _switch(having, caller, provider_id, name, enabled=True)


@router.post("/{pluginName}/disable")
async def disable(provider_id: ProviderId, name: PluginName, caller: AnyCaller, having: Having) -> PluginDetailOut:
    """Let the plugin hear nothing more; what is on its way goes to its queue."""
    return await _switch(having, caller, provider_id, name, enabled=False)


@router.post("/{pluginName}/dry-run")
async def dry_run(
    provider_id: ProviderId, name: PluginName, body: DryRunIn, caller: AnyCaller, having: Having
) -> DryRunOut:
    """What would be sent of a lead, and what an answer would tell us. Nothing is sent, nothing is kept."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await plugin_in(session, caller, provider_id, name)
    plugin = plugin_of(with_secrets(row.settings, row.secrets))
    lead: dict[str, Any] = {
        "eventType": "lead_received",
        **(LEAD["sarah"]["value"] if body.lead is None else body.lead),
    }
    sent = plugin.mapping.translated(lead, Side.CAAS)
    told = None if body.answer is None else dry_run_answer(plugin, body.answer)
    return DryRunOut(
        sends_to=plugin.endpoints.sync_url,
        sent=sent.document,
        missing=list(sent.missing),
        decision=told,
        decision_problem=None if told is None else problem_of_decision(told, str(lead.get("leadId")), provider_id),
    )


@router.post("/{pluginName}/run")
async def run_now(provider_id: ProviderId, name: PluginName, caller: AnyCaller, having: Having) -> ReleasedOut:
    """Send now what waits for the plugin's hour."""
    async with having.database.transaction(caller.tenant_id) as session:
        row = await plugin_in(session, caller, provider_id, name)
        return ReleasedOut(released=await release(session, caller.tenant_id, row.provider_id, row.name))


@router.get("/{pluginName}/runs")
async def runs(
    provider_id: ProviderId,
    name: PluginName,
    caller: AnyCaller,
    having: Having,
    paging: Pages,
    status: Annotated[RunStatus | None, Query(description="`queued` is the fallback queue.")] = None,
) -> PageOut[RunOut]:
    """What the plugin has sent, sends, and could not send."""
    query = _runs_of(provider_id, name)
    if status is not None:
        query = query.where(col(PluginRunRow.status) == status)
    if paging.after is not None:
        query = query.where(col(PluginRunRow.id) > paging.after[0])
    async with having.database.transaction(caller.tenant_id) as session:
        await plugin_in(session, caller, provider_id, name)
        rows = (await session.execute(query.order_by(col(PluginRunRow.id)).limit(paging.fetched))).scalars().all()
    return paging.page(rows, run_out, lambda row: (row.id,))


@router.post("/{pluginName}/runs/{runId}/replay")
async def replay_one(
    provider_id: ProviderId, name: PluginName, run_id: RunId, caller: AnyCaller, having: Having
) -> RunDetailOut:
    """Send again one event that could not be sent."""
    query = _runs_of(provider_id, name).where(col(PluginRunRow.id) == run_id).with_for_update()
    async with having.database.transaction(caller.tenant_id) as session:
        await plugin_in(session, caller, provider_id, name)
        run = (await session.execute(query)).scalar_one_or_none()
        if run is None:
            raise UnknownRun(f"There is no run {run_id} of this plugin.", "runId")
        replay(session, run)
    return RunDetailOut(**run_out(run).model_dump())


@router.post("/{pluginName}/replay")
async def replay_all(provider_id: ProviderId, name: PluginName, caller: AnyCaller, having: Having) -> ReleasedOut:
    """Send again what is in the fallback queue, the oldest 500; ask again while any were released."""
    query = _runs_of(provider_id, name).where(col(PluginRunRow.status) == RunStatus.QUEUED)
    query = query.order_by(col(PluginRunRow.recorded_at), col(PluginRunRow.id)).limit(_MOST_REPLAYED).with_for_update()
    async with having.database.transaction(caller.tenant_id) as session:
        await plugin_in(session, caller, provider_id, name)
        queued = (await session.execute(query)).scalars().all()
        for run in queued:
            replay(session, run)
    return ReleasedOut(released=len(queued))


def _runs_of(provider_id: str, name: str) -> Any:
    return select(PluginRunRow).where(
        col(PluginRunRow.provider_id) == provider_id, col(PluginRunRow.plugin_name) == name
    )


async def _switch(having: Any, caller: Any, provider_id: str, name: str, *, enabled: bool) -> PluginDetailOut:
    async with having.database.transaction(caller.tenant_id) as session:
        row = await plugin_in(session, caller, provider_id, name, locked=True)
        row.enabled = enabled
    return _detail(row)


def _detail(row: PluginRow) -> PluginDetailOut:
    return PluginDetailOut(**plugin_out(row).model_dump())
