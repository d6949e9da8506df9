"""Principal or interest in equal parts: flat loans, and equal principal on a declining balance."""

from collections.abc import Sequence
from decimal import Decimal

from models.annuity import Share, money, to_multiple
from models.money import rounded_to
from models.terms import LoanTerms, Method, Residual


def equal_principal(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    """The same principal each time, after installments that pay interest only, with interest on the declining balance.

    principal_k = round(P / n),  the last one what is left of P
    interest_k  = round(B_(k-1) . r_k)
    """
    grace = terms.principal_grace_installments
    part_minor = to_multiple(Decimal(principal_minor) / (len(rates) - grace), terms)
    shares, balance = [], principal_minor
    for index, rate in enumerate(rates):
        to_come = len(rates) - index
        if terms.residual is Residual.SPREAD:
            part_minor = to_multiple(Decimal(balance) / to_come, terms)
        principal = 0 if index < grace else balance if to_come == 1 else min(part_minor, balance)
        shares.append(Share(principal, money(balance * rate, terms)))
        balance -= principal
    if terms.residual is Residual.FIRST:
        shares = _residual_first(shares, part_minor, grace)
    return tuple(shares)


def flat(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    """Equal installments with interest on the original principal, after some that pay interest only."""
    grace = terms.principal_grace_installments
    interest_minor = _flat_interest(principal_minor, rates, terms)
    free = tuple(Share(0, interest) for interest in interest_minor[:grace])
    return free + level(principal_minor, interest_minor[grace:], terms)


def level(principal_minor: int, interest_minor: Sequence[int], terms: LoanTerms) -> tuple[Share, ...]:
    """Equal installments around interest that is known beforehand.

    installment = round((P + sum of interest_k) / n)
    principal_k = installment - interest_k,  the last one what is left of P
    """
    total_minor = principal_minor + sum(interest_minor)
    installment_minor = to_multiple(Decimal(total_minor) / len(interest_minor), terms)
    shares, balance = [], principal_minor
    for interest in interest_minor[:-1]:
        shares.append(Share(min(max(installment_minor - interest, 0), balance), interest))
        balance -= shares[-1].principal_minor
    return (*shares, Share(balance, interest_minor[-1]))


def _flat_interest(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[int, ...]:
    """Interest on the original principal, whatever has been repaid.

    FLAT               interest_k = round(P . r_k)
    FLAT_TOTAL_SPREAD  interest_k = round(P . sum of r / n),  the last one takes the rest of round(P . sum of r)
    """
    if terms.method is Method.FLAT:
        return tuple(money(principal_minor * rate, terms) for rate in rates)
    exact = principal_minor * sum(rates, Decimal(0))
    total, others = money(exact, terms), len(rates) - 1
    # Rounded up, a few cents spread over many installments would leave less than nothing to the last one.
    unit = terms.rounding_unit_minor
    most = total // max(others, 1) // unit * unit
    each = min(rounded_to(exact / len(rates), unit, terms.rounding), most)
    return (*[each] * others, total - each * others)


def _residual_first(shares: list[Share], part_minor: int, grace: int) -> list[Share]:
    """Let the first installment of principal take what the last one is off by."""
    off_minor = shares[-1].principal_minor - part_minor
    if grace == len(shares) - 1 or shares[grace].principal_minor + off_minor < 0:
        return shares
    shares[-1] = Share(part_minor, shares[-1].interest_minor)
    shares[grace] = Share(shares[grace].principal_minor + off_minor, shares[grace].interest_minor)
    return shares
