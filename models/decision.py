"""What a provider may answer to a lead, and what it has to say with which answer.

approved          a bid: the loan it would make. Another bid replaces it until the window closes
counter_offer     a bid as well, for another amount or tenure than was asked for
declined          no, with a reason code; `rejected` is the same word. Final
need_information  it cannot decide yet: the window does not close early, and does not wait either
withdrawn         its bid is taken back, after the close too until the borrower has accepted one. Final
"""

from enum import StrEnum


class DecisionKind(StrEnum):
    """The answers; see above."""

    APPROVED = "approved"
    COUNTER_OFFER = "counter_offer"
    DECLINED = "declined"
    NEED_INFORMATION = "need_information"
    WITHDRAWN = "withdrawn"


_K = DecisionKind
BIDS = frozenset({_K.APPROVED, _K.COUNTER_OFFER})
ENDS = frozenset({_K.DECLINED, _K.WITHDRAWN})
FINAL = BIDS | ENDS


class DeclineReason(StrEnum):
    """Why a provider does not lend, or not any more. The first five are OCEN's words."""

    LOW_CREDIT_SCORE = "low_credit_score"
    FRAUD = "fraud"
    DOC_IRREGULARITIES = "doc_irregularities"
    AA_FAILED = "aa_failed"
    OTHERS = "others"
    INSUFFICIENT_INCOME = "insufficient_income"
    DEBT_TOO_HIGH = "debt_too_high"
    SHORT_EMPLOYMENT = "short_employment"
    OUTSIDE_POLICY = "outside_policy"
    AMOUNT_NOT_OFFERED = "amount_not_offered"
    TENURE_NOT_OFFERED = "tenure_not_offered"
    CAPACITY_EXHAUSTED = "capacity_exhausted"
    INFORMATION_MISSING = "information_missing"
    CONDITIONS_UNMET = "conditions_unmet"
    MARKET_CHANGED = "market_changed"
    ERROR = "error"
