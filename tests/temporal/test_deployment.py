"""Worker versions on the real server."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from temporal.deployment import config, make_current, version


@workflow.defn
class Waiting:
    """Ends when told to, and says on which build."""

    def __init__(self) -> None:
        self.told = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.told)
        running_on = workflow.info().get_current_deployment_version()
        return running_on.build_id if running_on else ""

    @workflow.signal
    def finish(self) -> None:
        self.told = True


def serving(client: Client, queue: str, build_id: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Waiting],
        workflow_runner=UnsandboxedWorkflowRunner(),
        deployment_config=config(version(build_id)),
    )


async def test_a_running_workflow_stays_on_the_build_that_started_it(temporal_client: Client) -> None:
    queue = f"deployment-{uuid4()}"
    async with serving(temporal_client, queue, "one"):
        await make_current(temporal_client, version("one"))
        old = await temporal_client.start_workflow(Waiting.run, id=f"old-{queue}", task_queue=queue)
        await old.query("__temporal_workflow_metadata")  # it has begun
        async with serving(temporal_client, queue, "two"):
            await make_current(temporal_client, version("two"))
            new = await temporal_client.start_workflow(Waiting.run, id=f"new-{queue}", task_queue=queue)
            for loan in (old, new):
                await loan.signal(Waiting.finish)

            assert (await old.result(), await new.result()) == ("one", "two")


async def test_making_a_version_current_again_changes_nothing(temporal_client: Client) -> None:
    queue = f"deployment-{uuid4()}"
    async with serving(temporal_client, queue, "three"):
        await make_current(temporal_client, version("three"))
        await make_current(temporal_client, version("three"))
        done = await temporal_client.start_workflow(
            Waiting.run, id=queue, task_queue=queue, start_signal="finish", task_timeout=timedelta(seconds=5)
        )

        assert await done.result() == "three"
        assert (await done.describe()).status == WorkflowExecutionStatus.COMPLETED


async def test_a_version_nobody_serves_cannot_be_made_current(temporal_client: Client) -> None:
    with pytest.raises(TimeoutError):
        await make_current(temporal_client, version("never-polled"), patience_seconds=0.5)
