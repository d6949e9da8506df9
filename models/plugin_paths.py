"""Where a value is in a lender's document or in ours, spelled as the owner does or as an RFC 6901 pointer.

caas.applicant.firstName          ours; a level between may be left out where only one field can be meant
provider.customer.fName           theirs
caas:/loanApplication/tenure      ours, exactly this place
/customer/fName                   the side is understood: ours where we read, theirs where we write
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jsonpath import JSONPointer

from models.errors import Refused

MISSING = object()

_LONGEST_NAME = 200
_DEEPEST = 10
_STEP = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$@ -]{0,63}", re.ASCII)
_PLACE = re.compile(r"0|[1-9][0-9]{0,3}", re.ASCII)
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")
# JavaScript reads these as its own: a lender's program could be made to do more than it was written for.
_RESERVED = frozenset({"__proto__", "constructor", "prototype"})


class InvalidPath(Refused):
    """This names no place in a document."""


class Side(StrEnum):
    """Whose document."""

    CAAS = "caas"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a document of one side; an exact one has all its levels."""

    side: Side
    steps: tuple[str, ...]
    is_exact: bool = True

    def __str__(self) -> str:
        return ".".join((self.side, *self.steps))

    @property
    def pointer(self) -> str:
        """The place as RFC 6901 spells it."""
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self.steps)

    def of(self, document: Any) -> Any:
        """The value there, or `MISSING`."""
        found = JSONPointer(self.pointer, unicode_escape=False).resolve(document, default=MISSING)
        return found if found is not MISSING or self.is_exact else _below(document, self.steps)

    def overlaps(self, other: "Place") -> bool:
        """Whether one of them is the other, or lies within it."""
        shorter = min(len(self.steps), len(other.steps))
        return self.steps[:shorter] == other.steps[:shorter]

    def put(self, document: dict[str, Any], value: Any) -> None:
        """Write the value there, with the objects it lies in."""
        for step in self.steps[:-1]:
            document = document.setdefault(step, {})
        document[self.steps[-1]] = value


def place(text: Any, *, understood: Side, path: str) -> Place:
    """The place this spells. `path` is where it stands itself, for the refusal."""
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_NAME:
        raise InvalidPath(f"A field is named in 1 to {_LONGEST_NAME} characters.", path)
    side, rest = _side_of(text, understood)
    is_exact = rest.startswith("/")
    if is_exact and not _POINTER.fullmatch(rest):
        raise InvalidPath(f"{text!r} is no JSON Pointer.", path)
    steps = _pointed(rest) if is_exact else tuple(rest.split("."))
    if len(steps) > _DEEPEST:
        raise InvalidPath(f"{text!r} is more than {_DEEPEST} levels deep.", path)
    for step in steps:
        if step in _RESERVED:
            raise InvalidPath(f"{step!r} is not a name for a field.", path)
        if not _STEP.fullmatch(step) and not _PLACE.fullmatch(step):
            raise InvalidPath(f"{text!r} names no field: {step!r} is not a name.", path)
    return Place(side, steps, is_exact)


def target(text: Any, *, understood: Side, path: str) -> Place:
    """A place to write to: made of names, for a list has no place before something is in it."""
    found = place(text, understood=understood, path=path)
    if any(_PLACE.fullmatch(step) for step in found.steps):
        raise InvalidPath(f"{text!r} names a place in a list, and nothing can be written there.", path)
    return found


def _side_of(text: str, understood: Side) -> tuple[Side, str]:
    for side in Side:
        if text.startswith((f"{side}.", f"{side}:/")):
            return side, text[len(side) + 1 :]
    return understood, text


def _pointed(pointer: str) -> tuple[str, ...]:
    return tuple(str(part) for part in JSONPointer(pointer, unicode_escape=False).parts)


def _below(document: Any, steps: tuple[str, ...]) -> Any:
    """The one field that these steps lead to with levels left out; `MISSING` if there is none, or more than one."""
    found = _leading_to(document, steps, _DEEPEST)
    return found[0] if len(found) == 1 else MISSING


def _leading_to(document: Any, steps: tuple[str, ...], levels: int) -> list[Any]:
    if not steps:
        return [document]
    if not isinstance(document, Mapping) or not levels:
        return []
    found: list[Any] = []
    for name, value in document.items():
        found += _leading_to(value, steps[1:] if name == steps[0] else steps, levels - 1)
    return found
