"""Payments, and the addresses by which a rail's news finds its tenant."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from models.payment import PaymentKind, PaymentStatus
from models.records.columns import RecordedRow, instant, minor, word


class Payment(RecordedRow, table=True):
    """Money out or in. (rail, external reference) happens once; a loan is disbursed once."""

    __tablename__ = "caas_payment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "rail", "external_reference", name="caas_payment_reference"),
        Index("caas_payment_loan", "tenant_id", "loan_id", "id"),
        Index(
            "caas_payment_income",
            "tenant_id",
            "received_on",
            postgresql_where=text("kind = 'repayment' AND status = 'succeeded'"),
            postgresql_include=["loan_id", "interest_minor", "fee_minor", "penalty_minor"],
        ),
        Index(
            "caas_payment_one_disbursement",
            "tenant_id",
            "loan_id",
            unique=True,
            postgresql_where=text("kind = 'disbursement'"),
        ),
    )

    id: str = Field(primary_key=True)
    loan_id: str
    kind: PaymentKind = word()
    status: PaymentStatus = word()
    method: str
    rail: str
    external_reference: str
    amount_minor: int = minor()
    currency: str
    received_on: date | None = None
    posted_at: datetime | None = instant(default=None)
    rail_code: str | None = None
    failure_reason: str | None = None
    principal_minor: int = minor(default=0)
    interest_minor: int = minor(default=0)
    fee_minor: int = minor(default=0)
    penalty_minor: int = minor(default=0)
    overpaid_minor: int = minor(default=0)


class RailAddress(RecordedRow, table=True):
    """A reference or an account number the rail uses, and whose it is."""

    __tablename__ = "caas_rail_address"
    __table_args__ = (UniqueConstraint("address", name="caas_rail_address_once"),)

    address: str = Field(primary_key=True)
    application_id: str
    loan_id: str


class InboundWebhook(RecordedRow, table=True):
    """A rail's message as it came in, once."""

    __tablename__ = "caas_inbound_webhook"

    rail: str = Field(primary_key=True)
    event: str = Field(primary_key=True)
    reference: str = Field(primary_key=True)
    body: str
