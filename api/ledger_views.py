"""How the books are shown."""

from collections.abc import Mapping, Sequence

from api.schemas.ledger import AccountOut, BalanceOut, ChartOut, ClosureOut, EntryOut, JournalOut
from api.schemas.values import money
from models.chart import Account, AccountName
from models.records.ledger import ClosedPeriodRow, EntryRow, JournalRow


def chart_out(chart: Mapping[Account, AccountName]) -> ChartOut:
    """The chart by code."""
    accounts = [
        AccountOut(account=account, code=called.code, name=called.name, normal_side=account.normal_side)
        for account, called in chart.items()
    ]
    return ChartOut(accounts=sorted(accounts, key=lambda shown: shown.code))


def balance_out(called: AccountName, account: str, held_minor: int, currency: str) -> BalanceOut:
    """What one account holds, on the side it holds it."""
    return BalanceOut(
        account=account,
        code=called.code,
        name=called.name,
        debit=money(max(held_minor, 0), currency),
        credit=money(max(-held_minor, 0), currency),
    )


def journal_out(journal: JournalRow, entries: Sequence[EntryRow]) -> JournalOut:
    """One journal with its entries."""
    return JournalOut(
        journal_id=journal.id,
        key=journal.key,
        loan_id=journal.loan_id,
        invoice_id=journal.invoice_id,
        booked_on=journal.booked_on,
        recorded_at=journal.recorded_at,
        currency=journal.currency,
        description=journal.description,
        reverses=journal.reverses,
        entries=[
            EntryOut(
                account=entry.account,
                debit=money(max(entry.amount_minor, 0), journal.currency),
                credit=money(max(-entry.amount_minor, 0), journal.currency),
            )
            for entry in entries
        ],
    )


def closure_out(row: ClosedPeriodRow) -> ClosureOut:
    """One closure."""
    return ClosureOut(closed_through=row.closed_through, recorded_at=row.recorded_at)
