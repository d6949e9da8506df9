"""What a borrower may choose: the least, the most, and what it is when nothing is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from models.errors import Refused

Number = TypeVar("Number", int, Decimal)


class InvalidRange(Refused):
    """The least is more than the most, or the default is not between them."""


class OutOfRange(Refused):
    """The product is not lent with so little, or so much."""


@dataclass(frozen=True, slots=True)
class Range(Generic[Number]):
    """The numbers from `minimum` to `maximum`, both included."""

    minimum: Number
    default: Number
    maximum: Number

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise InvalidRange("The minimum is more than the maximum.", "minimum")
        if not self.minimum <= self.default <= self.maximum:
            raise InvalidRange("The default must lie between the minimum and the maximum.", "default")

    @property
    def edges(self) -> tuple[Number, ...]:
        """The least and the most."""
        return self.minimum, self.maximum

    def check(self, number: Number, *, field: str, shown: Callable[[Number], str] = str) -> None:
        """Refuse a number that is not in the range."""
        if not self.minimum <= number <= self.maximum:
            raise OutOfRange(f"This product is for {shown(self.minimum)} to {shown(self.maximum)}.", field)
