"""Taking one payment: through the stages of the product's policy, then ahead of the schedule, then into credit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from models.allocation import DueBucket, InAdvance, LateCountsFrom, Part, Processing, RepaymentPolicy, Stage
from models.installment import Installment
from models.prepayment import FLAT, Outlook, pay_ahead, spread
from models.recalculation import Balance, payable_now, reprice
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


def pay(debt: Debt, amount_minor: int, on: date) -> Split:
    """Pay what is due, then ahead; what no row takes is overpaid, never swallowed."""
    debt.bring_to(on)
    paying = _Payment(amount_minor, on, debt)
    for stage in debt.policy.stages:
        for take in _targets(stage, debt.rows, on):
            if not paying.left_minor:
                break
            paying.take(*take)
        if DueBucket.IN_ADVANCE in stage.buckets and paying.left_minor:
            _pay_ahead(debt, paying, stage)
    for day, minor in paying.principal_by_day.items():
        debt.balance.repay(day, minor)
    _close_paid(debt.rows)
    debt.bring_to(on)
    return paying.split


class _Payment:
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


def _targets(stage: Stage, rows: Sequence[Row], on: date) -> Iterator[tuple[Row, Part, int]]:
    """What a stage pays of the debt that is due: in its order, each with what it wants when its turn comes."""
    due = [row for row in rows if row.due_on <= on and _bucket(row, on) in stage.buckets]
    if stage.charges_by_own_day:
        for part in stage.parts:
            for row in rows:
                yield row, part, row.outstanding_by(part, on)
        return
    yield from _crossed(due, stage)


def _crossed(rows: Iterable[Row], stage: Stage) -> Iterator[tuple[Row, Part, int]]:
    rows = tuple(rows)
    if stage.processing is Processing.HORIZONTAL:
        yield from ((row, part, row.outstanding(part)) for row in rows for part in stage.parts)
    else:
        yield from ((row, part, row.outstanding(part)) for part in stage.parts for row in rows)


def _bucket(row: Row, on: date) -> DueBucket:
    return DueBucket.PAST_DUE if row.due_on < on else DueBucket.DUE


def _pay_ahead(debt: Debt, paying: _Payment, stage: Stage) -> None:
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
        for take in _crossed(_in_turn(ahead, debt.policy.in_advance, paying.on), stage):
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


def _pay_and_level(debt: Debt, paying: _Payment, stage: Stage, ahead: Sequence[Row]) -> None:
    """The running installment, then principal beyond it; what is left is spread over the later ones by the method."""
    running, *later = ahead
    beside_minor = sum(row.outstanding_minor - row.outstanding(Part.PRINCIPAL) for row in ahead)
    if paying.left_minor >= paying.principal_left_minor + beside_minor:  # it pays the loan off
        later = []
    for take in _crossed(ahead if not later else [running], stage):
        paying.take(*take)
    extra_minor = min(paying.left_minor, paying.principal_left_minor)
    if extra_minor and not running.outstanding_minor:
        running.owed[Part.PRINCIPAL] += extra_minor
        running.level_minor += extra_minor
        paying.take(running, Part.PRINCIPAL, extra_minor)
        _level(debt, later, paying)
    for take in _crossed(later, stage):  # the principal is paid: interest and charges are left
        paying.take(*take)


def _level(debt: Debt, later: Sequence[Row], paying: _Payment) -> None:
    """Agree on new installments for the principal that is left; flat interest stays as it was agreed."""
    waiting = [row for row in later if row.level_minor and not row.closed]
    left_minor = paying.principal_left_minor
    if waiting and left_minor and debt.terms.method not in FLAT:
        shares = spread(outlook_of(debt, waiting, paying.on), left_minor)
        for row, share in zip(waiting, shares, strict=True):
            row.level_minor = share.principal_minor + share.interest_minor


def _pay_in_shares(ahead: Sequence[Row], paying: _Payment, stage: Stage) -> None:
    """An equal share for every open installment, odd cents to the first ones; again with the rest."""
    before_minor = None
    while paying.left_minor != before_minor:
        before_minor = paying.left_minor
        waiting = [row for row in ahead if row.outstanding_minor]
        for place, row in enumerate(waiting):
            share_minor, over_minor = divmod(before_minor, len(waiting))
            _pay_share(row, share_minor + (place < over_minor), paying, stage)
    for take in _crossed(ahead, stage):
        paying.take(*take)


def _pay_share(row: Row, share_minor: int, paying: _Payment, stage: Stage) -> None:
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


def _prepay(debt: Debt, paying: _Payment, stage: Stage, ahead: Sequence[Row]) -> None:
    after, left_minor = pay_ahead(outlook_of(debt, ahead, paying.on), paying.left_minor, stage.parts)
    for row, installment in zip(ahead, after, strict=True):
        _follow(row, installment, paying)
    assert paying.left_minor == left_minor


def _follow(row: Row, after: Installment, paying: _Payment) -> None:
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


def _close_paid(rows: Iterable[Row]) -> None:
    """An installment that was paid in full has cost what it cost, early or not."""
    for row in rows:
        if not row.closed and (row.paid[Part.PRINCIPAL] or row.paid[Part.INTEREST]):
            row.closed = not row.is_open
