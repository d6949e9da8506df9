"""A loan as the platform reads it: terms, flags, schedule, and what would settle it today."""

from datetime import date, datetime

from api.schemas.values import Day, In, Number, Out
from models.apr import AprMethod
from models.loan import LoanStatus
from models.terms import InstallmentStatus


class PromiseIn(In):
    promised_on: Day


class LoanOut(Out):
    """A loan in a list."""

    loan_id: str
    application_id: str
    provider_id: str
    status: LoanStatus
    principal: Number
    currency: str
    interest_rate: Number
    apr: Number
    apr_method: AprMethod
    installments: int
    disbursed_on: date
    outstanding: Number
    overpaid: Number
    next_due_on: date | None
    days_past_due: int
    delinquency_bucket: str
    in_collection: bool
    closed_on: date | None


class TermsOut(Out):
    product_id: str | None
    product_version: int | None
    principal: Number
    currency: str
    interest_rate: Number
    apr: Number
    apr_method: AprMethod
    installments: int
    frequency: str
    every: int
    method: str
    day_count: str
    processing_fee: Number
    net_disbursed: Number


class FlagsOut(Out):
    """What can be true at the same time; the days are counted on the day asked about."""

    days_past_due: int
    delinquency_bucket: str
    ifrs_stage: int
    classification: str | None
    non_accrual_since: date | None
    charge_off_due: bool
    charged_off_on: date | None
    forbearance_until: date | None
    in_collection: bool
    promised_on: date | None
    disputed: bool


class InstallmentOut(Out):
    number: int
    due_on: date
    status: InstallmentStatus
    principal: Number
    interest: Number
    fees: Number
    penalties: Number
    total: Number
    paid: Number
    outstanding: Number
    settled_on: date | None


class PayoffOut(Out):
    principal: Number
    interest: Number
    fees: Number
    penalties: Number
    total: Number
    good_through: date


class AccountOut(Out):
    """Where the borrower pays to."""

    account_number: str
    bank_name: str | None


class LoanDetailOut(Out):
    success: bool = True
    loan_id: str
    application_id: str
    provider_id: str
    offer_id: str
    status: LoanStatus
    on: date
    disbursed_on: date
    closed_on: date | None
    terms: TermsOut
    flags: FlagsOut
    outstanding: Number
    overpaid: Number
    next_due_on: date | None
    schedule: list[InstallmentOut]
    payoff: PayoffOut
    repayment_account: AccountOut | None
    clock_at: datetime
    temporal_url: str


class LoanAnswerOut(Out):
    success: bool = True
    loan_id: str
    status: LoanStatus
    outstanding: Number
    promised_on: date | None = None
