"""What strangers are asked about a provider, all of them at once; each answer is noted when it comes.

company register ---------------------------> noted
sanctions list -----------------------------> noted
challenge -> noted -> certification --------> noted
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.onboarding import Noted, Onboarding
from activities.provider_checks import ProviderChecks
from models.onboarding import Finding, ProviderRef, Step
from temporal.refusals import refusal_in
from workflows.acting import STRANGER_TIMEOUT, Method, ask, transact
from workflows.provider_state import ProviderState

# About a minute in all: an endpoint that is just being set up gets ready in that time, one that is not never will.
_ENDPOINT_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=8,
)


class Vetting:
    """Asks about every step that is pending."""

    def __init__(self, state: ProviderState) -> None:
        self.state = state

    async def run(self) -> None:
        """Ask everybody; over when all have answered."""
        pending = self.state.standing.pending
        lanes = []
        if Step.KYB_VERIFIED in pending:
            lanes.append(self._ask(Step.KYB_VERIFIED, ProviderChecks.verify_company, "look up the company"))
        if Step.SANCTIONS_CLEAR in pending:
            lanes.append(self._ask(Step.SANCTIONS_CLEAR, ProviderChecks.screen, "screen the company"))
        if Step.WEBHOOK_URL_VERIFIED in pending or Step.SANDBOX_CERTIFIED in pending:
            lanes.append(self._try_endpoint(pending))
        await asyncio.gather(*lanes)

    async def _ask(self, step: Step, method: Method[Finding], summary: str) -> None:
        try:
            finding = await ask(method, self.state.ref, summary=summary)
        except ActivityError as error:
            finding = Finding(step, passed=False, reason=_refusal(error))
        await self._note(finding)

    async def _try_endpoint(self, pending: tuple[Step, ...]) -> None:
        verified = True
        if Step.WEBHOOK_URL_VERIFIED in pending:
            finding = await _tried(Step.WEBHOOK_URL_VERIFIED, ProviderChecks.challenge, self.state.ref)
            await self._note(finding)
            verified = finding.passed
        if Step.SANDBOX_CERTIFIED not in pending:
            return
        if not verified:
            untried = "not tried: the webhook URL is not verified"
            await self._note(Finding(Step.SANDBOX_CERTIFIED, passed=False, reason=untried))
            return
        await self._note(await _tried(Step.SANDBOX_CERTIFIED, ProviderChecks.certify, self.state.ref))

    async def _note(self, finding: Finding) -> None:
        noted = Noted(self.state.ref, finding, workflow.now())
        result = "passed" if finding.passed else "failed"
        self.state.standing = await transact(Onboarding.note, noted, summary=f"{finding.step} {result}")


async def _tried(step: Step, method: Method[Finding], ref: ProviderRef) -> Finding:
    """What the endpoint did, or what was wrong with it to the last."""
    try:
        return await workflow.execute_activity_method(
            method,
            ref,
            start_to_close_timeout=STRANGER_TIMEOUT,
            retry_policy=_ENDPOINT_RETRY,
            summary=str(step).replace("_", " "),
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        said = error.cause.message if isinstance(error.cause, ApplicationError) else "no answer in time"
        return Finding(step, passed=False, reason=said)


def _refusal(error: ActivityError) -> str:
    """What a stranger refused to answer; anything else goes on up."""
    if refusal := refusal_in(error):
        return refusal[1].detail
    raise error
