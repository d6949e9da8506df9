"""Workflows as they are now, led through what workflows did when the histories were recorded."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from temporal.refusals import RefusalInterceptor
from tests.workflows.record_histories import HISTORIES, NAMES
from workers.demo.bodies import DISBURSEMENT_ACCOUNT, application
from workers.telemetry import TelemetryInterceptor
from workers.worker import RUNNER, WORKFLOWS

Events = dict[str, Any]

_PERSON = application()["applicant"]["personalInfo"]
OF_THE_BORROWER = (
    *(_PERSON[name] for name in ("firstName", "lastName", "email", "phoneNumber")),
    _PERSON["address"]["street"],
    application()["applicant"]["employmentInfo"]["companyName"],
    DISBURSEMENT_ACCOUNT["accountNumber"],
)


@pytest.fixture
def replayer() -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=RUNNER,
        data_converter=pydantic_data_converter,
        interceptors=[TelemetryInterceptor(), RefusalInterceptor()],
    )


@pytest.mark.parametrize("name", NAMES)
async def test_a_recorded_history_replays(replayer: Replayer, name: str) -> None:
    await replayer.replay_workflow(history_of(recorded(name)))


@pytest.mark.parametrize("name", NAMES)
async def test_a_history_of_other_decisions_does_not_replay(replayer: Replayer, name: str) -> None:
    history = recorded(name)
    scheduled = [
        event["activityTaskScheduledEventAttributes"]["activityType"]
        for event in history["events"]
        if "activityTaskScheduledEventAttributes" in event
    ]
    first, *_, last = scheduled
    first["name"], last["name"] = last["name"], first["name"]

    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history_of(history))


def test_one_history_ends_where_the_next_run_begins() -> None:
    first, second = (recorded(f"loan_of_24_months_{run}_run")["events"] for run in ("first", "second"))

    continued = first[-1]["workflowExecutionContinuedAsNewEventAttributes"]
    began = second[0]["workflowExecutionStartedEventAttributes"]
    assert continued["newExecutionRunId"] == began["originalExecutionRunId"]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_history_names_no_person_and_no_machine(name: str) -> None:
    text = (HISTORIES / f"{name}.json").read_text()
    told = [text, *payloads(json.loads(text))]

    assert [secret for secret in OF_THE_BORROWER if any(secret in each for each in told)] == []
    assert [each for each in told if "@" in each or str(Path.home()) in each or "site-packages" in each] == []


def recorded(name: str) -> Events:
    history: Events = json.loads((HISTORIES / f"{name}.json").read_text())
    return history


def history_of(history: Events) -> WorkflowHistory:
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], history)


def payloads(part: Any) -> list[str]:
    """What the workflow and its activities told each other, readable."""
    if isinstance(part, list):
        return [text for each in part for text in payloads(each)]
    if not isinstance(part, dict):
        return []
    own = [base64.b64decode(part["data"]).decode()] if isinstance(part.get("data"), str) else []
    return own + [text for each in part.values() for text in payloads(each)]
