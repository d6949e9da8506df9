"""Between the acceptance and the money: underwriters sign for the loan, it is put on chain, collateral covers it.

prepare -> signatures come -> propose -> written -> (collateral) -> on chain
   |             |                        |             |
   +-------------+-- 7 days, or a word ---+-------------+-> the accepted offer lapses

Whatever is slow, away or refuses, the offer can lapse: what is on its way to the chain by then is cancelled there.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.chain_loans import ChainLoans, Performed
from activities.chain_originations import ChainOriginations, Cover, Preparation, Signing
from models.application import ApplicationStatus
from models.chain_signing import Prepared, SignerRole
from models.errors import Conflict
from models.loan import LoanRef
from temporal import search_attributes as sa
from temporal.refusals import refusal_in
from workflows.acting import ask, transact, wait_until, write_on_chain
from workflows.application_state import ApplicationState, ChainApproval, ChainSigned, Lapse

_S = ApplicationStatus
_PATIENCE = timedelta(days=7)
# A node that lost our filter, or a reader that is away, must not leave us waiting: we look ourselves as well.
_LOOK_AGAIN_SECONDS = 3600.0

Result = TypeVar("Result")


class NothingToSign(Conflict):
    """No loan of this application waits for signatures."""


class Lapsed(Exception):
    """The accepted offer lapses."""


def check_approval(state: ApplicationState, given: ChainApproval) -> None:
    """Refuse a signature that nobody waits for. While the terms are being written down, it waits for them."""
    signing = state.signing
    if signing is None and state.is_bound and not (state.lapse or state.ended):
        return
    if signing is None or state.is_proposed or state.lapse or state.ended:
        raise NothingToSign(f"The application is {state.status}; no loan waits for signatures.", "status")
    if signing.loan_id != given.loan_id:
        raise NothingToSign("The signature is for a loan that has lapsed.", "loanId")
    if given.role is SignerRole.LENDER and (signing.lender or "").lower() != given.signer.lower():
        raise NothingToSign("The loan's terms name no such lender.", "signer")


async def take_approval(state: ApplicationState, given: ChainApproval) -> ChainSigned:
    """Verify a signature, keep it and count it."""
    await workflow.wait_condition(lambda: state.signing is not None or not state.is_bound or state.ended)
    check_approval(state, given)
    if not _counts(state, given):
        request = Signing(
            state.ref, given.loan_id, given.role, given.signer, given.signature, given.given_by, workflow.now()
        )
        await ask(ChainOriginations.vet, request, summary=f"may this {given.role} sign?")
        await transact(ChainOriginations.sign, request, summary=f"keep the {given.role}'s signature")
    signing = state.signing
    if signing is None or signing.loan_id != given.loan_id:
        raise NothingToSign("The loan has lapsed meanwhile.", "loanId")
    state.signing = signing = signing.signed_by(given.role, given.signer)
    return ChainSigned(len(signing.approvers), signing.approvals_needed, signing.is_signed)


def _counts(state: ApplicationState, given: ChainApproval) -> bool:
    signing = state.signing
    return signing is not None and signing == signing.signed_by(given.role, given.signer)


class ChainOrigination:
    """Puts the agreed loan on chain."""

    def __init__(self, state: ApplicationState) -> None:
        assert state.agreement is not None
        self.state = state
        self.loan_id = state.agreement.loan_id
        self.until = workflow.now() + _PATIENCE

    async def run(self) -> Lapse | None:
        """None when the loan is on chain, else why the accepted offer lapses."""
        try:
            signing = await self._prepare()
            await self._wait_for_signatures()
            await self._write()
            if signing.is_secured:
                await self._wait_for_collateral()
        except Lapsed:
            return self.state.lapse or Lapse(reason=f"not on chain within {_PATIENCE.days} days")
        return None

    @property
    def _request(self) -> Preparation:
        return Preparation(self.state.ref, self.loan_id, workflow.now())

    async def _prepare(self) -> Prepared:
        self.state.show(_S.SIGNING, "Writing down the **terms for the chain**")
        self.state.signing = await self._insist(
            lambda: ask(ChainOriginations.prepare, self._request, summary="terms for the chain")
        )
        return self.state.signing

    async def _wait_for_signatures(self) -> None:
        while not self._signing.is_signed:
            missing, before = self._signing.missing, self._signing
            self.state.show(_S.SIGNING, f"**Waits for the signatures** of {missing}, until {self.until:%Y-%m-%d}")
            await self._until(lambda: self.state.signing is not before, summary="signatures for the chain")  # noqa: B023
        self.state.is_proposed = True

    async def _write(self) -> None:
        state = self.state
        state.show(_S.SIGNING, "Putting the loan **on chain**")
        await self._insist(lambda: transact(ChainOriginations.propose, self._request, summary="propose to the chain"))
        ref = LoanRef(state.ref.tenant_id, state.ref.application_id, self.loan_id)
        performed = Performed(1)
        while performed.left:
            performed = await self._unless_lapsed(
                write_on_chain(ChainLoans.perform, ref, summary="write for the loan on chain")
            )
            if performed.is_halted:
                await self._look_again(f"**The chain refuses**: {performed.refusal}; an operator must look")

    async def _wait_for_collateral(self) -> None:
        cover = await self._covered()
        while not cover.is_covered:
            self.state.show(_S.SIGNING, f"**Waits for collateral**: {cover.available} of {cover.needed} is there")
            await self._next_news("collateral on chain")
            cover = await self._covered()

    async def _covered(self) -> Cover:
        return await self._insist(lambda: ask(ChainOriginations.cover, self._request, summary="is it covered?"))

    @property
    def _signing(self) -> Prepared:
        assert self.state.signing is not None
        return self.state.signing

    # ------------------------------------------------------------ waiting

    async def _insist(self, attempt: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Try until it is not refused: what a person can put right is put right meanwhile."""
        while True:
            try:
                return await self._unless_lapsed(attempt())
            except ActivityError as error:
                if (refused := refusal_in(error)) is None:
                    raise
                await self._look_again(f"**Refused**: {refused[1].detail} An operator must look")

    async def _look_again(self, details: str) -> None:
        attention = sa.NEEDS_ATTENTION.value_set(True)  # noqa: FBT003 - the SDK's signature
        workflow.upsert_search_attributes([attention])
        self.state.show(_S.SIGNING, details)
        try:
            await self._next_news("an operator")
        finally:
            workflow.upsert_search_attributes([sa.NEEDS_ATTENTION.value_unset()])

    async def _next_news(self, summary: str) -> None:
        """Until the chain has news of the loan, or it is time to look again."""
        heard = self.state.chain_news
        left = min(_LOOK_AGAIN_SECONDS, (self.until - workflow.now()).total_seconds())
        await wait_until(
            lambda: self.state.lapse is not None or self.state.chain_news != heard, seconds=left, summary=summary
        )
        self._end_if_lapsed()

    async def _until(self, condition: Callable[[], bool], *, summary: str) -> None:
        left = (self.until - workflow.now()).total_seconds()
        await wait_until(lambda: condition() or self.state.lapse is not None, seconds=left, summary=summary)
        self._end_if_lapsed(unless=condition())

    async def _unless_lapsed(self, call: Coroutine[Any, Any, Result]) -> Result:
        """The call's result. A chain may be away for days, and the offer can lapse meanwhile."""
        task = asyncio.create_task(call)
        left = (self.until - workflow.now()).total_seconds()
        await wait_until(
            lambda: task.done() or self.state.lapse is not None, seconds=left, summary="patience with the chain"
        )
        if task.done():
            return task.result()
        task.cancel()
        raise Lapsed

    def _end_if_lapsed(self, *, unless: bool = False) -> None:
        is_over = self.state.lapse is not None or (workflow.now() >= self.until and not unless)
        if is_over:
            raise Lapsed
