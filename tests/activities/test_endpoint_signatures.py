"""One message, one signature for each secret; v1a is checked with the public key alone."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from activities.endpoint_signatures import headers_for, new_secret_of
from activities.signing import verify

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
BODY = b'{"type": "test"}'


def test_every_secret_signs() -> None:
    one, _ = new_secret_of("v1", bytes(range(32)))
    other, _ = new_secret_of("v1", bytes(range(1, 33)))

    headers = headers_for([one, other], "msg_1", AT, BODY)

    for secret in (one, other):
        verify(secret, headers, BODY, now=AT)


def test_an_asymmetric_signature_is_checked_with_the_public_key() -> None:
    private, public = new_secret_of("v1a", bytes(range(32)))
    assert public is not None

    headers = headers_for([private], "msg_1", AT, BODY)

    scheme, _, signature = headers["webhook-signature"].partition(",")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    signed = f"msg_1.{int(AT.timestamp())}.".encode() + BODY
    assert scheme == "v1a"
    key.verify(base64.b64decode(signature), signed)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), signed + b" ")
    assert "x-caas-signature" not in headers, "it needs a secret that both know"


def test_mixed_schemes_sign_side_by_side() -> None:
    symmetric, _ = new_secret_of("v1", bytes(range(32)))
    private, _ = new_secret_of("v1a", bytes(range(32)))

    headers = headers_for([private, symmetric], "msg_1", AT, BODY)

    assert [each.partition(",")[0] for each in headers["webhook-signature"].split(" ")] == ["v1a", "v1"]
    assert headers["x-caas-signature"].startswith("sha256=")
    verify(symmetric, headers, BODY, now=AT)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="whsk_"):
        headers_for(["whsk_nonsense"], "msg_1", AT, BODY)
