"""What providers report of money that has moved in their own books."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.payments import Reference
from api.schemas.values import Amount, Currency, Day, In, Number, Out, Paragraph
from models.payment import PaymentStatus


class DisbursedNoticeIn(In):
    external_reference: Reference = Field(description="The provider's own name for this notice; once each.")
    amount: Amount = Field(description="What the borrower was sent: the principal less what was kept back.")
    currency: Currency
    disbursed_on: Day | None = None
    note: Paragraph | None = None


class DifferenceOut(Out):
    """One thing that the notice and our own books say differently."""

    field: str
    ours: Number | str | None
    theirs: Number | str | None
    detail: str


class DisbursedNoticeOut(Out):
    success: bool = True
    notice_id: str
    lead_id: str
    loan_id: str | None
    external_reference: str
    matched: bool = Field(description="Whether our rail says the same; `differences` names what it does not.")
    differences: list[DifferenceOut]


class RepaymentNoticeIn(In):
    external_reference: Reference = Field(description="The provider's own name for this money; once each.")
    amount: Amount
    currency: Currency | None = None
    received_on: Day | None = None
    method: Annotated[
        Literal["credit_card", "bank_transfer", "debit_card", "check", "cash", "crypto"],
        Field(description="As in `POST /api/payments`."),
    ] = "bank_transfer"
    note: Paragraph | None = None


class RepaymentNoticeOut(Out):
    success: bool = True
    notice_id: str
    loan_id: str
    external_reference: str
    payment_id: str
    status: PaymentStatus = Field(description="`pending` until the loan has posted it.")
    amount: Number
    currency: str
