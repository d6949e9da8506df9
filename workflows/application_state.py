"""What an application's phases share, and the messages that reach them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from temporalio import workflow

from activities.offers import Accepted
from activities.underwriting import Invitation, Underwritten
from models.application import ApplicationRef, ApplicationStatus
from models.bid_book import BidBook, Window
from models.bid_limits import BidLimits
from models.bidding import Bid
from models.chain_signing import Prepared, SignerRole
from models.decision import BIDS, DecisionKind
from models.offer import StandingOffer
from models.payment import TransferNews
from temporal import search_attributes as sa


def application_workflow_id(application_id: str) -> str:
    """The workflow id of an application."""
    return f"application/{application_id}"


@dataclass(frozen=True, slots=True)
class ApplicationStart:
    """What the workflow is started with: ids, and whether the platform has assessed the lead itself."""

    ref: ApplicationRef
    currency: str
    pre_assessed: bool = False


@dataclass(frozen=True, slots=True)
class ProviderDecision:
    """One provider's decision, numbers only; its full body is the row `decision_id`."""

    provider_id: str
    decision_id: str
    decision: DecisionKind
    amount_minor: int = 0
    annual_rate_percent: Decimal = Decimal(0)
    tenure_days: int = 0
    processing_fee_minor: int = 0
    expires_at: datetime | None = None
    funding_hours: int | None = None
    conditions_digest: str = ""

    def bid(self, currency: str, at: datetime) -> Bid | None:
        """The bid that the decision is, if it is one."""
        if self.decision not in BIDS:
            return None
        return Bid(
            provider_id=self.provider_id,
            decision_id=self.decision_id,
            amount_minor=self.amount_minor,
            currency=currency,
            annual_rate_percent=self.annual_rate_percent,
            tenure_days=self.tenure_days,
            processing_fee_minor=self.processing_fee_minor,
            received_at=at,
            expires_at=self.expires_at,
            funding_hours=self.funding_hours,
            conditions_digest=self.conditions_digest,
        )


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision was taken, as the `answered`th of `invited`."""

    accepted: bool
    answered: int
    invited: int


@dataclass(frozen=True, slots=True)
class InformationGiven:
    """The answer to what a provider asked is on record under this id."""

    information_id: str
    provider_id: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The offer the borrower accepts."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The acceptance is on record, and this loan will come of it."""

    offer_id: str
    loan_id: str
    status: ApplicationStatus


@dataclass(frozen=True, slots=True)
class Lapse:
    """The accepted offer lapses: its provider says so, or an operator (no provider id)."""

    provider_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ChainApproval:
    """A signature under the loan's terms (EIP-712), brought by an API key."""

    loan_id: str
    role: SignerRole
    signer: str
    signature: str
    given_by: str = ""


@dataclass(frozen=True, slots=True)
class ChainSigned:
    """How far the signing is once the signature is on record."""

    approvals: int
    approvals_needed: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The borrower wants no loan."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """An operator's decision on a manual review."""

    approve: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Whom a lead went to, best match first."""

    status: ApplicationStatus
    invited: tuple[Invitation, ...]
    reason: str | None = None


class ApplicationState:
    """One application's state in memory; the rows are written by the activities."""

    def __init__(self, start: ApplicationStart) -> None:
        self.ref = start.ref
        self.pre_assessed = start.pre_assessed
        self.currency = start.currency
        self.status = ApplicationStatus.SUBMITTED
        self.reason: str | None = None
        self.ended = False
        self.underwritten: Underwritten | None = None
        self.requested_minor = 0
        self.invited: frozenset[str] = frozenset()
        self.book = BidBook()
        self.offers: tuple[StandingOffer, ...] = ()
        self.choice: Choice | None = None
        self.agreement: Accepted | None = None
        self.withdrawal: Withdrawal | None = None
        self.lapse: Lapse | None = None
        self.taking_back = 0
        self.declined = False
        self.review: Review | None = None
        self.papers_arrived = False
        self.news: list[TransferNews] = []
        self.is_bound = False
        self.signing: Prepared | None = None
        self.is_proposed = False
        self.chain_news = 0

    @property
    def limits(self) -> BidLimits:
        """What bids may be."""
        limits = self.underwritten.limits if self.underwritten else None
        return limits or BidLimits(amount_maximum_minor=self.requested_minor)

    @property
    def standing(self) -> tuple[StandingOffer, ...]:
        """The offers that nobody has taken back."""
        return tuple(offer for offer in self.offers if not offer.is_withdrawn)

    def window(self, now: datetime) -> Window:
        """Who may bid what, until when."""
        return Window(self.invited, self.closes_at(now), self.limits)

    def offer_again(self, offers: tuple[StandingOffer, ...]) -> None:
        """The accepted offer has lapsed: the borrower chooses again."""
        self.offers, self.choice, self.agreement = offers, None, None
        self.is_bound, self.signing, self.is_proposed = False, None, False
        if offers:
            self.status = ApplicationStatus.OFFERED

    def closes_at(self, now: datetime) -> datetime:
        """When bidding closes; `now`, which is too late for any bid, while no window is open."""
        is_open = self.status is ApplicationStatus.BIDDING and not self.withdrawal
        closes_at = self.underwritten.bids_close_at if self.underwritten and is_open else None
        return closes_at or now

    def show(self, status: ApplicationStatus, details: str) -> None:
        """Let operators see the status: in the details always, by search where an operator looks for it."""
        self.status = status
        workflow.set_current_details(details)

    def finish(self, status: ApplicationStatus) -> None:
        """The application has ended with this status."""
        self.status, self.ended = status, True
        workflow.upsert_search_attributes([sa.STATUS.value_set(status)])
        workflow.set_current_details(f"**{status}**")
