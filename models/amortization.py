"""Repayment schedules: how much principal and interest each installment carries.

Money is rounded only where a formula below says `round`; in between there are the 28 digits of `decimal`'s default.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from models.errors import Refused
from models.money import formatted, rounded
from models.terms import Installment, LoanTerms, Method

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


def schedule_for(terms: LoanTerms, *, disbursed_on: date) -> tuple[Installment, ...]:
    """The schedule of a loan disbursed in one sum on `disbursed_on`."""
    rates = terms.period_rates(disbursed_on=disbursed_on)
    if terms.method is Method.EQUAL_INSTALLMENT:
        shares = declining(terms.principal_minor, rates, terms, interest_only=terms.principal_grace_installments)
    else:
        shares = level(terms.principal_minor, _flat_interest(terms, rates), terms)
    _refuse_negative_amortization(shares, terms)
    assert sum(share.principal_minor for share in shares) == terms.principal_minor
    return tuple(
        Installment(number, due_on, *share)
        for number, (due_on, share) in enumerate(
            zip(terms.due_dates(disbursed_on=disbursed_on), shares, strict=True), start=1
        )
    )


def equal_installment(principal_minor: int, rates: Sequence[Decimal]) -> Decimal:
    """The installment, not rounded, that repays the principal at these period rates.

                  P . (1 + r_1) (1 + r_2) ... (1 + r_n)
        EMI  =  -----------------------------------------    f_1 = 1,   f_k = 1 + f_(k-1) . (1 + r_k)
                                  f_n

    The balance after each period, B_k = B_(k-1) (1 + r_k) - EMI, solved for B_n = 0. When every r_k is the same r it
    is the annuity of the textbooks, P r / (1 - (1 + r)^-n). Source: Apache Fineract's progressive loan schedule.
    """
    growth, factor = Decimal(1), Decimal(0)
    for rate in rates:
        growth *= 1 + rate
        factor = 1 + factor * (1 + rate)
    return principal_minor * growth / factor


def declining(
    principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms, *, interest_only: int = 0
) -> tuple[Share, ...]:
    """Equal installments with interest on the declining balance, after some that pay interest only.

    interest_k  = round(B_(k-1) . r_k)
    principal_k = EMI - interest_k,  the last one  B_(n-1):  it takes what rounding left over
    """
    free = tuple(Share(0, rounded(principal_minor * rate, terms.rounding)) for rate in rates[:interest_only])
    paying = rates[interest_only:]
    installment_minor = _to_multiple(equal_installment(principal_minor, paying), terms)
    shares = _repaid_by(installment_minor, principal_minor, paying, terms)
    if terms.smoothed and not _is_multiple(installment_minor, terms):
        shares = _smoothed(shares, principal_minor, paying, terms)
    return free + shares


def level(principal_minor: int, interest_minor: Sequence[int], terms: LoanTerms) -> tuple[Share, ...]:
    """Equal installments around interest that is known beforehand.

    installment = round((P + sum of interest_k) / n)
    principal_k = installment - interest_k,  the last one what is left of P
    """
    total_minor = principal_minor + sum(interest_minor)
    installment_minor = _to_multiple(Decimal(total_minor) / len(interest_minor), terms)
    shares, balance = [], principal_minor
    for interest in interest_minor[:-1]:
        shares.append(_share(installment_minor, interest, balance))
        balance -= shares[-1].principal_minor
    return (*shares, Share(balance, interest_minor[-1]))


def _to_multiple(installment_minor: Decimal, terms: LoanTerms) -> int:
    """The installment rounded to the agreed multiple, or to the minor unit where there is none or it would be zero."""
    if multiple := terms.installment_multiple_minor:
        whole = rounded(installment_minor / multiple, terms.rounding) * multiple
        if whole > 0:
            return whole
    return rounded(installment_minor, terms.rounding)


def _is_multiple(installment_minor: int, terms: LoanTerms) -> bool:
    multiple = terms.installment_multiple_minor
    return multiple is not None and installment_minor % multiple == 0


def _repaid_by(
    installment_minor: int, principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms
) -> tuple[Share, ...]:
    shares, balance = [], principal_minor
    for rate in rates[:-1]:
        shares.append(_share(installment_minor, rounded(balance * rate, terms.rounding), balance))
        balance -= shares[-1].principal_minor
    return (*shares, Share(balance, rounded(balance * rates[-1], terms.rounding)))


def _share(installment_minor: int, interest_minor: int, balance_minor: int) -> Share:
    """Principal is what the interest leaves of the installment: never less than nothing, never more than is owed."""
    return Share(min(max(installment_minor - interest_minor, 0), balance_minor), interest_minor)


def _smoothed(
    shares: tuple[Share, ...], principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms
) -> tuple[Share, ...]:
    """Spread what the last installment is off by, as long as that brings it nearer to the others.

    While |last - EMI| > n / 2 minor units, at most three times:   EMI += round((last - EMI) / n)

    Source: Apache Fineract.
    """
    for _ in range(_SMOOTHING_ROUNDS):
        if abs(_gap(shares)) <= len(rates) // 2:
            break
        installment_minor = shares[0].total_minor + rounded(Decimal(_gap(shares)) / len(rates), terms.rounding)
        candidate = _repaid_by(installment_minor, principal_minor, rates, terms)
        if abs(_gap(candidate)) >= abs(_gap(shares)):
            break
        shares = candidate
    return shares


def _gap(shares: Sequence[Share]) -> int:
    return shares[-1].total_minor - shares[0].total_minor


def _flat_interest(terms: LoanTerms, rates: Sequence[Decimal]) -> tuple[int, ...]:
    """Interest on the original principal, whatever has been repaid.

    FLAT               interest_k = round(P . r_k)
    FLAT_TOTAL_SPREAD  interest_k = round(P . sum of r / n),  the last one takes the rest of round(P . sum of r)
    """
    if terms.method is Method.FLAT:
        return tuple(rounded(terms.principal_minor * rate, terms.rounding) for rate in rates)
    exact = terms.principal_minor * sum(rates, Decimal(0))
    total, others = rounded(exact, terms.rounding), len(rates) - 1
    # Rounded up, a few cents spread over many installments would leave less than nothing to the last one.
    each = min(rounded(exact / len(rates), terms.rounding), total // max(others, 1))
    return (*[each] * others, total - each * others)


def _refuse_negative_amortization(shares: Sequence[Share], terms: LoanTerms) -> None:
    first = shares[terms.principal_grace_installments]
    if first.principal_minor == 0 and first.interest_minor > 0:
        raise NegativeAmortization(
            "The installment does not exceed the first interest of"
            f" {formatted(first.interest_minor, terms.currency)}: the principal would never be repaid.",
            "installment_multiple_minor" if terms.installment_multiple_minor else "annual_rate_percent",
        )
