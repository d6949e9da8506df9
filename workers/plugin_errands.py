"""What the relay does for plugins: the first step of an exchange, and the decision that came of one.

A decision goes the way of every other: kept in a row, then put to the application's workflow as an Update. So there is
one writer, and one place that says no. The outbox row stays until the workflow has answered: nothing is lost, and the
same exchange is the same message, so nothing counts twice.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog
from pydantic import ValidationError
from sqlalchemy import update
from sqlmodel import col
from temporalio.client import Client
from temporalio.common import ActivityIDConflictPolicy, RetryPolicy

from activities.plugins import PluginRunRef, Plugins
from api.decisions import decided
from api.exact_json import read_json
from api.processes import Declined, Processes
from api.resources import Resources, TemporalPages
from api.schemas.leads import DecisionIn
from api.security import Caller
from api.settings import ApiSettings
from models.errors import Refusal
from models.records.database import Database
from models.records.outbox import OutboxKind
from models.records.plugins import PluginRunRow
from temporal.queues import DELIVERIES
from workers.errands import Work

log = structlog.get_logger()

_STEP_TIMEOUT = timedelta(seconds=60)
_LONGEST_EXCHANGE = timedelta(days=8)
_MOST_STEPS = 200


class PluginErrands:
    """Does the work of two kinds of outbox rows; doing it twice does no harm."""

    def __init__(self, client: Client, plugins: Plugins, having: Resources, *, task_queue: str = DELIVERIES) -> None:
        self._client = client
        self._plugins = plugins
        self._having = having
        self._task_queue = task_queue
        self.by_kind: Mapping[str, Callable[[Work], Awaitable[None]]] = {
            OutboxKind.SYNC_PLUGIN: self._sync,
            OutboxKind.PLUGIN_DECISION: self._decide,
        }

    async def _sync(self, work: Work) -> None:
        """The first step is ours; what comes later is Temporal's to time."""
        ref = PluginRunRef(work.tenant_id, work.payload["runId"])
        pause = await self._plugins.advance(ref)
        if pause is None:
            return
        await self._client.start_activity(
            Plugins.sync,  # type: ignore[arg-type]
            ref,
            id=f"plugin/{ref.run_id}",
            task_queue=self._task_queue,
            start_to_close_timeout=_STEP_TIMEOUT,
            schedule_to_close_timeout=_LONGEST_EXCHANGE,
            start_delay=pause,
            retry_policy=RetryPolicy(maximum_attempts=_MOST_STEPS),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
        )

    async def _decide(self, work: Work) -> None:
        """Put what a lender answered to the lead's workflow, and keep what it said of it."""
        run_id = work.payload["runId"]
        async with self._having.database.transaction(work.tenant_id) as session:
            run = await session.get_one(PluginRunRow, (work.tenant_id, run_id))
        outcome = await self._outcome(run)
        log.info("a plugin's answer was judged", run_id=run_id, outcome=outcome)
        async with self._having.database.transaction(work.tenant_id) as session:
            mine = col(PluginRunRow.id) == run_id
            await session.execute(update(PluginRunRow).where(mine).values(decision_outcome=outcome))

    async def _outcome(self, run: PluginRunRow) -> str:
        raw = json.dumps({**(run.answer or {}), "leadId": run.lead_id, "providerId": run.provider_id}).encode()
        caller = Caller(run.tenant_id, run.provider_id, is_live=False, key_id=f"plugin:{run.plugin_name}")
        try:
            decision = DecisionIn.model_validate(read_json(raw))
            await decided(self._having, caller, decision, raw, message_id=run.id)
        except ValidationError as invalid:
            first = invalid.errors()[0]
            return f"refused: validation_failed: {'.'.join(str(each) for each in first['loc'])}: {first['msg']}"[:500]
        except Declined as declined:
            return f"refused: {declined.code}: {declined}"[:500]
        except Refusal as refusal:
            return f"refused: {refusal.code}: {refusal.detail}"[:500]
        return "accepted"


def decisions_through(client: Client, database: Database) -> Resources:
    """What a decision needs, as the API has it."""
    settings = ApiSettings()
    processes = Processes(client, calls=settings.process_calls, timeout_seconds=settings.process_timeout_seconds)
    return Resources(settings, database, processes, TemporalPages("", ""))
