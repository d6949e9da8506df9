"""What every answer of Paystack has in common: the envelope, how it refuses, how it names and dates things."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import JSONResponse


class Declined(Exception):
    """What Paystack answers with `status: false`."""

    def __init__(self, status_code: int, message: str, code: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.code = code


class AnswerWithheld(Exception):
    """The gateway in front of the rail gives up waiting, whatever the rail did meanwhile."""


def accepted(message: str, data: Any, status_code: int = 200) -> JSONResponse:
    return JSONResponse({"status": True, "message": message, "data": data}, status_code)


def declined(refusal: Declined) -> JSONResponse:
    content = {"status": False, "message": refusal.message, "type": "validation_error", "code": refusal.code}
    return JSONResponse(content, refusal.status_code)


def code_of(prefix: str, text: str) -> str:
    """The same thing has the same code, also after a restart without a state file."""
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:15]}"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
