"""Rates as whole numbers of 2^-100, in which a schedule is made twice as fast as in decimals.

A hundred bits are thirty digits. What neither they nor decimals can hold is a rate like a twelfth, so that a product
may miss the half of a minor unit, which decides how it is rounded, by some 10^-14 for the largest of amounts. Whatever
comes nearer to it than that is taken to be there.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from models.money import Rounding

BITS = 100
ONE = 1 << BITS
MASK = ONE - 1
NEAR = 1 << 56  # 2^-44 of a minor unit
FAR = MASK - NEAR
_REMEMBERED = 4096


class Rounder(NamedTuple):
    """A rounding as numbers: what to add before the fraction is cut off, and what to do where that is a whole number.

    Rounded to the nearest,   x + 1/2  is whole where  x  lies in the middle: up, down, or to the even one.
    Rounded down or up,       x + 0  or  x + 1  is whole where  x  is: there is nothing to round.
    """

    offset: int
    steps_back: int  # from the whole number at such a point: none, one, or one where it is odd
    to_even: bool

    def whole(self, exact: int) -> int:
        """A number of 2^-100 as a whole one."""
        moved = exact + self.offset
        if NEAR < moved & MASK < FAR:
            return moved >> BITS
        return self.at_a_point(moved)

    def at_a_point(self, moved: int) -> int:
        """The same where what was moved is whole but for what the bits cannot hold."""
        found = (moved + NEAR) >> BITS
        return found - (found & 1) if self.to_even else found - self.steps_back


ROUNDERS = {
    Rounding.HALF_EVEN: Rounder(ONE >> 1, 0, to_even=True),
    Rounding.HALF_UP: Rounder(ONE >> 1, 0, to_even=False),
    Rounding.HALF_DOWN: Rounder(ONE >> 1, 1, to_even=False),
    Rounding.DOWN: Rounder(0, 0, to_even=False),
    Rounding.UP: Rounder(ONE, 1, to_even=False),
}


def scaled(rates: Sequence[Decimal]) -> list[int]:
    """The rates as numbers of 2^-100."""
    if rates.count(rates[0]) == len(rates):
        return [_scaled(rates[0])] * len(rates)
    return [_scaled(rate) for rate in rates]


def growth_and_factor(rates: Sequence[int]) -> tuple[int, int]:
    """(1 + r_1) ... (1 + r_n), and f_n of f_1 = 1, f_k = 1 + f_(k-1) (1 + r_k); see `models.annuity`."""
    first = rates[0]
    if rates.count(first) == len(rates):
        growth = _power(ONE + first, len(rates))
        return growth, ((growth - ONE) << BITS) // first if first else len(rates) << BITS
    growth, factor = ONE, 0
    for rate in rates:
        grown = ONE + rate
        growth = growth * grown >> BITS
        factor = ONE + (factor * grown >> BITS)
    return growth, factor


def _power(base: int, exponent: int) -> int:
    result = ONE
    while exponent:
        if exponent & 1:
            result = result * base >> BITS
        base = base * base >> BITS
        exponent >>= 1
    return result


@lru_cache(_REMEMBERED)
def _scaled(rate: Decimal) -> int:
    numerator, denominator = rate.as_integer_ratio()
    return ((numerator << BITS) + denominator // 2) // denominator
