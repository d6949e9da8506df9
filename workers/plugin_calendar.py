"""Keeping the hours of plugins: a schedule for each that is to be run hourly or daily, and none for any other."""

import asyncio

import structlog
from sqlmodel import col, select
from temporalio.client import Client

from activities.plugins import PluginRef
from models.plugin import SyncFrequency
from models.records.database import Database
from models.records.plugins import PluginRow
from temporal.queues import LOANS
from temporal.schedules import scheduled, start_daily, stop
from workflows.plugin_sync import PLUGIN_SYNC, PluginSyncWorkflow, plugin_sync_id

log = structlog.get_logger()

_CRONS = {SyncFrequency.HOURLY: "10 * * * *", SyncFrequency.DAILY: "10 2 * * *"}


class PluginCalendar:
    """Looks at the plugins now and then; what is scheduled stays so in the cluster, whatever becomes of us."""

    def __init__(self, client: Client, plugins: Database, *, seconds: float = 60, task_queue: str = LOANS) -> None:
        self._client = client
        self._plugins = plugins
        self._seconds = seconds
        self._task_queue = task_queue
        self._kept: set[str] | None = None

    async def run(self) -> None:
        """Look, and look again, until it is cancelled; an outage is waited out."""
        while True:
            try:
                await self.keep()
            except Exception:
                log.exception("plugins' hours cannot be kept: the cluster or the rows are away")
            await asyncio.sleep(self._seconds)

    async def keep(self) -> None:
        """See that every plugin has its schedule, and that nobody else has."""
        wanted = await self._wanted()
        if self._kept is None:
            # What another process has scheduled, perhaps for a plugin that was changed while none of us ran.
            self._kept = await scheduled(self._client, PLUGIN_SYNC)
        for schedule_id in sorted(wanted.keys() - self._kept):
            ref, cron = wanted[schedule_id]
            await start_daily(
                self._client,
                schedule_id,
                PluginSyncWorkflow.__name__,
                ref,
                tenant_id=ref.tenant_id,
                task_queue=self._task_queue,
                cron=cron,
            )
            self._kept.add(schedule_id)
        for schedule_id in sorted(self._kept - wanted.keys()):
            await stop(self._client, schedule_id)
            self._kept.discard(schedule_id)

    async def _wanted(self) -> dict[str, tuple[PluginRef, str]]:
        which = (
            col(PluginRow.tenant_id),
            col(PluginRow.provider_id),
            col(PluginRow.name),
            col(PluginRow.sync_frequency),
        )
        query = select(*which).where(col(PluginRow.enabled), col(PluginRow.sync_frequency).in_(list(_CRONS)))
        async with self._plugins.transaction() as session:
            rows = (await session.execute(query)).all()
        found = [
            (PluginRef(tenant_id, provider_id, name), SyncFrequency(each))
            for tenant_id, provider_id, name, each in rows
        ]
        return {plugin_sync_id(ref, each): (ref, _CRONS[each]) for ref, each in found}
