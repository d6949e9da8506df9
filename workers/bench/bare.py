"""The yardstick: a workflow with as many activities as an application has, each of them empty."""

import asyncio
from datetime import timedelta
from time import perf_counter
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

QUEUE = "bare"
_TIMEOUT = timedelta(seconds=30)
_PATIENCE = timedelta(minutes=2)
# As our own worker: sandboxed, with what is known to be deterministic passed through.
_RUNNER = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("workers"))


@activity.defn
async def nothing() -> None:
    """Do nothing, durably."""


@workflow.defn
class BareWorkflow:
    """Runs `count` empty activities one after another."""

    @workflow.run
    async def run(self, count: int) -> None:
        """Do nothing, `count` times."""
        for _ in range(count):
            await workflow.execute_activity(nothing, start_to_close_timeout=_TIMEOUT)


def bare_worker(client: Client, queue: str) -> Worker:
    """A worker that serves nothing else."""
    return Worker(client, task_queue=queue, workflows=[BareWorkflow], activities=[nothing], workflow_runner=_RUNNER)


async def bare_rate(client: Client, queue: str, *, workflows: int, activities: int, at_once: int) -> float:
    """Bare workflows per second, `at_once` at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with gate:
            await client.execute_workflow(
                BareWorkflow.run, activities, id=f"bare/{uuid4()}", task_queue=queue, execution_timeout=_PATIENCE
            )

    started = perf_counter()
    await asyncio.gather(*(one() for _ in range(workflows)))
    return workflows / (perf_counter() - started)
