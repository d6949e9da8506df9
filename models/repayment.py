"""Where a payment goes: first what is due, oldest first, then ahead of the schedule by a rule of the product."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from models.allocation import InAdvance, InvalidAllocationOrder, Part
from models.errors import Conflict, NotFound
from models.money import InvalidAmount
from models.prepayment import Outlook, outlook, prepay, running_paid
from models.terms import Installment, LoanTerms


class UnknownInstallment(NotFound):
    """The loan has no installment of that number."""


class InstallmentSettled(Conflict):
    """Nothing is owed on the installment any more."""


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """In which order an installment's parts are paid, and what becomes of money in advance."""

    order: tuple[Part, ...] = (Part.PENALTY, Part.FEE, Part.INTEREST, Part.PRINCIPAL)
    in_advance: InAdvance = InAdvance.REDUCE_INSTALLMENT

    def __post_init__(self) -> None:
        if sorted(self.order) != sorted(Part):
            raise InvalidAllocationOrder(f"The order must name each of {', '.join(Part)} once.", "order")


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a payment did: the installments after it, and where its money went."""

    installments: tuple[Installment, ...]
    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    overpaid_minor: int

    @property
    def applied_minor(self) -> int:
        """The money that paid debt."""
        return self.principal_minor + self.interest_minor + self.fee_minor + self.penalty_minor

    @property
    def amount_minor(self) -> int:
        """The whole payment: every cent is somewhere."""
        return self.applied_minor + self.overpaid_minor


@dataclass(frozen=True, slots=True)
class Payoff:
    """What settles the loan when paid by `good_through`; a day later there is a day's interest more."""

    principal_minor: int
    interest_minor: int
    fee_minor: int
    penalty_minor: int
    total_minor: int
    good_through: date


_DEFAULT_POLICY = AllocationPolicy()


def allocate(
    amount_minor: int,
    installments: Sequence[Installment],
    *,
    on: date,
    terms: LoanTerms,
    disbursed_on: date,
    policy: AllocationPolicy = _DEFAULT_POLICY,
) -> Allocation:
    """Pay what is due, oldest installment first and each in the policy's order; then go ahead of the schedule.

    Ahead of the schedule, money first pays the running installment early, as agreed. What goes beyond it, or beyond
    what is due on a due date, is a prepayment and follows the policy. What covers the payoff settles the loan under
    every policy; what exceeds it is overpaid, never swallowed.
    """
    if amount_minor <= 0:
        raise InvalidAmount("A payment is more than nothing.", "amount")
    due, left_minor = _pay((row for row in installments if row.due_on <= on), amount_minor, policy)
    ahead = outlook(installments, on=on, terms=terms, disbursed_on=disbursed_on)
    later, left_minor = _pay_ahead(ahead, left_minor, policy) if ahead else ((), left_minor)
    after = tuple(_settled(row, on) for row in due + later)
    assert sum(row.principal_minor for row in after) == sum(row.principal_minor for row in installments)
    moves = tuple(zip(installments, after, strict=True))
    return Allocation(
        installments=after,
        principal_minor=sum(new.principal_paid_minor - old.principal_paid_minor for old, new in moves),
        interest_minor=sum(new.interest_paid_minor - old.interest_paid_minor for old, new in moves),
        fee_minor=sum(new.fee_paid_minor - old.fee_paid_minor for old, new in moves),
        penalty_minor=sum(new.penalty_paid_minor - old.penalty_paid_minor for old, new in moves),
        overpaid_minor=left_minor,
    )


def payoff_quote(installments: Sequence[Installment], *, on: date, terms: LoanTerms, disbursed_on: date) -> Payoff:
    """What settles the loan on a day: all principal, fees and penalties, and the interest earned until then."""
    rows = tuple(row for row in installments if row.due_on <= on)
    if ahead := outlook(installments, on=on, terms=terms, disbursed_on=disbursed_on):
        rows += prepay(ahead, ahead.principal_minor)
    principal_minor = sum(row.principal_outstanding_minor for row in installments)
    interest_minor = sum(row.interest_outstanding_minor for row in rows)
    fee_minor = sum(row.fee_outstanding_minor for row in rows)
    penalty_minor = sum(row.penalty_outstanding_minor for row in rows)
    return Payoff(
        principal_minor=principal_minor,
        interest_minor=interest_minor,
        fee_minor=fee_minor,
        penalty_minor=penalty_minor,
        total_minor=principal_minor + interest_minor + fee_minor + penalty_minor,
        good_through=on,
    )


def charge_late_fee(installments: Sequence[Installment], number: int, amount_minor: int) -> tuple[Installment, ...]:
    """Add a penalty to the installment of that number, which must still be owed."""
    charged = next((row for row in installments if row.number == number), None)
    if charged is None:
        raise UnknownInstallment(f"There is no installment {number}.")
    if charged.outstanding_minor == 0:
        raise InstallmentSettled(f"Installment {number} is settled; it bears no late fee.")
    fined = replace(charged, penalty_minor=charged.penalty_minor + amount_minor)
    return tuple(fined if row is charged else row for row in installments)


def _pay_ahead(ahead: Outlook, money_minor: int, policy: AllocationPolicy) -> tuple[tuple[Installment, ...], int]:
    if money_minor == 0:
        return ahead.rows, 0
    scheduled_minor = sum(row.outstanding_minor for row in ahead.rows)
    payoff_minor = ahead.principal_minor + sum(row.outstanding_minor for row in prepay(ahead, ahead.principal_minor))
    pays_running = ahead.days_elapsed > 0 and money_minor <= ahead.running.outstanding_minor
    # The last installment paid in full some days early is that installment, not a payoff with a few cents to return.
    if pays_running and (money_minor < payoff_minor or money_minor == scheduled_minor):
        return _pay(ahead.rows, money_minor, policy)
    if money_minor < payoff_minor and policy.in_advance is InAdvance.NEXT_INSTALLMENT:
        return _pay(ahead.rows, money_minor, policy)
    if money_minor < payoff_minor and policy.in_advance is InAdvance.LAST_INSTALLMENT:
        rows, left_minor = _pay(reversed(ahead.rows), money_minor, policy)
        return rows[::-1], left_minor
    if money_minor < payoff_minor and ahead.days_elapsed > 0:
        ahead, money_minor = running_paid(ahead, money_minor - ahead.running.outstanding_minor)
    prepaid_minor = min(money_minor, ahead.principal_minor)
    return _pay(prepay(ahead, prepaid_minor), money_minor - prepaid_minor, policy)


def _pay(
    rows: Iterable[Installment], money_minor: int, policy: AllocationPolicy
) -> tuple[tuple[Installment, ...], int]:
    """The rows after paying them one after the other, and the money left."""
    paid = []
    for row in rows:
        paid.append(_pay_one(row, money_minor, policy))
        money_minor -= row.outstanding_minor - paid[-1].outstanding_minor
    return tuple(paid), money_minor


def _pay_one(row: Installment, money_minor: int, policy: AllocationPolicy) -> Installment:
    portions = {
        Part.PENALTY: row.penalty_outstanding_minor,
        Part.FEE: row.fee_outstanding_minor,
        Part.INTEREST: row.interest_outstanding_minor,
        Part.PRINCIPAL: row.principal_outstanding_minor,
    }
    for part in policy.order:
        portions[part] = min(portions[part], money_minor)
        money_minor -= portions[part]
    return replace(
        row,
        penalty_paid_minor=row.penalty_paid_minor + portions[Part.PENALTY],
        fee_paid_minor=row.fee_paid_minor + portions[Part.FEE],
        interest_paid_minor=row.interest_paid_minor + portions[Part.INTEREST],
        principal_paid_minor=row.principal_paid_minor + portions[Part.PRINCIPAL],
    )


def _settled(row: Installment, on: date) -> Installment:
    return replace(row, settled_on=on) if row.settled_on is None and row.outstanding_minor == 0 else row
