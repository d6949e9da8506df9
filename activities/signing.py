"""Signatures on what crosses the border: Standard Webhooks 1.0.0, and the older `x-caas-signature` beside it.

    webhook-id          the same on every attempt: the receiver's idempotency key
    webhook-timestamp   whole unix seconds of this attempt
    webhook-signature   "v1," + base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}")), several separated by spaces
    x-caas-signature    "sha256=" + hex(HMAC-SHA256(secret as it is printed, body)): no time in it, so it proves less

No HTTP client is imported here: the API verifies inbound callbacks with the same code that signs outbound ones.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from models.errors import Refused

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
TOLERANCE = timedelta(minutes=5)

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_ENTROPY_BYTES = range(24, 65)


class BadSignature(Refused):
    """The message does not carry a signature made with a secret we know."""


class StaleSignature(Refused):
    """The signature is good, but of another time: perhaps a replay."""


def new_secret(entropy: bytes) -> str:
    if len(entropy) not in _ENTROPY_BYTES:
        raise ValueError(f"a signing secret has 24 to 64 random bytes, not {len(entropy)}")
    return SECRET_PREFIX + base64.b64encode(entropy).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of one `v1` signature."""
    if not message_id or "." in message_id:
        # The signed text is joined by dots: an id with one in it could be read as another id and time.
        raise ValueError(f"a message id is not empty and has no dot in it: {message_id!r}")
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
        "x-caas-signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


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
    message_id, timestamp, signatures = _read(headers)

    known = [secrets] if isinstance(secrets, str) else secrets
    expected = [sign(secret, message_id, timestamp, body).encode() for secret in known]
    # Every pair is compared, in constant time each, so that the time taken says nothing about how close a guess was.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures]
    if not any(matches):
        raise BadSignature("No signature on this message was made with a secret we know.", "webhook-signature")

    if abs(now.timestamp() - timestamp) > tolerance.total_seconds():
        raise StaleSignature("This message was signed too long ago, or in the future.", "webhook-timestamp")


def _read(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    lowered = {name.lower(): value for name, value in headers.items()}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        value = lowered.get(name, "")
        if not value or not value.isascii():
            raise BadSignature(f"The header {name} is missing or unreadable.", name)

    message_id = lowered["webhook-id"]
    if "." in message_id:
        raise BadSignature("A webhook-id has no dot in it.", "webhook-id")
    timestamp = lowered["webhook-timestamp"]
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("A webhook-timestamp is whole unix seconds.", "webhook-timestamp")
    return message_id, int(timestamp), [each.encode() for each in lowered["webhook-signature"].split(" ")]


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a signing secret is whsec_ followed by base64") from error
    if not key:
        raise ValueError("a signing secret is not empty")
    return key
