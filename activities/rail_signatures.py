"""How payment rails sign what they post to us; each has a way of its own.

Paystack   x-paystack-signature   hex(HMAC-SHA512(secret key, body)); no time, so a replay looks like a retry
Stripe     stripe-signature       "t=seconds,v1=hex(HMAC-SHA256(whole whsec_ text, "seconds.body"))", v1 repeated
                                  while a secret is rotated; other schemes are for tests and prove nothing
Wise       x-signature-sha256     base64(RSA PKCS#1 v1.5 with SHA-256, body), with a key of Wise
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from activities.signing import TOLERANCE, BadSignature, require_recent
from activities.signing_keys import InvalidSecret

PAYSTACK_HEADER = "x-paystack-signature"
STRIPE_HEADER = "stripe-signature"
WISE_HEADER = "x-signature-sha256"

_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)


def check_paystack(secrets: str | Iterable[str], signature: str, body: bytes) -> None:
    digests = [hmac.new(key, body, hashlib.sha512).hexdigest() for key in _keys(secrets)]
    _require_match(digests, [signature], PAYSTACK_HEADER)


def check_stripe(
    secrets: str | Iterable[str], header: str, body: bytes, *, now: datetime, tolerance: timedelta = TOLERANCE
) -> None:
    timestamp, signatures = _stripe_parts(header)
    content = f"{timestamp}.".encode() + body
    digests = [hmac.new(key, content, hashlib.sha256).hexdigest() for key in _keys(secrets)]
    _require_match(digests, signatures, STRIPE_HEADER)
    require_recent(timestamp, now, tolerance, STRIPE_HEADER)


def check_wise(public_key_pem: str, signature: str, body: bytes) -> None:
    key = _rsa_key(public_key_pem)
    try:
        decoded = base64.b64decode(signature, validate=True)
        if base64.b64encode(decoded).decode() != signature:
            raise BadSignature("The signature is not base64.", WISE_HEADER)
        key.verify(decoded, body, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadSignature("This webhook was not signed by the rail.", WISE_HEADER) from error


def _keys(secrets: str | Iterable[str]) -> list[bytes]:
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    if not all(known):
        # An empty key would verify what anyone can sign.
        raise InvalidSecret("the rail's secret key is not set")
    return [secret.encode() for secret in known]


def _require_match(digests: list[str], signatures: list[str], header: str) -> None:
    """Compared as the text it is: the rails write lower case, and a second spelling is not theirs."""
    matches = [
        hmac.compare_digest(digest.encode(), signature.encode("utf-8", "replace"))
        for digest in digests
        for signature in signatures
    ]
    if not any(matches):
        raise BadSignature("This webhook was not signed by the rail.", header)


def _stripe_parts(header: str) -> tuple[int, list[str]]:
    items = [each.partition("=") for each in header.split(",")]
    times = [value for name, _, value in items if name == "t"]
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]):
        raise BadSignature("A Stripe-Signature has one t=, in whole unix seconds.", STRIPE_HEADER)
    return int(times[0]), [value for name, _, value in items if name == "v1"]


def _rsa_key(pem: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidSecret("the rail's public key is not readable PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise InvalidSecret("the rail's public key is not one of RSA")
    return key
