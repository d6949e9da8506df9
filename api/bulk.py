"""Decisions by the thousand: one signature over all lines, and each line judged as if it had come alone.

Lines of different leads are put to their workflows a few at a time, so that a bulk does not take every slot from those
who wait for one answer; lines of one lead keep their order. What a line does is done once, however often the bulk is
repeated: its `messageId` is the same message as a decision sent alone with that `webhook-id`.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.decisions import PathMismatch, decided
from api.exact_json import read_json
from api.problems import InvalidFields, internal_error
from api.resources import resources_of
from api.schemas.bulk import BulkLineOut, BulkOut
from api.schemas.leads import DecisionIn
from api.schemas.values import Identifier
from api.security import Caller
from models.errors import Refused

MOST_LINES = 10_000
LONGEST_LINE = 64 * 1024
# A page of lines is read between two looks at everybody else's requests.
_LINES_AT_A_TIME = 100
_UNNAMED = ""


class NotOneJsonPerLine(Refused):
    """A line is not one JSON object."""


class TooManyLines(Refused):
    """The body has more lines than a bulk may have."""


class NoLines(Refused):
    """The body has no lines at all."""


class LineTooLong(Refused):
    """The line is longer than any decision."""


class _Named(BaseModel):
    """The part of a line that is not the decision."""

    model_config = ConfigDict(extra="ignore")

    message_id: Identifier = Field(alias="messageId")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line as it came: what can be read of it, and what is wrong with it."""

    number: int
    document: dict[str, Any]
    trouble: Exception | None = None

    def named(self, name: str) -> str | None:
        """A string of the line, for the report."""
        value = self.document.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Bulk:
    """One body of decisions of one provider."""

    request: Request
    caller: Caller
    provider_id: str

    async def judged(self, raw: bytes) -> BulkOut:
        """Judge every line; a bad one spoils nobody else."""
        by_lead: dict[str, list[_Line]] = defaultdict(list)
        async for line in _lines(raw):
            by_lead[line.named("leadId") or f"{_UNNAMED}{line.number}"].append(line)
        gate = asyncio.Semaphore(resources_of(self.request).settings.bulk_at_once)

        async def in_order(lines: list[_Line]) -> list[BulkLineOut]:
            async with gate:
                return [await self._answered(line) for line in lines]

        results = [result for found in await asyncio.gather(*map(in_order, by_lead.values())) for result in found]
        accepted = sum(result.code == "accepted" for result in results)
        return BulkOut(
            accepted=accepted, refused=len(results) - accepted, results=sorted(results, key=lambda each: each.line)
        )

    async def _answered(self, line: _Line) -> BulkLineOut:
        said = {"line": line.number, "lead_id": line.named("leadId"), "message_id": line.named("messageId")}
        try:
            await self._decide(line)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other lines are judged
            problem = await self._problem(error)
            return BulkLineOut.model_validate(
                said | {name: problem[name] for name in ("status", "code", "detail", "field")}
            )
        taken = {"status": 200, "code": "accepted", "detail": "The decision was taken.", "field": None}
        return BulkLineOut.model_validate(said | taken)

    async def _decide(self, line: _Line) -> None:
        if line.trouble is not None:
            raise line.trouble
        body = {name: value for name, value in line.document.items() if name != "messageId"}
        try:
            message_id = _Named.model_validate(line.document).message_id
            decision = DecisionIn.model_validate(body)
        except ValidationError as error:
            faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
            raise InvalidFields(faults, line.document) from None
        if decision.provider_id != self.provider_id:
            raise PathMismatch("The line names another provider than the path.", "providerId")
        raw = json.dumps(body, default=float).encode()
        await decided(resources_of(self.request), self.caller, decision, raw, message_id=message_id)

    async def _problem(self, error: Exception) -> dict[str, Any]:
        """The problem that this error would have been, alone."""
        handlers = self.request.app.exception_handlers
        handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
        if handler is None:
            structlog.get_logger().exception("a line of a bulk failed", exc_info=error)
            answer = internal_error()
        else:
            answer = await handler(self.request, error)
        problem: dict[str, Any] = json.loads(bytes(answer.body))
        return problem


async def _lines(raw: bytes) -> AsyncIterator[_Line]:
    """The lines, read a page at a time; a body that is no bulk at all is refused as a whole."""
    split = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if not split:
        raise NoLines("The body has one decision per line.")
    if len(split) > MOST_LINES:
        raise TooManyLines(f"A bulk has at most {MOST_LINES} lines; this one has {len(split)}.")
    for position, (number, line) in enumerate(split):
        if position % _LINES_AT_A_TIME == 0:
            await asyncio.sleep(0)
        yield _read(number, line)


def _read(number: int, line: bytes) -> _Line:
    if len(line) > LONGEST_LINE:
        return _Line(number, {}, LineTooLong(f"A line has at most {LONGEST_LINE} bytes."))
    try:
        document = read_json(line)
    except json.JSONDecodeError as error:
        return _Line(number, {}, NotOneJsonPerLine(f"The line is not JSON: {error}."))
    if not isinstance(document, dict):
        return _Line(number, {}, NotOneJsonPerLine("The line is not a JSON object."))
    return _Line(number, document)
