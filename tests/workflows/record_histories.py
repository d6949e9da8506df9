"""Record the histories that `test_replay.py` replays: `python -m tests.workflows.record_histories`.

Run it by hand when a workflow has changed on purpose and no loan anywhere lives on the old code; otherwise the change
needs `workflow.patched`, and the old histories stay.
"""

import asyncio
import json
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from temporal.client import connect
from temporal.settings import TemporalSettings
from tests.journeys.scenes import Scene, patiently, scene_on
from workers.demo.story import Teller
from workers.embedded.settings import throwaway
from workers.stack import Stack
from workflows.application import application_workflow_id
from workflows.loan import loan_workflow_id

HISTORIES = Path(__file__).parent / "histories"
NAMES = (
    "application_demo",
    "application_withdrawn",
    "loan_demo",
    "loan_of_24_months_first_run",
    "loan_of_24_months_second_run",
)
_MONTHS_IN_A_RUN = 12
# Which process did it, and where its files were, has no bearing on a replay and is nobody's business.
_WHO = {"identity": "worker", "stackTrace": ""}


async def record() -> None:
    """Live the demo, a withdrawal and a long loan, and write down what their workflows did."""
    with tempfile.TemporaryDirectory() as state:
        async with Stack(throwaway(Path(state)), report=print) as stack, scene_on(stack) as scene:
            client = await connect(TemporalSettings(address=stack.temporal_address))
            story = await Teller(scene.platform, scene.world, tell=print, chapter=lambda: None).live()
            await _write(client, "application_demo", application_workflow_id(story.application_id))
            await _write(client, "loan_demo", loan_workflow_id(story.loan_id))
            await _write(client, "application_withdrawn", application_workflow_id(await _withdrawn(scene)))
            await _long_loan(scene, client)


async def _withdrawn(scene: Scene) -> str:
    application_id = await scene.apply()
    await scene.reaches(application_id, "offered")
    await scene.platform.post(f"/api/loans/applications/{application_id}/withdraw", {"reason": "not needed any more"})
    return application_id


async def _long_loan(scene: Scene, client: Client) -> None:
    """Twelve months in the first run; the second settles one more, and then the rest at once."""
    loan = await scene.disbursed(await scene.apply(tenure_days=730))
    workflow_id = loan_workflow_id(loan["loanId"])
    first_run = (await client.get_workflow_handle(workflow_id).describe()).run_id
    for row in loan["schedule"][: _MONTHS_IN_A_RUN + 1]:
        paid_at = await scene.to_day(loan, date.fromisoformat(row["dueOn"]) - timedelta(days=1))
        await scene.pay(loan, round(row["total"] * 100), paid_at)
    second_run = (await client.get_workflow_handle(workflow_id).describe()).run_id
    assert second_run != first_run, "the loan has not continued as new"
    now = await scene.platform.loan(loan["loanId"])
    paid_off_at = datetime.fromisoformat(now["clockAt"]) + timedelta(days=1)
    await scene.pay(loan, round(now["payoff"]["total"] * 100), paid_off_at)
    await _write(client, "loan_of_24_months_first_run", workflow_id, first_run)
    await _write(client, "loan_of_24_months_second_run", workflow_id, second_run)


async def _write(client: Client, name: str, workflow_id: str, run_id: str | None = None) -> None:
    run: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id, run_id=run_id)

    async def is_over() -> bool:
        return (await run.describe()).status is not WorkflowExecutionStatus.RUNNING

    await patiently(is_over, what=f"{workflow_id} to end")
    history = scrubbed((await run.fetch_history()).to_json_dict())
    (HISTORIES / f"{name}.json").write_text(json.dumps(history, indent=1) + "\n")
    print(f"{name}: {len(history['events'])} events")  # noqa: T201 - run by hand


def scrubbed(part: Any) -> Any:
    """The same history without the names of processes and machines."""
    if isinstance(part, list):
        return [scrubbed(each) for each in part]
    if not isinstance(part, dict):
        return part
    clean = {key: _WHO.get(key, scrubbed(value)) for key, value in part.items()}
    if part.get("kind") == "TASK_QUEUE_KIND_STICKY":
        clean["name"] = "worker-sticky"
    return clean


if __name__ == "__main__":
    asyncio.run(record())
