"""What a lender lets go: some of one part, or everything that is outstanding.

Principal that is waived is no longer owed and so bears no interest from that day on; flat interest, which the original
principal bears by agreement, stays.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from models.allocation import InAdvance, Part, RepaymentPolicy
from models.debt import Debt
from models.money import rounded
from models.prepayment import FLAT
from models.transactions import Split


def waive(debt: Debt, part: Part, amount_minor: int, on: date, *, installment: int | None) -> Split:
    """Let so much of a part go, oldest installment first, or of one installment only."""
    debt.bring_to(on)
    gone: dict[int, int] = {}
    for row in debt.rows:
        if installment in (None, row.number):
            gone[row.number] = min(row.outstanding(part), amount_minor - sum(gone.values()))
            row.waive(part, gone[row.number])
    if part is Part.PRINCIPAL:
        debt.balance.let_go(on, sum(gone.values()))
        if debt.policy.prepays:
            _save_interest(debt, gone, on)
    debt.bring_to(on)
    return Split(**{f"{part}_minor": sum(gone.values())})


def forgive(debt: Debt) -> Split:
    """Let everything go that is outstanding. Interest does not arise again."""
    gone = dict.fromkeys(Part, 0)
    for row in debt.rows:
        for part in Part:
            minor = row.outstanding(part)
            gone[part] += minor
            row.waive(part, minor)
    debt.policy = RepaymentPolicy(debt.policy.stages, InAdvance.NEXT_INSTALLMENT)
    return Split(gone[Part.PRINCIPAL], gone[Part.INTEREST], gone[Part.FEE], gone[Part.PENALTY])


def _save_interest(debt: Debt, gone: Mapping[int, int], on: date) -> None:
    """saved_k = round(W_k . r_k . days to come / days),  W_k what was waived of this installment and the later ones."""
    if debt.terms.method in FLAT:
        return
    waived_minor = 0
    for row in reversed(debt.rows):
        waived_minor += gone.get(row.number, 0)
        if row.due_on > on:
            to_come = Decimal((row.due_on - max(on, row.from_on)).days) / (row.due_on - row.from_on).days
            saved_minor = rounded(waived_minor * row.rate * to_come, debt.terms.rounding)
            row.waive(Part.INTEREST, min(saved_minor, row.outstanding(Part.INTEREST)))
