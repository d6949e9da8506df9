"""Frozen dataclasses as JSON documents and back, exactly: each setting is described once, for both directions.

    WORK = Record(Work, (Setting("title", TEXT), Setting("wage", AMOUNT, "wage_minor")))
    WORK.read({"title": "baker", "wage": 12.5}, currency="USD") == Work("baker", 1250)

What is not in a document is what the dataclass has by default. A misspelled setting must not pass for an absent one,
so what is not described is refused. A refusal names the path of the setting that is wrong.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Protocol

from models.errors import Refusal, Refused
from models.money import exponent_of, major_units, minor_units

_MOST_DIGITS = 15  # so many a double holds exactly, whoever reads the document next


class InvalidDocument(Refused):
    """Something in a document is missing, of the wrong kind, or unknown; `field` is the path to it."""


class Kind(Protocol):
    """What a setting is made of. Amounts are in major units of `currency` in the document, in minor ones outside."""

    def read(self, given: Any, *, currency: str, path: str = "") -> Any:
        """The value that a document gives."""

    def write(self, value: Any, *, currency: str) -> Any:
        """The value as the document has it."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A value without parts: `says` is what to say when it is anything else."""

    says: str
    reads: Callable[[Any], Any]
    writes: Callable[[Any], Any]

    def read(self, given: Any, *, currency: str, path: str = "") -> Any:  # noqa: ARG002 - as every kind
        """See `Kind`."""
        try:
            return self.reads(given)
        except (ValueError, TypeError, InvalidOperation, Refusal):
            raise InvalidDocument(f"This must be {self.says}.", path) from None

    def write(self, value: Any, *, currency: str) -> Any:  # noqa: ARG002 - as every kind
        """See `Kind`."""
        return self.writes(value)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount."""

    def read(self, given: Any, *, currency: str, path: str = "") -> Any:
        """See `Kind`."""
        exact = NUMBER.read(given, currency=currency, path=path)
        return minor_units(exact, currency, field=path)

    def write(self, value: Any, *, currency: str) -> Any:
        """See `Kind`."""
        return number(major_units(value, currency))


@dataclass(frozen=True, slots=True)
class ListOf:
    """Many of a kind, gathered as a tuple or a sorted set."""

    kind: Kind
    gather: Callable[[Iterable[Any]], Any] = tuple

    def read(self, given: Any, *, currency: str, path: str = "") -> Any:
        """See `Kind`."""
        if not isinstance(given, list):
            raise InvalidDocument("This must be a list.", path)
        read = [self.kind.read(each, currency=currency, path=f"{path}[{place}]") for place, each in enumerate(given)]
        with located(path):
            return self.gather(read)

    def write(self, value: Any, *, currency: str) -> Any:
        """See `Kind`."""
        ordered = sorted(value) if isinstance(value, frozenset) else value
        return [self.kind.write(each, currency=currency) for each in ordered]


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of a document, and the attribute it becomes: the same name if not said."""

    name: str
    kind: Kind
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A frozen dataclass as an object of a document. `names` says where else the fields of its refusals are."""

    made: Any  # the dataclass
    settings: tuple[Setting, ...]
    names: tuple[tuple[str, str], ...] = ()

    def read(self, given: Any, *, currency: str, path: str = "") -> Any:
        """See `Kind`."""
        if not isinstance(given, Mapping):
            raise InvalidDocument("This must be an object.", path or None)
        values = {name: value for name, value in given.items() if value is not None}
        found = {}
        for setting in self.settings:
            here = within(path, setting.name)
            if setting.name in values:
                found[attribute_of(setting)] = setting.kind.read(values.pop(setting.name), currency=currency, path=here)
            elif attribute_of(setting) in self._required():
                raise InvalidDocument("This is missing.", here)
        for name in values:
            raise InvalidDocument("There is no such setting.", within(path, name))
        with located(path, dict(self.names)):
            return self.made(**found)

    def write(self, value: Any, *, currency: str) -> dict[str, Any]:
        """See `Kind`; what is None is left out."""
        found = ((each, getattr(value, attribute_of(each))) for each in self.settings)
        return {each.name: each.kind.write(held, currency=currency) for each, held in found if held is not None}

    def _required(self) -> set[str]:
        return {each.name for each in fields(self.made) if each.default is MISSING and each.default_factory is MISSING}


def require_names(given: Any, names: Collection[str], path: str) -> None:
    """Refuse what is no object, or has a name in it that none of these is."""
    if not isinstance(given, Mapping):
        raise InvalidDocument("This must be an object.", path or None)
    for name in given:
        if name not in names:
            raise InvalidDocument("There is no such setting.", f"{path}.{name}" if path else str(name))


@contextmanager
def located(path: str, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Say of a refusal raised inside where in the document its field is."""
    try:
        yield
    except Refusal as refusal:
        named = (names or {}).get(refusal.field or "", refusal.field)
        raise type(refusal)(refusal.detail, within(path, named or "")) from None


def within(path: str, name: str) -> str:
    """The path to a field inside what the path leads to."""
    return f"{path}.{name}" if path and name else path or name


def attribute_of(setting: Setting) -> str:
    """The attribute that a setting becomes: `dayCount` is `day_count`."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in setting.name)
    return setting.attribute or snake


def word(words: type[StrEnum]) -> Plain:
    """One of the words of an enumeration."""
    return Plain(f"one of {', '.join(words)}", words, str)


def number(value: Decimal) -> int | float:
    """A decimal as JSON writes it. It has at most fifteen digits, which a double holds exactly."""
    return int(value) if value == value.to_integral_value() else float(value)


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise ValueError(given)
    return given.strip()


def _integer(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(given)
    return given


def _decimal(given: Any) -> Decimal:
    if isinstance(given, bool):
        raise TypeError(given)
    exact = Decimal(str(given))
    digits = exact.normalize().as_tuple().digits
    if not exact.is_finite() or len(digits) > _MOST_DIGITS or abs(exact.adjusted()) > _MOST_DIGITS:
        raise ValueError(given)
    return exact


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError(given)
    return given


def _currency(given: Any) -> str:
    exponent_of(given)
    return str(given)


TEXT = Plain("some words", _text, str)
COUNT = Plain("a whole number", _integer, int)
NUMBER = Plain("a number of at most fifteen digits", _decimal, number)
FLAG = Plain("true or false", _flag, bool)
DAY = Plain("a date, as 2026-12-25", date.fromisoformat, date.isoformat)
CURRENCY = Plain("an ISO 4217 currency", _currency, str)
AMOUNT = Money()
