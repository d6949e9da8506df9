"""A provider takes its offer back when the window has closed and the borrower has not accepted yet."""

from temporalio import workflow

from activities.offers import Offers, OfferTakenBack
from models.application import ApplicationStatus
from models.decision import DecisionKind
from models.offer import StandingOffer
from workflows.acting import transact
from workflows.application_state import ApplicationState, ProviderDecision


def offer_to_take_back(state: ApplicationState, decision: ProviderDecision) -> StandingOffer | None:
    """The offer that a withdrawal is about, if there is one that may be taken back now."""
    is_offered = state.status is ApplicationStatus.OFFERED and not (state.choice or state.withdrawal or state.ended)
    if decision.decision is not DecisionKind.WITHDRAWN or not is_offered:
        return None
    return next((offer for offer in state.standing if offer.provider_id == decision.provider_id), None)


async def take_back(state: ApplicationState, taken: StandingOffer, decision: ProviderDecision) -> None:
    """Gone for the borrower at once, then in the rows; the others move up."""
    state.offers = tuple(offer.withdrawn() if offer is taken else offer for offer in state.offers)
    state.taking_back += 1
    request = OfferTakenBack(state.ref, taken.offer_id, decision.decision_id, workflow.now())
    await transact(Offers.take_back, request, summary="a provider takes its offer back")
    state.taking_back -= 1
