"""What becomes of a schedule when principal is repaid before it is due: interest not earned is not owed.

Within a period interest is earned evenly by the day. So a prepayment x, made when d of the running period's D days are
still to come, saves what x would have earned in them, and the rest of the schedule follows from one old formula:

        saved  =  round(x . r_k . d / D)                      k is the running period
        B'     =  B - x,   I_k' = I_k - saved                 the principal and the interest still to be paid
        EMI'   =  the equal installment of B' at the rates    I_k' / B',  r_(k+1),  ...,  r_n

When the prepayment comes with the running installment, paid early in full, that row is closed: x is what was paid
beyond it plus what this saves, and the equal installment runs from the next row on.

The rate I_k' / B' makes the running period cost exactly what it still owes: what accrued on the old balance until
the prepayment, and what accrues on the new one after it. It stays due with the running installment; due dates do not
change. A payoff is the prepayment of everything, x = B: what is left of I_k is then the interest accrued to the day.

Interest that has already been paid is kept, and flat interest, which the original principal bears by agreement whatever
has been repaid, is saved by a payoff only: I_k . d / D, and all of the later periods'.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from models.allocation import Part
from models.annuity import Share, declining
from models.money import rounded
from models.straight_line import equal_principal, level
from models.terms import Installment, LoanTerms, Method

FLAT = frozenset({Method.FLAT, Method.FLAT_TOTAL_SPREAD, Method.FLAT_EQUAL_PARTS})


@dataclass(frozen=True, slots=True)
class Outlook:
    """The installments that are not yet due on a day; the first of them, which always exists, is the running one."""

    rows: tuple[Installment, ...]
    rates: tuple[Decimal, ...]
    days_elapsed: int
    days_to_come: int
    terms: LoanTerms
    added_minor: int = 0  # interest the running installment asks for from before its period
    keeps_installments: bool = False  # a prepayment takes away the last ones instead of making all smaller

    @property
    def running(self) -> Installment:
        """The installment in whose period the day lies."""
        return self.rows[0]

    @property
    def principal_minor(self) -> int:
        """B: the principal to be repaid with these installments."""
        return sum(row.principal_outstanding_minor for row in self.rows)

    def interest_earned_minor(self, prepaid_minor: int) -> int:
        """I_k': the running installment's interest once this much is prepaid, never less than was already paid."""
        to_come = Decimal(self.days_to_come) / (self.days_elapsed + self.days_to_come)
        if self.terms.method not in FLAT:
            saved = prepaid_minor * self.rates[0] * to_come
        elif prepaid_minor == self.principal_minor:
            saved = (self.running.interest_minor - self.added_minor) * to_come
        else:
            saved = Decimal(0)
        earned_minor = self.running.interest_minor - rounded(saved, self.terms.rounding)
        return max(earned_minor, self.running.interest_paid_minor)


def prepay(ahead: Outlook, prepaid_minor: int) -> tuple[Installment, ...]:
    """The installments ahead after a prepayment of principal, which the running one carries as paid."""
    rows = [_reduced_to_paid(row) for row in ahead.rows]
    rows[0] = replace(
        rows[0],
        principal_minor=rows[0].principal_minor + prepaid_minor,
        principal_paid_minor=rows[0].principal_minor + prepaid_minor,
        interest_minor=ahead.interest_earned_minor(prepaid_minor),
    )
    balance_minor = ahead.principal_minor - prepaid_minor
    if balance_minor > 0:
        open_rows = [index for index, row in enumerate(ahead.rows) if _is_open(row)]
        for index, share in zip(open_rows, _shares(ahead, rows[0], balance_minor, open_rows), strict=True):
            rows[index] = replace(
                rows[index],
                principal_minor=rows[index].principal_minor + share.principal_minor,
                interest_minor=rows[index].interest_paid_minor + share.interest_minor,
            )
    return tuple(rows)


def running_paid(ahead: Outlook, extra_minor: int) -> tuple[Outlook, int]:
    """What lies ahead once the running installment is paid early in full, and the money that is left to prepay.

    The interest this money would have earned until the due date is not owed: it joins what is left.
    """
    prepaid_minor = min(extra_minor, ahead.principal_minor - ahead.running.principal_outstanding_minor)
    interest_minor = ahead.interest_earned_minor(prepaid_minor)
    paid = replace(
        ahead.running,
        interest_minor=interest_minor,
        interest_paid_minor=interest_minor,
        principal_paid_minor=ahead.running.principal_minor,
        fee_paid_minor=ahead.running.fee_minor,
        penalty_paid_minor=ahead.running.penalty_minor,
    )
    saved_minor = ahead.running.interest_minor - interest_minor
    return replace(ahead, rows=(paid, *ahead.rows[1:])), extra_minor + saved_minor


def pay_ahead(ahead: Outlook, money_minor: int, parts: Sequence[Part]) -> tuple[tuple[Installment, ...], int]:
    """The installments ahead after this money, and what is left of it beyond a payoff.

    It first pays the running installment early, as agreed; what goes beyond it is a prepayment.
    """
    scheduled_minor = sum(row.outstanding_minor for row in ahead.rows)
    pays_running = ahead.days_elapsed > 0 and money_minor <= ahead.running.outstanding_minor
    payoff_minor = payoff_of(ahead)
    # The last installment paid in full some days early is that installment, not a payoff with a few cents to return.
    if pays_running and (money_minor < payoff_minor or money_minor == scheduled_minor):
        return _paid(ahead.rows, money_minor, parts)
    if money_minor < payoff_minor and ahead.days_elapsed > 0:
        ahead, money_minor = running_paid(ahead, money_minor - ahead.running.outstanding_minor)
    prepaid_minor = min(money_minor, ahead.principal_minor)
    return _paid(prepay(ahead, prepaid_minor), money_minor - prepaid_minor, parts)


def payoff_of(ahead: Outlook) -> int:
    """What settles everything ahead on this day."""
    return ahead.principal_minor + sum(row.outstanding_minor for row in prepay(ahead, ahead.principal_minor))


def _paid(rows: Iterable[Installment], money_minor: int, parts: Sequence[Part]) -> tuple[tuple[Installment, ...], int]:
    """The rows after paying them one after the other, and the money left."""
    paid = []
    for row in rows:
        paid.append(_paid_one(row, money_minor, parts))
        money_minor -= row.outstanding_minor - paid[-1].outstanding_minor
    return tuple(paid), money_minor


def _paid_one(row: Installment, money_minor: int, parts: Sequence[Part]) -> Installment:
    portions = {
        Part.PENALTY: row.penalty_outstanding_minor,
        Part.FEE: row.fee_outstanding_minor,
        Part.INTEREST: row.interest_outstanding_minor,
        Part.PRINCIPAL: row.principal_outstanding_minor,
    }
    for part in parts:
        portions[part] = min(portions[part], money_minor)
        money_minor -= portions[part]
    return replace(
        row,
        penalty_paid_minor=row.penalty_paid_minor + portions[Part.PENALTY],
        fee_paid_minor=row.fee_paid_minor + portions[Part.FEE],
        interest_paid_minor=row.interest_paid_minor + portions[Part.INTEREST],
        principal_paid_minor=row.principal_paid_minor + portions[Part.PRINCIPAL],
    )


def _shares(ahead: Outlook, running: Installment, balance_minor: int, open_rows: list[int]) -> tuple[Share, ...]:
    """The new installments of the rows that still wait for principal or interest, by the method of the loan."""
    if ahead.keeps_installments:
        return tuple(_kept(ahead, running, balance_minor, open_rows))
    grace = _interest_only(ahead, open_rows)
    if ahead.terms.method in FLAT:
        interest_minor = [ahead.rows[index].interest_outstanding_minor for index in open_rows]
        free = tuple(Share(0, minor) for minor in interest_minor[:grace])
        return free + level(balance_minor, interest_minor[grace:], ahead.terms)
    rates = [ahead.rates[index] for index in open_rows]
    if open_rows[0] == 0:
        rates[0] = Decimal(running.interest_outstanding_minor) / balance_minor
    return _declining(balance_minor, rates, ahead.terms, grace)


def spread(ahead: Outlook, balance_minor: int) -> tuple[Share, ...]:
    """A balance that bears interest over all of these rows, by the method of the loan."""
    grace = _interest_only(ahead, list(range(len(ahead.rows))))
    return _declining(balance_minor, ahead.rates, ahead.terms, grace)


def _declining(balance_minor: int, rates: Sequence[Decimal], terms: LoanTerms, grace: int) -> tuple[Share, ...]:
    if terms.method is Method.EQUAL_PRINCIPAL:
        return equal_principal(balance_minor, rates, replace(terms, principal_grace_installments=grace))
    return declining(balance_minor, rates, terms, interest_only=grace)


def _kept(ahead: Outlook, running: Installment, balance_minor: int, open_rows: list[int]) -> Iterator[Share]:
    """Installments as they were agreed until nothing is left; the last of all takes what rounding leaves.

    One with interest on the balance stays the same in total, one of flat interest or of equal principal in principal.
    """
    terms = ahead.terms
    for index in open_rows:
        row = ahead.rows[index]
        interest_minor = rounded(balance_minor * ahead.rates[index], terms.rounding) if balance_minor else 0
        if index == 0:
            interest_minor = running.interest_outstanding_minor
        elif terms.method in FLAT and balance_minor:
            interest_minor = row.interest_outstanding_minor
        principal_minor = row.principal_outstanding_minor
        if terms.method not in FLAT and terms.method is not Method.EQUAL_PRINCIPAL:
            principal_minor = max(principal_minor + row.interest_outstanding_minor - interest_minor, 0)
        if index == open_rows[-1]:
            principal_minor = balance_minor
        yield Share(min(principal_minor, balance_minor), interest_minor)
        balance_minor -= min(principal_minor, balance_minor)


def _interest_only(ahead: Outlook, open_rows: list[int]) -> int:
    """How many of the open rows pay interest only: what is left of a grace, or all but the last."""
    if ahead.terms.method is Method.INTEREST_ONLY:
        return len(open_rows) - 1
    terms = ahead.terms
    paying_from = bool(terms.down_payment_percent) + terms.moratorium_installments + terms.principal_grace_installments
    left = paying_from - (ahead.rows[open_rows[0]].number - 1)
    return min(max(left, 0), terms.principal_grace_installments, len(open_rows) - 1)


def _is_open(row: Installment) -> bool:
    return row.principal_outstanding_minor + row.interest_outstanding_minor > 0


def _reduced_to_paid(row: Installment) -> Installment:
    return replace(row, principal_minor=row.principal_paid_minor, interest_minor=row.interest_paid_minor)
