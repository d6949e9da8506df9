"""One application, from submission until the money has left.

underwriting -> auction -> acceptance -> funding -> the loan starts
     |             |        |  ^  |         |  |
  rejected     no offers    |  +--+--<------+  |      the accepted offer lapses: the next best is offered
  withdrawn    withdrawn  expired, declined,   disbursement
                          withdrawn, cancelled failed
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from activities.information import Information, Question
from models.application import ApplicationStatus
from models.chain import ChainNews
from models.decision import DecisionKind
from models.offer import NotOffered, acceptable
from models.payment import TransferNews
from temporal.handlers import update
from workflows.acceptance import Acceptance, check_lapse, check_withdrawal
from workflows.acting import transact
from workflows.application_state import (
    ApplicationStart,
    ApplicationState,
    ChainApproval,
    ChainSigned,
    Choice,
    Chosen,
    Decided,
    Distribution,
    InformationGiven,
    Lapse,
    ProviderDecision,
    Review,
    Withdrawal,
    application_workflow_id,
)
from workflows.auction import Auction
from workflows.chain_origination import check_approval, take_approval
from workflows.funding import Funding
from workflows.taking_back import offer_to_take_back, take_back
from workflows.underwriting import UnderwritingPhase, check_review

__all__ = ["ApplicationWorkflow", "application_workflow_id"]


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class ApplicationWorkflow:
    """The durable process of one application. Its id is `application/{application_id}`."""

    @workflow.init
    def __init__(self, start: ApplicationStart) -> None:
        self.state = ApplicationState(start)

    @workflow.run
    async def run(self, start: ApplicationStart) -> ApplicationStatus:  # noqa: ARG002 - taken by __init__
        """Go through the phases; a phase that returns a status has ended the application, or else the next follows."""
        state = self.state
        ended = await UnderwritingPhase(state).run() or await Auction(state).run()
        while not ended:
            ended = await Acceptance(state).run() or await Funding(state).run()
        state.finish(ended)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state.status

    @update("A credit provider answers the invitation to bid")
    async def decide(self, decision: ProviderDecision) -> Decided:
        """Take one provider's decision; the auction closes early when all have said yes or no.

        A fast provider answers before we have heard that the invitations are on record: it waits until we have.
        """
        state = self.state
        await workflow.wait_condition(lambda: state.underwritten is not None or state.ended)
        self._weigh(decision)
        now = workflow.now()
        if offer := offer_to_take_back(state, decision):
            await take_back(state, offer, decision)
        else:
            bid = decision.bid(state.currency, now)
            state.book.take(decision.decision, bid, decision.provider_id, decision.decision_id, at=now)
            if decision.decision is DecisionKind.NEED_INFORMATION:
                question = Question(state.ref, decision.decision_id, now)
                await transact(Information.ask, question, summary="a provider wants to know more")
        return Decided(accepted=True, answered=state.book.answered, invited=len(state.invited))

    @decide.validator
    def _check_decision(self, decision: ProviderDecision) -> None:
        if self.state.underwritten is not None or self.state.ended:
            self._weigh(decision)

    def _weigh(self, decision: ProviderDecision) -> None:
        state, now = self.state, workflow.now()
        if offer_to_take_back(state, decision) is None:
            bid = decision.bid(state.currency, now)
            state.book.check(decision.decision, bid, decision.provider_id, window=state.window(now), at=now)

    @update("The platform answers what a provider wants to know")
    async def inform(self, answer: InformationGiven) -> bool:
        """Pass the answer on; True when it is on record, and False when the window had closed."""
        question = Question(self.state.ref, answer.information_id, workflow.now())
        provided = await transact(Information.provide, question, summary="the platform answers a provider")
        if provided:
            self.state.book.inform(answer.provider_id, answer.information_id)
        return provided

    @inform.validator
    def _check_information(self, answer: InformationGiven) -> None:
        now, window = workflow.now(), self.state.window(workflow.now())
        self.state.book.check_answer(answer.provider_id, answer.information_id, window=window, at=now)

    @update("The accepted offer lapses")
    async def lapse(self, lapse: Lapse) -> ApplicationStatus:
        """Let the accepted offer lapse before the money leaves; answered when what is left is offered again."""
        self.state.lapse = lapse
        await workflow.wait_condition(lambda: self.state.lapse is None or self.state.ended)
        return self.state.status

    @lapse.validator
    def _check_lapse(self, lapse: Lapse) -> None:
        check_lapse(self.state, lapse)

    @update("Somebody signs for the loan on chain")
    async def approve_on_chain(self, given: ChainApproval) -> ChainSigned:
        """Keep an underwriter's or the lender's signature; answered when it is on record."""
        return await take_approval(self.state, given)

    @approve_on_chain.validator
    def _check_approval(self, given: ChainApproval) -> None:
        check_approval(self.state, given)

    @update("The borrower accepts one offer")
    async def accept(self, choice: Choice) -> Chosen:
        """Accept an offer; answered when the acceptance is on record.

        A fast borrower accepts before we have heard that the offers are on record, and waits until we have.
        """
        await workflow.wait_condition(lambda: bool(self.state.offers) or self.state.ended)
        self._consider(choice)
        if self.state.choice is None:
            self.state.choice = choice
        await workflow.wait_condition(lambda: self.state.agreement is not None or self.state.ended)
        if self.state.agreement is None or self.state.agreement.offer_id != choice.offer_id:
            raise NotOffered("Another answer was given first.", "offerId")
        return Chosen(self.state.agreement.offer_id, self.state.agreement.loan_id, self.state.status)

    @accept.validator
    def _check_choice(self, choice: Choice) -> None:
        if self.state.offers or self.state.ended or self.state.status is not ApplicationStatus.OFFERED:
            self._consider(choice)

    def _consider(self, choice: Choice) -> None:
        if self.state.agreement is not None and self.state.agreement.offer_id == choice.offer_id:
            return
        if self.state.status is not ApplicationStatus.OFFERED or self.state.choice or self.state.withdrawal:
            raise NotOffered(f"The application is {self.state.status}; there is no offer to accept.", "offerId")
        acceptable(choice.offer_id, self.state.offers, at=workflow.now())

    @update("The borrower declines all offers")
    async def decline(self, withdrawal: Withdrawal) -> ApplicationStatus:
        """Decline what is offered; the application ends."""
        self.state.declined = True
        return await self._end_with(withdrawal)

    @decline.validator
    def _check_decline(self, withdrawal: Withdrawal) -> None:  # noqa: ARG002 - the state decides
        if self.state.status is not ApplicationStatus.OFFERED or self.state.choice or self.state.withdrawal:
            raise NotOffered(f"The application is {self.state.status}; there is no offer to decline.")

    @update("The borrower withdraws the application")
    async def withdraw(self, withdrawal: Withdrawal) -> ApplicationStatus:
        """Withdraw; possible until the money is on its way."""
        return await self._end_with(withdrawal)

    @withdraw.validator
    def _check_withdrawal(self, withdrawal: Withdrawal) -> None:  # noqa: ARG002 - the state decides
        check_withdrawal(self.state)

    @update("An operator decides a manual review")
    async def review(self, review: Review) -> ApplicationStatus:
        """Decide a manual review; answered when the decision is on record."""
        await workflow.wait_condition(lambda: self.state.status is not ApplicationStatus.ASSESSING)
        check_review(self.state)
        self.state.review = review
        await workflow.wait_condition(lambda: self.state.review is None or self.state.ended)
        return self.state.status

    @review.validator
    def _check_review(self, review: Review) -> None:  # noqa: ARG002 - the state decides
        if self.state.status is not ApplicationStatus.ASSESSING:
            check_review(self.state)

    @update("Wait for the distribution and report it")
    async def distribution(self) -> Distribution:
        """Whom the lead went to; waits until it went."""
        await workflow.wait_condition(lambda: self.state.underwritten is not None or self.state.ended)
        return Distribution(
            self.state.status, self.state.underwritten.invited if self.state.underwritten else (), self.state.reason
        )

    @workflow.signal(description="The rail reports on the disbursement")
    def transfer_news(self, news: TransferNews) -> None:
        """The rail's word on the transfer."""
        self.state.news.append(news)

    @workflow.signal(description="The platform has verified the user's identity")
    def identity_verified(self) -> None:
        """Papers that were missing are there."""
        self.state.papers_arrived = True

    @workflow.signal(description="The chain has news of the loan")
    def chain_event(self, news: ChainNews) -> None:  # noqa: ARG002 - whoever waits looks for himself
        """Something has been confirmed on chain: collateral, or a write of ours."""
        self.state.chain_news += 1

    @workflow.query(description="Where the application stands")
    def status(self) -> ApplicationStatus:
        """The status now."""
        return self.state.status

    async def _end_with(self, withdrawal: Withdrawal) -> ApplicationStatus:
        if self.state.withdrawal is None:
            self.state.withdrawal = withdrawal
        await workflow.wait_condition(lambda: self.state.ended)
        return self.state.status
