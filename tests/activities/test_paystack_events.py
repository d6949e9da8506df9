import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.paystack_events import UnreadableEvent, parse_webhook
from activities.rails import RailEventKind
from activities.signing import BadSignature

KEY = "sk_test_1"
CHARGE: dict[str, Any] = {
    "reference": "dep_1",
    "amount": 219_123,
    "currency": "USD",
    "paid_at": "2026-04-01T08:00:00.000Z",
    "authorization": {"receiver_bank_account_number": "9900000001"},
}


def signed(event: object) -> tuple[bytes, str]:
    raw = json.dumps(event).encode()
    return raw, hmac.new(KEY.encode(), raw, hashlib.sha512).hexdigest()


def told(data: object, event: str = "charge.success") -> tuple[bytes, str]:
    return signed({"event": event, "data": data})


def test_a_payment_names_its_account_amount_and_time() -> None:
    event = parse_webhook(*told(CHARGE), KEY)

    assert event.kind is RailEventKind.PAYMENT_RECEIVED
    assert (event.key, event.account_number) == ("charge.success:dep_1", "9900000001")
    assert (event.amount_minor, event.currency) == (219_123, "USD")
    assert str(event.occurred_at) == "2026-04-01 08:00:00+00:00"


def test_the_account_may_be_in_the_metadata_only() -> None:
    charge = CHARGE | {"authorization": {}, "metadata": {"receiver_account_number": "9900000002"}}

    assert parse_webhook(*told(charge), KEY).account_number == "9900000002"


def test_a_card_payment_arrives_on_no_account() -> None:
    assert parse_webhook(*told(CHARGE | {"authorization": None, "metadata": ""}), KEY).account_number is None


def test_a_time_without_a_zone_is_utc() -> None:
    event = parse_webhook(*told(CHARGE | {"paid_at": "2026-04-01T08:00:00"}), KEY)

    assert str(event.occurred_at) == "2026-04-01 08:00:00+00:00"


def test_a_failed_transfer_says_what_the_rail_said_and_not_its_narration() -> None:
    transfer = {"reference": "loan_1", "amount": 1, "currency": "USD", "reason": "Loan payout", "status": "failed"}

    event = parse_webhook(*told(transfer, "transfer.failed"), KEY)

    assert event.kind is RailEventKind.TRANSFER_FAILED
    assert event.reason == "the rail reports failed"


def test_an_event_of_no_interest_is_taken_and_left() -> None:
    assert parse_webhook(*told({"reference": "x"}, "subscription.create"), KEY).kind is RailEventKind.OTHER


@pytest.mark.parametrize("signature", [None, "", "0" * 128, "é", signed({"event": "other"})[1]])
def test_only_the_rail_can_sign(signature: str | None) -> None:
    with pytest.raises(BadSignature):
        parse_webhook(told(CHARGE)[0], signature, KEY)


def test_without_a_key_nothing_is_believed() -> None:
    raw = told(CHARGE)[0]

    with pytest.raises(ValueError, match="not set"):
        parse_webhook(raw, hmac.new(b"", raw, hashlib.sha512).hexdigest(), "")


@pytest.mark.parametrize(
    "nonsense",
    [
        [],
        {"event": "charge.success"},
        {"event": 7, "data": {}},
        *(
            {"event": "charge.success", "data": CHARGE | wrong}
            for wrong in (
                {"reference": ""},
                {"reference": None},
                {"amount": 0},
                {"amount": -5},
                {"amount": "219123"},
                {"amount": 2191.23},
                {"amount": True},
                {"currency": 840},
                {"paid_at": "yesterday"},
            )
        ),
    ],
)
def test_an_event_that_is_none_is_refused_with_a_sentence(nonsense: object) -> None:
    with pytest.raises(UnreadableEvent):
        parse_webhook(*signed(nonsense), KEY)


@given(raw=st.binary())
def test_whatever_is_signed_never_makes_us_stumble(raw: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        parse_webhook(raw, hmac.new(KEY.encode(), raw, hashlib.sha512).hexdigest(), KEY)
