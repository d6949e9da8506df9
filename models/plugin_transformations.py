"""What may be done to a value between two documents: a closed list, exact, and of a size known beforehand.

scale    from [300, 850] to [1, 10]         a number from one range to another; `decimals`, `clamp`
map      values {"low": "A"}, otherwise     one word for another
date     from "iso" to "DD/MM/YYYY"         a moment or a day, spelled differently
round    decimals 2, mode "half_even"
concat   fields [...], separator " "        several fields in one text
default  value                              for what is missing
mask     keepLast 4, with "*"               all but the ends
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, InvalidOperation
from typing import Any, ClassVar, Protocol

from models.document import COUNT, FLAG, NUMBER, InvalidDocument, ListOf, Plain, Record, Setting
from models.errors import Refused
from models.plugin_paths import MISSING, Place, Side, place

LONGEST_TEXT = 2000
_MOST_WORDS = 200
_MOST_FIELDS = 20
_MOST_DECIMALS = 10
_EXACT = Context(prec=40)

Look = Callable[[Place], Any]


class Untransformable(Refused):
    """The value at hand cannot be transformed this way; `field` is the transformation that says so."""


class Transformation(Protocol):
    """One step of what becomes of a value."""

    begins: ClassVar[bool]
    """Whether it makes a value where there was none; the others leave what is missing as it is."""

    def applied(self, value: Any, look: Look) -> Any:
        """The value afterwards; `look` finds the other fields it is made of."""

    @property
    def fields(self) -> tuple[Place, ...]:
        """The other fields it is made of."""


class _OfOne:
    """A transformation that looks at its own value only."""

    __slots__ = ()
    begins: ClassVar[bool] = False

    @property
    def fields(self) -> tuple[Place, ...]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class Scale(_OfOne):
    """A number of one range in another, linearly."""

    source: tuple[Decimal, ...]
    target: tuple[Decimal, ...]
    decimals: int = 6
    clamp: bool = False

    def __post_init__(self) -> None:
        for name, ends in (("from", self.source), ("to", self.target)):
            if len(ends) != 2:  # noqa: PLR2004 - a range has two ends
                raise InvalidDocument("A range has two ends.", name)
        if self.source[0] == self.source[1]:
            raise InvalidDocument("A range that is one point cannot be stretched.", "from")
        _require_decimals(self.decimals)

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        (low, high), (to_low, to_high) = self.source, self.target
        given = _number(value)
        if self.clamp:
            given = max(min(low, high), min(max(low, high), given))
        scaled = to_low + _EXACT.divide((given - low) * (to_high - to_low), high - low)
        return _quantized(scaled, self.decimals, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Words(_OfOne):
    """One word for another."""

    values: Mapping[str, Any]
    otherwise: Any = MISSING

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        found = self.values.get(_text(value), self.otherwise)
        if found is MISSING:
            raise Untransformable(f"There is no word for {_text(value)[:50]!r}.")
        return found


@dataclass(frozen=True, slots=True)
class Spelling(_OfOne):
    """A moment or a day, spelled differently; a moment without a zone is UTC."""

    to: str
    source: str = "iso"

    def __post_init__(self) -> None:
        for name, spelling in (("from", self.source), ("to", self.to)):
            if spelling not in _SPELLINGS and spelling not in _CLOCKS:
                raise InvalidDocument(f"This must be one of {', '.join([*_CLOCKS, *_SPELLINGS])}.", name)

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        try:
            return _spelled(_moment(value, self.source), self.to)
        except (ValueError, TypeError, OverflowError, OSError, InvalidOperation):
            raise Untransformable(f"{_text(value)[:50]!r} is no {self.source} date.") from None


@dataclass(frozen=True, slots=True)
class Rounding(_OfOne):
    """A number with fewer decimals."""

    decimals: int = 0
    mode: str = "half_even"

    def __post_init__(self) -> None:
        _require_decimals(self.decimals)
        if self.mode not in _MODES:
            raise InvalidDocument(f"This must be one of {', '.join(_MODES)}.", "mode")

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        return _quantized(_number(value), self.decimals, _MODES[self.mode])


@dataclass(frozen=True, slots=True)
class Concat:
    """Several fields in one text; what is missing is left out, with its separator."""

    fields: tuple[Place, ...]
    separator: str = ""
    begins: ClassVar[bool] = True

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        parts = (look(field) for field in self.fields)
        joined = self.separator.join(_text(part) for part in parts if part is not MISSING and part is not None)
        if len(joined) > LONGEST_TEXT:
            raise Untransformable(f"The text would have more than {LONGEST_TEXT} characters.")
        return joined


@dataclass(frozen=True, slots=True)
class Default(_OfOne):
    """A value for what is missing."""

    value: Any
    begins: ClassVar[bool] = True

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        return self.value if value is MISSING or value is None else value


@dataclass(frozen=True, slots=True)
class Mask(_OfOne):
    """A text with all but its ends covered; one so short that its ends are all of it is covered whole."""

    keep_first: int = 0
    keep_last: int = 4
    cover: str = "*"

    def __post_init__(self) -> None:
        for name, kept in (("keepFirst", self.keep_first), ("keepLast", self.keep_last)):
            if not 0 <= kept <= LONGEST_TEXT:
                raise InvalidDocument(f"This must be 0 to {LONGEST_TEXT}.", name)
        if len(self.cover) != 1:
            raise InvalidDocument("One character covers one character.", "with")

    def applied(self, value: Any, look: Look) -> Any:  # noqa: ARG002 - as every transformation
        """See `Transformation`."""
        text = _text(value)
        covered = len(text) - self.keep_first - self.keep_last
        if covered <= 0:
            return self.cover * len(text)
        return text[: self.keep_first] + self.cover * covered + text[len(text) - self.keep_last :]


def transformation(name: Any, parameters: Any, *, side: Side, path: str) -> Transformation:
    """The transformation of this name; an unknown one, or an unknown parameter, is refused by its path."""
    if not isinstance(name, str) or name not in _KINDS:
        known = ", ".join(_KINDS)
        raise InvalidDocument(
            f"There is no transformation {str(name)[:50]!r}: it is one of {known}.", f"{path}.transformation"
        )
    record = _KINDS[name](side)
    given = {} if parameters is None else parameters
    found: Transformation = record.read(given, currency="", path=f"{path}.parameters")
    return found


def _place_of(side: Side) -> Plain:
    return Plain("the name of a field", lambda text: place(text, understood=side, path=""), str)


def _scalar(given: Any) -> Any:
    if isinstance(given, dict | list) or (isinstance(given, str) and len(given) > LONGEST_TEXT):
        raise TypeError(given)
    return given


def _short(given: Any) -> str:
    if not isinstance(given, str) or len(given) > _MOST_FIELDS or not given.isprintable():
        raise TypeError(given)
    return given


def _words(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not 0 < len(given) <= _MOST_WORDS:
        raise TypeError(given)
    return {name: _scalar(value) for name, value in given.items()}


def _bounded(given: Any) -> tuple[Any, ...]:
    found = tuple(given)
    if not 0 < len(found) <= _MOST_FIELDS:
        raise InvalidDocument(f"There are 1 to {_MOST_FIELDS} fields here.")
    return found


_SCALAR = Plain("a text, a number, true or false", _scalar, _scalar)
_SHORT = Plain(f"at most {_MOST_FIELDS} characters", _short, str)
_WORDS = Plain(f"an object of 1 to {_MOST_WORDS} words", _words, dict)
_NUMBERS = ListOf(NUMBER)

_KINDS: dict[str, Callable[[Side], Record]] = {
    "scale": lambda _: Record(
        Scale,
        (
            Setting("from", _NUMBERS, "source"),
            Setting("to", _NUMBERS, "target"),
            Setting("decimals", COUNT),
            Setting("clamp", FLAG),
        ),
    ),
    "map": lambda _: Record(Words, (Setting("values", _WORDS), Setting("otherwise", _SCALAR))),
    "date": lambda _: Record(Spelling, (Setting("to", _SHORT), Setting("from", _SHORT, "source"))),
    "round": lambda _: Record(Rounding, (Setting("decimals", COUNT), Setting("mode", _SHORT))),
    "concat": lambda side: Record(
        Concat, (Setting("fields", ListOf(_place_of(side), _bounded)), Setting("separator", _SHORT))
    ),
    "default": lambda _: Record(Default, (Setting("value", _SCALAR),)),
    "mask": lambda _: Record(
        Mask, (Setting("keepFirst", COUNT), Setting("keepLast", COUNT), Setting("with", _SHORT, "cover"))
    ),
}
_MODES = {"half_even": ROUND_HALF_EVEN, "half_up": ROUND_HALF_UP, "down": ROUND_DOWN, "up": ROUND_UP}
_SPELLINGS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "YYYYMMDD": "%Y%m%d",
    "YYYY-MM-DD HH:mm:ss": "%Y-%m-%d %H:%M:%S",
}
_CLOCKS = ("iso", "unix", "unix_ms")


def _moment(value: Any, spelling: str) -> datetime | date:
    if spelling in {"unix", "unix_ms"}:
        seconds = _number(value) / (1000 if spelling == "unix_ms" else 1)
        return datetime.fromtimestamp(float(seconds), UTC)
    if spelling != "iso":
        return datetime.strptime(value, _SPELLINGS[spelling]).replace(tzinfo=UTC)
    if len(value) == len("2026-12-25"):
        return date.fromisoformat(value)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _spelled(moment: datetime | date, spelling: str) -> Any:
    if spelling in _SPELLINGS:
        return moment.strftime(_SPELLINGS[spelling])
    if spelling == "iso":
        return moment.isoformat()
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    seconds = int(moment.timestamp())
    return seconds * 1000 if spelling == "unix_ms" else seconds


def _require_decimals(decimals: int) -> None:
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise InvalidDocument(f"This must be 0 to {_MOST_DECIMALS}.", "decimals")


def _number(value: Any) -> Decimal:
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        exact = Decimal("NaN")
    if isinstance(value, bool) or not exact.is_finite() or abs(exact.adjusted()) > _MOST_DECIMALS * 2:
        raise Untransformable(f"{str(value)[:50]!r} is not a number.")
    return exact


def _quantized(number: Decimal, decimals: int, mode: str) -> Decimal:
    quantized = number.quantize(Decimal(1).scaleb(-decimals), rounding=mode, context=_EXACT)
    return quantized if decimals == 0 else Decimal(f"{quantized.normalize():f}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value is MISSING or isinstance(value, dict | list):
        raise Untransformable("This is no single value.")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
