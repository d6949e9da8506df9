"""The worker process: carries out workflows and activities, and relays the outbox."""

import asyncio
import signal
from contextlib import suppress
from datetime import timedelta

import structlog
from prometheus_client import start_http_server
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from api.observability import configure_logging
from temporal.client import connect
from temporal.deployment import config, make_current, version
from temporal.queues import DELIVERIES, LOANS
from temporal.refusals import RefusalInterceptor
from temporal.settings import TemporalSettings
from workers.assembly import Activity, Engine, assemble
from workers.calendar import Calendar
from workers.chain_errands import ChainErrands
from workers.errands import Errands
from workers.plugin_calendar import PluginCalendar
from workers.plugin_errands import PluginErrands, decisions_through
from workers.relay import Relay
from workers.settings import WorkerSettings
from workers.telemetry import TelemetryInterceptor
from workflows.application import ApplicationWorkflow
from workflows.billing import InvoiceWorkflow
from workflows.chain import ChainWorkflow
from workflows.close_of_business import CloseOfBusinessWorkflow
from workflows.loan import LoanWorkflow
from workflows.plugin_sync import PluginSyncWorkflow
from workflows.provider import ProviderWorkflow

log = structlog.get_logger()

WORKFLOWS = [
    ApplicationWorkflow,
    LoanWorkflow,
    CloseOfBusinessWorkflow,
    ProviderWorkflow,
    InvoiceWorkflow,
    PluginSyncWorkflow,
    ChainWorkflow,
]
# Imports the workflow modules anew for every workflow and refuses whatever is not deterministic: every workflow test
# and every replay runs in it.
STRICT_RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("models", "activities", "temporal")
)
# What the tests have run in the sandbox runs here without it: docs/decisions/0013 has the figures.
RUNNER = UnsandboxedWorkflowRunner()
_SHUTDOWN = timedelta(seconds=5)


def build_worker(
    client: Client,
    activities: list[Activity],
    build_id: str,
    *,
    max_cached_workflows: int,
    task_queue: str = LOANS,
    runner: WorkflowRunner = RUNNER,
) -> Worker:
    """The worker with everything it serves; tests build the same one, on the strict runner."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=activities,
        interceptors=[TelemetryInterceptor(), RefusalInterceptor()],
        workflow_runner=runner,
        deployment_config=config(version(build_id)),
        max_cached_workflows=max_cached_workflows,
        graceful_shutdown_timeout=_SHUTDOWN,
    )


def build_retrier(client: Client, engine: Engine, *, at_once: int) -> Worker:
    """The worker for what providers' own servers did not take at once; it runs no workflow, so it needs no version."""
    return Worker(
        client,
        task_queue=DELIVERIES,
        activities=[engine.deliveries.deliver, engine.plugins.sync],
        interceptors=[TelemetryInterceptor(), RefusalInterceptor()],
        max_concurrent_activities=at_once,
        graceful_shutdown_timeout=_SHUTDOWN,
    )


async def main() -> None:
    """Serve until SIGTERM."""
    configure_logging()
    settings, cluster = WorkerSettings(), TemporalSettings()
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    client = await connect(cluster)
    async with assemble(settings) as engine:
        worker = build_worker(
            client, engine.activities, cluster.build_id, max_cached_workflows=settings.max_cached_workflows
        )
        retrier = build_retrier(client, engine, at_once=settings.deliveries_in_flight)
        plugins = PluginErrands(client, engine.plugins, decisions_through(client, engine.rows))
        chain = ChainErrands(client, engine.rows, engine.reconciliation)
        errands = Errands(client, engine.deliveries, more={**plugins.by_kind, **chain.by_kind})
        relay = Relay(engine.outbox, errands, settings)
        async with worker, retrier:
            await make_current(client, version(cluster.build_id))
            hours = PluginCalendar(client, engine.outbox)
            calendar = Calendar(client, engine.outbox)
            relaying = asyncio.gather(relay.run(), calendar.run(), hours.run(), *engine.on_chain())
            # Last, because whoever asks for metrics takes the answer for a sign that we serve.
            metrics, thread = start_http_server(settings.metrics_port, settings.metrics_host)
            log.info("worker serves", queue=LOANS, build_id=cluster.build_id, metrics_port=settings.metrics_port)
            await stopping.wait()
            relaying.cancel()
            with suppress(asyncio.CancelledError):
                await relaying
            metrics.shutdown()
            thread.join()
