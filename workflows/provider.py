"""One credit provider, from its registration for as long as it lends.

begin -> [ check what is pending | carry out orders | hear of the license ] -> rejected
"""

import asyncio

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError
from temporalio.workflow import ContinueAsNewVersioningBehavior

from activities.onboarding import At, Onboarding, Ordered, OrderKind, ProviderOrder, Warned
from models.licensing import LicenseMoment, next_license_moment
from models.onboarding import OUTSIDE, PROVIDER, ProviderStatus
from temporal.handlers import update
from temporal.refusals import refusal_in
from workflows.acting import transact, wait_until
from workflows.provider_orders import check_order, is_ready
from workflows.provider_state import ProviderAnswer, ProviderStart, ProviderState, provider_workflow_id
from workflows.vetting import Vetting

__all__ = ["ProviderAnswer", "ProviderStart", "ProviderWorkflow", "provider_workflow_id"]


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class ProviderWorkflow:
    """The durable process of one provider. Its id is `provider/{provider_id}`."""

    @workflow.init
    def __init__(self, start: ProviderStart) -> None:
        self.state = ProviderState(start)

    @workflow.run
    async def run(self, start: ProviderStart) -> ProviderStatus:  # noqa: ARG002 - taken by __init__
        """Serve the provider until it is turned away and nobody waits for an answer."""
        state = self.state
        state.standing = await transact(Onboarding.begin, At(state.ref, workflow.now()), summary="read the provider")
        while not PROVIDER.is_final(state.standing.status) or state.orders:
            self._check()
            moment = self._next()
            state.show(moment)
            await self._wait(moment)
            await self._act(moment)
            self._continue_as_new_if_due()
            if PROVIDER.is_final(state.standing.status):
                # An order that comes while the last one is answered is refused as well, not forgotten.
                await workflow.wait_condition(lambda: bool(state.orders) or workflow.all_handlers_finished())
        state.show(None)
        await self._stop_checking()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state.standing.status

    @update("An operator approves the provider")
    async def approve(self, order: ProviderOrder) -> ProviderAnswer:
        """Let it lend; what is not waived and not known yet is waited for."""
        return await self._ordered(order)

    @approve.validator
    def _check_approval(self, order: ProviderOrder) -> None:
        self._consider(order)

    @update("An operator rejects the provider")
    async def reject(self, order: ProviderOrder) -> ProviderAnswer:
        """Turn it away for good."""
        return await self._ordered(order)

    @reject.validator
    def _check_rejection(self, order: ProviderOrder) -> None:
        self._consider(order)

    @update("An operator suspends the provider")
    async def suspend(self, order: ProviderOrder) -> ProviderAnswer:
        """Let it lend no more for now."""
        return await self._ordered(order)

    @suspend.validator
    def _check_suspension(self, order: ProviderOrder) -> None:
        self._consider(order)

    @update("An operator reinstates the provider")
    async def reinstate(self, order: ProviderOrder) -> ProviderAnswer:
        """Let it lend again."""
        return await self._ordered(order)

    @reinstate.validator
    def _check_reinstatement(self, order: ProviderOrder) -> None:
        self._consider(order)

    @update("The provider is to be checked anew")
    async def recheck(self, order: ProviderOrder) -> ProviderAnswer:
        """Ask all strangers again; answered when they are being asked, not when they have answered."""
        return await self._ordered(order)

    @recheck.validator
    def _check_recheck(self, order: ProviderOrder) -> None:
        self._consider(order)

    @update("The provider's licenses are renewed")
    async def renew_license(self, order: ProviderOrder) -> ProviderAnswer:
        """Go by these licenses from now on."""
        return await self._ordered(order)

    @renew_license.validator
    def _check_renewal(self, order: ProviderOrder) -> None:
        self._consider(order)

    @workflow.query(description="Where the provider stands")
    def status(self) -> ProviderStatus:
        """The status after the last transaction."""
        return self.state.standing.status

    def _consider(self, order: ProviderOrder) -> None:
        """A run that has read nothing yet lets an order pass; the transaction that carries it out decides."""
        if order.id not in self.state.answers and self.state.is_known:
            check_order(order, self.state.standing, today=workflow.now().date())

    async def _ordered(self, order: ProviderOrder) -> ProviderAnswer:
        state = self.state
        if order.id not in state.answers:
            await workflow.wait_condition(lambda: state.is_known and is_ready(order, state.standing))
            state.orders[order.id] = order
            await workflow.wait_condition(lambda: order.id in state.answers or order.id in state.refused)
        if refusal := state.refused.get(order.id):
            raise refusal
        return state.answers[order.id]

    def _check(self) -> None:
        """Have the strangers asked about what is pending, beside everything else."""
        state = self.state
        if state.checking is not None and state.checking.done():
            state.checking.result()
            state.checking = None
        unasked = set(OUTSIDE) & set(state.standing.pending)
        if state.checking is None and unasked and not PROVIDER.is_final(state.standing.status):
            state.checking = asyncio.create_task(Vetting(state).run())

    async def _stop_checking(self) -> None:
        checking, self.state.checking = self.state.checking, None
        if checking is not None and checking.cancel():
            await workflow.wait([checking])
            if not checking.cancelled():
                checking.exception()  # the cancellation, as an activity reports it

    def _next(self) -> LicenseMoment | None:
        state = self.state
        if state.standing.status is not ProviderStatus.ACTIVE:
            return None
        return next_license_moment(state.standing.license_expires_on, now=workflow.now(), after=state.heard_of_license)

    async def _wait(self, moment: LicenseMoment | None) -> None:
        def called() -> bool:
            return bool(self.state.orders) or (self.state.checking is not None and self.state.checking.done())

        if moment is None:
            await workflow.wait_condition(called)
            return
        await wait_until(
            called,
            seconds=(moment.at - workflow.now()).total_seconds(),
            summary=f"a license ends on {moment.expires_on}",
        )

    async def _act(self, moment: LicenseMoment | None) -> None:
        state = self.state
        if state.orders:
            await self._carry_out(next(iter(state.orders.values())))
        elif moment is not None and moment.at <= workflow.now():
            await self._hear_of_license(moment)

    async def _carry_out(self, order: ProviderOrder) -> None:
        """Carry the oldest order out and answer it; one that is refused by then leaves the provider as it was."""
        state = self.state
        if order.kind is OrderKind.RECHECK:
            await self._stop_checking()
        summary = str(order.kind).replace("_", " ")
        try:
            ordered = Ordered(state.ref, order, workflow.now())
            state.standing = await transact(Onboarding.carry_out, ordered, summary=summary)
        except ActivityError as error:
            if refusal_in(error) is None:
                raise
            state.refused[order.id] = error
        else:
            state.answer(order.id)
        # Removed only now: a run that ends between the two would lose it.
        del state.orders[order.id]

    async def _hear_of_license(self, moment: LicenseMoment) -> None:
        state, now = self.state, workflow.now()
        if moment.is_expiry:
            state.standing = await transact(Onboarding.expire, At(state.ref, now), summary="a license has ended")
        else:
            warned = Warned(state.ref, moment.days, now)
            state.standing = await transact(Onboarding.warn, warned, summary=f"{moment.days} days before it ends")
        state.heard_of_license = moment

    def _continue_as_new_if_due(self) -> None:
        """Start a fresh history, on the newest worker version, when nothing is under way and nobody waits."""
        state, info = self.state, workflow.info()
        due = info.is_continue_as_new_suggested() or info.is_target_worker_deployment_version_changed()
        is_quiet = state.checking is None and not state.orders and workflow.all_handlers_finished()
        if due and is_quiet and not PROVIDER.is_final(state.standing.status):
            workflow.continue_as_new(
                state.carried_over(), initial_versioning_behavior=ContinueAsNewVersioningBehavior.AUTO_UPGRADE
            )
