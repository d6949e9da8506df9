"""One row of what is owed (`Installment`), and how it stands on a day."""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum


class InstallmentStatus(StrEnum):
    """How an installment stands on a day."""

    PENDING = "pending"
    DUE = "due"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Installment:
    """One row of a schedule: what is due by part, what of it is paid, and the day nothing was left."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    fee_minor: int = 0
    penalty_minor: int = 0
    principal_paid_minor: int = 0
    interest_paid_minor: int = 0
    fee_paid_minor: int = 0
    penalty_paid_minor: int = 0
    settled_on: date | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.principal_paid_minor <= self.principal_minor, self
        assert 0 <= self.interest_paid_minor <= self.interest_minor, self
        assert 0 <= self.fee_paid_minor <= self.fee_minor, self
        assert 0 <= self.penalty_paid_minor <= self.penalty_minor, self

    @property
    def total_minor(self) -> int:
        """Everything due with this installment, paid or not."""
        return self.principal_minor + self.interest_minor + self.fee_minor + self.penalty_minor

    @property
    def paid_minor(self) -> int:
        """What has been paid of it."""
        return self.principal_paid_minor + self.interest_paid_minor + self.fee_paid_minor + self.penalty_paid_minor

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid of it."""
        return self.total_minor - self.paid_minor

    @property
    def principal_outstanding_minor(self) -> int:
        """The principal still to be paid with it."""
        return self.principal_minor - self.principal_paid_minor

    @property
    def interest_outstanding_minor(self) -> int:
        """The interest still to be paid with it."""
        return self.interest_minor - self.interest_paid_minor

    @property
    def fee_outstanding_minor(self) -> int:
        """The fees still to be paid with it."""
        return self.fee_minor - self.fee_paid_minor

    @property
    def penalty_outstanding_minor(self) -> int:
        """The penalties still to be paid with it."""
        return self.penalty_minor - self.penalty_paid_minor

    def status_on(self, day: date) -> InstallmentStatus:
        """How the installment stands on a day. A row that a payoff left with nothing to pay counts as waived."""
        if self.total_minor == 0:
            return InstallmentStatus.WAIVED
        if self.outstanding_minor == 0:
            return InstallmentStatus.PAID
        if self.due_on < day:
            return InstallmentStatus.OVERDUE
        if self.paid_minor > 0:
            return InstallmentStatus.PARTIALLY_PAID
        return InstallmentStatus.DUE if self.due_on == day else InstallmentStatus.PENDING


def unpaid(number: int, due_on: date, principal_minor: int, interest_minor: int) -> Installment:
    """A row of a fresh schedule.

    Nothing is paid of it, so nothing is to be checked, and it is filled without the frozen `__init__`, in which making
    a schedule would spend half of its time.
    """
    row = _blank(Installment)
    _number(row, number)
    _due_on(row, due_on)
    _principal(row, principal_minor)
    _interest(row, interest_minor)
    _fee(row, 0)
    _penalty(row, 0)
    _principal_paid(row, 0)
    _interest_paid(row, 0)
    _fee_paid(row, 0)
    _penalty_paid(row, 0)
    _settled_on(row, None)
    return row


_blank = object.__new__
(
    _number,
    _due_on,
    _principal,
    _interest,
    _fee,
    _penalty,
    _principal_paid,
    _interest_paid,
    _fee_paid,
    _penalty_paid,
    _settled_on,
) = (Installment.__dict__[field.name].__set__ for field in fields(Installment))
