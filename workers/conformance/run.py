"""Playing the cases against one endpoint, several at a time, and what came of each."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import Any

import httpx2

from workers.conformance.bench import Bench, Expectations, Fault
from workers.conformance.cases import Case, all_cases
from workers.conformance.stub_api import StubApi, serving
from workers.embedded.errors import StackError

# Most of a case is waiting, so that twice as many at once take half as long.
_AT_ONCE = 16


class NoSuchCase(StackError):
    """The kit has no case of this name."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one case; `fault` is None when it passed."""

    name: str
    group: str
    must: str
    seconds: float
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all of them."""

    url: str
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The cases that did not pass."""
        return tuple(verdict for verdict in self.verdicts if verdict.fault is not None)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "url": self.url,
            "passed": len(self.verdicts) - len(self.failed),
            "failed": len(self.failed),
            "cases": [asdict(verdict) for verdict in self.verdicts],
        }


async def checked(
    expecting: Expectations, *, host: str = "127.0.0.1", port: int = 0, only: Collection[str] = ()
) -> Report:
    """Play the cases, or only some of them. The provider is to be pointed at `http://host:port`."""
    stub = StubApi()
    async with serving(stub.app(), host, port), httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        return await played(Bench(expecting, stub, http, token_hex(4)), chosen(only))


async def played(bench: Bench, cases: Sequence[Case]) -> Report:
    """Play these cases."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(case: Case) -> Verdict:
        async with turns:
            return await _judged(case, bench)

    return Report(bench.expecting.url, tuple(await asyncio.gather(*map(one, cases))))


def chosen(only: Collection[str]) -> list[Case]:
    """The cases of these names; all, when none is named."""
    cases = all_cases()
    if unknown := set(only) - {case.name for case in cases}:
        raise NoSuchCase(f"There is no case {', '.join(sorted(unknown))}.")
    return [case for case in cases if not only or case.name in only]


async def _judged(case: Case, bench: Bench) -> Verdict:
    began, fault = time.monotonic(), None
    try:
        await case.play(bench)
    except Fault as found:
        fault = str(found)
    except httpx2.HTTPError as trouble:
        fault = f"The exchange broke off: {type(trouble).__name__}."
    return Verdict(case.name, case.group, case.must, round(time.monotonic() - began, 3), fault)
