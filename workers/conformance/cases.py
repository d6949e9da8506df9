"""Cases by name: each is a sentence that must hold, and a way to see whether it does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workers.conformance.bench import Bench

Play = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """`must` is what must hold."""

    name: str
    group: str
    must: str
    play: Play


CASES: dict[str, Case] = {}


def case(group: str) -> Callable[[Play], Play]:
    """Enter a function into the cases; its docstring says what must hold."""

    def enter(play: Play) -> Play:
        name = play.__name__
        assert play.__doc__, "a case says what must hold"
        assert name not in CASES, "a case has a name of its own"
        CASES[name] = Case(name, group, play.__doc__, play)
        return play

    return enter


def all_cases() -> list[Case]:
    """Every case, in the order in which they are written."""
    from workers.conformance import decisions, delivery, retries, signatures  # noqa: F401, PLC0415 - they enter themselves

    return list(CASES.values())
