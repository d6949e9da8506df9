"""The books as accountants read them: the chart, journals, balances, and what of them is closed."""

from datetime import date, datetime

from pydantic import Field

from api.schemas.values import Day, In, Line, Number, Out
from models.chart import Account, Side


class AccountIn(In):
    """What the tenant calls one of the accounts."""

    account: Account
    code: Line
    name: Line


class ChartIn(In):
    """The accounts the tenant names itself; every other one is called as usual."""

    accounts: list[AccountIn] = Field(max_length=len(Account))


class AccountOut(Out):
    account: Account
    code: str
    name: str
    normal_side: Side


class ChartOut(Out):
    success: bool = True
    accounts: list[AccountOut]


class BalanceOut(Out):
    account: str
    code: str
    name: str
    debit: Number
    credit: Number


class BooksOut(Out):
    currency: str
    accounts: list[BalanceOut]
    total: Number


class TrialBalanceOut(Out):
    """Debits less credits, by account; the total of a currency is zero."""

    success: bool = True
    on: date | None
    known_at: datetime | None
    currencies: list[BooksOut]


class EntryOut(Out):
    account: str
    debit: Number
    credit: Number


class JournalOut(Out):
    """One business event: the day it counts from, and when it was recorded."""

    journal_id: str
    key: str
    loan_id: str | None
    invoice_id: str | None
    booked_on: date
    recorded_at: datetime
    currency: str
    description: str
    reverses: str | None
    entries: list[EntryOut]


class ClosureIn(In):
    closed_through: Day


class ClosureOut(Out):
    closed_through: date
    recorded_at: datetime


class ClosuresOut(Out):
    """The latest first: that is the one that counts."""

    success: bool = True
    closed_through: date | None
    data: list[ClosureOut]


class CloseIn(In):
    """The day to close; yesterday when none is named. Days before it that are still open are closed first."""

    on: Day | None = Field(default=None, alias="date")


class ClosingOut(Out):
    success: bool = True
    business_date: date
    workflow_id: str
    temporal_url: str


class BusinessDayOut(Out):
    """A business day; it is complete when it is closed on every loan."""

    business_date: date
    begun_at: datetime
    completed_at: datetime | None
    loans: int
