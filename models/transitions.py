"""Which status may follow which: one table per state machine, one refusal for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from models.errors import Conflict

Status = TypeVar("Status", bound=StrEnum)


class IllegalTransition(Conflict):
    """The status asked for may not follow the present one."""


@dataclass(frozen=True, slots=True)
class Transitions(Generic[Status]):
    """The arrows of one state machine; a status that leads nowhere is final."""

    subject: str
    arrows: Mapping[Status, frozenset[Status]]

    def check(self, current: Status, to: Status) -> Status:
        """Return `to`, or raise `IllegalTransition` when it may not follow `current`."""
        if to not in self.arrows.get(current, frozenset()):
            raise IllegalTransition(f"{self.subject} is {current}; it cannot become {to}.", "status")
        return to

    def is_final(self, status: Status) -> bool:
        """Whether nothing may follow `status`."""
        return not self.arrows.get(status)
