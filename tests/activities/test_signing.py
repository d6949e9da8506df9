import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from activities.signing import BadSignature, StaleSignature, new_secret, sign, signed_headers, verify
from activities.signing_keys import new_key_pair, public_half, signing_key

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
SECRET = new_secret(b"a lender's very own secret.")
OTHER = new_secret(b"somebody else's own secret..")
PRIVATE, PUBLIC = new_key_pair(bytes(range(32)))
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


@pytest.mark.parametrize("message_id", ["evt.1", "", "évt", "evt 1", "evt\n1", "evt\0", " ", "evt_1\x7f"])
def test_an_id_that_could_be_read_as_another_message_is_neither_signed_nor_believed(message_id: str) -> None:
    timestamp = int(NOW.timestamp())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": Webhook(SECRET).sign(message_id, NOW, BODY.decode()),
    }

    with pytest.raises(BadSignature):
        verify(SECRET, headers, BODY, now=NOW)
    with pytest.raises(ValueError, match="message id"):
        sign(SECRET, message_id, timestamp, BODY)


@pytest.mark.parametrize("timestamp", [-1, 10**12])
def test_a_time_before_the_epoch_or_in_milliseconds_is_not_signed(timestamp: int) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        sign(SECRET, "evt_1", timestamp, BODY)


def test_an_asymmetric_signature_is_that_of_ed25519() -> None:
    signature = sign(PRIVATE, "evt_1", 1_772_357_400, BODY)

    assert signature.startswith("v1a,")
    raw = base64.b64decode(PUBLIC.removeprefix("whpk_"))
    Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature[4:]), b"evt_1.1772357400." + BODY)


def test_a_private_key_is_its_seed_with_or_without_its_public_half() -> None:
    seed = bytes(range(32))
    bare = "whsk_" + base64.b64encode(seed).decode()

    assert public_half(bare) == public_half(PRIVATE) == PUBLIC
    assert sign(bare, "evt_1", 1, BODY) == sign(PRIVATE, "evt_1", 1, BODY)


def test_while_keys_are_rotated_whoever_knows_one_of_them_believes() -> None:
    headers = signed_headers([SECRET, OTHER, PRIVATE], "evt_1", NOW, BODY)

    assert [each.split(",")[0] for each in headers["webhook-signature"].split(" ")] == ["v1", "v1", "v1a"]
    assert headers["x-caas-signature"] == signed_headers(SECRET, "evt_1", NOW, BODY)["x-caas-signature"]
    for known in (SECRET, OTHER, PUBLIC, [new_secret(bytes(24)), PUBLIC]):
        verify(known, headers, BODY, now=NOW)


def test_a_public_key_leaves_no_older_header() -> None:
    assert "x-caas-signature" not in signed_headers(PRIVATE, "evt_1", NOW, BODY)


def test_who_forges_a_signature_does_not_choose_how_it_is_verified() -> None:
    public = base64.b64decode(PUBLIC.removeprefix("whpk_"))
    by_public_key = signed_headers(new_secret(public), "evt_1", NOW, BODY)
    renamed = signed_headers(SECRET, "evt_1", NOW, BODY)
    renamed["webhook-signature"] = renamed["webhook-signature"].replace("v1,", "v1a,")
    downgraded = signed_headers(PRIVATE, "evt_1", NOW, BODY)
    downgraded["webhook-signature"] = downgraded["webhook-signature"].replace("v1a,", "v1,")

    for key, headers in ((PUBLIC, by_public_key), (SECRET, renamed), (PUBLIC, renamed), (PUBLIC, downgraded)):
        with pytest.raises(BadSignature):
            verify(key, headers, BODY, now=NOW)


def test_a_header_said_twice_counts_only_if_it_says_the_same() -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)

    verify(SECRET, headers | {"Webhook-Id": "evt_1"}, BODY, now=NOW)
    with pytest.raises(BadSignature, match="twice"):
        verify(SECRET, headers | {"Webhook-Id": "evt_2"}, BODY, now=NOW)
    with pytest.raises(BadSignature, match="twice"):
        verify(SECRET, {"WEBHOOK-ID": "evt_2"} | headers, BODY, now=NOW)


def good_signature() -> str:
    return sign(SECRET, "evt_1", int(NOW.timestamp()), BODY)


@pytest.mark.parametrize(
    "spelling",
    [
        "{good},",
        "{good} ,",
        "v1 {good}",
        "v1,a,b {good}",
        "garbage {good}",
        "v1,bad  {good}",
        " {good} ",
        "v2,AAAA {good}",
        "v1, {good}",
    ],
)
def test_what_stands_beside_a_good_signature_does_not_matter(spelling: str) -> None:
    headers = signed_headers(SECRET, "evt_1", NOW, BODY)
    headers["webhook-signature"] = spelling.replace("{good}", good_signature())

    if spelling.startswith("{good},"):  # a comma more, and it is another signature
        with pytest.raises(BadSignature):
            verify(SECRET, headers, BODY, now=NOW)
    else:
        verify(SECRET, headers, BODY, now=NOW)


def test_a_signature_has_one_spelling() -> None:
    good = good_signature()

    for respelled in (
        good.rstrip("="),
        good[:-2] + chr(ord(good[-2]) + 1) + "=",  # the same bytes in another spelling
        good + "=",
        good.replace("v1,", "V1,"),
        good.replace("v1,", "v1:"),
        good.replace("v1,", ""),
        good.replace("v1,", "v1,,"),
        good[:-4],
        good + "AAAA",
        good.translate(str.maketrans("+/", "-_")) + "!",
        "v1," + base64.b64decode(good[3:]).hex(),
        good.replace(",", ",\t"),
        good + "\n",
    ):
        headers = signed_headers(SECRET, "evt_1", NOW, BODY) | {"webhook-signature": respelled}
        with pytest.raises(BadSignature):
            verify(SECRET, headers, BODY, now=NOW)


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


def spelled(prefix: str, content: bytes) -> str:
    return prefix + base64.b64encode(content).decode()


@pytest.mark.parametrize(
    "broken",
    [
        "whsec_",
        "whsec_%%%",
        "",
        "whsec_abc",
        spelled("whsec_", bytes(23)),
        spelled("whsec_", bytes(65)),
        spelled("whsec_", bytes(25)) + "=",
        spelled("whsec_", bytes(24)) + "\n",
        " " + spelled("whsec_", bytes(24)),
        spelled("WHSEC_", bytes(24)),
        spelled("whsec_whsec_", bytes(24)),
        spelled("whsec_", b"\xff" * 24).replace("/", "_"),
        spelled("whpk_", bytes(32)),
        spelled("whsk_", bytes(31)),
        spelled("whsk_", bytes(33)),
        spelled("whsk_", bytes(64)),
        "whsk_",
        "whsec_é",
    ],
)
def test_a_secret_that_cannot_sign_is_our_own_mistake(broken: str) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        sign(broken, "evt_1", 1, BODY)


@pytest.mark.parametrize("broken", [PRIVATE, spelled("whpk_", bytes(31)), "whpk_", "", spelled("whsec_", bytes(16))])
def test_a_secret_that_cannot_verify_is_our_own_mistake(broken: str) -> None:
    with pytest.raises(ValueError, match="signing secret"):
        verify([SECRET, broken], signed_headers(SECRET, "evt_1", NOW, BODY), BODY, now=NOW)


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        SECRET.removeprefix("whsec_"),
        new_secret(bytes(25)).rstrip("="),
        new_secret(bytes(24)),
        new_secret(bytes(64)),
    ],
)
def test_a_secret_may_be_spelled_as_the_reference_library_allows(spelling: str) -> None:
    assert sign(spelling, "evt_1", int(NOW.timestamp()), BODY) == Webhook(spelling).sign("evt_1", NOW, BODY.decode())


def test_no_key_shows_itself() -> None:
    assert "key=" not in repr(signing_key(SECRET)) + repr(signing_key(PRIVATE))
