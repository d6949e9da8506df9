"""Days on which money moves, and where a due date goes that falls on another day."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SATURDAY, SUNDAY = 5, 6
_ONE_DAY = timedelta(days=1)


class BusinessDayRule(StrEnum):
    """Where a date goes that is no business day. The names are those of the ISDA definitions."""

    SAME_DAY = "same_day"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"  # the next one, unless it lies in the next month: then the last before
    PRECEDING = "preceding"


class Moves(StrEnum):
    """What the rule moves."""

    DUE_DATE = "due_date"
    DEADLINE = "deadline"  # the installment stays due, but a payment on the moved day is still in time


class InterestAdjustment(StrEnum):
    """Whether interest follows a due date that has moved."""

    UNADJUSTED = "unadjusted"
    ADJUSTED = "adjusted"
    FIRST_PERIOD = "first_period"  # as OpenCBS: only the first period pays for its real days


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A calendar, and how due dates keep to it. Dates are always reckoned from the unmoved ones."""

    rule: BusinessDayRule = BusinessDayRule.FOLLOWING
    weekend: frozenset[int] = frozenset({SATURDAY, SUNDAY})
    holidays: frozenset[date] = frozenset()
    moves: Moves = Moves.DUE_DATE
    interest: InterestAdjustment = InterestAdjustment.UNADJUSTED

    def __post_init__(self) -> None:
        assert len(self.weekend) < 7, "a week without a business day would move a date forever"  # noqa: PLR2004

    def is_business_day(self, day: date) -> bool:
        """Whether money moves on a day."""
        return day.weekday() not in self.weekend and day not in self.holidays

    def adjusted(self, day: date) -> date:
        """The day itself, or the business day that stands in for it."""
        match self.rule:
            case BusinessDayRule.SAME_DAY:
                return day
            case BusinessDayRule.FOLLOWING:
                return self._nearest(day, _ONE_DAY)
            case BusinessDayRule.PRECEDING:
                return self._nearest(day, -_ONE_DAY)
            case _:  # MODIFIED_FOLLOWING
                following = self._nearest(day, _ONE_DAY)
                return following if following.month == day.month else self._nearest(day, -_ONE_DAY)

    def due_on(self, day: date) -> date:
        """The due date that stands for an unmoved one."""
        return self.adjusted(day) if self.moves is Moves.DUE_DATE else day

    def _nearest(self, day: date, step: timedelta) -> date:
        while not self.is_business_day(day):
            day += step
        return day
