"""The chart of accounts: where a loan is booked to, and what each account is called until a tenant says otherwise.

1xxx assets   2xxx liabilities   4xxx income   5xxx expenses
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.errors import NotFound, Refused


class UnknownAccount(NotFound):
    """The chart has no such account."""


class AccountCodeTaken(Refused):
    """Two accounts of one chart would have the same code."""


class Side(StrEnum):
    """The side on which an account grows."""

    DEBIT = "debit"
    CREDIT = "credit"


class Account(StrEnum):
    """What an account is for; a tenant may call it as it likes."""

    CASH = "cash"
    LOANS_RECEIVABLE = "loans_receivable"
    INTEREST_RECEIVABLE = "interest_receivable"
    FEES_RECEIVABLE = "fees_receivable"
    LATE_FEES_RECEIVABLE = "late_fees_receivable"
    LOAN_LOSS_ALLOWANCE = "loan_loss_allowance"
    PROVIDERS_RECEIVABLE = "providers_receivable"
    BORROWER_CREDIT = "borrower_credit"
    INTEREST_INCOME = "interest_income"
    PROCESSING_FEE_INCOME = "processing_fee_income"
    FEE_INCOME = "fee_income"
    LATE_FEE_INCOME = "late_fee_income"
    PROVIDER_FEE_INCOME = "provider_fee_income"
    PROVIDER_FEE_CREDITS = "provider_fee_credits"
    RECOVERIES = "recoveries"
    CREDIT_LOSSES = "credit_losses"
    PROVISION_EXPENSE = "provision_expense"
    GOODWILL_EXPENSE = "goodwill_expense"

    @property
    def normal_side(self) -> Side:
        """Assets and losses grow by debits, what we owe and what we earn by credits."""
        return Side.CREDIT if self in _CREDIT_ACCOUNTS else Side.DEBIT


# The allowance stands among the assets and takes away from them, as the credits to providers do among the income.
_CREDIT_ACCOUNTS = frozenset(
    {
        Account.LOAN_LOSS_ALLOWANCE,
        Account.BORROWER_CREDIT,
        Account.INTEREST_INCOME,
        Account.PROCESSING_FEE_INCOME,
        Account.FEE_INCOME,
        Account.LATE_FEE_INCOME,
        Account.PROVIDER_FEE_INCOME,
        Account.RECOVERIES,
    }
)


@dataclass(frozen=True, slots=True)
class AccountName:
    """How a chart calls an account: the code the accountants sort by, and a name."""

    code: str
    name: str


DEFAULT_CHART: Mapping[Account, AccountName] = {
    Account.CASH: AccountName("1000", "Cash"),
    Account.LOANS_RECEIVABLE: AccountName("1100", "Loans receivable"),
    Account.INTEREST_RECEIVABLE: AccountName("1110", "Interest receivable"),
    Account.FEES_RECEIVABLE: AccountName("1120", "Fees receivable"),
    Account.LATE_FEES_RECEIVABLE: AccountName("1130", "Late fees receivable"),
    Account.LOAN_LOSS_ALLOWANCE: AccountName("1190", "Allowance for loan losses"),
    Account.PROVIDERS_RECEIVABLE: AccountName("1200", "Receivable from providers"),
    Account.BORROWER_CREDIT: AccountName("2000", "Owed to borrowers"),
    Account.INTEREST_INCOME: AccountName("4000", "Interest income"),
    Account.PROCESSING_FEE_INCOME: AccountName("4010", "Processing fee income"),
    Account.FEE_INCOME: AccountName("4020", "Fee income"),
    Account.LATE_FEE_INCOME: AccountName("4030", "Late fee income"),
    Account.PROVIDER_FEE_INCOME: AccountName("4040", "Fees from providers"),
    Account.PROVIDER_FEE_CREDITS: AccountName("4090", "Credits to providers"),
    Account.RECOVERIES: AccountName("4100", "Recoveries of loans charged off"),
    Account.CREDIT_LOSSES: AccountName("5000", "Credit losses"),
    Account.PROVISION_EXPENSE: AccountName("5010", "Provision for loan losses"),
    Account.GOODWILL_EXPENSE: AccountName("5100", "Goodwill to borrowers"),
}


def chart_with(own: Mapping[str, AccountName]) -> dict[Account, AccountName]:
    """The default chart with a tenant's `own` names; no two accounts may come out with the same code."""
    for account in own:
        if account not in DEFAULT_CHART:
            raise UnknownAccount(f"There is no account {account}.", "account")
    chart = {account: own.get(account, usual) for account, usual in DEFAULT_CHART.items()}
    owners: dict[str, Account] = {}
    for account, called in chart.items():
        if called.code in owners:
            raise AccountCodeTaken(f"{called.code} is the code of {owners[called.code]} already.", "code")
        owners[called.code] = account
    return chart
