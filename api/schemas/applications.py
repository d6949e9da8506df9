"""An application on its way in, and what is said about it on the way out."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from api.schemas.applicants import ApplicantIn, IdentityIn
from api.schemas.values import Amount, Currency, Days, Identifier, In, Line, Number, Out, Paragraph
from models.application import ApplicationStatus
from models.product import WINDOW_HOURS

AccountNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4,34}$")]
WalletAddress = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
BankCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{2,20}$")]


class LoanApplicationIn(In):
    requested_amount: Amount
    purpose: Line
    tenure: Days = Field(description="In days.")
    currency: Currency | None = Field(default=None, description="The tenant's, when absent.")
    bidding_window_hours: Annotated[StrictInt, Field(ge=WINDOW_HOURS[0], le=WINDOW_HOURS[-1])] | None = Field(
        default=None, description="How long lenders may decide; as long as the product says, else the tenant."
    )


class DisbursementAccountIn(In):
    """Where the money goes. A name, when given, must be the borrower's: we do not pay third parties."""

    account_number: AccountNumber
    bank_code: BankCode
    account_name: Line | None = None


class ApplicationIn(In):
    applicant: ApplicantIn
    loan_application: LoanApplicationIn
    user_id: Identifier | None = None
    identity: IdentityIn | None = None
    disbursement_account: DisbursementAccountIn | None = None
    product_id: Identifier | None = Field(default=None, description="The loan product asked for.")
    wallet_address: WalletAddress | None = Field(
        default=None, description="From which collateral comes, for a product that asks for some."
    )


class AcceptIn(In):
    offer_id: Identifier
    disbursement_account: DisbursementAccountIn | None = None


class ReasonIn(In):
    reason: Paragraph = ""


class LapseReasonIn(In):
    reason: Paragraph


class StatusIn(In):
    status: Literal["approved", "rejected", "closed_written_off"]
    reason: Paragraph


class SubmittedOut(Out):
    success: bool = True
    application_id: str
    lead_id: str
    status: ApplicationStatus
    submitted_at: datetime
    links: dict[str, str]


class LoanApplicationOut(Out):
    requested_amount: Number
    currency: str
    purpose: str
    tenure: int


class RecommendationsOut(Out):
    recommended_amount: Number | None
    recommended_tenure: int | None
    recommended_interest_rate: Number | None


class CreditAssessmentOut(Out):
    credit_score: int
    risk_rating: str | None
    debt_to_income_ratio: Number | None
    recommendations: RecommendationsOut
    reason_codes: list[str]


class ApplicationOut(Out):
    success: bool = True
    application_id: str
    lead_id: str
    status: ApplicationStatus
    status_reason: str | None
    status_at: datetime
    submitted_at: datetime
    loan_application: LoanApplicationOut
    credit_assessment: CreditAssessmentOut | None
    identity_verified: bool | None
    pre_assessed: bool
    product_id: str | None
    product_version: int | None
    bids_close_at: datetime | None
    offers_expire_at: datetime | None
    cooling_off_until: datetime | None
    loan_id: str | None
    links: dict[str, str]
    temporal_url: str


class EventOut(Out):
    event_id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    loan_id: str | None
    data: dict[str, object]


class AcceptedOut(Out):
    success: bool = True
    application_id: str
    offer_id: str
    loan_id: str
    status: ApplicationStatus


class StatusOut(Out):
    success: bool = True
    application_id: str
    status: ApplicationStatus
