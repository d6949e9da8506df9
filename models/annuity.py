"""Equal installments on a declining balance.

Money is rounded only where a formula below says `round`; in between there are the 28 digits of `decimal`'s default.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from models.errors import Refused
from models.fixed_point import BITS, FAR, MASK, NEAR, ROUNDERS, growth_and_factor, scaled
from models.money import formatted, rounded_to
from models.terms import DeferredInterest, LoanTerms, Residual

_SMOOTHING_ROUNDS = 3


class NegativeAmortization(Refused):
    """The installment would not even pay the first period's interest, so the debt would never shrink."""


class Share(NamedTuple):
    """What one installment repays."""

    principal_minor: int
    interest_minor: int

    @property
    def total_minor(self) -> int:
        """The installment without fees."""
        return self.principal_minor + self.interest_minor


def equal_installment(principal_minor: int, rates: Sequence[Decimal], *, balloon_minor: int = 0) -> Decimal:
    """The installment, not rounded, that repays the principal at these period rates, but for a balloon at the end.

                  P . (1 + r_1) (1 + r_2) ... (1 + r_n)  -  balloon
        EMI  =  -----------------------------------------------------    f_1 = 1,   f_k = 1 + f_(k-1) . (1 + r_k)
                                        f_n

    The balance after each period, B_k = B_(k-1) (1 + r_k) - EMI, solved for B_n = balloon. When every r_k is the same
    r and there is no balloon it is the annuity of the textbooks, P r / (1 - (1 + r)^-n). Source: Apache Fineract's
    progressive loan schedule.
    """
    one = growth = Decimal(1)
    factor = Decimal(0)
    for rate in rates:
        grown = one + rate
        growth *= grown
        factor = one + factor * grown
    return (principal_minor * growth - balloon_minor) / factor


def annuity(
    principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms, *, interest_only: int
) -> tuple[Share, ...]:
    """Equal installments, after some that pay interest only, with what grace on interest defers.

    Grace on interest leaves the installment as it is: the free ones repay principal only, and what they would have
    borne is asked for with the first that bears interest, as far as the installment goes. Source: Apache Fineract.
    """
    free = terms.interest_grace_installments if terms.interest_grace is DeferredInterest.ADDED else 0
    if not free:
        shares = declining(principal_minor, rates, terms, interest_only=interest_only)
        _refuse_negative_amortization(shares[interest_only:], terms)
        return shares
    only, owed_minor = _interest_only_after(free, principal_minor, rates[:interest_only], terms)
    paying = rates[interest_only:]

    def repaid_by(installment_minor: int) -> tuple[Share, ...]:
        return _deferring(installment_minor, principal_minor, paying, terms, free=free - interest_only, owed=owed_minor)

    return only + _smoothed(repaid_by, installment_for(principal_minor, paying, terms), len(paying), terms)


def declining(
    principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms, *, interest_only: int = 0
) -> tuple[Share, ...]:
    """Equal installments with interest on the declining balance, after some that pay interest only.

    interest_k  = round(B_(k-1) . r_k)
    principal_k = EMI - interest_k,  the last one  B_(n-1):  it takes what rounding left over
    """
    only = tuple(Share(0, money(principal_minor * rate, terms)) for rate in rates[:interest_only])
    paying = rates[interest_only:]
    if terms.residual is Residual.SPREAD:
        return only + _reckoned_anew(principal_minor, paying, terms)

    def repaid_by(installment_minor: int) -> tuple[Share, ...]:
        return _repaid_by(installment_minor, principal_minor, paying, terms)

    return only + _smoothed(repaid_by, installment_for(principal_minor, paying, terms), len(paying), terms)


def installment_for(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> int:
    """The equal installment as agreed: rounded, on its multiple. The formula is that of `equal_installment`."""
    growth, factor = growth_and_factor(scaled(rates))
    exact = ((principal_minor * growth - (terms.balloon_minor << BITS)) << BITS) // factor
    rounder, unit = ROUNDERS[terms.rounding], terms.rounding_unit_minor
    if multiple := terms.installment_multiple_minor:
        whole = rounder.whole(exact // multiple) * multiple
        if whole > 0:
            return whole
    return rounder.whole(exact // unit) * unit


def money(exact_minor: Decimal, terms: LoanTerms) -> int:
    """An amount as it is asked for: rounded as agreed."""
    return rounded_to(exact_minor, terms.rounding_unit_minor, terms.rounding)


def to_multiple(installment_minor: Decimal, terms: LoanTerms) -> int:
    """The installment rounded to the agreed multiple, or as all money where there is none or it would be zero."""
    if multiple := terms.installment_multiple_minor:
        whole = rounded_to(installment_minor, multiple, terms.rounding)
        if whole > 0:
            return whole
    return money(installment_minor, terms)


def _repaid_by(
    installment_minor: int, principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms
) -> tuple[Share, ...]:
    rounder, unit, make = ROUNDERS[terms.rounding], terms.rounding_unit_minor, tuple.__new__
    offset, at_a_point = rounder.offset, rounder.at_a_point
    shares: list[Share] = []
    balance = principal_minor
    for rate in scaled(rates):
        exact = balance * rate + offset if unit == 1 else balance * rate // unit + offset
        interest = exact >> BITS if NEAR < exact & MASK < FAR else at_a_point(exact)
        interest *= unit
        # Principal is what the interest leaves of the installment: never less than nothing, never more than is owed.
        principal = installment_minor - interest
        if principal < 0:
            principal = 0
        elif principal > balance:
            principal = balance
        # `Share(...)` would take a third of the time of this loop, which is most of that of a long schedule.
        shares.append(make(Share, (principal, interest)))
        balance -= principal
    _place_residual(shares, balance, installment_minor, terms)
    return tuple(shares)


def _place_residual(shares: list[Share], rest_minor: int, installment_minor: int, terms: LoanTerms) -> None:
    """Give what rounding left over, or took too much, to the installment that was agreed to take it."""
    last = shares[-1]
    if terms.residual is Residual.FIRST and last.principal_minor > 0:
        # The last installment is like the others, unless the loan was over before it.
        lacking = max(installment_minor - last.total_minor, 0)
        first = shares[0].principal_minor + rest_minor - lacking
        if len(shares) > 1 and first >= 0:
            shares[-1] = Share(last.principal_minor + lacking, last.interest_minor)
            shares[0] = Share(first, shares[0].interest_minor)
            return
    shares[-1] = Share(last.principal_minor + rest_minor, last.interest_minor)


def _reckoned_anew(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    """Each installment worked out from what is still owed, so that none takes the rest. Source: OpenCBS."""
    shares, balance = [], principal_minor
    for rate, (growth, factor) in zip(rates[:-1], _growths_and_factors(rates), strict=False):
        installment_minor = to_multiple((balance * growth - terms.balloon_minor) / factor, terms)
        interest = money(balance * rate, terms)
        principal = min(max(installment_minor - interest, 0), balance)
        shares.append(Share(principal, interest))
        balance -= principal
    return (*shares, Share(balance, money(balance * rates[-1], terms)))


def _growths_and_factors(rates: Sequence[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """Numerator and denominator of the equal installment of one unit from each period on, found from the last back."""
    growth, factor, found = Decimal(1), Decimal(0), []
    for rate in reversed(rates):
        factor += growth
        growth *= 1 + rate
        found.append((growth, factor))
    return found[::-1]


def _interest_only_after(
    free: int, principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms
) -> tuple[tuple[Share, ...], int]:
    """Installments of interest only, the first of them free, and the interest that is still deferred after them."""
    shares, owed_minor = [], 0
    for index, rate in enumerate(rates):
        owed_minor += money(principal_minor * rate, terms)
        shares.append(Share(0, 0 if index < free else owed_minor))
        if index >= free:
            owed_minor = 0
    return tuple(shares), owed_minor


def _deferring(
    installment_minor: int, principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms, *, free: int, owed: int
) -> tuple[Share, ...]:
    shares, balance = [], principal_minor
    for index, rate in enumerate(rates[:-1]):
        owed += money(balance * rate, terms)
        interest = 0 if index < free else min(owed, installment_minor)
        principal = min(installment_minor - interest, balance)
        shares.append(Share(principal, interest))
        owed, balance = owed - interest, balance - principal
    return (*shares, Share(balance, owed + money(balance * rates[-1], terms)))


def _smoothed(
    repaid_by: Callable[[int], tuple[Share, ...]], installment_minor: int, count: int, terms: LoanTerms
) -> tuple[Share, ...]:
    """Where it was agreed, spread what the last installment is off by, as long as that brings it nearer to the others.

    While |last - EMI| > n / 2 minor units, at most three times:   EMI += round((last - EMI) / n)

    Source: Apache Fineract.
    """
    shares = repaid_by(installment_minor)
    if not terms.smoothed or _is_multiple(installment_minor, terms):
        return shares
    for _ in range(_SMOOTHING_ROUNDS):
        gap = _gap(shares, installment_minor, terms)
        if abs(gap) <= count // 2:
            break
        nearer_minor = installment_minor + money(Decimal(gap) / count, terms)
        candidate = repaid_by(nearer_minor)
        if abs(_gap(candidate, nearer_minor, terms)) >= abs(gap):
            break
        shares, installment_minor = candidate, nearer_minor
    return shares


def _is_multiple(installment_minor: int, terms: LoanTerms) -> bool:
    multiple = terms.installment_multiple_minor
    return multiple is not None and installment_minor % multiple == 0


def _gap(shares: Sequence[Share], installment_minor: int, terms: LoanTerms) -> int:
    return shares[-1].total_minor - terms.balloon_minor - installment_minor


def _refuse_negative_amortization(paying: Sequence[Share], terms: LoanTerms) -> None:
    first = paying[0]
    if first.principal_minor == 0 and first.interest_minor > 0:
        raise NegativeAmortization(
            "The installment does not exceed the first interest of"
            f" {formatted(first.interest_minor, terms.currency)}: the principal would never be repaid.",
            "installment_multiple_minor" if terms.installment_multiple_minor else "annual_rate_percent",
        )
