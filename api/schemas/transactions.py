"""What is posted to a loan and read back from it: transactions, restructures, statements, payoffs."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StrictInt

from api.schemas.loans import InstallmentOut, PayoffOut
from api.schemas.values import Amount, Day, Identifier, In, Line, Moment, Number, Out, RatePercent
from models.allocation import Part
from models.loan import LoanStatus
from models.transactions import TransactionKind

TransactionType = Literal[
    "repayment",
    "fee",
    "penalty",
    "waiver",
    "goodwill_credit",
    "chargeback",
    "refund",
    "charge_off",
    "undo_charge_off",
    "write_off",
    "recovery",
    "settlement",
    "reversal",
]
FileKind = Literal["json", "csv", "pdf"]
RestructureType = Literal["reschedule", "re_age", "re_amortize", "refinance", "forbearance"]


class TransactionIn(In):
    """One transaction. `transactionId` names the one that a reversal undoes."""

    type: TransactionType
    value_date: Annotated[Day | None, Field(alias="date")] = None
    amount: Amount | None = None
    part: Part | None = None
    due_on: Day | None = None
    installment: Annotated[StrictInt | None, Field(ge=1, le=3660)] = None
    transaction_id: Identifier | None = None
    reason: Line | None = None


class RestructureIn(In):
    """New terms for what is still owed. With `preview` nothing is posted."""

    type: RestructureType
    value_date: Annotated[Day | None, Field(alias="date")] = None
    interest_rate: RatePercent | None = None
    installments: Annotated[StrictInt | None, Field(ge=1, le=3660)] = None
    first_due_on: Day | None = None
    until: Day | None = None
    reason: Line | None = None
    preview: bool = False


class SplitOut(Out):
    """Where the money went."""

    principal: Number
    interest: Number
    fees: Number
    penalties: Number
    overpaid: Number


class TransactionOut(Out):
    transaction_id: str
    loan_id: str
    type: TransactionKind
    date: date
    amount: Number
    currency: str
    split: SplitOut
    version: int
    reversed: bool
    reverses: str | None
    part: Part | None
    payment_id: str | None
    reason: str | None
    actor: str
    recorded_at: datetime


class StandingOut(Out):
    """How the loan stands after it."""

    status: LoanStatus
    outstanding: Number
    overpaid: Number
    next_due_on: date | None
    days_past_due: int
    charged_off_on: date | None


class TransactionAnswerOut(Out):
    success: bool = True
    transaction: TransactionOut
    loan: StandingOut


class ScheduleOut(Out):
    success: bool = True
    loan_id: str
    on: date
    currency: str
    total: Number
    paid: Number
    outstanding: Number
    installments: list[InstallmentOut]


class RestructureOut(ScheduleOut):
    """The schedule after a restructure, or as it would be after it."""

    preview: bool
    transaction_id: str | None
    forbearance_until: date | None


class PayoffTableOut(Out):
    """What settles the loan on each day; a payoff is good through its day."""

    success: bool = True
    loan_id: str
    currency: str
    on: date
    payoff: PayoffOut
    table: list[PayoffOut]


class StatementQuery(In):
    """Which days, and as the books knew them when. `on` is the same as `to`."""

    since: Annotated[Day | None, Field(alias="from")] = None
    until: Annotated[Day | None, Field(alias="to")] = None
    on: Day | None = None
    known_at: Moment | None = None
    file: Annotated[FileKind | None, Field(alias="format")] = None


class StatementLineOut(Out):
    date: date
    transaction_id: str | None
    type: str
    amount: Number
    split: SplitOut | None
    change: Number
    balance: Number
    principal_balance: Number
    reversed: bool


class StatementOut(Out):
    """What was owed, what changed it, and what is owed: by the books, as they were known at a moment."""

    success: bool = True
    loan_id: str
    currency: str
    since: Annotated[date, Field(serialization_alias="from")]
    until: Annotated[date, Field(serialization_alias="to")]
    known_at: datetime | None
    opening_balance: Number
    closing_balance: Number
    lines: list[StatementLineOut]
