"""A loan's account statement: what was owed at the start, what each transaction did to it, and what is owed at the end.

    balance  =  receivable of the borrower (principal, interest, fees, penalties)  -  what we owe the borrower

Each movement is what one journal did to that balance. The journals of one transaction on one day are one line: a
booking that was reversed and booked anew shows what is true now. Interest accrues every day; the accruals between two
lines are one line too, on the last of their days.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Movement:
    """What one journal did to what the borrower owes; more owed is positive. Accruals belong to no transaction."""

    on: date
    transaction_id: str | None
    description: str
    change_minor: int
    principal_change_minor: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement, and what is owed after it."""

    on: date
    transaction_id: str | None
    description: str
    change_minor: int
    balance_minor: int
    principal_balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines between two days, both included."""

    since: date
    until: date
    opening_minor: int
    closing_minor: int
    lines: tuple[Line, ...]


def statement_of(movements: Iterable[Movement], *, since: date, until: date) -> Statement:
    """The statement of these movements, which come in the order of their recording."""
    # What a day has earned comes before what was paid on it.
    known = sorted((m for m in movements if m.on <= until), key=lambda m: (m.on, m.transaction_id is not None))
    before = [m for m in known if m.on < since]
    lines = _lines([m for m in known if m.on >= since], opening=_carried(before, on=since))
    opening_minor = sum(m.change_minor for m in before)
    return Statement(since, until, opening_minor, lines[-1].balance_minor if lines else opening_minor, lines)


def _carried(before: list[Movement], *, on: date) -> Line:
    principal_minor = sum(m.principal_change_minor for m in before)
    return Line(on, None, "", 0, sum(m.change_minor for m in before), principal_minor)


def _lines(movements: list[Movement], *, opening: Line) -> tuple[Line, ...]:
    """Every folded movement with the balances after it."""
    folded = _folded(movements)
    balances = list(accumulate((m.change_minor for m in folded), initial=opening.balance_minor))
    principal = list(accumulate((m.principal_change_minor for m in folded), initial=opening.principal_balance_minor))
    return tuple(
        Line(m.on, m.transaction_id, m.description, m.change_minor, balance, principal_balance)
        for m, balance, principal_balance in zip(folded, balances[1:], principal[1:], strict=True)
    )


def _folded(movements: list[Movement]) -> list[Movement]:
    """One movement for each transaction and day, and one for the accruals between two of them."""
    folded: list[Movement] = []
    places: dict[tuple[date, str], int] = {}
    for movement in movements:
        place = _place(movement, folded, places)
        if place is None:
            folded.append(movement)
            if movement.transaction_id is not None:
                places[movement.on, movement.transaction_id] = len(folded) - 1
        else:
            folded[place] = _joined(folded[place], movement)
    return [m for m in folded if m.transaction_id is not None or m.change_minor]


def _place(movement: Movement, folded: list[Movement], places: dict[tuple[date, str], int]) -> int | None:
    """Where the line stands that the movement belongs to."""
    if movement.transaction_id is not None:
        return places.get((movement.on, movement.transaction_id))
    return len(folded) - 1 if folded and folded[-1].transaction_id is None else None


def _joined(line: Movement, movement: Movement) -> Movement:
    return replace(
        line,
        on=movement.on,
        change_minor=line.change_minor + movement.change_minor,
        principal_change_minor=line.principal_change_minor + movement.principal_change_minor,
    )
