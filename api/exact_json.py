"""Request bodies read exactly: numbers as decimals, and only text that a database can keep.

`0.1` as a float is not 0.1, and a cent lost at the door is lost. NUL and lone surrogates are valid JSON and no text.
"""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from math import isinf
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

# No shape of ours is so deep, and what is deeper cannot be written out again by everything that reads it.
_DEEPEST = 100


class ExactRequest(Request):
    """A request whose JSON has decimals where it has fractions."""

    async def json(self) -> Any:
        """The body; `JSONDecodeError` when it is none."""
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


class ExactRoute(APIRoute):
    """A route that reads its body exactly and keeps nothing of it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI."""
        handle = super().get_route_handler()

        async def exactly(plain: Request) -> Response:
            return await handle(ExactRequest(plain.scope, plain.receive))

        return exactly


def read_json(raw: bytes) -> Any:
    """The document, exactly."""
    try:
        # As UTF-8 and nothing else: left to itself, json also reads UTF-16, and halves of characters.
        document = json.loads(raw.decode("utf-8-sig"), parse_float=_exact, parse_constant=_refuse_constant)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        # Bytes that are no UTF-8, numbers with more digits than Python reads, brackets without end.
        raise json.JSONDecodeError(str(error), "", 0) from None
    if raw.count(b"[") + raw.count(b"{") > _DEEPEST and not _is_shallow(document, _DEEPEST):
        raise json.JSONDecodeError(f"it is more than {_DEEPEST} levels deep", "", 0)
    if b"\\u" in raw:
        _check_text(document)
    return document


def _is_shallow(value: object, levels: int) -> bool:
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return levels >= 0 and all(_is_shallow(each, levels - 1) for each in inner)


def _exact(text: str) -> Decimal:
    if isinf(float(text)):
        # No amount is that large, and no document that is kept may hold a number other readers cannot.
        raise json.JSONDecodeError(f"{text[:20]} is too large a number", "", 0)
    return Decimal(text)


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _check_text(value: object) -> None:
    if isinstance(value, str) and any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value):
        raise json.JSONDecodeError("text holds a character that is none", "", 0)
    if isinstance(value, list):
        for each in value:
            _check_text(each)
    if isinstance(value, dict):
        for name, each in value.items():
            _check_text(name)
            _check_text(each)
