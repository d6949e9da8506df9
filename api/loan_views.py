"""A loan's row and schedule as the platform reads them."""

from collections.abc import Sequence
from datetime import date

from activities.loans import pauses_of, terms_of
from api.resources import TemporalPages
from api.schemas.loans import (
    AccountOut,
    FlagsOut,
    InstallmentOut,
    LoanDetailOut,
    LoanOut,
    PayoffOut,
    TermsOut,
)
from api.schemas.values import money, percent
from models.account import Payoff
from models.aging import Known, aging_of, oldest_unpaid
from models.apr import AprMethod
from models.loan import LoanStatus
from models.product import LoanProduct
from models.records.loans import Loan
from models.terms import Installment
from workflows.loan import loan_workflow_id


def loan_out(loan: Loan) -> LoanOut:
    """The loan in a list."""
    return LoanOut(
        loan_id=loan.id,
        application_id=loan.application_id,
        provider_id=loan.provider_id,
        status=LoanStatus(loan.status),
        principal=money(loan.principal_minor, loan.currency),
        currency=loan.currency,
        interest_rate=percent(loan.annual_rate_percent),
        apr=percent(loan.apr_percent),
        apr_method=AprMethod(loan.apr_method),
        installments=loan.installments,
        disbursed_on=loan.disbursed_on,
        outstanding=money(loan.outstanding_minor, loan.currency),
        overpaid=money(loan.overpaid_minor, loan.currency),
        next_due_on=loan.next_due_on,
        days_past_due=loan.days_past_due,
        delinquency_bucket=loan.delinquency_bucket,
        in_collection=loan.in_collection,
        closed_on=loan.closed_on,
    )


def loan_detail_out(
    loan: Loan,
    schedule: Sequence[Installment],
    payoff: Payoff,
    pages: TemporalPages,
    *,
    product: LoanProduct,
    on: date,
) -> LoanDetailOut:
    """The loan by itself, as it stands on a day."""
    return LoanDetailOut(
        loan_id=loan.id,
        application_id=loan.application_id,
        provider_id=loan.provider_id,
        offer_id=loan.offer_id,
        status=LoanStatus(loan.status),
        on=on,
        disbursed_on=loan.disbursed_on,
        closed_on=loan.closed_on,
        terms=_terms(loan, product),
        flags=_flags(loan, schedule, on, product),
        outstanding=money(loan.outstanding_minor, loan.currency),
        overpaid=money(loan.overpaid_minor, loan.currency),
        next_due_on=loan.next_due_on,
        schedule=[installment_out(row, loan.currency, on) for row in schedule],
        payoff=payoff_out(payoff, loan.currency),
        repayment_account=_account(loan),
        clock_at=loan.clock_at,
        temporal_url=pages.of(loan_workflow_id(loan.id)),
    )


def _terms(loan: Loan, product: LoanProduct) -> TermsOut:
    return TermsOut(
        product_id=loan.product_id,
        product_version=loan.product_version,
        principal=money(loan.principal_minor, loan.currency),
        currency=loan.currency,
        interest_rate=percent(loan.annual_rate_percent),
        apr=percent(loan.apr_percent),
        apr_method=AprMethod(loan.apr_method),
        installments=loan.installments,
        frequency=loan.frequency,
        every=loan.every,
        method=loan.method,
        day_count=loan.day_count,
        processing_fee=money(loan.processing_fee_minor, loan.currency),
        net_disbursed=money(terms_of(loan, product).disbursed_minor, loan.currency),
    )


def _flags(loan: Loan, schedule: Sequence[Installment], on: date, product: LoanProduct) -> FlagsOut:
    """Of a loan that runs, as of the day; of one that has ended, as it was left."""
    flags = FlagsOut(
        days_past_due=loan.days_past_due,
        delinquency_bucket=loan.delinquency_bucket,
        ifrs_stage=loan.ifrs_stage,
        classification=loan.classification,
        non_accrual_since=loan.non_accrual_since,
        charge_off_due=loan.charge_off_due,
        charged_off_on=loan.charged_off_on,
        forbearance_until=loan.forbearance_until,
        in_collection=loan.in_collection,
        promised_on=loan.promised_on,
        disputed=loan.disputed,
    )
    if loan.status != LoanStatus.ACTIVE:
        return flags
    oldest = oldest_unpaid([(row.due_on, row.outstanding_minor) for row in schedule])
    known = Known(loan.classification, loan.non_accrual_since, pauses_of(loan))
    aging = aging_of(oldest, on, product=product, known=known)
    return flags.model_copy(
        update={
            "days_past_due": aging.days_past_due,
            "delinquency_bucket": aging.bucket,
            "ifrs_stage": aging.ifrs_stage,
            "classification": aging.classification,
            "non_accrual_since": aging.non_accrual_since,
            "charge_off_due": aging.is_charge_off_due and loan.charged_off_on is None,
        }
    )


def installment_out(row: Installment, currency: str, on: date) -> InstallmentOut:
    """One installment as it stands on a day."""
    return InstallmentOut(
        number=row.number,
        due_on=row.due_on,
        status=row.status_on(on),
        principal=money(row.principal_minor, currency),
        interest=money(row.interest_minor, currency),
        fees=money(row.fee_minor, currency),
        penalties=money(row.penalty_minor, currency),
        total=money(row.total_minor, currency),
        paid=money(row.paid_minor, currency),
        outstanding=money(row.outstanding_minor, currency),
        settled_on=row.settled_on,
    )


def payoff_out(payoff: Payoff, currency: str) -> PayoffOut:
    """What settles the loan."""
    return PayoffOut(
        principal=money(payoff.principal_minor, currency),
        interest=money(payoff.interest_minor, currency),
        fees=money(payoff.fee_minor, currency),
        penalties=money(payoff.penalty_minor, currency),
        total=money(payoff.total_minor, currency),
        good_through=payoff.good_through,
    )


def _account(loan: Loan) -> AccountOut | None:
    if loan.account_number is None:
        return None
    return AccountOut(account_number=loan.account_number, bank_name=loan.account_bank)
