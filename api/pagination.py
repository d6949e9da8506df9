"""Pages by cursor: where the last page ended, opaque to whoever carries it. An offset would slip as rows come in."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query

from api.schemas.values import Out
from models.errors import Refused

Row = TypeVar("Row")
Shown = TypeVar("Shown", bound=Out)


class InvalidCursor(Refused):
    """The cursor is not one we gave out."""


class PageOut(Out, Generic[Shown]):
    """One page; ask again with `cursor=nextCursor` while `hasMore`."""

    success: bool = True
    data: list[Shown]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """How many, and after what."""

    limit: int
    after: tuple[str, ...] | None

    @property
    def fetched(self) -> int:
        """One more than is shown tells whether there are more."""
        return self.limit + 1

    def position(self, *readers: Callable[[str], Any]) -> tuple[Any, ...] | None:
        """Where to go on, each part read by its reader; None is the start. Anybody can make up a cursor."""
        if self.after is None:
            return None
        try:
            return tuple(read(part) for read, part in zip(readers, self.after, strict=True))
        except (ValueError, OverflowError):
            raise InvalidCursor("This is not a cursor of this list.", "cursor") from None

    def page(
        self, rows: Sequence[Row], shown: Callable[[Row], Shown], position: Callable[[Row], tuple[str, ...]]
    ) -> PageOut[Shown]:
        """The page of these rows."""
        has_more = len(rows) > self.limit
        kept = rows[: self.limit]
        next_cursor = cursor_at(position(kept[-1])) if has_more else None
        return PageOut(data=[shown(row) for row in kept], next_cursor=next_cursor, has_more=has_more)


def _paging(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`nextCursor` of the page before.")] = None,
) -> Paging:
    return Paging(limit, None if cursor is None else _decoded(cursor))


Pages = Annotated[Paging, Depends(_paging)]


def moment(part: str) -> datetime:
    """A moment of a cursor; it may be one whose UTC is no date any more."""
    return datetime.fromisoformat(part).astimezone(UTC)


def whole(part: str) -> int:
    """A whole number of a cursor, of eight bytes at most."""
    if not (part.isascii() and part.isdecimal() and len(part) < 19):  # noqa: PLR2004 - eight bytes
        raise ValueError(part)
    return int(part)


def cursor_at(position: tuple[str, ...]) -> str:
    """What a reader carries to go on from here."""
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[str, ...]:
    try:
        position: Any = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (NotBase64, ValueError):
        position = None
    if (
        not isinstance(position, list)
        or not position
        or not all(isinstance(p, str) and p.isprintable() for p in position)
    ):
        raise InvalidCursor("This is not a cursor of ours.", "cursor")
    return tuple(position)
