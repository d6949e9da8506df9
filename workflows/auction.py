"""Second phase: the bidding window. It closes when its time is up, or early when all who were invited have answered."""

from temporalio import workflow

from activities.auctions import Answer, Auctions, ClosedAuction
from activities.offers import Ending, Offers
from models.application import ApplicationStatus
from temporal import search_attributes as sa
from workflows.acting import transact, wait_until
from workflows.application_state import ApplicationState

_S = ApplicationStatus


class Auction:
    """Waits for bids and ranks them."""

    def __init__(self, state: ApplicationState) -> None:
        self.state = state

    async def run(self) -> ApplicationStatus | None:
        """None when there are offers, else how the application ended."""
        state = self.state
        closes_at = state.closes_at(workflow.now())
        self._open(closes_at.isoformat(timespec="minutes"))
        await wait_until(
            lambda: state.withdrawal is not None or state.book.answered == len(state.invited),
            seconds=(closes_at - workflow.now()).total_seconds(),
            summary=f"bids close {closes_at:%Y-%m-%d %H:%M} UTC",
        )
        now = workflow.now()
        if state.withdrawal:
            ending = Ending(state.ref, _S.WITHDRAWN, now, state.withdrawal.reason)
            return await transact(Offers.end, ending, summary="withdrawn")
        # No bid can join from here on: the validator looks at the status.
        state.show(_S.OFFERED, f"Ranking {len(state.book.bids)} bids of {len(state.invited)} providers")
        book = state.book
        answers = tuple(Answer(who, turn.kind, turn.at, turn.decision_id) for who, turn in book.turns.items())
        auction = ClosedAuction(state.ref, now, book.bids, answers, tuple(book.replaced), tuple(book.withdrawn))
        made = await transact(Auctions.close, auction, summary=f"rank {len(book.bids)} bids by APR")
        state.offers = made.offers
        return None if made.offers else made.status

    def _open(self, closes: str) -> None:
        state = self.state
        names = ", ".join(i.provider_name for i in state.underwritten.invited) if state.underwritten else ""
        state.show(_S.BIDDING, f"**Bidding** until {closes}; invited: {names}")
        changes = [sa.STATUS.value_set(_S.BIDDING)]
        if state.underwritten and state.underwritten.risk_rating:
            changes.append(sa.RISK.value_set(state.underwritten.risk_rating))
        workflow.upsert_search_attributes([*changes, sa.BIDS_CLOSE_AT.value_set(state.closes_at(workflow.now()))])
