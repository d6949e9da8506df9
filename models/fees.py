"""Fees that are part of what was agreed: kept back from the disbursement, due with every installment, or on a date."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from models.errors import Refused


class InvalidFee(Refused):
    """A fee is neither an amount nor a percentage, or both, or of something that does not exist when it is due."""


class FeeTiming(StrEnum):
    """When a fee is due."""

    DISBURSEMENT = "disbursement"
    INSTALLMENT = "installment"
    DATE = "date"


class FeeBase(StrEnum):
    """What a percentage is taken of."""

    PRINCIPAL = "principal"
    INSTALLMENT = "installment"  # principal and interest of the installment the fee is due with


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee: a flat amount, or a percentage of the principal or of the installment."""

    name: str
    timing: FeeTiming
    amount_minor: int | None = None
    percent: Decimal | None = None
    base: FeeBase = FeeBase.PRINCIPAL
    on: date | None = None

    def __post_init__(self) -> None:
        if (self.amount_minor is None) == (self.percent is None):
            raise InvalidFee(f"The fee {self.name!r} is either an amount or a percentage.", "fees")
        if self.amount_minor is not None and self.amount_minor < 0:
            raise InvalidFee(f"The fee {self.name!r} is less than nothing.", "fees")
        if self.percent is not None and not (self.percent.is_finite() and self.percent >= 0):
            raise InvalidFee(f"The fee {self.name!r} has {self.percent} percent.", "fees")
        if (self.timing is FeeTiming.DATE) != (self.on is not None):
            raise InvalidFee(f"The fee {self.name!r} has a date if it is due on one, and only then.", "fees")
        if self.timing is FeeTiming.DISBURSEMENT and self.base is FeeBase.INSTALLMENT:
            raise InvalidFee(f"The fee {self.name!r} is due before there is an installment.", "fees")

    def exact_minor(self, *, principal_minor: int, installment_minor: int) -> Decimal:
        """The fee in minor units, not rounded."""
        if self.percent is None:
            assert self.amount_minor is not None
            return Decimal(self.amount_minor)
        whole = principal_minor if self.base is FeeBase.PRINCIPAL else installment_minor
        return whole * self.percent / 100
