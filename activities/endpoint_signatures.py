"""The headers of a webhook: one signature for every secret its endpoint has, symmetric (v1) or Ed25519 (v1a)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activities.signing import SECRET_PREFIX, new_secret, sign

PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"
_KEY_BYTES = 32


def headers_for(secrets: Iterable[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Sign with all of them: whoever rotates accepts the old one or the new one, and misses nothing.

    The older `x-caas-signature` knows one secret only: the newest symmetric one, which comes first.
    """
    known, timestamp = list(secrets), int(at.timestamp())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(each, message_id, timestamp, body) for each in known),
    }
    symmetric = next((each for each in known if each.startswith(SECRET_PREFIX)), None)
    if symmetric:
        headers["x-caas-signature"] = "sha256=" + hmac.new(symmetric.encode(), body, hashlib.sha256).hexdigest()
    return headers


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature that this kind of secret makes."""
    if not secret.startswith(PRIVATE_PREFIX):
        return sign(secret, message_id, timestamp, body)
    signed = _private_key(secret).sign(f"{message_id}.{timestamp}.".encode() + body)
    return "v1a," + base64.b64encode(signed).decode()


def new_secret_of(scheme: str, entropy: bytes) -> tuple[str, str | None]:
    """A secret for `v1` or `v1a`, and the public key that goes with the latter."""
    if scheme == "v1":
        return new_secret(entropy), None
    key = Ed25519PrivateKey.from_private_bytes(entropy)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return PRIVATE_PREFIX + base64.b64encode(entropy).decode(), PUBLIC_PREFIX + public


def _private_key(secret: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(
            base64.b64decode(secret.removeprefix(PRIVATE_PREFIX), validate=True)[:_KEY_BYTES]
        )
    except (binascii.Error, ValueError) as error:
        raise ValueError("a private signing key is whsk_ followed by base64 of 32 bytes") from error
