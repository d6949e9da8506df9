"""The three commands for integrators: one answer a case, whatever stands in it."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from activities.signing_keys import new_key_pair, new_secret
from workers.cases.files import answers
from workers.cases.webhook import checked, rejected, signed, verified

SECRET = new_secret(b"a lender's very own secret.")
PRIVATE, PUBLIC = new_key_pair(bytes(range(32)))
NOW = 1_794_000_000
MESSAGE: dict[str, Any] = {
    "id": "S1",
    "scheme": "v1",
    "secret": SECRET,
    "msg_id": "msg_1",
    "timestamp": NOW,
    "body": '{"naïve":"☃"}',
}


def written(tmp_path: Path, *cases: Any) -> str:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    return str(file)


def signatures(tmp_path: Path, *cases: Any) -> list[Any]:
    found: list[Any] = json.loads(answers(written(tmp_path, *cases), signed))
    return found


def verdicts(tmp_path: Path, *cases: Any) -> list[Any]:
    found: list[Any] = json.loads(answers(written(tmp_path, *cases), verified, rejected))
    return found


def received(signature: str, **changed: Any) -> dict[str, Any]:
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(NOW), "Webhook-Signature": signature}
    return {"id": "V1", "now": NOW, "secret": SECRET, "headers": headers, "body": MESSAGE["body"]} | changed


def test_what_is_signed_is_verified_in_both_schemes(tmp_path: Path) -> None:
    shared, private = signatures(
        tmp_path, MESSAGE, MESSAGE | {"scheme": "v1a", "secret": PRIVATE, "timestamp": f"{NOW}"}
    )

    assert (shared["id"], shared["signature"][:3], private["signature"][:4]) == ("S1", "v1,", "v1a,")
    for secret, scheme, signature in (
        (SECRET, None, shared["signature"]),
        (SECRET, "v1", shared["signature"]),
        ([PUBLIC, SECRET], "standard", shared["signature"]),
        (PUBLIC, "v1a", private["signature"]),
        (PUBLIC, None, f"{shared['signature']} {private['signature']}"),
    ):
        (verdict,) = verdicts(tmp_path, received(signature, secret=secret, scheme=scheme))
        assert (verdict["id"], verdict["result"]) == ("V1", "accept")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("timestamp", value)
            for value in (-1, 1794000000.5, "1794000000.0", "1.794e9", " 1794000000", "", True, None)
        ),
        *(("timestamp", value) for value in ("01794000000", "-5", "now", [NOW], 1794000000000)),
        *(("msg_id", value) for value in ("", "msg.1", "msg 1", "mßg", "msg\n", 7, None)),
        *(("body", value) for value in ({"a": 1}, None, 7, "\ud800")),
        *(("secret", value) for value in ("", "whsec_%%%", PRIVATE, PUBLIC, [SECRET], None)),
        *(("scheme", value) for value in ("v2", "V1", "v1a", "", None, ["v1"])),
    ],
    ids=repr,
)
def test_what_could_be_read_in_two_ways_is_not_signed(tmp_path: Path, field: str, value: Any) -> None:
    answer, beside = signatures(tmp_path, MESSAGE | {field: value}, MESSAGE | {"id": "S2"})

    assert set(answer) == {"id", "error"}
    assert ("secret" if (field, value) == ("scheme", "v1a") else field) in answer["error"]
    assert "signature" in beside


def test_a_whole_number_with_a_point_is_no_timestamp(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([MESSAGE]).replace(str(NOW), f"{NOW}.0"))

    (answer,) = json.loads(answers(str(file), signed))

    assert answer == {"id": "S1", "error": "timestamp 1794000000.0 is not in whole unix seconds."}


@pytest.mark.parametrize(
    "now", [NOW + 300, NOW - 300, str(NOW), f"{NOW}.0", "2026-11-06T21:20:00Z", "2026-11-06T22:20:00+01:00"]
)
def test_now_is_seconds_or_iso_8601(tmp_path: Path, now: Any) -> None:
    (signature,) = signatures(tmp_path, MESSAGE)

    (verdict,) = verdicts(tmp_path, received(signature["signature"], now=now))

    assert verdict["result"] == "accept"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"now": NOW + 301}, "timestamp"),
        ({"now": NOW + 10, "tolerance": 9}, "timestamp"),
        ({"now": NOW + 1, "tolerance": 0}, "timestamp"),
        ({"tolerance": -1}, "tolerance"),
        ({"tolerance": "a while"}, "tolerance"),
        ({"now": None}, "now"),
        ({"now": "noon"}, "now"),
        ({"now": True}, "now"),
        ({"now": 10**15}, "now"),
        ({"secret": []}, "secret"),
        ({"secret": None}, "secret"),
        ({"secret": PRIVATE}, "secret"),
        ({"secret": PUBLIC}, "signature"),
        ({"secret": PUBLIC, "scheme": "v1"}, "secret"),
        ({"scheme": "v1a"}, "secret"),
        ({"scheme": "hotmail"}, "scheme"),
        ({"headers": None}, "headers"),
        ({"headers": [1]}, "headers"),
        ({"headers": {}}, "webhook-id"),
        ({"body": None}, "body"),
        ({"body": {"naïve": "☃"}}, "body"),
        ({"body": ""}, "signature"),
    ],
    ids=repr,
)
def test_a_message_not_to_be_believed_is_rejected_by_name(tmp_path: Path, changed: Any, named: str) -> None:
    (signature,) = signatures(tmp_path, MESSAGE)
    good = received(signature["signature"])

    wrong, beside = verdicts(tmp_path, good | changed, good)

    assert (wrong["result"], beside["result"]) == ("reject", "accept")
    assert named in wrong["reason"]


def test_an_empty_body_can_be_signed(tmp_path: Path) -> None:
    (signature,) = signatures(tmp_path, MESSAGE | {"body": ""})

    assert verdicts(tmp_path, received(signature["signature"], body=""))[0]["result"] == "accept"


def rails() -> dict[str, dict[str, Any]]:
    """A good webhook of each rail."""
    body = '{"event":"charge.success"}'
    raw, key = body.encode(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    stripe = hmac.new(SECRET.encode(), f"{NOW}.{body}".encode(), hashlib.sha256).hexdigest()
    paystack = hmac.new(b"sk_test_1", raw, hashlib.sha512).hexdigest()
    wise = base64.b64encode(key.sign(raw, padding.PKCS1v15(), SHA256())).decode()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        "paystack": {"secret": "sk_test_1", "headers": {"X-Paystack-Signature": paystack}, "body": body},
        "stripe": {"secret": SECRET, "now": NOW, "headers": {"Stripe-Signature": f"t={NOW},v1={stripe}"}, "body": body},
        "wise": {"public_key_pem": pem, "headers": {"X-Signature-SHA256": wise}, "body": body},
    }


def test_webhooks_of_rails_are_verified_each_in_its_way(tmp_path: Path) -> None:
    for scheme, good in rails().items():
        case = good | {"id": scheme, "scheme": scheme}

        accepted, changed, bare, other = verdicts(
            tmp_path,
            case,
            case | {"body": good["body"] + " "},
            case | {"headers": {}},
            case | {"scheme": "wise" if scheme == "paystack" else "paystack"},
        )

        assert (accepted["id"], accepted["result"]) == (scheme, "accept")
        assert [each["result"] for each in (changed, bare, other)] == ["reject"] * 3
        assert next(iter(good["headers"])).lower() in bare["reason"]


def test_a_rail_has_a_tolerance_where_it_says_a_time(tmp_path: Path) -> None:
    case = rails()["stripe"] | {"scheme": "stripe", "now": NOW + 600}

    late, tolerated = verdicts(tmp_path, case, case | {"tolerance": 600})

    assert (late["result"], tolerated["result"]) == ("reject", "accept")


def test_urls_are_judged_by_what_can_be_said_without_dns(tmp_path: Path) -> None:
    cases = [{"id": 1, "url": "https://hooks.example.com/caas"}, {"id": 2, "url": "https://127.1/"}, {"id": 3}, 7]

    found = json.loads(answers(written(tmp_path, *cases, {"id": 5, "url": ["https://a.example"]}), checked, rejected))

    assert [(each["id"], each["result"]) for each in found] == [
        (1, "accept"),
        (2, "reject"),
        (3, "reject"),
        (None, "reject"),
        (5, "reject"),
    ]
    assert all("url" in each["reason"].lower() for each in (found[1], found[2], found[4]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = [
    "id",
    "now",
    "scheme",
    "secret",
    "headers",
    "body",
    "tolerance",
    "public_key_pem",
    "msg_id",
    "timestamp",
    "url",
]


@given(
    field=st.sampled_from(_FIELDS),
    value=_JSON,
    scheme=st.sampled_from([None, "v1", "v1a", "paystack", "stripe", "wise"]),
)
def test_no_value_of_a_field_spoils_the_other_cases(
    field: str, value: Any, scheme: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cases")
    case = MESSAGE | received("v1,AAAA") | {"scheme": scheme, field: value}

    (answer,) = signatures(folder, case)
    (verdict,) = verdicts(folder, case)

    assert set(answer) in ({"id", "signature"}, {"id", "error"})
    assert (set(verdict), verdict["result"]) == ({"id", "result", "reason"}, "reject")
