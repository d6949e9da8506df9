"""How third parties sign and check, written from their specifications and apart from the product's code.

If both sides were the same lines, a mistake in them would agree with itself.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

_TOLERANCE_SECONDS = 300


def paystack_signature(secret_key: str, body: bytes) -> str:
    return hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()


def sign_standard_webhook(secret: str, message_id: str, body: bytes, *, aged_seconds: int = 0) -> dict[str, str]:
    timestamp = str(int(time.time()) - aged_seconds)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_standard_signature(secret, message_id, timestamp, body)}",
    }


def fault_of_standard_webhook(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Why a lender would turn this message away; None when it is in order."""
    message_id, timestamp, signatures = (
        headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not timestamp.isdigit() or not message_id:
        return "headers missing"
    if abs(time.time() - int(timestamp)) > _TOLERANCE_SECONDS:
        return "stale"
    wanted = f"v1,{_standard_signature(secret, message_id, timestamp, body)}"
    if not any(hmac.compare_digest(wanted.encode(), each.encode()) for each in signatures.split()):
        return "bad signature"
    return None


def is_signed_by_body_alone(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), headers.get("x-caas-signature", "").encode())


def _standard_signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join((message_id.encode(), timestamp.encode(), body)), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
