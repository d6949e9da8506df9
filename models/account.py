"""Where a loan stands on a day (`LoanAccount`), and what would settle it (`Payoff`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from models.installment import Installment
from models.loan import LoanStatus
from models.terms import LoanTerms
from models.transactions import Split


@dataclass(frozen=True, slots=True)
class LoanAccount:
    """A loan after its transactions, and what each of them did.

    `in_advance_minor` and `late_minor` say, installment by installment, what came before its day and what after.
    `forgiven` is what a settlement, a refinancing or a write-off let go; `while_charged_off` names the transactions of
    a loan that was charged off at their time.
    """

    terms: LoanTerms
    installments: tuple[Installment, ...]
    in_advance_minor: tuple[int, ...]
    late_minor: tuple[int, ...]
    splits: Mapping[str, Split]
    forgiven: Mapping[str, Split]
    while_charged_off: frozenset[str]
    reversed: frozenset[str]
    reversals: frozenset[str]
    status: LoanStatus
    overpaid_minor: int
    disbursed_on: date | None
    charged_off_on: date | None

    @property
    def outstanding_minor(self) -> int:
        """Everything that is still to be paid."""
        return sum(row.outstanding_minor for row in self.installments)


@dataclass(frozen=True, slots=True)
class Payoff:
    """What settles the loan when paid by `good_through`; a day later there is a day's interest more."""

    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    total_minor: int
    good_through: date
