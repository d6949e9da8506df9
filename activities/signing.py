"""Signatures on what crosses the border: Standard Webhooks 1.0.0, and the older `x-caas-signature` beside it.

    webhook-id          the same on every attempt: the receiver's idempotency key
    webhook-timestamp   whole unix seconds of this attempt
    webhook-signature   "v1," or "v1a," + base64(signature of "{id}.{timestamp}.{body}"), several separated by spaces
    x-caas-signature    "sha256=" + hex(HMAC-SHA256(secret as it is printed, body)): no time in it, so it proves less

No HTTP client is imported here: the API verifies inbound callbacks with the same code that signs outbound ones.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from activities.signing_keys import SECRET_PREFIX, VerificationKey, new_secret, signing_key, verification_key
from models.errors import Refused

__all__ = [
    "SECRET_PREFIX",
    "TOLERANCE",
    "BadSignature",
    "StaleSignature",
    "Unsignable",
    "header_of",
    "new_secret",
    "require_recent",
    "sign",
    "signed_headers",
    "verify",
]

TOLERANCE = timedelta(minutes=5)

_MESSAGE_ID = re.compile(r"[!-\-/-~]+")  # what is visible in ASCII, and no dot
_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_TIMESTAMP_LIMIT = 10**12


class BadSignature(Refused):
    """The message does not carry a signature made with a secret we know."""


class StaleSignature(Refused):
    """The signature is good, but of another time: perhaps a replay."""


class Unsignable(ValueError):
    """Signed, this could be read as another message. `field` says what is wrong with it."""

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: `v1` with a `whsec_` secret, `v1a` with a `whsk_` one."""
    if not _MESSAGE_ID.fullmatch(message_id):
        # The signed text is joined by dots: an id with one in it could be read as another id and time.
        raise Unsignable("a message id is visible ASCII, not empty, and has no dot in it", "msg_id")
    if not 0 <= timestamp < _TIMESTAMP_LIMIT:
        raise Unsignable("a timestamp is whole unix seconds, not before 1970 and not milliseconds", "timestamp")
    key = signing_key(secret)
    return f"{key.version}," + base64.b64encode(key.sign(_content(message_id, timestamp, body))).decode()


def signed_headers(secrets: str | Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Signed with each of the secrets, the current one first: while one is rotated out, either may be known."""
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    timestamp = int(at.timestamp())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in known),
    }
    shared = [secret for secret in known if secret.startswith(SECRET_PREFIX)]
    if shared:
        # The older header has room for one, and no way to be verified with a public key.
        digest = hmac.new(shared[0].encode(), body, hashlib.sha256).hexdigest()
        headers["x-caas-signature"] = f"sha256={digest}"
    return headers


def verify(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Return only if one of the secrets signed this body at about this time.

    Whatever a stranger puts into the headers ends in `BadSignature` or `StaleSignature`, never in another exception:
    a receiver that answers 500 to nonsense invites more of it.
    """
    keys = [verification_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    message_id, timestamp, signatures = _read(headers)

    content = _content(message_id, timestamp, body)
    # Every pair is compared, in constant time each, so that the time taken says nothing about how close a guess was.
    matches = [_matches(key, signature, content) for key in keys for signature in signatures]
    if not any(matches):
        raise BadSignature("No signature on this message was made with a secret we know.", "webhook-signature")

    require_recent(timestamp, now, tolerance, "webhook-timestamp")


def header_of(headers: Mapping[str, str], name: str) -> str:
    """The one value of a header, however its name is capitalized.

    Said twice and differently, it is refused: what we verify and what another program behind us reads may differ.
    """
    values = {value for each, value in headers.items() if each.lower() == name}
    value = values.pop() if len(values) == 1 else ""
    if not value or not value.isascii():
        raise BadSignature(f"The header {name} is missing, unreadable or said twice.", name)
    return value


def require_recent(timestamp: int, now: datetime, tolerance: timedelta, header: str) -> None:
    """Refuse what was signed too far from now, in either direction; the limit itself is within."""
    if abs(now.timestamp() - timestamp) > tolerance.total_seconds():
        raise StaleSignature("This message was signed too long ago, or in the future.", header)


def _read(headers: Mapping[str, str]) -> tuple[str, int, list[str]]:
    message_id = header_of(headers, "webhook-id")
    timestamp = header_of(headers, "webhook-timestamp")
    signatures = header_of(headers, "webhook-signature")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise BadSignature("A webhook-id is visible ASCII and has no dot in it.", "webhook-id")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("A webhook-timestamp is whole unix seconds.", "webhook-timestamp")
    return message_id, int(timestamp), signatures.split(" ")


def _matches(key: VerificationKey, signature: str, content: bytes) -> bool:
    """Whether this is the key's signature, in the one spelling it has; what cannot be read at all is none."""
    version, _, encoded = signature.partition(",")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    is_canonical = base64.b64encode(digest).decode() == encoded
    return key.version == version and is_canonical and key.knows(digest, content)


def _content(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body
