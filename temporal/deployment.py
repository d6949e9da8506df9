"""Worker versions: a workflow stays on the build that started it and changes builds only when it continues as new."""

import asyncio

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

NAME = "caas"
RETRY_INTERVAL_SECONDS = 0.1
# What the server answers until the new build's first poll has reached it.
NOT_YET = {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.UNAVAILABLE}


def version(build_id: str) -> WorkerDeploymentVersion:
    return WorkerDeploymentVersion(deployment_name=NAME, build_id=build_id)


def config(of: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    return WorkerDeploymentConfig(
        version=of, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
    )


async def make_current(client: Client, current: WorkerDeploymentVersion, *, patience_seconds: float = 30) -> None:
    """Send new workflows to this version; call it beside a polling worker. Doing it again changes nothing."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=current.deployment_name,
        build_id=current.build_id,
        identity=client.identity,
        # Queues of an older version that this one no longer serves must not hold it up.
        ignore_missing_task_queues=True,
    )
    async with asyncio.timeout(patience_seconds):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as refusal:
                if refusal.status not in NOT_YET:
                    raise
            else:
                return
            await asyncio.sleep(RETRY_INTERVAL_SECONDS)
