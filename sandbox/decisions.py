"""A lender's character, and the decision it makes of a lead."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sandbox.signatures import sign_standard_webhook

_TOO_OLD_SECONDS = 3600
_LESS = 0.8
_NOBODYS_SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


class Kind(StrEnum):
    OFFER = "offer"
    DECLINE = "decline"
    SILENT = "silent"
    LATE = "late"
    TWICE = "twice"
    REBID = "rebid"
    WITHDRAW = "withdraw"
    COUNTER = "counter"
    NEED_INFORMATION = "need_information"
    FORGED = "forged"
    STALE = "stale"


class Behavior(BaseModel):
    """`late` answers when told to (`POST .../leads/{leadId}/answer`).

    After its offer, `twice` makes the same again, `rebid` a better one, and `withdraw` takes it back. `counter` offers
    less than was asked for; `need_information` asks first, and offers when it has been told.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    kind: Kind = Kind.OFFER
    interest_rate: int | float = 8.5
    processing_fee: int | float = 0
    approved_amount: int | float | None = None
    """None: what was asked for."""
    tenure: int | None = None
    """None: what was asked for."""
    conditions: list[str] = []
    reason: str = "Outside our lending policy"
    reason_code: str = "outside_policy"
    information_needed: list[str] = ["Bank statements of the last three months"]
    funding_hours: int | None = None
    valid_hours: float = 336
    delay_seconds: float = 0
    refuse_first: int = Field(default=0, ge=0)
    """How many webhooks are answered 503 before the lender is well; checks of its endpoint do not count."""
    mute_challenge: bool = False
    """Whether a challenge is answered without the challenge."""
    accepts_forged: bool = False
    """Whether a message is taken whatever its signature and its time."""


class Lender(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    provider_id: str
    api_key: str
    webhook_secret: str
    api_url: str
    behavior: Behavior = Behavior()


def headers_of(lender: Lender, message_id: str, body: bytes) -> dict[str, str]:
    kind = lender.behavior.kind
    secret = _NOBODYS_SECRET if kind is Kind.FORGED else lender.webhook_secret
    aged_seconds = _TOO_OLD_SECONDS if kind is Kind.STALE else 0
    return {
        "authorization": f"Bearer {lender.api_key}",
        "content-type": "application/json",
        "idempotency-key": message_id,
        **sign_standard_webhook(secret, message_id, body, aged_seconds=aged_seconds),
    }


def decision_of(lender: Lender, event: dict[str, Any]) -> dict[str, Any]:
    """What the lender answers to a lead."""
    behavior, common = lender.behavior, _about(lender, event)
    if behavior.kind is Kind.DECLINE:
        because = {"reasonCode": behavior.reason_code, "customData": {"reason": behavior.reason}}
        return common | {"decision": "declined"} | because
    if behavior.kind is Kind.NEED_INFORMATION:
        return common | {"decision": "need_information", "informationNeeded": behavior.information_needed}
    asked = event["data"].get("loanApplication", {})
    if behavior.kind is Kind.COUNTER:
        less = behavior.approved_amount or round(asked["requestedAmount"] * _LESS, 2)
        return offer_of(lender, event) | {"decision": "counter_offer", "approvedAmount": less}
    return offer_of(lender, event)


def second_decision_of(lender: Lender, event: dict[str, Any]) -> dict[str, Any] | None:
    """What it says a moment later, unless it has said all."""
    behavior = lender.behavior
    if behavior.kind is Kind.TWICE:
        return decision_of(lender, event)
    if behavior.kind is Kind.REBID:
        better = behavior.model_copy(update={"interest_rate": round(behavior.interest_rate - 0.5, 2)})
        return offer_of(lender.model_copy(update={"behavior": better}), event)
    if behavior.kind is Kind.WITHDRAW:
        return _about(lender, event) | {"decision": "withdrawn", "reasonCode": "capacity_exhausted"}
    return None


def offer_of(lender: Lender, event: dict[str, Any]) -> dict[str, Any]:
    """The lender's approval of a lead."""
    behavior, asked = lender.behavior, event["data"].get("loanApplication", {})
    # The lead's own time counts, not ours: the loan may live on a clock that is far ahead.
    told_at = datetime.fromisoformat(event["timestamp"])
    offer = _about(lender, event) | {
        "decision": "approved",
        "approvedAmount": behavior.approved_amount or asked.get("requestedAmount"),
        "interestRate": behavior.interest_rate,
        "tenure": behavior.tenure or asked.get("tenure"),
        "processingFee": behavior.processing_fee,
        "conditions": behavior.conditions,
        "expiresAt": (told_at + timedelta(hours=behavior.valid_hours)).isoformat(),
        "customData": {"internalLoanId": f"{lender.provider_id}-{event['data']['leadId']}"},
    }
    return offer if behavior.funding_hours is None else offer | {"fundingHours": behavior.funding_hours}


def _about(lender: Lender, event: dict[str, Any]) -> dict[str, Any]:
    return {"leadId": event["data"]["leadId"], "providerId": lender.provider_id}
