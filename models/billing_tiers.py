"""Prices that depend on how much was bought in a month.

    up to 100    10.00          graduated: each unit at the price of the tier it falls into
    up to 500     8.00             150 leads = 100 x 10.00 + 50 x 8.00 = 1,400.00
    above         5.00          volume: every unit at the price of the tier that the month reached
                                   150 leads = 150 x 8.00 = 1,200.00

`up_to` is included in its tier: the hundredth lead still costs 10.00.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from models.errors import Refused


class InvalidTiers(Refused):
    """Tiers rise, and the last one has no end: every quantity has exactly one price."""


class TierMode(StrEnum):
    """What the tiers of a month mean for the units below them."""

    GRADUATED = "graduated"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Tier:
    """One price, for quantities up to and including `up_to`; None has no end."""

    price: Decimal | int
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """How much of a quantity one price is paid for."""

    quantity: int
    price: Decimal | int


@dataclass(frozen=True, slots=True)
class Tiers:
    """A price list by quantity."""

    tiers: tuple[Tier, ...]
    mode: TierMode = TierMode.GRADUATED

    def __post_init__(self) -> None:
        ends = [tier.up_to for tier in self.tiers]
        if not ends or ends[-1] is not None:
            raise InvalidTiers("The last tier has no end.", "tiers")
        bounds = [0, *(end for end in ends[:-1] if end is not None)]
        if len(bounds) != len(ends) or any(low >= high for low, high in pairwise(bounds)):
            raise InvalidTiers("Each tier ends above the one before it.", "tiers")
        if any(tier.price < 0 for tier in self.tiers):
            raise InvalidTiers("A price is not below zero.", "tiers")

    def price_at(self, quantity: int) -> Decimal | int:
        """The price of the tier that this quantity reaches."""
        return next(t.price for t in self.tiers if t.up_to is None or quantity <= t.up_to)

    def slices(self, quantity: int) -> tuple[Slice, ...]:
        """The quantity, cut by what is paid for it. The slices add up to it."""
        if quantity == 0:
            return ()
        if self.mode is TierMode.VOLUME:
            return (Slice(quantity, self.price_at(quantity)),)
        found, below = [], 0
        for tier in self.tiers:
            above = quantity if tier.up_to is None else min(quantity, tier.up_to)
            if above > below:
                found.append(Slice(above - below, tier.price))
            below = max(below, above)
        return tuple(found)


def flat(price: Decimal | int) -> Tiers:
    """One price, however much."""
    return Tiers((Tier(price),), TierMode.VOLUME)


def shares(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """The amount by weight, to the last minor unit: what flooring leaves goes to the largest remainders."""
    total = sum(weights)
    if not total:
        weights, total = [1] * len(weights), len(weights)
    sign, amount = (-1, -amount_minor) if amount_minor < 0 else (1, amount_minor)
    whole = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in by_remainder[: amount - sum(whole)]:
        whole[place] += 1
    return [sign * part for part in whole]
