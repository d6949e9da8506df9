"""What can happen to a loan (`Transaction`), and where the money of one such event went (`Split`).

A loan's history is a list of these in the order of their recording; its schedule and balances are their replay
(`models.replay`). Each has a value date, from which it counts, so that one recorded late still counts in time.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from models.allocation import Part


class TransactionKind(StrEnum):
    """The business events of a loan."""

    DISBURSEMENT = "disbursement"
    DOWN_PAYMENT = "down_payment"
    REPAYMENT = "repayment"
    FEE = "fee"
    PENALTY = "penalty"
    WAIVER = "waiver"
    GOODWILL_CREDIT = "goodwill_credit"
    CHARGEBACK = "chargeback"
    REFUND = "refund"
    CHARGE_OFF = "charge_off"
    UNDO_CHARGE_OFF = "undo_charge_off"
    WRITE_OFF = "write_off"
    RECOVERY = "recovery"
    SETTLEMENT = "settlement"
    RESCHEDULE = "reschedule"
    RE_AGE = "re_age"
    RE_AMORTIZE = "re_amortize"
    REFINANCE = "refinance"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class NewTerms:
    """What a restructure changes; None leaves a term as it was."""

    annual_rate_percent: Decimal | None = None
    installments: int | None = None
    first_due_on: date | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One business event. `on` is its value date; `due_on` the day a charge is due, `on` if None."""

    id: str
    kind: TransactionKind
    on: date
    amount_minor: int = 0
    part: Part | None = None
    due_on: date | None = None
    installment: int | None = None
    reverses: str | None = None
    terms: NewTerms | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The money of one transaction by what it paid, in minor units: every one is somewhere."""

    principal_minor: int = 0
    interest_minor: int = 0
    fee_minor: int = 0
    penalty_minor: int = 0
    overpaid_minor: int = 0

    @property
    def applied_minor(self) -> int:
        """The money that went to the debt."""
        return self.principal_minor + self.interest_minor + self.fee_minor + self.penalty_minor

    @property
    def amount_minor(self) -> int:
        """All of it."""
        return self.applied_minor + self.overpaid_minor
