"""The hour of one plugin: what has happened since the last goes out to the lender's API.

Started by its schedule, hourly or daily. Each event is then an exchange of its own, made by the relay and seen to its
end by a standalone activity: one lender that hangs holds up nobody's schedule.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior

from activities.plugins import PluginRef, Plugins

_TIMEOUT = timedelta(seconds=60)


PLUGIN_SYNC = "plugin-sync/"


def plugin_sync_id(ref: PluginRef, frequency: str) -> str:
    """The id of the schedule, and of each workflow it starts; another frequency is another schedule."""
    return f"{PLUGIN_SYNC}{ref.tenant_id}/{ref.provider_id}/{ref.name}/{frequency}"


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class PluginSyncWorkflow:
    """One hour's work; its result is how many events it sent on their way."""

    @workflow.run
    async def run(self, ref: PluginRef) -> int:
        """Release what waits."""
        return await workflow.execute_activity_method(
            Plugins.release, ref, start_to_close_timeout=_TIMEOUT, summary="release what waits"
        )
