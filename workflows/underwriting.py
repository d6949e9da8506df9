"""First phase: who is it, may we deal with them, can they repay; ends with the providers invited."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import workflow

from activities.identity import Identity
from activities.offers import Ending, Offers
from activities.underwriting import Evidence, Underwriting, Underwritten
from models.application import ApplicationStatus
from models.errors import Conflict
from temporal import search_attributes as sa
from workflows.acting import ask, transact, wait_until
from workflows.application_state import ApplicationState

_S = ApplicationStatus
_PATIENCE_SECONDS = 30 * 86_400.0

Result = TypeVar("Result")


class NothingToReview(Conflict):
    """The application does not wait for a review."""


def check_review(state: ApplicationState) -> None:
    """Refuse a review that nobody waits for."""
    if state.status is not _S.MANUAL_REVIEW or state.review is not None:
        raise NothingToReview(f"The application is {state.status}; it does not wait for a review.", "status")


class UnderwritingPhase:
    """Identity, screening, assessment, distribution."""

    def __init__(self, state: ApplicationState) -> None:
        self.state = state

    async def run(self) -> ApplicationStatus | None:
        """None when the lead is with the providers, else how the application ended."""
        state = self.state
        outcome = await self._underwrite()
        while outcome is not None and outcome.status in (_S.ACTION_REQUIRED, _S.MANUAL_REVIEW):
            outcome = await self._wait_for_people(outcome)
        if outcome is None or (outcome.status is _S.BIDDING and state.withdrawal):
            return await self._end(_S.WITHDRAWN, state.withdrawal.reason if state.withdrawal else "")
        self._take(outcome)
        return None if outcome.status is _S.BIDDING else outcome.status

    async def _underwrite(self) -> Underwritten | None:
        """None when the borrower withdrew while a stranger was asked."""
        state = self.state
        evidence = Evidence(state.ref, workflow.now())
        if not state.pre_assessed:
            state.show(_S.VERIFYING_IDENTITY, "Asking the **identity bureau**")
            identity = await self._unless_withdrawn(ask(Identity.verify, state.ref, summary="identity bureau"))
            if identity is None:
                return None
            screening = None
            if identity.verified and identity.name_match:
                state.show(_S.SCREENING, "Asking the **sanctions list**")
                screening = await self._unless_withdrawn(ask(Identity.screen, state.ref, summary="sanctions list"))
                if screening is None:
                    return None
            evidence = Evidence(state.ref, workflow.now(), identity, screening)
        state.show(_S.ASSESSING, "Assessing")
        return await transact(Underwriting.underwrite, evidence, summary="assess, match and invite")

    async def _wait_for_people(self, outcome: Underwritten) -> Underwritten | None:
        """Missing papers wait for the platform, a referral for an operator; both end if nobody comes."""
        state = self.state
        papers_missing = outcome.status is _S.ACTION_REQUIRED
        state.show(outcome.status, f"**{outcome.status}**: {outcome.reason}")
        attention = sa.NEEDS_ATTENTION.value_set(True)  # noqa: FBT003 - the SDK's signature
        workflow.upsert_search_attributes([sa.STATUS.value_set(outcome.status), attention])
        came = await wait_until(
            lambda: bool(state.withdrawal or state.review or (papers_missing and state.papers_arrived)),
            seconds=_PATIENCE_SECONDS,
            summary=f"waiting for people: {outcome.status}",
        )
        workflow.upsert_search_attributes([sa.NEEDS_ATTENTION.value_unset()])
        if state.withdrawal:
            return None
        if not came:
            return await self._reject(outcome, "nobody answered in 30 days")
        if papers_missing:
            state.papers_arrived = False
            return await self._underwrite()
        return await self._reviewed(outcome)

    async def _reviewed(self, outcome: Underwritten) -> Underwritten:
        review = self.state.review
        assert review is not None
        if review.approve:
            evidence = Evidence(self.state.ref, workflow.now())
            approved = await transact(Underwriting.approve, evidence, summary="approved by an operator")
        else:
            approved = await self._reject(outcome, review.reason or "rejected by an operator")
        self.state.status, self.state.review = approved.status, None
        return approved

    async def _reject(self, outcome: Underwritten, reason: str) -> Underwritten:
        await self._end(_S.REJECTED, reason)
        return Underwritten(_S.REJECTED, outcome.requested_minor, outcome.currency, reason=reason)

    async def _end(self, status: ApplicationStatus, reason: str) -> ApplicationStatus:
        ending = Ending(self.state.ref, status, workflow.now(), reason)
        return await transact(Offers.end, ending, summary=str(status))

    def _take(self, outcome: Underwritten) -> None:
        state = self.state
        state.underwritten, state.reason = outcome, outcome.reason
        state.requested_minor = outcome.requested_minor
        state.invited = frozenset(invitation.provider_id for invitation in outcome.invited)
        state.status = outcome.status

    async def _unless_withdrawn(self, call: Coroutine[Any, Any, Result]) -> Result | None:
        """The call's result, or None when the borrower withdraws first: a stranger may be away for hours."""
        task = asyncio.create_task(call)
        await workflow.wait_condition(lambda: task.done() or self.state.withdrawal is not None)
        if task.done():
            return task.result()
        task.cancel()
        return None
