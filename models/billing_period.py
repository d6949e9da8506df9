"""A month in UTC, which is what is billed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, by its first day."""

    first: date

    def __post_init__(self) -> None:
        assert self.first.day == 1, "a month is named by its first day"

    @property
    def begins_at(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time.min, UTC)

    @property
    def next(self) -> "Month":
        """The month after."""
        year, month = self.first.year, self.first.month
        return Month(date(year + 1, 1, 1) if month == _DECEMBER else date(year, month + 1, 1))

    @property
    def ends_at(self) -> datetime:
        """The first moment that is not in it."""
        return self.next.begins_at

    @property
    def before(self) -> "Month":
        """The month before."""
        year, month = self.first.year, self.first.month
        return Month(date(year - 1, _DECEMBER, 1) if month == 1 else date(year, month - 1, 1))


def month_of(on: date) -> Month:
    """The month a day lies in."""
    return Month(date(on.year, on.month, 1))
