"""`caas webhook sign | verify | check-url`: what an integrator compares his own signatures and URLs with.

A secret that is none, or a field that is missing, is the case's own fault: it is refused by the field's name, and the
cases beside it are answered as if it were not there.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from activities.destinations import check_destination
from activities.rail_signatures import (
    PAYSTACK_HEADER,
    STRIPE_HEADER,
    WISE_HEADER,
    check_paystack,
    check_stripe,
    check_wise,
)
from activities.signing import TOLERANCE, Unsignable, header_of, sign, verify
from activities.signing_keys import InvalidSecret, signing_key, verification_key
from models.errors import Refusal
from workers.cases.files import Answer, Case, InvalidCase, as_number, needed

_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_STANDARD = {"standard", "v1", "v1a"}


def signed(case: Case) -> Answer:
    """The value of `webhook-signature` for this message."""
    scheme = _scheme(needed(case, "scheme"), {"v1", "v1a"})
    secret, message_id, body = _text(case, "secret"), _text(case, "msg_id"), _body(case)
    timestamp = _timestamp(needed(case, "timestamp"))
    try:
        version = signing_key(secret).version
        signature = sign(secret, message_id, timestamp, body)
    except InvalidSecret as trouble:
        raise InvalidCase(f"secret: {trouble}.", "secret") from None
    except Unsignable as trouble:
        raise InvalidCase(f"{trouble.field}: {trouble}.", trouble.field) from None
    if version != scheme:
        raise InvalidCase(f"secret: this secret signs {version}, not {scheme}.", "secret")
    return {"signature": signature}


def verified(case: Case) -> Answer:
    """Whether the message is to be believed at the time `now`."""
    scheme = _scheme("standard" if case.get("scheme") is None else case["scheme"], {*_CHECKS, *_STANDARD})
    try:
        _CHECKS.get(scheme, _check_standard)(case, _body(case))
    except InvalidSecret as trouble:
        field = "public_key_pem" if scheme == "wise" else "secret"
        raise InvalidCase(f"{field}: {trouble}.", field) from None
    return {"result": "accept", "reason": "The signature is good, and of this time as far as it names one."}


def checked(case: Case) -> Answer:
    """Whether we would post to this URL; what its name stands for is looked at again when we do."""
    check_destination(_text(case, "url"), allow_local=False)
    return {"result": "accept", "reason": "An https URL of a public host."}


def rejected(refusal: Refusal) -> Answer:
    """The answer to a case that is refused, malformed or not."""
    where = f"{refusal.field}: " if refusal.field and refusal.field.lower() not in refusal.detail.lower() else ""
    return {"result": "reject", "reason": where + refusal.detail}


def _check_standard(case: Case, body: bytes) -> None:
    secrets = _secrets(case)
    scheme = case.get("scheme")
    if scheme in {"v1", "v1a"} and any(verification_key(secret).version != scheme for secret in secrets):
        raise InvalidSecret(f"not every secret verifies {scheme}")
    verify(secrets, _headers(case), body, now=_now(case), tolerance=_tolerance(case))


def _check_paystack(case: Case, body: bytes) -> None:
    check_paystack(_secrets(case), header_of(_headers(case), PAYSTACK_HEADER), body)


def _check_stripe(case: Case, body: bytes) -> None:
    header = header_of(_headers(case), STRIPE_HEADER)
    check_stripe(_secrets(case), header, body, now=_now(case), tolerance=_tolerance(case))


def _check_wise(case: Case, body: bytes) -> None:
    check_wise(_text(case, "public_key_pem"), header_of(_headers(case), WISE_HEADER), body)


_CHECKS: dict[str, Callable[[Case, bytes], None]] = {
    "paystack": _check_paystack,
    "stripe": _check_stripe,
    "wise": _check_wise,
}


def _scheme(value: Any, choices: set[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise InvalidCase(f"scheme {value!r} is none of {', '.join(sorted(choices))}.", "scheme")
    return value


def _text(case: Case, field: str) -> str:
    return _as_text(needed(case, field), field)


def _as_text(value: Any, field: str) -> str:
    """Text that can be written as UTF-8: JSON can carry half of a surrogate pair, which no bytes stand for."""
    if not isinstance(value, str):
        raise InvalidCase(f"{field} is not text.", field)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidCase(f"{field} is no Unicode text.", field) from None
    return value


def _body(case: Case) -> bytes:
    """The raw body. An object is refused: it can be written in many ways, and a signature knows only one."""
    return _text(case, "body").encode()


def _secrets(case: Case) -> list[str]:
    value = needed(case, "secret")
    secrets = [_as_text(each, "secret") for each in (value if isinstance(value, list) else [value])]
    if not secrets:
        raise InvalidCase("secret names no secret.", "secret")
    return secrets


def _headers(case: Case) -> dict[str, str]:
    headers = needed(case, "headers")
    if not isinstance(headers, dict):
        raise InvalidCase("headers is not an object.", "headers")
    # A number is taken for its digits; what else is no text is there, and unreadable.
    return {name: str(value) if isinstance(value, str) or type(value) is int else "" for name, value in headers.items()}


def _timestamp(value: Any) -> int:
    """Whole seconds, as a number or as its digits; 1794000000.0 is neither, and would be signed as another text."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not _SECONDS.fullmatch(str(value)):
        raise InvalidCase(f"timestamp {value!s} is not in whole unix seconds.", "timestamp")
    return int(value)


def _now(case: Case) -> datetime:
    """When the message is looked at: unix seconds, or ISO 8601 (UTC if it does not say)."""
    value = needed(case, "now")
    try:
        return _moment(value)
    except (ValueError, OverflowError, OSError, InvalidCase):
        raise InvalidCase(f"now {value!s} is neither unix seconds nor an ISO 8601 time.", "now") from None


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value, re.ASCII):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(as_number(value, "now")), UTC)


def _tolerance(case: Case) -> timedelta:
    """Seconds in either direction; none at all is the shortest, not the longest."""
    if case.get("tolerance") is None:
        return TOLERANCE
    seconds = as_number(case["tolerance"], "tolerance")
    if not 0 <= seconds <= Decimal(10**9):
        raise InvalidCase(f"tolerance {seconds} is no number of seconds.", "tolerance")
    return timedelta(seconds=float(seconds))
