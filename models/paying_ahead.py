"""Money that nothing due is waiting for: paid ahead by the rule of the product."""

from collections.abc import Sequence
from datetime import date

from models.allocation import InAdvance, Part, Stage
from models.debt import Debt, Payment, crossed
from models.installment import Installment
from models.prepayment import FLAT, Outlook, spread
from models.prepayment import pay_ahead as prepaid
from models.recalculation import payable_now
from models.rows import Row


def pay_ahead(debt: Debt, paying: Payment, stage: Stage) -> None:
    """Pay the installments that are not yet due, as far as the money goes."""
    ahead = [row for row in debt.standing if row.due_on > paying.on]
    if not ahead:
        return
    if debt.policy.prepays:
        _prepay(debt, paying, stage, ahead)
        return
    if debt.policy.recalculates_interest:
        turn = [row for row in _in_turn(ahead, debt.policy.in_advance, paying.on) if not row.closed and row.level_minor]
        last = turn[-1] if turn else None
        payable_now(debt.rows, debt.balance, on=paying.on, rounding=debt.terms.rounding, last=last)
    if debt.policy.in_advance is InAdvance.REAMORTIZATION:
        _pay_in_shares(ahead, paying, stage)
    elif debt.policy.in_advance is InAdvance.REDUCE_INSTALLMENT:
        _pay_and_level(debt, paying, stage, ahead)
    else:
        for take in crossed(_in_turn(ahead, debt.policy.in_advance, paying.on), stage):
            paying.take(*take)


def _in_turn(ahead: list[Row], rule: InAdvance, on: date) -> list[Row]:
    """The installments ahead in the order in which they are paid."""
    match rule:
        case InAdvance.LAST_INSTALLMENT:
            return ahead[::-1]
        case InAdvance.NEXT_LAST_INSTALLMENT | InAdvance.REDUCE_TERM:
            running = [row for row in ahead if row.from_on <= on]
            return running + [row for row in reversed(ahead) if row not in running]
        case _:
            return ahead


def _pay_and_level(debt: Debt, paying: Payment, stage: Stage, ahead: Sequence[Row]) -> None:
    """The running installment, then principal beyond it; what is left is spread over the later ones by the method."""
    running, *later = ahead
    beside_minor = sum(row.outstanding_minor - row.outstanding(Part.PRINCIPAL) for row in ahead)
    if paying.left_minor >= paying.principal_left_minor + beside_minor:  # it pays the loan off
        later = []
    for take in crossed(ahead if not later else [running], stage):
        paying.take(*take)
    extra_minor = min(paying.left_minor, paying.principal_left_minor)
    if extra_minor and not running.outstanding_minor:
        running.owed[Part.PRINCIPAL] += extra_minor
        running.level_minor += extra_minor
        paying.take(running, Part.PRINCIPAL, extra_minor)
        _level(debt, later, paying)
    for take in crossed(later, stage):  # the principal is paid: interest and charges are left
        paying.take(*take)


def _level(debt: Debt, later: Sequence[Row], paying: Payment) -> None:
    """Agree on new installments for the principal that is left; flat interest stays as it was agreed."""
    waiting = [row for row in later if row.level_minor and not row.closed]
    left_minor = paying.principal_left_minor
    if waiting and left_minor and debt.terms.method not in FLAT:
        shares = spread(outlook_of(debt, waiting, paying.on), left_minor)
        for row, share in zip(waiting, shares, strict=True):
            row.level_minor = share.principal_minor + share.interest_minor


def _pay_in_shares(ahead: Sequence[Row], paying: Payment, stage: Stage) -> None:
    """An equal share for every open installment, odd cents to the first ones; again with the rest."""
    before_minor = None
    while paying.left_minor != before_minor:
        before_minor = paying.left_minor
        waiting = [row for row in ahead if row.outstanding_minor]
        for place, row in enumerate(waiting):
            share_minor, over_minor = divmod(before_minor, len(waiting))
            _pay_share(row, share_minor + (place < over_minor), paying, stage)
    for take in crossed(ahead, stage):
        paying.take(*take)


def _pay_share(row: Row, share_minor: int, paying: Payment, stage: Stage) -> None:
    keep_minor = paying.left_minor - share_minor
    for part in stage.parts:
        paying.take(row, part, min(row.outstanding(part), paying.left_minor - keep_minor))


def outlook_of(debt: Debt, ahead: Sequence[Row], on: date) -> Outlook:
    """What lies ahead, as the arithmetic of prepayments sees it."""
    running = ahead[0]
    started_on = max(on, running.from_on)
    return Outlook(
        rows=tuple(row.as_installment() for row in ahead),
        rates=tuple(row.rate for row in ahead),
        days_elapsed=(started_on - running.from_on).days,
        days_to_come=(running.due_on - started_on).days,
        terms=debt.terms,
        added_minor=max(running.added_minor, 0),
        keeps_installments=debt.policy.in_advance is InAdvance.REDUCE_TERM,
    )


def _prepay(debt: Debt, paying: Payment, stage: Stage, ahead: Sequence[Row]) -> None:
    after, left_minor = prepaid(outlook_of(debt, ahead, paying.on), paying.left_minor, stage.parts)
    for row, installment in zip(ahead, after, strict=True):
        _follow(row, installment, paying)
    assert paying.left_minor == left_minor


def _follow(row: Row, after: Installment, paying: Payment) -> None:
    row.owed[Part.PRINCIPAL], row.owed[Part.INTEREST] = after.principal_minor, after.interest_minor
    row.level_minor = after.principal_minor + after.interest_minor
    for part, paid_minor in (
        (Part.PRINCIPAL, after.principal_paid_minor),
        (Part.INTEREST, after.interest_paid_minor),
        (Part.FEE, after.fee_paid_minor),
        (Part.PENALTY, after.penalty_paid_minor),
    ):
        if taken_minor := paid_minor - row.paid[part]:
            row.pay(part, taken_minor, paying.on)
            paying.note(row, part, taken_minor)
