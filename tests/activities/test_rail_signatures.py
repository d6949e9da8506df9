"""Written against the rails' documentation; the digests are made here, apart from the code."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from activities.rail_signatures import check_paystack, check_stripe, check_wise
from activities.signing import BadSignature, StaleSignature

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BODY = '{"event":"charge.success","naïve":true}'.encode()
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"  # noqa: S105 - of a test


def stripe_digest(key: bytes = SECRET.encode(), seconds: int = SECONDS, body: bytes = BODY) -> str:
    return hmac.new(key, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def stripe_header(seconds: int = SECONDS) -> str:
    return f"t={seconds},v1={stripe_digest(seconds=seconds)}"


def paystack_digest(key: str = "sk_test_1") -> str:
    return hmac.new(key.encode(), BODY, hashlib.sha512).hexdigest()


def test_paystack_signs_in_lower_hex_and_a_key_may_be_rotated() -> None:
    check_paystack("sk_test_1", paystack_digest(), BODY)
    check_paystack(["sk_test_2", "sk_test_1"], paystack_digest(), BODY)


def test_another_spelling_is_not_paystack() -> None:
    good = paystack_digest()

    for respelled in (good.upper(), good[:64], good + " ", "", "0" * len(good), "é"):
        with pytest.raises(BadSignature):
            check_paystack("sk_test_1", respelled, BODY)


def test_stripe_signs_with_the_whole_text_of_its_secret() -> None:
    check_stripe(SECRET, stripe_header(), BODY, now=NOW)

    decoded = base64.b64decode(SECRET.removeprefix("whsec_"))
    with pytest.raises(BadSignature):
        check_stripe(SECRET, f"t={SECONDS},v1={stripe_digest(decoded)}", BODY, now=NOW)


@pytest.mark.parametrize("beside", ["v1=bad,", "v0=" + "0" * 64 + ",", "v2=é,", ",", "scheme,"])
def test_one_good_signature_of_stripe_is_enough(beside: str) -> None:
    check_stripe(SECRET, f"t={SECONDS},{beside}v1={stripe_digest()}", BODY, now=NOW)
    check_stripe(["whsec_other", SECRET], f"v1={stripe_digest()},{beside}t={SECONDS}", BODY, now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={SECONDS}",
        f"v1={stripe_digest()}",
        f"t={SECONDS},v0={stripe_digest()}",
        f"t={SECONDS},v1={stripe_digest().upper()}",
        f"t={SECONDS},v1=",
        f"t={SECONDS}, v1={stripe_digest()}",
        f"t={SECONDS};v1={stripe_digest()}",
        f"t={SECONDS}.0,v1={stripe_digest()}",
        f"t=0{SECONDS},v1={stripe_digest()}",
        f"t=+{SECONDS},v1={stripe_digest()}",
        f"t= {SECONDS},v1={stripe_digest()}",
        f"t=1.7e9,v1={stripe_digest()}",
        f"t={SECONDS},t={SECONDS + 1},v1={stripe_digest()}",
        f"T={SECONDS},V1={stripe_digest()}",
        f"t={SECONDS + 1},v1={stripe_digest()}",
        f"t={'9' * 5000},v1={stripe_digest()}",
    ],
)
def test_what_stripe_would_not_send_is_not_believed(header: str) -> None:
    with pytest.raises(BadSignature):
        check_stripe(SECRET, header, BODY, now=NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_stripe_may_be_five_minutes_off(seconds: int) -> None:
    check_stripe(SECRET, stripe_header(SECONDS + seconds), BODY, now=NOW)

    with pytest.raises(StaleSignature):
        check_stripe(SECRET, stripe_header(SECONDS + seconds), BODY, now=NOW - timedelta(seconds=seconds / 300))
    with pytest.raises(StaleSignature):
        check_stripe(SECRET, stripe_header(SECONDS + seconds), BODY, now=NOW, tolerance=timedelta(seconds=299))


@pytest.mark.parametrize("secret", ["", ["sk_test_1", ""], [""]])
def test_an_empty_key_believes_nobody(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="not set"):
        check_paystack(secret, paystack_digest(""), BODY)
    with pytest.raises(ValueError, match="not set"):
        check_stripe(secret, f"t={SECONDS},v1={stripe_digest(b'')}", BODY, now=NOW)


@pytest.fixture(scope="module")
def wise() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPublicKey | ec.EllipticCurvePublicKey, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return key.public_bytes(Encoding.PEM, form).decode()


def wise_signature(key: RSAPrivateKey, body: bytes = BODY, algorithm: HashAlgorithm | None = None) -> str:
    return base64.b64encode(key.sign(body, padding.PKCS1v15(), algorithm or SHA256())).decode()


def test_wise_signs_with_its_own_key(wise: RSAPrivateKey) -> None:
    for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        check_wise(pem(wise.public_key(), form), wise_signature(wise), BODY)


def test_what_wise_did_not_sign_is_not_believed(wise: RSAPrivateKey) -> None:
    good, key = wise_signature(wise), pem(wise.public_key())
    salted = wise.sign(BODY, padding.PSS(padding.MGF1(SHA256()), padding.PSS.MAX_LENGTH), SHA256())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    for signature in (
        "",
        "é",
        good[:-4],
        good.rstrip("="),
        good[:-3] + chr(ord(good[-3]) + 1) + "==",  # the same bytes in another spelling
        good + "\n",
        good.replace("+", "-").replace("/", "_") + "-",
        wise_signature(wise, BODY + b"\n"),
        wise_signature(wise, algorithm=SHA1()),  # noqa: S303 - refused
        base64.b64encode(salted).decode(),
        wise_signature(stranger),
        base64.b64encode(b"\0" * 256).decode(),
        base64.b64encode(b"\xff" * 256).decode(),
    ):
        with pytest.raises(BadSignature):
            check_wise(key, signature, BODY)


def test_a_key_of_wise_is_a_public_one_of_rsa(wise: RSAPrivateKey) -> None:
    private = wise.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    curve = pem(ec.generate_private_key(ec.SECP256R1()).public_key())

    for key in ("", "key", private, curve, pem(wise.public_key())[:-40], "\ud800"):
        with pytest.raises(ValueError, match="public key"):
            check_wise(key, wise_signature(wise), BODY)
