"""What a workflow costs in Temporal: history events, and billable actions as Temporal Cloud counts them.

An action is a start (a child's and a continue-as-new included), a timer, an activity attempt, a signal, an accepted
update or an upsert of search attributes. Source: docs.temporal.io/cloud/actions.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

_ACTIONS = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    }
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Events and actions; costs add up."""

    events: int = 0
    actions: int = 0
    activities: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.events + other.events, self.actions + other.actions, self.activities + other.activities)


def cost_of(history: Iterable[HistoryEvent]) -> Cost:
    """The cost of a whole history."""
    return sum((_cost(event) for event in history), Cost())


def cost_by_phase(history: Iterable[HistoryEvent], phases: Mapping[str, str]) -> dict[str, Cost]:
    """The cost of each phase; `phases` maps the activity that opens a phase to the phase's name."""
    costs: dict[str, Cost] = {}
    for phase, event in _in_phases(history, phases):
        costs[phase] = costs.get(phase, Cost()) + _cost(event)
    return costs


def _in_phases(history: Iterable[HistoryEvent], phases: Mapping[str, str]) -> Iterator[tuple[str, HistoryEvent]]:
    phase = "start"
    for event in history:
        scheduled = event.activity_task_scheduled_event_attributes.activity_type.name
        phase = phases.get(scheduled, phase)
        yield phase, event


def _cost(event: HistoryEvent) -> Cost:
    started = event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    attempts = event.activity_task_started_event_attributes.attempt if started else int(event.event_type in _ACTIONS)
    return Cost(1, attempts, int(started))
