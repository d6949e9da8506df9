"""The books: what every account holds, and that together they hold nothing."""

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func
from sqlmodel import col, select

from api.resources import Having
from api.schemas.loans import BalanceOut, BooksOut, TrialBalanceOut
from api.schemas.values import Identifier, money
from api.security import TenantCaller
from models.records.ledger import EntryRow, JournalRow

router = APIRouter(prefix="/api/ledger", tags=["ledger"])


@router.get("/trial-balance")
async def trial_balance(
    caller: TenantCaller,
    having: Having,
    loan_id: Annotated[Identifier | None, Query(alias="loanId", description="Of one loan only.")] = None,
) -> TrialBalanceOut:
    """The balance of every account by currency."""
    query = (
        select(JournalRow.currency, EntryRow.account, func.sum(EntryRow.amount_minor))
        .join(JournalRow, col(JournalRow.id) == col(EntryRow.journal_id))
        .group_by(col(JournalRow.currency), col(EntryRow.account))
        .order_by(col(JournalRow.currency), col(EntryRow.account))
    )
    if loan_id is not None:
        query = query.where(JournalRow.loan_id == loan_id)
    async with having.database.transaction(caller.tenant_id) as session:
        rows = [(currency, account, int(sum_)) for currency, account, sum_ in await session.execute(query)]
    return TrialBalanceOut(
        currencies=[
            _books(currency, [(account, balance) for _, account, balance in lines])
            for currency, lines in groupby(rows, lambda row: row[0])
        ]
    )


def _books(currency: str, balances: list[tuple[str, int]]) -> BooksOut:
    accounts = [
        BalanceOut(
            account=account,
            debit=money(max(balance, 0), currency),
            credit=money(max(-balance, 0), currency),
        )
        for account, balance in balances
    ]
    return BooksOut(currency=currency, accounts=accounts, total=money(sum(b for _, b in balances), currency))
