"""What a loan owes beside its schedule: fees and penalties on their own days, and principal that is owed again."""

from datetime import date
from decimal import Decimal

from models.allocation import Part
from models.debt import Debt
from models.rows import Charge, Row
from models.transactions import Split, Transaction, TransactionKind


def charge(debt: Debt, transaction: Transaction) -> Split:
    """Ask for a fee or a penalty, with the installment named or the one whose period holds its day."""
    part = Part.FEE if transaction.kind is TransactionKind.FEE else Part.PENALTY
    due_on = transaction.due_on or transaction.on
    row = _row_for(debt, transaction.installment, due_on)
    row.owed[part] += transaction.amount_minor
    row.charges.append(Charge(part, due_on, transaction.amount_minor))
    row.charges.sort(key=lambda each: each.due_on)
    return Split(**{f"{part}_minor": transaction.amount_minor})


def owe_again(debt: Debt, principal_minor: int, on: date) -> None:
    """Ask for principal that had been paid with the running installment, or with the last one when all are past."""
    rows = debt.standing
    row = next((each for each in rows if each.due_on >= on), rows[-1])
    row.owe_again(principal_minor)
    debt.balance.lend(on, principal_minor)
    debt.bring_to(on)


def _row_for(debt: Debt, number: int | None, due_on: date) -> Row:
    """The installment named, or the one whose period holds the day; after the last, one of its own."""
    rows = debt.standing
    if named := next((row for row in rows if row.number == number), None):
        return named
    for row in rows:
        if due_on <= row.due_on and row.due_on != row.from_on:
            return row
    number = max(row.number for row in debt.rows) + 1
    extra = Row(number, rows[-1].due_on, due_on, Decimal(0), dict.fromkeys(Part, 0))
    debt.rows.append(extra)
    debt.rows.sort(key=lambda row: row.due_on)
    return extra
