"""A borrower's request for credit, from submission until the money has left or the request has ended."""

from dataclasses import dataclass
from enum import StrEnum

from models.transitions import Transitions


class ApplicationStatus(StrEnum):
    """Where an application stands. See `APPLICATION` for what may follow what."""

    SUBMITTED = "submitted"
    VERIFYING_IDENTITY = "verifying_identity"
    SCREENING = "screening"
    ASSESSING = "assessing"
    DISTRIBUTING = "distributing"
    BIDDING = "bidding"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    SIGNING = "signing"
    DISBURSING = "disbursing"
    DISBURSED = "disbursed"
    MANUAL_REVIEW = "manual_review"
    ACTION_REQUIRED = "action_required"
    REJECTED = "rejected"
    NO_OFFERS = "no_offers"
    OFFERS_EXPIRED = "offers_expired"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    DISBURSEMENT_FAILED = "disbursement_failed"


_S = ApplicationStatus

# submitted -> verifying_identity -> screening -> assessing -> distributing -> bidding -> offered -> accepted
#           -> signing -> disbursing -> disbursed*
# If the accepted offer lapses, signing and disbursing go back to `offered` with the next best one.
# Every status before `disbursing` may end in `withdrawn`; during cooling-off (signing) a withdrawal is `cancelled`.
APPLICATION = Transitions(
    "The application",
    {
        _S.SUBMITTED: frozenset({_S.VERIFYING_IDENTITY, _S.DISTRIBUTING, _S.WITHDRAWN}),
        _S.VERIFYING_IDENTITY: frozenset({_S.SCREENING, _S.ACTION_REQUIRED, _S.REJECTED, _S.WITHDRAWN}),
        _S.ACTION_REQUIRED: frozenset({_S.VERIFYING_IDENTITY, _S.REJECTED, _S.WITHDRAWN}),
        _S.SCREENING: frozenset({_S.ASSESSING, _S.MANUAL_REVIEW, _S.REJECTED, _S.WITHDRAWN}),
        _S.ASSESSING: frozenset({_S.DISTRIBUTING, _S.MANUAL_REVIEW, _S.REJECTED, _S.WITHDRAWN}),
        _S.MANUAL_REVIEW: frozenset({_S.ASSESSING, _S.DISTRIBUTING, _S.REJECTED, _S.WITHDRAWN}),
        _S.DISTRIBUTING: frozenset({_S.BIDDING, _S.NO_OFFERS, _S.WITHDRAWN}),
        _S.BIDDING: frozenset({_S.OFFERED, _S.NO_OFFERS, _S.WITHDRAWN}),
        _S.OFFERED: frozenset({_S.ACCEPTED, _S.OFFERS_EXPIRED, _S.NO_OFFERS, _S.DECLINED, _S.WITHDRAWN}),
        _S.ACCEPTED: frozenset({_S.SIGNING}),
        _S.SIGNING: frozenset({_S.DISBURSING, _S.CANCELLED, _S.OFFERED, _S.NO_OFFERS}),
        _S.DISBURSING: frozenset({_S.DISBURSED, _S.DISBURSEMENT_FAILED, _S.OFFERED}),
    },
)


@dataclass(frozen=True, slots=True)
class ApplicationRef:
    """Which application of which tenant; all that Temporal is told about who applied."""

    tenant_id: str
    application_id: str
