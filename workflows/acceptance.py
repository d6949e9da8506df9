"""Third phase: the borrower chooses, and has the days the law gives to think again.

A loan of a product on chain is then signed for and put there. Should the accepted offer lapse meanwhile, the borrower
chooses again among what is left.
"""

from temporalio import workflow

from activities.disbursements import Disbursements, Started
from activities.offers import Acceptance as AcceptanceRequest
from activities.offers import Ending, OfferLapse, Offers
from models.application import ApplicationStatus
from models.errors import Conflict
from models.offer import NoAcceptedOffer
from temporal import search_attributes as sa
from workflows.acting import transact, wait_until
from workflows.application_state import ApplicationState, Lapse
from workflows.chain_origination import ChainOrigination

_S = ApplicationStatus
_TOO_LATE = frozenset({_S.ACCEPTED, _S.DISBURSING, _S.DISBURSED, _S.DISBURSEMENT_FAILED})


class TooLateToWithdraw(Conflict):
    """The money is on its way, or the application has ended."""


def check_withdrawal(state: ApplicationState) -> None:
    """Refuse a withdrawal that comes too late."""
    if state.ended or state.is_bound or state.status in _TOO_LATE or (state.choice and state.status is _S.OFFERED):
        raise TooLateToWithdraw(f"The application is {state.status}; it can no longer be withdrawn.", "status")


def check_lapse(state: ApplicationState, lapse: Lapse) -> None:
    """Refuse to let an offer lapse that is not accepted, is paid out already, or is another provider's."""
    agreement = state.agreement
    if state.status is not _S.SIGNING or agreement is None or state.withdrawal or state.lapse:
        raise NoAcceptedOffer(f"The application is {state.status}; no accepted offer waits for its payout.", "status")
    accepted = next(offer for offer in state.offers if offer.offer_id == agreement.offer_id)
    if lapse.provider_id not in (None, accepted.provider_id):
        raise NoAcceptedOffer("The offer that was accepted is another provider's.", "providerId")


class Acceptance:
    """Waits for the borrower's choice, then for the end of the cooling-off."""

    def __init__(self, state: ApplicationState) -> None:
        self.state = state

    async def run(self) -> ApplicationStatus | None:
        """None when the money may leave, else how the application ended. After a lapse the borrower chooses again."""
        while True:
            if ended := await self._choose():
                return ended
            ended = await self._bind()
            if ended or self.state.agreement is not None:
                return ended

    async def _bind(self) -> ApplicationStatus | None:
        """None when the money may leave, or when the accepted offer has lapsed and others are left."""
        if self.state.agreement is not None and self.state.agreement.cooling_off_until:
            ended = await self._cool_off()
            if ended:
                return ended
        if self.state.agreement is not None and self.state.agreement.on_chain:
            return await self._put_on_chain()
        return None

    async def _choose(self) -> ApplicationStatus | None:
        """None when the borrower has accepted an offer, else how the application ended."""
        state = self.state
        workflow.upsert_search_attributes([sa.STATUS.value_set(_S.OFFERED)])
        until = max(offer.expires_at for offer in state.offers)
        state.show(_S.OFFERED, f"**{len(state.offers)} offers** wait for the borrower until {until:%Y-%m-%d %H:%M} UTC")
        await wait_until(
            lambda: state.choice is not None or state.withdrawal is not None or self._nothing_is_left(),
            seconds=(until - workflow.now()).total_seconds(),
            summary=f"offers expire {until:%Y-%m-%d %H:%M} UTC",
        )
        if state.choice is None:
            return await self._end_without_choice()
        request = AcceptanceRequest(state.ref, state.choice.offer_id, workflow.now())
        agreement = await transact(Offers.accept, request, summary="accept the offer")
        waits = agreement.cooling_off_until or agreement.on_chain
        state.show(_S.SIGNING if waits else _S.DISBURSING, "**Accepted**")
        state.agreement = agreement
        return None

    def _nothing_is_left(self) -> bool:
        """Every offer was taken back, and the rows say so."""
        return not self.state.standing and self.state.taking_back == 0

    async def _end_without_choice(self) -> ApplicationStatus:
        state = self.state
        if state.withdrawal is not None:
            status = _S.DECLINED if state.declined else _S.WITHDRAWN
            ending = Ending(state.ref, status, workflow.now(), state.withdrawal.reason)
        elif not state.standing:
            ending = Ending(state.ref, _S.NO_OFFERS, workflow.now(), "every offer was taken back")
        else:
            ending = Ending(state.ref, _S.OFFERS_EXPIRED, workflow.now(), "no offer was accepted in time")
        return await transact(Offers.end, ending, summary=str(ending.status))

    async def _cool_off(self) -> ApplicationStatus | None:
        state, agreement = self.state, self.state.agreement
        until = agreement.cooling_off_until if agreement else None
        assert agreement is not None
        assert until is not None
        state.show(_S.SIGNING, f"**Cooling-off** until {until:%Y-%m-%d %H:%M} UTC")
        await wait_until(
            lambda: state.withdrawal is not None or state.lapse is not None,
            seconds=(until - workflow.now()).total_seconds(),
            summary=f"cooling-off ends {until:%Y-%m-%d %H:%M} UTC",
        )
        if state.withdrawal:
            ending = Ending(state.ref, _S.CANCELLED, workflow.now(), state.withdrawal.reason)
            return await transact(Offers.end, ending, summary="cancelled in the cooling-off")
        if state.lapse:
            return await self._fall_back(state.lapse)
        if not agreement.on_chain:
            await self._start_disbursing("cooling-off has passed")
        return None

    async def _put_on_chain(self) -> ApplicationStatus | None:
        """The borrower is bound by now; who else must sign for it does, and the loan is put on chain."""
        self.state.is_bound = True
        if lapse := await ChainOrigination(self.state).run():
            return await self._fall_back(lapse)
        await self._start_disbursing("the loan is on chain")
        return None

    async def _start_disbursing(self, summary: str) -> None:
        self.state.status = _S.DISBURSING
        await transact(Disbursements.start, Started(self.state.ref, workflow.now()), summary=summary)

    async def _fall_back(self, lapse: Lapse) -> ApplicationStatus | None:
        """None when another offer is there to be chosen, else how the application ended."""
        by = "operator" if lapse.provider_id is None else "provider"
        lapsed = OfferLapse(self.state.ref, by, lapse.reason, workflow.now())
        left = await transact(Offers.lapse, lapsed, summary="the accepted offer lapses")
        self.state.offer_again(left.offers)
        self.state.lapse = None
        return None if left.offers else left.status
