"""What Paystack says, read with suspicion: an answer of its own is `{status, message, data}` and agrees with itself."""

from dataclasses import dataclass
from typing import Any

import httpx2

from activities.rails import TransferResult, TransferStatus, VirtualAccount

_STATUSES = {
    "success": TransferStatus.SUCCEEDED,
    "reversed": TransferStatus.REVERSED,
    **dict.fromkeys(("failed", "abandoned", "blocked", "rejected"), TransferStatus.FAILED),
    **dict.fromkeys(("pending", "otp", "received", "processing", "queued"), TransferStatus.PENDING),
}
_NEEDS_A_REASON = {TransferStatus.FAILED, TransferStatus.REVERSED, TransferStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Answer:
    status_code: int
    accepted: bool
    message: str
    data: Any

    def field(self, name: str) -> Any:
        return self.data.get(name) if isinstance(self.data, dict) else None


def answer_of(response: httpx2.Response) -> Answer | None:
    """None for a server error and for anything that is not Paystack speaking: a 404 of a proxy proves nothing."""
    if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return None
    try:
        document = response.json()
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("status") is not response.is_success:
        return None
    return Answer(response.status_code, response.is_success, str(document.get("message", "")), document.get("data"))


def transfer_result(reference: str, answer: Answer) -> TransferResult:
    said = str(answer.field("status"))
    status = _STATUSES.get(said, TransferStatus.UNKNOWN)
    reason = str(answer.field("failures") or f"the rail reports {said}") if status in _NEEDS_A_REASON else None
    return TransferResult(status, reference, answer.field("transfer_code"), reason)


def virtual_account(data: dict[str, Any]) -> VirtualAccount:
    return VirtualAccount(account_number=data["account_number"], bank_name=data["bank"]["name"])
