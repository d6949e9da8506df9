"""How a credit provider comes to lend: checked, approved by an operator, and suspended when something is wrong.

    pending -> in_review -> active <-> suspended
       |           |                      |
       |        rejected* <---------------+
       +-> active (the sandbox's short cut)

What is checked is a list of steps. A step is passed or failed by what was found; an operator may waive one that has
not passed, and says why. Nobody waives an expired license.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from models.errors import Conflict, Refused
from models.transitions import Transitions


class ProviderStatus(StrEnum):
    """Where a provider stands. See `PROVIDER` for what may follow what."""

    PENDING = "pending"
    IN_REVIEW = "in_review"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REJECTED = "rejected"


_S = ProviderStatus

PROVIDER = Transitions(
    "The provider",
    {
        _S.PENDING: frozenset({_S.IN_REVIEW, _S.ACTIVE}),
        _S.IN_REVIEW: frozenset({_S.ACTIVE, _S.REJECTED}),
        _S.ACTIVE: frozenset({_S.SUSPENDED}),
        _S.SUSPENDED: frozenset({_S.ACTIVE, _S.REJECTED}),
    },
)


class Step(StrEnum):
    """What must be right about a provider before it lends, in the order in which it is shown."""

    REGISTRATION_NUMBER_VALID = "registration_number_valid"
    LICENSES_VALID = "licenses_valid"
    KYB_VERIFIED = "kyb_verified"
    SANCTIONS_CLEAR = "sanctions_clear"
    WEBHOOK_URL_VERIFIED = "webhook_url_verified"
    CAPACITY_ASSESSED = "capacity_assessed"
    SANDBOX_CERTIFIED = "sandbox_certified"
    APPROVED = "approved"


class StepState(StrEnum):
    """What is known of a step."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"


# Only strangers can say these; the others follow from what the provider has told us.
OUTSIDE = (Step.KYB_VERIFIED, Step.SANCTIONS_CLEAR, Step.WEBHOOK_URL_VERIFIED, Step.SANDBOX_CERTIFIED)
NEVER_WAIVED = frozenset({Step.LICENSES_VALID, Step.APPROVED})


class OnboardingIncomplete(Conflict):
    """Steps have not passed, and nobody has waived them."""


class NotWaivable(Refused):
    """No operator can do without this step."""


@dataclass(frozen=True, slots=True)
class ProviderRef:
    """Which provider of which tenant."""

    tenant_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found."""

    step: Step
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """An operator does without a step."""

    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of a step, why, and since when."""

    state: StepState = StepState.PENDING
    reason: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    """Every step with its mark; what is not marked is pending."""

    marks: Mapping[Step, Mark]

    @classmethod
    def read(cls, document: Mapping[str, Mapping[str, Any]]) -> "Checklist":
        """The checklist as it was written down."""
        marks = {Step(step): _mark(held) for step, held in document.items()}
        return cls({step: marks.get(step, Mark()) for step in Step})

    def written(self) -> dict[str, dict[str, Any]]:
        """The checklist as it is kept."""
        return {
            str(step): {"state": str(mark.state), "reason": mark.reason, "at": mark.at and mark.at.isoformat()}
            for step, mark in self.marks.items()
        }

    @property
    def pending(self) -> tuple[Step, ...]:
        """What nothing is known of yet, the approval aside."""
        return self._in(StepState.PENDING)

    @property
    def failed(self) -> tuple[Step, ...]:
        """What did not pass."""
        return self._in(StepState.FAILED)

    @property
    def missing(self) -> tuple[Step, ...]:
        """What stands between the provider and its approval."""
        return tuple(step for step in Step if step in {*self.pending, *self.failed})

    def noted(self, finding: Finding, at: datetime) -> "Checklist":
        """With what was found. A step that was waived stays so unless it passes after all."""
        if self.marks[finding.step].state is StepState.WAIVED and not finding.passed:
            return self
        state = StepState.PASSED if finding.passed else StepState.FAILED
        return self._with({finding.step: Mark(state, finding.reason, at)})

    def waived(self, waivers: Iterable[Waiver], at: datetime) -> "Checklist":
        """Without the steps an operator does without; one that has passed stays passed."""
        missing = self.missing
        return self._with(
            {each.step: Mark(StepState.WAIVED, each.reason, at) for each in waivers if each.step in missing}
        )

    def reopened(self, *, everything: bool) -> "Checklist":
        """With strangers to be asked again, about everything or about what failed; what was waived stays so."""
        again = {StepState.FAILED, StepState.PASSED} if everything else {StepState.FAILED}
        return self._with({step: Mark() for step in OUTSIDE if self.marks[step].state in again})

    def approved(self, reason: str, at: datetime) -> "Checklist":
        """Signed by an operator, if nothing is missing."""
        check_complete(self.missing)
        return self._with({Step.APPROVED: Mark(StepState.PASSED, reason, at)})

    def _in(self, state: StepState) -> tuple[Step, ...]:
        return tuple(step for step in Step if step is not Step.APPROVED and self.marks[step].state is state)

    def _with(self, marks: Mapping[Step, Mark]) -> "Checklist":
        return Checklist({**self.marks, **marks})


def check_complete(missing: Iterable[Step]) -> None:
    """Refuse an approval while steps are missing."""
    if left := ", ".join(missing):
        raise OnboardingIncomplete(f"These steps have neither passed nor been waived: {left}.", "waive")


def check_waivers(waivers: Iterable[Waiver]) -> None:
    """Refuse to do without what nobody can do without."""
    for place, waiver in enumerate(waivers):
        if waiver.step in NEVER_WAIVED:
            raise NotWaivable(f"The step {waiver.step} cannot be waived.", f"waive[{place}].step")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a provider stands after a transaction: what its process goes by."""

    status: ProviderStatus
    pending: tuple[Step, ...]
    failed: tuple[Step, ...]
    license_expires_on: date

    @property
    def needs_attention(self) -> bool:
        """Whether an operator has something to decide or to look at."""
        if self.status is _S.IN_REVIEW:
            return not self.pending
        return self.status is _S.SUSPENDED or (self.status is _S.ACTIVE and bool(self.failed))


def _mark(held: Mapping[str, Any]) -> Mark:
    at = held.get("at")
    return Mark(StepState(held["state"]), held.get("reason"), datetime.fromisoformat(at) if at else None)
