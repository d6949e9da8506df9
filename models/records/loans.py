"""Loans and their installments."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from models.apr import AprMethod
from models.loan import LoanStatus
from models.records.columns import RecordedRow, instant, minor, rate, word


class Loan(RecordedRow, table=True):
    """A disbursed loan. What can be true at the same time is a flag; `clock_at` is its workflow's time."""

    __tablename__ = "caas_loan"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "application_id"], ["caas_application.tenant_id", "caas_application.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "product_id", "product_version"],
            ["caas_loan_product.tenant_id", "caas_loan_product.id", "caas_loan_product.version"],
            name="caas_loan_product_version",
        ),
        UniqueConstraint("tenant_id", "application_id", name="caas_loan_application"),
        Index("caas_loan_status", "tenant_id", "status", "id"),
        Index("caas_loan_provider", "tenant_id", "provider_id", "application_id"),
        Index(
            "caas_loan_to_close",
            "tenant_id",
            "id",
            postgresql_where=text("(status IN ('active', 'overpaid') OR allowance_minor <> 0) AND NOT is_virtual"),
        ),
    )

    id: str = Field(primary_key=True)
    application_id: str
    provider_id: str
    offer_id: str
    product_id: str | None = None
    product_version: int | None = None
    status: LoanStatus = word(default=LoanStatus.ACTIVE)
    principal_minor: int = minor()
    currency: str
    annual_rate_percent: Decimal = rate()
    apr_percent: Decimal = rate()
    apr_method: AprMethod = word(default=AprMethod.US_REG_Z)
    installments: int
    frequency: str
    every: int
    method: str
    day_count: str
    processing_fee_minor: int = minor()
    disbursed_on: date
    account_number: str | None = None
    account_bank: str | None = None
    outstanding_minor: int = minor()
    overpaid_minor: int = minor(default=0)
    next_due_on: date | None = None
    days_past_due: int = 0
    delinquency_bucket: str = "current"
    ifrs_stage: int = 1
    in_collection: bool = False
    promised_on: date | None = None
    disputed: bool = False
    charged_off_on: date | None = None
    non_accrual_since: date | None = None
    classification: str | None = None
    forbearance_since: date | None = None
    forbearance_until: date | None = None
    interest_accrued_minor: int = minor(default=0)
    fees_accrued_minor: int = minor(default=0)
    accrued_on: date | None = None
    allowance_minor: int = minor(default=0)
    charge_off_due: bool = False
    is_virtual: bool = False
    on_chain: bool = False
    closed_business_on: date | None = None
    clock_at: datetime = instant()
    closed_on: date | None = None


class InstallmentRow(RecordedRow, table=True):
    """One row of a repayment schedule: what is due and what has been paid of it, part by part."""

    __tablename__ = "caas_installment"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "loan_id"], ["caas_loan.tenant_id", "caas_loan.id"]),)

    loan_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    due_on: date
    principal_minor: int = minor()
    interest_minor: int = minor()
    fee_minor: int = minor(default=0)
    penalty_minor: int = minor(default=0)
    principal_paid_minor: int = minor(default=0)
    interest_paid_minor: int = minor(default=0)
    fee_paid_minor: int = minor(default=0)
    penalty_paid_minor: int = minor(default=0)
    settled_on: date | None = None
