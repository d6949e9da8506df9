"""The identity bureau and its sanctions list, in Prembly's protocol: HTTP 200, and `response_code` says what happened.

It knows everyone: an ordinary number belongs to whoever is asked about. So a story needs no registration first.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import Body, FastAPI, Header
from fastapi.responses import JSONResponse

from sandbox import magic

_LIST_VERSION = "sandbox-sanctions-2026-11-01"
_CODES = {
    magic.NUMBER_NOT_FOUND: "01",
    magic.NUMBER_BUREAU_DOWN: "02",
    magic.NUMBER_WALLET_EMPTY: "03",
    magic.NUMBER_BLOCKED: "07",
}
_DETAILS = {
    "00": "Verification Successful",
    "01": "Record not found",
    "02": "Verification can't be completed by this time, kindly retry later.",
    "03": "Insufficient wallet balance",
    "07": "BVN blocked",
}
_SCORES = {magic.NAME_SANCTIONED.casefold(): 97, magic.NAME_NEAR_MATCH.casefold(): 62}


class _Codes:
    """What a number is answered with; one of them depends on how often it was asked about."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def of(self, number: str) -> str:
        self._calls[number] += 1
        recovering = number == magic.NUMBER_BUREAU_RECOVERS and self._calls[number] <= magic.FAILURES_BEFORE_RECOVERY
        return "02" if recovering else _CODES.get(number, "00")


def bureau_app(api_key: str) -> FastAPI:
    app = FastAPI(title="Sandbox bureau (Prembly's protocol)")
    code_of = _Codes().of

    @app.post("/verification/cac")
    @app.post("/verification/global/company/search_with_registration_number")
    async def verify_company(
        asked: Annotated[dict[str, Any], Body()], x_api_key: Annotated[str, Header()] = ""
    ) -> JSONResponse:
        if not _is_known(x_api_key, api_key):
            return JSONResponse({"status": False, "detail": "Invalid API key"}, 401)
        given = str(asked.get("rc_number") or asked.get("company_number") or "")
        number = "".join(each for each in given if each.isalnum())
        if not number:
            return JSONResponse({"status": False, "detail": "a company number is required"}, 400)
        code = code_of(number)
        return _answer(code, _company(number, asked) if code == "00" else None, f"company|{number}")

    @app.post("/verification/{register:path}")
    async def verify(
        register: str, asked: Annotated[dict[str, Any], Body()], x_api_key: Annotated[str, Header()] = ""
    ) -> JSONResponse:
        if not _is_known(x_api_key, api_key):
            return JSONResponse({"status": False, "detail": "Invalid API key"}, 401)
        number = "".join(each for each in str(asked.get("number", "")) if each.isalnum())
        if not number:
            return JSONResponse({"status": False, "detail": "number is required"}, 400)
        code = code_of(number)
        return _answer(code, _holder(number, asked) if code == "00" else None, f"{register}|{number}")

    @app.post("/api/v1/verification/aml-screening/sanction/")
    async def screen(
        asked: Annotated[dict[str, Any], Body()], x_api_key: Annotated[str, Header()] = ""
    ) -> JSONResponse:
        if not _is_known(x_api_key, api_key):
            return JSONResponse({"status": False, "detail": "Invalid API key"}, 401)
        name = str(asked.get("name", "")).strip()
        if not name:
            return JSONResponse({"status": False, "detail": "name is required"}, 400)
        score = _SCORES.get(name.split()[-1].casefold(), 0)
        matches = [{"name": name.upper(), "score": score, "list": "SDN"}] if score else []
        return _answer("00" if matches else "01", {"list_version": _LIST_VERSION, "matches": matches}, name)

    return app


def _is_known(given: str, expected: str) -> bool:
    return compare_digest(given.encode(), expected.encode())


def _holder(number: str, asked: dict[str, Any]) -> dict[str, str]:
    if number == magic.NUMBER_OF_ANOTHER:
        return {"firstName": "Somebody", "middleName": "", "lastName": "Else", "dateOfBirth": "01-Jan-1980"}
    return {
        "firstName": str(asked.get("first_name", "")).upper(),
        "middleName": "",
        "lastName": str(asked.get("last_name", "")).upper(),
        "dateOfBirth": "01-Jan-1980",
    }


def _company(number: str, asked: dict[str, Any]) -> dict[str, str]:
    name = "Somebody Else" if number == magic.NUMBER_OF_ANOTHER else str(asked.get("company_name", ""))
    return {
        "rc_number": number,
        "company_name": name.upper(),
        "company_status": "Inactive" if number == magic.NUMBER_INACTIVE else "Active",
        "company_type": str(asked.get("company_type", "RC")),
    }


def _answer(code: str, data: Mapping[str, Any] | None, subject: str) -> JSONResponse:
    reference = hashlib.sha256(subject.encode()).hexdigest()[:24]
    status = "VERIFIED" if code == "00" else "NOT-VERIFIED"
    return JSONResponse(
        {
            "status": code == "00",
            "response_code": code,
            "detail": _DETAILS[code],
            "data": data,
            "verification": {"status": status, "reference": reference},
        }
    )
