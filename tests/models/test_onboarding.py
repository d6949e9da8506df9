"""Which provider may lend: what must be right about it, what may be waived, and what follows what."""

from datetime import UTC, date, datetime

import pytest

from models.onboarding import (
    OUTSIDE,
    PROVIDER,
    Checklist,
    Finding,
    Mark,
    NotWaivable,
    OnboardingIncomplete,
    ProviderStatus,
    Standing,
    Step,
    StepState,
    Waiver,
    check_waivers,
)
from models.transitions import IllegalTransition

AT, LATER = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 2, 9, tzinfo=UTC)
NOTHING = Checklist.read({})
_S = ProviderStatus


def _found(*passed: Step, failed: tuple[Step, ...] = ()) -> Checklist:
    checklist = NOTHING
    for step in (*passed, *failed):
        checklist = checklist.noted(Finding(step, step in passed, "found"), AT)
    return checklist


BEFORE_APPROVAL = tuple(step for step in Step if step is not Step.APPROVED)


def test_what_nobody_has_looked_at_is_missing() -> None:
    assert NOTHING.missing == NOTHING.pending == BEFORE_APPROVAL
    assert NOTHING.failed == ()


def test_an_approval_needs_every_step_passed_or_waived() -> None:
    half = _found(*BEFORE_APPROVAL[:-1], failed=(Step.SANDBOX_CERTIFIED,))
    with pytest.raises(OnboardingIncomplete, match="sandbox_certified") as refusal:
        half.approved("fine", AT)
    assert refusal.value.field == "waive"

    whole = half.waived([Waiver(Step.SANDBOX_CERTIFIED, "seen it work")], LATER).approved("fine", LATER)

    assert whole.missing == ()
    assert whole.marks[Step.SANDBOX_CERTIFIED] == Mark(StepState.WAIVED, "seen it work", LATER)
    assert whole.marks[Step.APPROVED] == Mark(StepState.PASSED, "fine", LATER)


def test_a_waiver_of_what_has_passed_changes_nothing() -> None:
    passed = _found(Step.KYB_VERIFIED)

    assert passed.waived([Waiver(Step.KYB_VERIFIED, "why not")], LATER) == passed


def test_a_waived_step_that_passes_after_all_has_passed_and_one_that_fails_stays_waived() -> None:
    waived = NOTHING.waived([Waiver(Step.KYB_VERIFIED, "known to us")], AT)

    assert waived.noted(Finding(Step.KYB_VERIFIED, passed=False, reason="unknown"), LATER) == waived
    passed = waived.noted(Finding(Step.KYB_VERIFIED, passed=True, reason="known"), LATER)
    assert passed.marks[Step.KYB_VERIFIED].state is StepState.PASSED


@pytest.mark.parametrize("step", [Step.LICENSES_VALID, Step.APPROVED])
def test_nobody_does_without_a_license_or_an_approval(step: Step) -> None:
    with pytest.raises(NotWaivable) as refusal:
        check_waivers([Waiver(Step.KYB_VERIFIED, "known"), Waiver(step, "oh well")])
    assert refusal.value.field == "waive[1].step"


def test_a_step_that_may_be_waived_is_no_fault() -> None:
    check_waivers([Waiver(step, "known") for step in OUTSIDE])


def test_a_recheck_asks_strangers_again_but_not_about_what_was_waived() -> None:
    known = _found(Step.KYB_VERIFIED, Step.LICENSES_VALID, failed=(Step.WEBHOOK_URL_VERIFIED,))
    known = known.waived([Waiver(Step.SANCTIONS_CLEAR, "a namesake")], AT)

    everything, failures = known.reopened(everything=True), known.reopened(everything=False)

    assert set(OUTSIDE) & set(everything.pending) == set(OUTSIDE) - {Step.SANCTIONS_CLEAR}
    assert Step.LICENSES_VALID not in everything.pending
    assert failures.marks[Step.KYB_VERIFIED].state is StepState.PASSED
    assert Step.WEBHOOK_URL_VERIFIED in failures.pending


def test_a_checklist_is_read_as_it_was_written() -> None:
    checklist = _found(Step.KYB_VERIFIED, failed=(Step.SANCTIONS_CLEAR,))

    assert Checklist.read(checklist.written()) == checklist


ALLOWED = {
    (_S.PENDING, _S.IN_REVIEW),
    (_S.PENDING, _S.ACTIVE),
    (_S.IN_REVIEW, _S.ACTIVE),
    (_S.IN_REVIEW, _S.REJECTED),
    (_S.ACTIVE, _S.SUSPENDED),
    (_S.SUSPENDED, _S.ACTIVE),
    (_S.SUSPENDED, _S.REJECTED),
}


@pytest.mark.parametrize("current", list(ProviderStatus))
@pytest.mark.parametrize("to", list(ProviderStatus))
def test_a_status_follows_only_where_an_arrow_leads(current: ProviderStatus, to: ProviderStatus) -> None:
    if (current, to) in ALLOWED:
        assert PROVIDER.check(current, to) is to
    else:
        with pytest.raises(IllegalTransition, match=f"The provider is {current}"):
            PROVIDER.check(current, to)


@pytest.mark.parametrize(
    ("status", "pending", "failed", "needs_attention"),
    [
        (_S.PENDING, (Step.KYB_VERIFIED,), (), False),
        (_S.IN_REVIEW, (Step.KYB_VERIFIED,), (), False),
        (_S.IN_REVIEW, (), (), True),
        (_S.ACTIVE, (), (), False),
        (_S.ACTIVE, (), (Step.SANCTIONS_CLEAR,), True),
        (_S.SUSPENDED, (), (), True),
        (_S.REJECTED, (), (Step.KYB_VERIFIED,), False),
    ],
)
def test_an_operator_is_needed_when_there_is_something_to_decide(
    status: ProviderStatus,
    pending: tuple[Step, ...],
    failed: tuple[Step, ...],
    needs_attention: bool,  # noqa: FBT001
) -> None:
    assert Standing(status, pending, failed, date(2030, 1, 1)).needs_attention is needs_attention
