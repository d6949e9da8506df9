"""Paystack's webhooks, verified and put into our words. The API reads them with this, so no HTTP client is imported.

Paystack signs the raw body with HMAC-SHA512 under the secret API key and says no time: a replay cannot be told from a
retry, so whoever takes the event remembers its key.
"""

import json
from datetime import UTC, datetime
from typing import Any

from activities.rail_signatures import check_paystack
from activities.rails import RailEvent, RailEventKind
from models.errors import Refused

_KINDS = {
    "transfer.success": RailEventKind.TRANSFER_SUCCEEDED,
    "transfer.failed": RailEventKind.TRANSFER_FAILED,
    "transfer.reversed": RailEventKind.TRANSFER_REVERSED,
    "charge.success": RailEventKind.PAYMENT_RECEIVED,
}


class UnreadableEvent(Refused):
    """Signed by the rail, and yet not what the rail's documentation describes."""


def parse_webhook(raw: bytes, signature: str | None, secret: str) -> RailEvent:
    """The event, or `BadSignature`, or `UnreadableEvent`; an event we have no use for is `RailEventKind.OTHER`."""
    check_paystack(secret, signature or "", raw)
    name, data = _envelope(raw)
    kind = _KINDS.get(name, RailEventKind.OTHER)
    if kind is RailEventKind.OTHER:
        return RailEvent(kind, f"{name}:{data.get('reference', '')}", "", 0, "", None, None, None, None)

    reference = _text(data, "reference")
    return RailEvent(
        kind=kind,
        key=f"{name}:{reference}",
        reference=reference,
        amount_minor=_amount(data),
        currency=_text(data, "currency"),
        account_number=_receiving_account(data),
        rail_code=_optional(data.get("transfer_code")),
        occurred_at=_moment(data.get("paid_at") or data.get("transferred_at") or data.get("updated_at")),
        reason=_failure(name, data),
    )


def _envelope(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UnreadableEvent("The rail's webhook is not JSON.") from error
    if not isinstance(document, dict):
        raise UnreadableEvent("The rail's webhook is not an object.")
    name, data = document.get("event"), document.get("data")
    if not isinstance(name, str) or not isinstance(data, dict):
        raise UnreadableEvent("The rail's webhook names no event, or says nothing about it.", "event")
    return name, data


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise UnreadableEvent(f"The rail's webhook has no {name}.", f"data.{name}")
    return value


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _amount(data: dict[str, Any]) -> int:
    amount = data.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        raise UnreadableEvent("The rail's webhook has no positive whole amount.", "data.amount")
    return amount


def _receiving_account(data: dict[str, Any]) -> str | None:
    """Paystack names the virtual account in the authorization, and for some banks in the metadata only."""
    for holder, name in (("authorization", "receiver_bank_account_number"), ("metadata", "receiver_account_number")):
        section = data.get(holder)
        if isinstance(section, dict) and (account := _optional(section.get(name))):
            return account
    return None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise UnreadableEvent("The rail's webhook names an impossible time.", "data.paid_at") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _failure(name: str, data: dict[str, Any]) -> str | None:
    if name not in {"transfer.failed", "transfer.reversed"}:
        return None
    # `reason` is the narration of the transfer, not why it failed; `failures` is, when the rail fills it in.
    return str(data.get("failures") or f"the rail reports {data.get('status', name)}")
