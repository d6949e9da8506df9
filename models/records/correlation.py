"""The id that follows a request through everything it causes: rows of the outbox, workflows, activities, logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def correlation_id() -> str | None:
    """The id of whatever caused the present work; None when nothing outside did."""
    return _CURRENT.get()


@contextmanager
def correlated(to: str | None) -> Iterator[None]:
    """Do the work inside on behalf of this id."""
    token = _CURRENT.set(to)
    try:
        yield
    finally:
        _CURRENT.reset(token)
