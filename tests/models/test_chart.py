"""The chart of accounts, and what a tenant may call its accounts."""

import pytest

from models.chart import DEFAULT_CHART, Account, AccountCodeTaken, AccountName, Side, UnknownAccount, chart_with


def test_assets_and_expenses_grow_by_debits_and_the_rest_by_credits() -> None:
    debits = {account for account in Account if account.normal_side is Side.DEBIT}

    assert debits == {
        Account.CASH,
        Account.LOANS_RECEIVABLE,
        Account.INTEREST_RECEIVABLE,
        Account.FEES_RECEIVABLE,
        Account.LATE_FEES_RECEIVABLE,
        Account.CREDIT_LOSSES,
        Account.PROVISION_EXPENSE,
        Account.GOODWILL_EXPENSE,
        Account.PROVIDERS_RECEIVABLE,
        Account.PROVIDER_FEE_CREDITS,
    }


def test_the_default_chart_names_every_account_once() -> None:
    assert chart_with({}) == DEFAULT_CHART
    assert set(DEFAULT_CHART) == set(Account)


def test_a_tenant_names_an_account_and_leaves_the_others() -> None:
    chart = chart_with({"cash": AccountName("101-00", "Operating account")})

    assert chart[Account.CASH] == AccountName("101-00", "Operating account")
    assert chart[Account.FEE_INCOME] == AccountName("4020", "Fee income")


def test_an_account_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownAccount, match="There is no account petty_cash") as refused:
        chart_with({"petty_cash": AccountName("1", "Petty cash")})

    assert refused.value.field == "account"


def test_two_accounts_have_two_codes() -> None:
    with pytest.raises(AccountCodeTaken, match="4020 is the code of cash already") as refused:
        chart_with({"cash": AccountName("4020", "Cash")})

    assert refused.value.field == "code"
