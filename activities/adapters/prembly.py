"""Prembly's identity registers, company registers and sanctions screening.

Prembly answers nearly everything with HTTP 200; `response_code` says what happened:

    00 found    01 not found    02 the register is down    03 our wallet is empty    07 the number is blocked
"""

from datetime import date
from typing import Any

import httpx2

from activities.kyc import (
    BureauDown,
    BureauNeedsOperator,
    CompanyResult,
    IdentityResult,
    ScreeningOutcome,
    ScreeningResult,
    UnsupportedIdentity,
    company_names_match,
    names_match,
)

_REGISTERS = {
    "bvn": "/verification/bvn",
    "nin": "/verification/vnin-basic",
    "phone_number": "/verification/phone_number",
    "drivers_license": "/verification/drivers_license/advance",
    "passport": "/verification/national_passport",
    "tin": "/verification/global/tin-check",
}
# Nigeria's Corporate Affairs Commission; every other country's register is searched through one door.
_CAC = "/verification/cac"
_OTHER_COMPANIES = "/verification/global/company/search_with_registration_number"
_CAC_KINDS = ("RC", "BN", "IT")
_IN_BUSINESS = frozenset({"", "active", "registered", "live", "good standing", "in good standing"})
_SANCTIONS = "/api/v1/verification/aml-screening/sanction/"
_FOUND, _NOT_FOUND, _DOWN, _UNFUNDED = "00", "01", "02", "03"
_REASONS = {_NOT_FOUND: "not_found", "07": "blocked"}
_BAD_INPUT = {400, 422}
_BAD_KEY = {401, 403}
_NAME_FIELDS = ("firstName", "middleName", "lastName", "first_name", "middle_name", "last_name", "surname")
# Below this, a list's fuzzy match is a namesake more often than the person; what it found is kept either way.
_HIT_SCORE = 85


class _Rejected(BureauDown):
    """A number that is none ends an application; a screening that is refused must not let it pass."""


class Prembly:
    """An `IdentityBureau`, a `CompanyRegister` and a `SanctionsList`."""

    def __init__(self, client: httpx2.AsyncClient, url: str, api_key: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = {"x-api-key": api_key}

    async def verify(self, kind: str, number: str, first_name: str, last_name: str) -> IdentityResult:
        if kind not in _REGISTERS:
            raise UnsupportedIdentity(f"There is no register for {kind}; there are {', '.join(_REGISTERS)}.", "kind")
        # Only some registers compare names themselves; the others ignore them, so the comparison below is ours.
        asked = {"number": number, "first_name": first_name, "last_name": last_name}
        try:
            answer = await self._ask(_REGISTERS[kind], asked)
        except _Rejected:
            return IdentityResult(verified=False, reason="invalid_number", reference="", name_match=False)
        reference = _reference(answer)
        code = answer.get("response_code")
        if code == _FOUND:
            matches = names_match(first_name, last_name, *_names(answer.get("data")))
            return IdentityResult(matches, None if matches else "name_mismatch", reference, matches)
        if code not in _REASONS:
            raise BureauDown(f"the bureau answered with an unknown code: {code}")
        return IdentityResult(verified=False, reason=_REASONS[code], reference=reference, name_match=False)

    async def verify_company(self, number: str, country: str, name: str) -> CompanyResult:
        path, asked = _company_question(number, country, name)
        try:
            answer = await self._ask(path, asked)
        except _Rejected:
            return CompanyResult(verified=False, reason="invalid_number", reference="")
        code = answer.get("response_code")
        if code != _FOUND and code not in _REASONS:
            raise BureauDown(f"the company register answered with an unknown code: {code}")
        reason = _doubt_about(_company_in(answer), name) if code == _FOUND else _REASONS[code]
        return CompanyResult(verified=reason is None, reason=reason, reference=_reference(answer))

    async def screen(self, name: str, birth_date: date | None) -> ScreeningResult:
        asked = {"name": name} | ({"date_of_birth": birth_date.isoformat()} if birth_date else {})
        answer = await self._ask(_SANCTIONS, asked)
        if answer.get("response_code") not in {_FOUND, _NOT_FOUND}:
            # Nobody passes a screening that did not take place.
            raise BureauDown(f"the screening was not answered: {answer.get('detail')}")
        data = answer.get("data")
        data = data if isinstance(data, dict) else {}
        found = [each for each in data.get("matches", []) if isinstance(each, dict)]
        score = max((int(each["score"]) for each in found), default=0)
        return ScreeningResult(
            outcome=ScreeningOutcome.HIT if score >= _HIT_SCORE else ScreeningOutcome.CLEAR,
            score=score,
            list_version=str(data.get("list_version", "")),
            matches=tuple(f"{each.get('name')} ({each.get('list')})" for each in found),
        )

    async def _ask(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        try:
            response = await self._client.post(self._url + path, headers=self._headers, json=asked)
        except httpx2.TransportError as error:
            raise BureauDown(f"the bureau cannot be reached: {type(error).__name__}") from error
        if response.status_code in _BAD_KEY:
            raise BureauNeedsOperator("The identity bureau refuses our API key: set CAAS_KYC_API_KEY.")
        if response.status_code in _BAD_INPUT:
            raise _Rejected("the bureau takes the request for nonsense")
        if not response.is_success:
            raise BureauDown(f"the bureau answered {response.status_code}")
        answer = _json_object(response)
        if answer.get("response_code") == _DOWN:
            raise BureauDown("the bureau's register is down")
        if answer.get("response_code") == _UNFUNDED:
            raise BureauNeedsOperator("The identity bureau's wallet is empty: top it up, applications are waiting.")
        return answer


def _json_object(response: httpx2.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise BureauDown("the bureau's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise BureauDown("the bureau's answer is not an object")
    return answer


def _reference(answer: dict[str, Any]) -> str:
    verification = answer.get("verification")
    return str(verification.get("reference", "")) if isinstance(verification, dict) else ""


def _company_question(number: str, country: str, name: str) -> tuple[str, dict[str, str]]:
    if country != "NG":
        return _OTHER_COMPANIES, {"company_number": number, "country_code": country.lower(), "company_name": name}
    spelled = number.upper().replace(" ", "").replace("-", "")
    kind = next((each for each in _CAC_KINDS if spelled.startswith(each)), _CAC_KINDS[0])
    return _CAC, {"rc_number": spelled.removeprefix(kind), "company_type": kind, "company_name": name}


def _company_in(answer: dict[str, Any]) -> dict[str, Any]:
    """The company found; a search answers with a list, of which the first is the nearest."""
    data = answer.get("data")
    first = data[0] if isinstance(data, list) and data else data
    return first if isinstance(first, dict) else {}


def _doubt_about(company: dict[str, Any], name: str) -> str | None:
    if not company_names_match(name, str(company.get("company_name", ""))):
        return "name_mismatch"
    is_in_business = str(company.get("company_status") or "").strip().casefold() in _IN_BUSINESS
    return None if is_in_business else "inactive"


def _names(data: object) -> list[str]:
    if not isinstance(data, dict):
        return []
    return [value for name in _NAME_FIELDS if isinstance(value := data.get(name), str)]
