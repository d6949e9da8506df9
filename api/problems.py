"""Refusals and mistakes as RFC 9457 problems: the one place where a no becomes a status code.

Refusal kinds      not_found 404   conflict 409   refused 422
by class           a bad key or signature 401, a key of the wrong kind 403, another version 412, none named 428
shape of the body  422, every fault with its field
an outage         503 with Retry-After
no chain          503
anything else      500 without internals
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from activities.signing import BadSignature, StaleSignature
from api.chain_desk import ChainAway, ChainNotConfigured
from api.processes import Declined, EngineAway
from models.errors import Refusal, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

_BY_KIND = {"not_found": 404, "conflict": 409, "refused": 422}
_BODY, _STANDARD_DETAILS = "body", {"extra_forbidden": "There is no such field.", "missing": "This field is required."}


class NotAuthenticated(Refused):
    """There is no valid API key on the request."""


class Forbidden(Refused):
    """The API key is good, but not for this."""


class PreconditionFailed(Refused):
    """The thing is no longer in the version the request was made for."""


class PreconditionRequired(Refused):
    """A change says which version it is made for."""


class InvalidFields(Refused):
    """Fields of the body are wrong; `faults` are pydantic's, each with its path in the body."""

    def __init__(self, faults: Sequence[Mapping[str, Any]], body: object) -> None:
        self.faults = faults
        self.body = body
        super().__init__("The request is not valid.")


_BY_CLASS = (
    (NotAuthenticated, 401),
    (BadSignature, 401),
    (StaleSignature, 401),
    (Forbidden, 403),
    (PreconditionFailed, 412),
    (PreconditionRequired, 428),
)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> JSONResponse:
    """One problem; `field` is the JSON path of the first fault, `errors` has all of them; `more` is its type's own."""
    body = {
        "success": False,
        "type": f"urn:caas:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "field": field,
        "errors": list(errors) or ([_fault(field, detail)] if field else []),
        "correlationId": structlog.contextvars.get_contextvars().get("correlation_id"),
    } | dict(more or {})
    return JSONResponse(body, status, dict(headers or {}), MEDIA_TYPE)


def internal_error() -> JSONResponse:
    """What a caller is told of a mistake of ours."""
    return problem(500, "internal_error", "Something went wrong on our side; the correlation id finds it in our logs.")


# Conflicts that end by themselves.
_PASSING = frozenset({"still_running", "clock_busy"})


def translate_in(app: FastAPI) -> None:
    """Let the application answer with problems."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(Declined, _declined)
    app.add_exception_handler(EngineAway, _away)
    app.add_exception_handler(ChainNotConfigured, _no_chain)
    app.add_exception_handler(ChainAway, _chain_away)
    app.add_exception_handler(OperationalError, _rows_away)
    app.add_exception_handler(PoolTimeout, _rows_away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InvalidFields, _invalid_fields)
    app.add_exception_handler(HTTPException, _http)


def problem_of(refusal: Refusal, code: str | None = None) -> JSONResponse:
    """The answer to a refusal; the code is given when its class did not survive a wire."""
    status = next((status for kind, status in _BY_CLASS if isinstance(refusal, kind)), _BY_KIND[refusal.kind])
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # noqa: PLR2004 - HTTP
    if refusal.code in _PASSING:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return problem(status, code or refusal.code, refusal.detail, field=refusal.field, headers=headers)


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return problem_of(error)


async def _declined(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Declined)
    return problem_of(error.refusal, error.code)


async def _away(_: Request, error: Exception) -> JSONResponse:
    structlog.get_logger().warning("the process engine is away", error=str(error))
    return problem(
        503,
        "engine_away",
        "The process engine does not answer now. Nothing is lost; make the same request again.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _no_chain(_: Request, __: Exception) -> JSONResponse:
    return problem(503, "chain_not_configured", "No chain is configured here; CAAS_CHAIN_RPC_URL names its node.")


async def _chain_away(_: Request, __: Exception) -> JSONResponse:
    return problem(
        503,
        "chain_away",
        "The node of the chain does not answer now. Nothing was changed; make the same request again.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _rows_away(_: Request, error: Exception) -> JSONResponse:
    # The class only: the message of a database error quotes what was to be written.
    structlog.get_logger().error("the database is away", error=type(error).__name__)
    return problem(
        503,
        "database_away",
        "The database does not answer now. Nothing was changed; make the same request again.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _faults(error.errors(), error.body)


async def _invalid_fields(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InvalidFields)
    return _faults(error.faults, error.body)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {400: "invalid_json", 404: "no_such_path", 405: "method_not_allowed", 413: "body_too_large"}
    return problem(
        error.status_code, codes.get(error.status_code, "http_error"), str(error.detail), headers=error.headers
    )


def _faults(faults: Sequence[Mapping[str, Any]], body: object) -> JSONResponse:
    errors = [_described(fault, body) for fault in faults]
    first = errors[0]
    field = first.get("field")
    detail = f"{field}: {first['detail']}" if field else first["detail"]
    return problem(422, "validation_failed", detail, field=field, errors=errors)


def _described(fault: Mapping[str, Any], body: object) -> dict[str, str]:
    source, *path = fault["loc"]
    detail = _STANDARD_DETAILS.get(fault["type"], str(fault["msg"]).removeprefix("Value error, "))
    if fault["type"] == "json_invalid" or not path:
        return {"detail": "The body is not valid JSON." if path else detail}
    return _fault(_joined(_within(path, body) if source == _BODY else path), detail)


def _fault(field: str, detail: str) -> dict[str, str]:
    """One fault; the pointer is RFC 6901's spelling of the field. A header, which has dashes, has none."""
    named = {"field": field, "detail": detail}
    return named if "-" in field else named | {"pointer": "#/" + re.sub(r"[.\[]", "/", field).replace("]", "")}


def _within(path: Sequence[str | int], body: object) -> list[str | int]:
    """The path without the labels pydantic puts in for the members of a union: they are nowhere in the body."""
    found: list[str | int] = []
    for part in path:
        inner = body.get(part) if isinstance(body, dict) else None
        if isinstance(body, list) and isinstance(part, int):
            inner = body[part]
        if inner is None and part is not path[-1]:
            continue
        body = inner
        found.append(part)
    return found


def _joined(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
