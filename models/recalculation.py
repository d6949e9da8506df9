"""Interest by the day on what is really owed, for loans whose product recalculates it.

Within a period interest is earned evenly by the day, so that a period of D days at rate r costs

    interest  =  sum over its stretches of one balance:   B . r . days / D

The balance falls on the day principal is paid, early or late. What is overdue bears interest until the business date,
and counts as paid from then on; what is not yet due counts as paid on its day. The installment stays as agreed:
interest first, principal what is left of it, and the last installment still open takes the difference. An installment
paid early in full keeps the interest it had cost by then; what its period costs after that day moves to the next one.

Source: the rule that Apache Fineract's progressive loans follow, read from the schedules its tests publish.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from operator import itemgetter

from models.allocation import Part
from models.money import Rounding, rounded
from models.rows import Row

_ZERO = Decimal(0)
_UNBOUNDED = -(10**18)
_INTEREST, _PRINCIPAL = Part.INTEREST, Part.PRINCIPAL
_DAY = itemgetter(0)


@dataclass(slots=True)
class Balance:
    """The principal really owed, day by day: what was lent, and when how much of it came back (or was lent again)."""

    lent_minor: int
    repaid: list[tuple[date, int]] = field(default_factory=list)
    repaid_minor: int = 0
    lent_again_minor: int = 0
    let_go_minor: int = 0
    known_until: date = date.min  # what the periods that end by this day cost is known

    @property
    def left_minor(self) -> int:
        """What is owed now."""
        return self.lent_minor - self.repaid_minor

    @property
    def to_be_repaid_minor(self) -> int:
        """All the principal that installments must carry, paid or not."""
        return self.lent_minor + self.lent_again_minor - self.let_go_minor

    def repay(self, on: date, amount_minor: int) -> None:
        """Principal came back, and counts from this day."""
        if amount_minor:
            insort(self.repaid, (on, amount_minor), key=_DAY)
            self.repaid_minor += amount_minor
            self.known_until = min(self.known_until, on)

    def lend(self, on: date, amount_minor: int) -> None:
        """Principal that had come back is owed again."""
        self.lent_again_minor += amount_minor
        self.repay(on, -amount_minor)

    def let_go(self, on: date, amount_minor: int) -> None:
        """Principal that will not be asked for any more."""
        self.let_go_minor += amount_minor
        self.repay(on, amount_minor)


def reprice(rows: Sequence[Row], balance: Balance, *, until: date, rounding: Rounding) -> None:
    """Bring what every installment owes in line with what was really paid by `until`, the business date."""
    last = next((row for row in reversed(rows) if not row.closed and row.level_minor), None)
    left_minor = balance.to_be_repaid_minor - sum([row.paid[_PRINCIPAL] for row in rows])
    stretch = _Stretch(balance, until)
    known_until, carried_minor, floor_minor = balance.known_until, 0, 0
    for row in rows:
        left_minor += row.paid[_PRINCIPAL]
        if row.due_on > known_until:
            row.cost_minor = rounded(stretch.cost(row, row.due_on), rounding)
        cost_minor = max(row.cost_minor + carried_minor + row.added_minor, floor_minor)
        if not row.closed:
            _share_out(row, cost_minor, left_minor, is_last=row is last)
        if row is last:
            floor_minor = _UNBOUNDED  # what it paid beyond its cost was for the ones after it
        carried_minor = max(cost_minor - row.owed[_INTEREST], floor_minor)
        left_minor -= row.owed[_PRINCIPAL]
        stretch.pass_by(row)
    if last is not None:  # it pays for installments after it that were paid before it
        last.owed[_INTEREST] += max(carried_minor, 0)
    balance.known_until = until


def _share_out(row: Row, cost_minor: int, left_minor: int, *, is_last: bool) -> None:
    """What a period costs and what is left of the principal, in what was agreed for the row; the last takes all.

    Principal paid ahead that left no room for the interest moves it on.
    """
    paid_minor, interest_minor, level_minor = row.paid[_PRINCIPAL], row.paid[_INTEREST], row.level_minor
    most_minor = cost_minor if is_last or cost_minor < level_minor else level_minor
    has_room = is_last or paid_minor + cost_minor <= level_minor or not paid_minor
    if has_room and most_minor > interest_minor:
        interest_minor = most_minor
    principal_minor = left_minor
    if not is_last and principal_minor > level_minor - interest_minor:
        principal_minor = level_minor - interest_minor
    row.owed[_INTEREST] = interest_minor
    row.owed[_PRINCIPAL] = max(paid_minor, principal_minor)


def payable_now(rows: Sequence[Row], balance: Balance, *, on: date, rounding: Rounding, last: Row | None) -> int:
    """What the installments ahead cost when paid on `on`: the running one its interest so far, later ones none.

    `last` is the one that is paid last and may take all that is left. Gives the interest that found no installment.
    """
    if not any(row.due_on > on and row.level_minor and not row.closed for row in rows):
        return 0
    stretch, carried_minor = _Stretch(balance, on), 0
    left_minor = balance.left_minor
    for row in rows:
        if row.due_on > on:
            row.cost_minor = rounded(stretch.cost(row, on), rounding) if row.from_on < on else 0
        cost_minor = max(row.cost_minor + carried_minor + row.added_minor, 0)
        if row.due_on <= on:
            left_minor -= row.outstanding(Part.PRINCIPAL)
        elif not row.closed:
            most_minor = cost_minor if row is last else min(cost_minor, row.level_minor)
            interest_minor = row.owed[Part.INTEREST] = max(most_minor, row.paid[Part.INTEREST])
            whole_minor = left_minor + row.paid[Part.PRINCIPAL]
            level_minor = whole_minor if row is last else row.level_minor - interest_minor
            row.owed[Part.PRINCIPAL] = max(min(level_minor, whole_minor), row.paid[Part.PRINCIPAL])
        carried_minor = max(cost_minor - row.owed[Part.INTEREST], 0)
        stretch.pass_by(row)
    return carried_minor


class _Stretch:
    """Walks through the periods and knows the balance of each day on the way."""

    def __init__(self, balance: Balance, until: date) -> None:
        self._until = until
        self._balance = balance
        self._repaid = balance.repaid
        self._owed_minor = 0
        self._next = -1
        self._overdue_minor = 0
        self._paid_as_due_minor = 0

    def cost(self, row: Row, to: date) -> Decimal:
        """What the period of `row` costs from its beginning to a day, not rounded."""
        days = (row.due_on - row.from_on).days
        if not days or not row.rate:
            return _ZERO
        at, total = row.from_on, 0
        self._advance(at)
        for day in self._changes(at, to):
            total += self._balance_minor(at) * (day - at).days
            at = day
            self._advance(at)
        total += self._balance_minor(at) * (to - at).days
        return row.rate * total / days

    def pass_by(self, row: Row) -> None:
        """From its due day on, or from the business date if that is later, the installment counts as paid."""
        outstanding_minor = row.owed[_PRINCIPAL] - row.paid[_PRINCIPAL]
        if row.due_on <= self._until:
            self._overdue_minor += outstanding_minor
        else:
            self._paid_as_due_minor += outstanding_minor

    def _changes(self, from_on: date, to: date) -> list[date]:
        days = set()
        place = self._next
        while place < len(self._repaid) and self._repaid[place][0] < to:
            days.add(self._repaid[place][0])
            place += 1
        if from_on < self._until < to and self._overdue_minor:
            days.add(self._until)
        return sorted(days)

    def _advance(self, to: date) -> None:
        if self._next < 0:
            self._next = bisect_right(self._repaid, to, key=_DAY)
            self._owed_minor = self._balance.left_minor + sum([minor for _, minor in self._repaid[self._next :]])
        while self._next < len(self._repaid) and self._repaid[self._next][0] <= to:
            self._owed_minor -= self._repaid[self._next][1]
            self._next += 1

    def _balance_minor(self, at: date) -> int:
        overdue_minor = self._overdue_minor if at >= self._until else 0
        return max(self._owed_minor - self._paid_as_due_minor - overdue_minor, 0)
