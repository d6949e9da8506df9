"""A loan's installments while its history is replayed: the one place where they change step by step."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from models.allocation import Part
from models.installment import Installment

CHARGED = (Part.PENALTY, Part.FEE)
_INTEREST, _PRINCIPAL = Part.INTEREST, Part.PRINCIPAL


@dataclass(slots=True)
class Charge:
    """A fee or a penalty with its own due day, inside the installment whose period holds that day."""

    part: Part
    due_on: date
    amount_minor: int
    paid_minor: int = 0

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid of it."""
        return self.amount_minor - self.paid_minor


@dataclass(slots=True)
class Row:
    """One installment with its period: from `from_on` to `due_on` one unit of balance costs `rate`.

    `level_minor` is the principal and interest agreed for it, `added_minor` interest asked for beside what the period
    costs, less than nothing when some was waived. A `closed` row was paid in full: what it cost by then is all it
    costs. An `ended` one was replaced by new installments.
    """

    number: int
    from_on: date
    due_on: date
    rate: Decimal
    owed: dict[Part, int]
    paid: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    charges: list[Charge] = field(default_factory=list)
    level_minor: int = 0
    in_advance_minor: int = 0
    late_minor: int = 0
    settled_on: date | None = None
    closed: bool = False
    ended: bool = False
    added_minor: int = 0
    cost_minor: int = 0

    def outstanding(self, part: Part) -> int:
        """What is still to be paid of one part."""
        return self.owed[part] - self.paid[part]

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid of all of it."""
        return sum(self.owed.values()) - sum(self.paid.values())

    @property
    def is_open(self) -> bool:
        """Whether principal or interest is still to be paid."""
        paid, owed = self.paid, self.owed
        return owed[_PRINCIPAL] > paid[_PRINCIPAL] or owed[_INTEREST] > paid[_INTEREST]

    def outstanding_by(self, part: Part, day: date) -> int:
        """What is to be paid of a part by a day, when charges are due on their own day."""
        if self.due_on <= day:
            return self.outstanding(part)
        if part not in CHARGED or day <= self.from_on:
            return 0
        return sum(charge.outstanding_minor for charge in self.charges if charge.part is part and charge.due_on <= day)

    def pay(self, part: Part, amount_minor: int, on: date) -> None:
        """Take money for one part; charges are paid in the order of their days."""
        assert 0 < amount_minor <= self.outstanding(part), (self, part, amount_minor)
        self.paid[part] += amount_minor
        if on < self.due_on:
            self.in_advance_minor += amount_minor
        elif on > self.due_on:
            self.late_minor += amount_minor
        for charge in self.charges:
            if charge.part is part and amount_minor:
                taken_minor = min(amount_minor, charge.outstanding_minor)
                charge.paid_minor += taken_minor
                amount_minor -= taken_minor

    def waive(self, part: Part, amount_minor: int) -> None:
        """Ask no more for a part; what is waived is neither owed nor paid."""
        assert 0 <= amount_minor <= self.outstanding(part), (self, part, amount_minor)
        self.owed[part] -= amount_minor
        if part not in CHARGED:
            self.level_minor -= amount_minor
        if part is Part.INTEREST:
            self.added_minor -= amount_minor
        for charge in self.charges:
            if charge.part is part and amount_minor:
                let_go_minor = min(amount_minor, charge.outstanding_minor)
                charge.amount_minor -= let_go_minor
                amount_minor -= let_go_minor

    def owe_again(self, principal_minor: int) -> None:
        """Ask again for principal that had been paid."""
        self.owed[Part.PRINCIPAL] += principal_minor
        self.level_minor += principal_minor
        self.closed = False

    def freeze(self) -> None:
        """Whatever happens, the period costs what is asked for it now."""
        self.rate, self.added_minor, self.cost_minor = Decimal(0), self.owed[Part.INTEREST], 0

    def end(self) -> None:
        """Ask no more for it; what is still owed has gone elsewhere."""
        self.owed = dict(self.paid)
        self.level_minor = self.paid[Part.PRINCIPAL] + self.paid[Part.INTEREST]
        self.charges = [replace(charge, amount_minor=charge.paid_minor) for charge in self.charges]
        self.closed = self.ended = True

    def settle(self, on: date) -> None:
        """Note the day on which nothing was left; forget it when something is owed again."""
        if self.owed != self.paid:
            self.settled_on = None
        elif self.settled_on is None and any(self.owed.values()):
            self.settled_on = on

    def as_installment(self) -> Installment:
        """The row as the value that everybody else works on."""
        owed, paid = self.owed, self.paid
        return Installment(
            number=self.number,
            due_on=self.due_on,
            principal_minor=owed[Part.PRINCIPAL],
            interest_minor=owed[Part.INTEREST],
            fee_minor=owed[Part.FEE],
            penalty_minor=owed[Part.PENALTY],
            principal_paid_minor=paid[Part.PRINCIPAL],
            interest_paid_minor=paid[Part.INTEREST],
            fee_paid_minor=paid[Part.FEE],
            penalty_paid_minor=paid[Part.PENALTY],
            settled_on=self.settled_on,
        )


def rows_of(
    schedule: Iterable[Installment],
    rates: Iterable[Decimal],
    *,
    disbursed_on: date,
    number_from: int = 1,
    levels_out: bool,
) -> list[Row]:
    """Rows for a new schedule; a down payment, due when the money is paid out, has no period and no rate.

    With `levels_out` the last installment is agreed to be like the others, whatever rounding makes of it.
    """
    rows: list[Row] = []
    left, from_on = iter(rates), disbursed_on
    for number, installment in enumerate(schedule, number_from):
        rate = Decimal(0) if installment.due_on == disbursed_on else next(left)
        owed = {
            Part.PENALTY: installment.penalty_minor,
            Part.FEE: installment.fee_minor,
            Part.INTEREST: installment.interest_minor,
            Part.PRINCIPAL: installment.principal_minor,
        }
        level_minor = installment.principal_minor + installment.interest_minor
        rows.append(Row(number, from_on, installment.due_on, rate, owed, level_minor=level_minor))
        if installment.fee_minor:
            rows[-1].charges.append(Charge(Part.FEE, installment.due_on, installment.fee_minor))
        from_on = installment.due_on
    if len(rows) > 2 and levels_out:  # noqa: PLR2004 - one to level out, and two that are level
        rows[-1].level_minor = max(rows[-1].level_minor, rows[-2].level_minor)
    return rows
