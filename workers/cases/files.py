"""A file of cases in, a list of answers out."""

import json
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from models.errors import Refusal, Refused

Case = dict[str, Any]
Answer = dict[str, Any]
T = TypeVar("T")


class InvalidCase(Refused):
    """A case says something that is not understood, or that contradicts itself."""


class UnreadableCases(Exception):
    """The file as a whole is no list of cases; the message is one sentence."""


def in_error(refusal: Refusal) -> Answer:
    """How a case that is refused is answered, where nothing else is agreed."""
    return {"error": refusal.detail}


def answers(path: str, answer: Callable[[Case], Answer], refused: Callable[[Refusal], Answer] = in_error) -> str:
    """One answer per case of the file (`-` is standard input), as JSON; a case that is refused says why."""
    return json.dumps([_answered(case, answer, refused) for case in _read(path)], indent=1, default=float)


def needed(case: Case, field: str) -> Any:
    """A field the case cannot do without."""
    if case.get(field) is None:
        raise InvalidCase(f"{field} is missing.", field)
    return case[field]


def number(case: Case, field: str) -> Decimal:
    """A field that is a finite number, written as one or as a string."""
    return as_number(needed(case, field), field)


def as_number(value: Any, field: str) -> Decimal:
    """The same of a value found elsewhere."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite():
        raise InvalidCase(f"{field} {value!r} is not a number.", field)
    return found


def whole(case: Case, field: str, default: int | None = None) -> int:
    """A field that is a whole number."""
    if default is not None and case.get(field) is None:
        return default
    found = number(case, field)
    if found != found.to_integral_value() or abs(found) > 10**9:
        raise InvalidCase(f"{field} {case[field]!r} is not a whole number.", field)
    return int(found)


def day(value: Any, field: str) -> date:
    """A date in ISO 8601."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidCase(f"{field} {value!r} is not a date.", field) from None


def one_of(value: Any, choices: dict[str, T], field: str) -> T:
    """What a word means, among those that are understood."""
    if not isinstance(value, str) or value.upper() not in choices:
        raise InvalidCase(f"{field} {value!r} is none of {', '.join(choices)}.", field)
    return choices[value.upper()]


def _answered(case: Any, answer: Callable[[Case], Answer], refused: Callable[[Refusal], Answer]) -> Answer:
    if not isinstance(case, dict):
        return {"id": None, **refused(InvalidCase("A case is a JSON object."))}
    try:
        return {"id": case.get("id"), **answer(case)}
    except Refusal as refusal:
        return {"id": case.get("id"), **refused(refusal)}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is none of its values")


def _read(path: str) -> list[Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        cases = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except OSError as trouble:
        raise UnreadableCases(f"{path} cannot be read: {trouble.strerror}.") from None
    except (ValueError, RecursionError) as trouble:
        raise UnreadableCases(f"{path} is not JSON: {trouble}.") from None
    if not isinstance(cases, list):
        raise UnreadableCases(f"{path} holds no JSON array of cases.")
    return cases
