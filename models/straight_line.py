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
    shares, balance = [], principal_minor
    for principal, rate in zip(_principal_parts(principal_minor, len(rates), terms), rates, strict=True):
        shares.append(Share(principal, money(balance * rate, terms)))
        balance -= principal
    return tuple(shares)


def equal_parts(principal_minor: int, rates: Sequence[Decimal], terms: LoanTerms) -> tuple[Share, ...]:
    """Flat interest in equal parts, for the periods that bear any, beside principal in equal parts. Source: OpenCBS."""
    interest_minor = money(principal_minor * sum(rates, Decimal(0)), terms)
    principal = _principal_parts(principal_minor, len(rates), terms)
    bearing = sum(1 for rate in rates if rate)
    interest = iter(_parts(interest_minor, bearing, terms) if bearing else ())
    return tuple(Share(part, next(interest) if rate else 0) for part, rate in zip(principal, rates, strict=True))


def _principal_parts(principal_minor: int, count: int, terms: LoanTerms) -> list[int]:
    grace = terms.principal_grace_installments
    return [0] * grace + _parts(principal_minor, count - grace, terms)


def _parts(amount_minor: int, count: int, terms: LoanTerms) -> list[int]:
    """An amount in equal parts, and what rounding leaves over where it was agreed to be."""
    if terms.residual is Residual.SPREAD:
        return _parts_reckoned_anew(amount_minor, count, terms)
    part = to_multiple(Decimal(amount_minor) / count, terms)
    whole = min(count - 1, amount_minor // part if part else 0)
    parts = [part] * whole + [amount_minor - part * whole] + [0] * (count - 1 - whole)
    return parts[::-1] if terms.residual is Residual.FIRST and whole == count - 1 else parts


def _parts_reckoned_anew(amount_minor: int, count: int, terms: LoanTerms) -> list[int]:
    parts = []
    for to_come in range(count, 0, -1):
        part = amount_minor if to_come == 1 else min(to_multiple(Decimal(amount_minor) / to_come, terms), amount_minor)
        parts.append(part)
        amount_minor -= part
    return parts


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
