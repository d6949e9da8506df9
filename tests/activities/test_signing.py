import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from activities.signing import BadSignature, StaleSignature, new_secret, sign, signed_headers, verify

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SECRET = new_secret(b"a lender's very own secret.")
OTHER = new_secret(b"somebody else's own secret..")
BODY = b'{"leadId":"lead_1"}'


@given(
    entropy=st.binary(min_size=24, max_size=64),
    message_id=st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True),
    body=st.text(),
)
def test_we_sign_as_the_reference_library_does(entropy: bytes, message_id: str, body: str) -> None:
    secret = new_secret(entropy)

    ours = sign(secret, message_id, int(NOW.timestamp()), body.encode("utf-8", "replace"))

    assert ours == Webhook(secret).sign(message_id, NOW, body.encode("utf-8", "replace").decode())


def test_the_reference_library_accepts_what_we_send() -> None:
    now = datetime.now(UTC)

    Webhook(SECRET).verify(BODY, signed_headers(SECRET, "evt_1", now, BODY))


def test_we_accept_what_the_reference_library_sends() -> None:
    headers = {
        "Webhook-Id": "evt_1",
        "Webhook-Timestamp": str(int(NOW.timestamp())),
        "Webhook-Signature": Webhook(SECRET).sign("evt_1", NOW, BODY.decode()),
    }

    verify(SECRET, headers, BODY, now=NOW)


def test_the_older_header_is_the_hmac_of_the_body_under_the_secret_as_printed() -> None:
    headers = signed_headers("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "evt_1", NOW, BODY)

    assert headers["x-caas-signature"] == ("sha256=43cb2808e88ff23380b08cb1bf2106548b7d7d8f4ab0d0d5c159146ec17a879a")


def test_a_secret_being_rotated_out_is_still_known() -> None:
    headers = signed_headers(OTHER, "evt_1", NOW, BODY)

    verify([SECRET, OTHER], headers, BODY, now=NOW)


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)
    headers["webhook-signature"] = f"v1a,AAAA v1,wrong  {headers['webhook-signature']} v1"

    verify(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_five_minutes_either_way_are_tolerated(minutes: int) -> None:
    headers = signed_headers(SECRET, "evt_1", NOW + timedelta(minutes=minutes), BODY)

    verify(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_message_of_another_time_is_stale(seconds: int) -> None:
    headers = signed_headers(SECRET, "evt_1", NOW + timedelta(seconds=seconds), BODY)

    with pytest.raises(StaleSignature):
        verify(SECRET, headers, BODY, now=NOW)


def test_a_signature_with_another_secret_is_bad_however_old() -> None:
    headers = signed_headers(OTHER, "evt_1", NOW - timedelta(days=1), BODY)

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_every_signed_part_counts(changed: str) -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)
    headers[changed] = headers[changed][:-1] + ("2" if headers[changed][-1] != "2" else "3")

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, now=NOW)


def test_a_changed_body_is_noticed() -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY + b" ", now=NOW)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)
    del headers[missing]

    with pytest.raises(BadSignature) as refused:
        verify(SECRET, headers, BODY, now=NOW)

    assert refused.value.field == missing


@pytest.mark.parametrize(
    "sloppy", ["{t}.0", " {t}", "{t} ", "+{t}", "0{t}", "1.77e9", "-{t}", "٣{t}", "9" * 5000, "nan"]
)
def test_a_timestamp_is_whole_seconds_and_nothing_else(sloppy: str) -> None:
    timestamp = sloppy.replace("{t}", str(int(NOW.timestamp())))
    headers = signed_headers(SECRET, "evt_1", NOW, BODY) | {"webhook-timestamp": timestamp}

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, now=NOW)


def test_an_id_with_a_dot_could_be_read_as_another_message() -> None:
    timestamp = int(NOW.timestamp())
    headers = {
        "webhook-id": "evt.1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": Webhook(SECRET).sign("evt.1", NOW, BODY.decode()),
    }

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, now=NOW)
    with pytest.raises(ValueError, match="dot"):
        sign(SECRET, "evt.1", timestamp, BODY)


@given(
    headers=st.fixed_dictionaries(
        {},
        optional={
            "webhook-id": st.text(),
            "webhook-timestamp": st.text() | st.integers().map(str) | st.just(str(int(NOW.timestamp()))),
            "webhook-signature": st.text() | st.text("v1,a =", max_size=30),
        },
    ),
    body=st.binary(),
)
def test_no_header_makes_us_stumble(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises((BadSignature, StaleSignature)):
        verify(SECRET, headers, body, now=NOW)


def test_a_secret_is_random_enough_and_readable_back() -> None:
    entropy = bytes(range(24))

    assert base64.b64decode(new_secret(entropy).removeprefix("whsec_")) == entropy
    for length in (23, 65):
        with pytest.raises(ValueError, match="24 to 64"):
            new_secret(bytes(length))


@pytest.mark.parametrize("broken", ["whsec_", "whsec_%%%", "", "whsec_abc"])
def test_a_secret_that_is_none_is_our_own_mistake(broken: str) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        sign(broken, "evt_1", 1, BODY)
