"""The steps of the servicing plan, each an activity."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from temporalio import workflow

from activities.collection import Collection
from activities.servicing import DueStep, Servicing
from models.loan import LoanPosition
from models.servicing import Step, StepKind
from workflows.acting import transact
from workflows.loan_state import LoanState

_ACTIVITIES: Mapping[StepKind, Callable[[Any, DueStep], Awaitable[LoanPosition]]] = {
    StepKind.REMIND: Servicing.remind,
    StepKind.MISSED: Servicing.mark_missed,
    StepKind.LATE_FEE: Servicing.charge_late_fee,
    StepKind.DUN: Collection.dun,
    StepKind.AGE: Servicing.age,
    StepKind.PENALTY_INTEREST: Servicing.charge_penalty_interest,
}


async def take(state: LoanState, step: Step) -> None:
    """Do the step whose time has come, and move the cursor past it."""
    due = DueStep(state.ref, step, workflow.now())
    summary = f"{step.kind}: installment {step.installment}, day {step.offset_days:+d}"
    state.position = await transact(_ACTIVITIES[step.kind], due, summary=summary)
    state.done = step
