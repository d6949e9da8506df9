"""What a provider's process holds, carries over when it continues as new, and the messages that reach it."""

import asyncio
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.onboarding import ProviderOrder
from models.licensing import LicenseMoment
from models.onboarding import ProviderRef, ProviderStatus, Standing, Step
from temporal import search_attributes as sa

# An order that comes twice comes within minutes; so many answers outlast that, and keep a long life's start small.
_ANSWERS_KEPT = 20


def provider_workflow_id(provider_id: str) -> str:
    """The workflow id of a provider."""
    return f"provider/{provider_id}"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """Where the provider stood when an order was carried out."""

    status: ProviderStatus
    missing: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ProviderStart:
    """What a run starts with: the provider, and what the run before it had done. Everything else is in the rows."""

    ref: ProviderRef
    answers: dict[str, ProviderAnswer] = field(default_factory=dict)
    heard_of_license: LicenseMoment | None = None


class ProviderState:
    """One provider's state in memory; the rows are written by the activities."""

    def __init__(self, start: ProviderStart) -> None:
        self.ref = start.ref
        self.answers = dict(start.answers)
        self.heard_of_license = start.heard_of_license
        self.orders: dict[str, ProviderOrder] = {}
        self.refused: dict[str, ActivityError] = {}
        self.checking: asyncio.Task[None] | None = None
        self._standing: Standing | None = None
        self._shown: tuple[object, ...] | None = None

    @property
    def is_known(self) -> bool:
        """Whether the row has been read."""
        return self._standing is not None

    @property
    def standing(self) -> Standing:
        """Where the provider stands after the last transaction."""
        assert self._standing is not None, "the run reads the row before anything else"
        return self._standing

    @standing.setter
    def standing(self, standing: Standing) -> None:
        self._standing = standing
        face = standing.status, standing.needs_attention
        if self._shown != face:
            self._shown = face
            workflow.upsert_search_attributes(
                [
                    sa.PROVIDER.value_set(self.ref.provider_id),
                    sa.STATUS.value_set(str(standing.status)),
                    sa.NEEDS_ATTENTION.value_set(standing.needs_attention),
                ]
            )

    def show(self, moment: LicenseMoment | None) -> None:
        """Let an operator read in the Temporal UI how the provider stands."""
        standing = self.standing
        facts = {
            "status": standing.status,
            "not checked yet": ", ".join(standing.pending) or "nothing",
            "failed": ", ".join(standing.failed) or "nothing",
            "first license ends on": standing.license_expires_on,
            "next": f"{moment.at:%Y-%m-%d %H:%M} UTC, the license" if moment else "a message",
        }
        workflow.set_current_details("\n".join(f"- **{name}**: {value}" for name, value in facts.items()))

    def answer(self, update_id: str) -> None:
        """Remember what the order came to, and forget the oldest answers."""
        standing = self.standing
        self.answers[update_id] = ProviderAnswer(standing.status, (*standing.pending, *standing.failed))
        for oldest in list(self.answers)[:-_ANSWERS_KEPT]:
            del self.answers[oldest]

    def carried_over(self) -> ProviderStart:
        """What the next run must know."""
        return ProviderStart(self.ref, self.answers, self.heard_of_license)
