"""What other machines tell us: the rail and the platform's own services."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.values import Amount, Currency, Day, Identifier, In, Moment, Out


class HeardOut(Out):
    success: bool = True
    status: Literal["accepted", "duplicate", "ignored"]


class SmeEventIn(In):
    event_id: Identifier
    event_type: Literal["sme.kyc.verified", "sme.payment.received"]
    timestamp: Moment | None = None
    data: Annotated[dict[str, Any], Field(description="See `KycVerifiedIn` and `PaymentReceivedIn`.")]


class KycVerifiedIn(In):
    user_id: Identifier
    verification_date: Moment | Day | None = None


class PaymentReceivedIn(In):
    """One of `loanId`, `accountNumber` and `reference` (`LOAN_` and the loan's id) says which loan it is for."""

    loan_id: Identifier | None = None
    account_number: Identifier | None = None
    reference: Identifier | None = None
    amount: Amount
    currency: Currency | None = None
    payment_id: Identifier
    paid_at: Moment | None = None


class AdvanceIn(In):
    """By how much; one of the two."""

    days: Annotated[int, Field(strict=True, ge=1, le=400)] | None = None
    hours: Annotated[int, Field(strict=True, ge=1, le=400 * 24)] | None = None


class AdvancedOut(Out):
    success: bool = True
    reached: bool = Field(description="False when the workflow ended on the way.")
    now: Moment


class DependenciesOut(Out):
    database: Literal["healthy", "down"]
    temporal: Literal["healthy", "down"]
    blockchain: Literal["healthy", "degraded", "down", "off"]


class HealthOut(Out):
    status: Literal["healthy", "degraded", "down"]
    mode: str
    version: str
    dependencies: DependenciesOut
