"""What a loan owes while its history is replayed (`Debt`), and money on its way into it (`Payment`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from models.allocation import LateCountsFrom, Part, Processing, RepaymentPolicy, Stage
from models.recalculation import Balance, reprice
from models.rows import Row
from models.terms import LoanTerms
from models.transactions import Split


@dataclass(slots=True)
class Debt:
    """A loan's rows and what they are governed by, while its history is replayed."""

    terms: LoanTerms
    policy: RepaymentPolicy
    rows: list[Row]
    balance: Balance

    @property
    def standing(self) -> list[Row]:
        """The installments that were not replaced by others."""
        return [row for row in self.rows if not row.ended]

    @property
    def outstanding_minor(self) -> int:
        """Everything that is still to be paid."""
        return sum(row.outstanding_minor for row in self.rows)

    def bring_to(self, day: date) -> None:
        """Bring interest in line with what was really paid, where the product recalculates it."""
        if self.policy.recalculates_interest and self.rows:
            reprice(self.rows, self.balance, until=day, rounding=self.terms.rounding)

    def settle(self, day: date) -> None:
        """Note of every row whether anything is left on this day."""
        for row in self.rows:
            row.settle(day)


class Payment:
    """Money on its way into the rows."""

    def __init__(self, amount_minor: int, on: date, debt: Debt) -> None:
        self.left_minor = amount_minor
        self.on = on
        self.paid = dict.fromkeys(Part, 0)
        self.principal_by_day: dict[date, int] = {}
        self._late_counts_from = debt.policy.late_counts_from
        self._principal_owed_minor = debt.balance.left_minor

    @property
    def principal_left_minor(self) -> int:
        """The principal that it has not yet paid."""
        return self._principal_owed_minor - self.paid[Part.PRINCIPAL]

    def take(self, row: Row, part: Part, wanted_minor: int) -> None:
        """Give a part of a row what it wants, as far as the money goes; no more principal than is owed in all."""
        if part is Part.PRINCIPAL:
            wanted_minor = min(wanted_minor, self.principal_left_minor)
        taken_minor = min(wanted_minor, self.left_minor)
        if taken_minor > 0:
            row.pay(part, taken_minor, self.on)
            self.note(row, part, taken_minor)

    def note(self, row: Row, part: Part, taken_minor: int) -> None:
        """Money went to a part of a row."""
        self.paid[part] += taken_minor
        self.left_minor -= taken_minor
        if part is Part.PRINCIPAL:
            as_due = self._late_counts_from is LateCountsFrom.DUE_DATE and row.due_on < self.on
            day = row.due_on if as_due else self.on
            self.principal_by_day[day] = self.principal_by_day.get(day, 0) + taken_minor

    @property
    def split(self) -> Split:
        """Where it went."""
        paid = self.paid
        return Split(paid[Part.PRINCIPAL], paid[Part.INTEREST], paid[Part.FEE], paid[Part.PENALTY], self.left_minor)


def crossed(rows: Iterable[Row], stage: Stage) -> Iterator[tuple[Row, Part, int]]:
    """The parts of these rows in the order of the stage, each with what it wants when its turn comes."""
    rows = tuple(rows)
    if stage.processing is Processing.HORIZONTAL:
        yield from ((row, part, row.outstanding(part)) for row in rows for part in stage.parts)
    else:
        yield from ((row, part, row.outstanding(part)) for part in stage.parts for row in rows)
