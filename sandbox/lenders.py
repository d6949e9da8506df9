"""Lenders: they receive webhooks at their own URL, check them, answer 200 at once, and decide a little later.

A lender is told how to behave; what it received and what its decisions were answered can be read back.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import httpx2

from sandbox.courier import Courier
from sandbox.decisions import Kind, Lender, decision_of, headers_of, offer_of, second_decision_of
from sandbox.shelf import Row, Shelf
from sandbox.signatures import fault_of_standard_webhook, is_signed_by_body_alone

_CHALLENGE = "endpoint.challenge"
_OK, _MALFORMED, _BAD_SIGNATURE, _TOO_LARGE, _TOO_MANY, _UNWELL = 200, 400, 401, 413, 429, 503
_MOST_BYTES = 1_000_000
_RECEIVED, _CLOSED, _INFORMED = "lead_received", "lead_closed", "information_provided"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a webhook is answered with."""

    status: int
    body: str = ""


class Lenders:
    def __init__(self, shelf: Shelf, courier: Courier) -> None:
        self._shelf = shelf
        self._courier = courier

    def resume(self) -> None:
        """After a restart: decide on the leads that were received and not answered yet."""
        for name in self.names():
            lender, answered = self._known(name), {each["leadId"] for each in self.answers(name)}
            for lead_id, lead in self._shelf.rows(f"leads/{name}").items():
                if lead["decidedOn"] and lead_id not in answered:
                    event = self._shelf.rows(f"events/{name}")[lead["decidedOn"]]["event"]
                    self._courier.start(self._consider(name, lender, event))

    def configure(self, name: str, lender: Lender) -> None:
        self._shelf.put("lenders", name, lender.model_dump(mode="json"))

    def find(self, name: str) -> Lender | None:
        return self._known(name) if name in self._shelf.rows("lenders") else None

    def names(self) -> list[str]:
        return list(self._shelf.rows("lenders"))

    def events(self, name: str) -> list[Row]:
        return list(self._shelf.rows(f"events/{name}").values())

    def checks(self, name: str) -> list[Row]:
        return list(self._shelf.rows(f"checks/{name}").values())

    def answers(self, name: str) -> list[Row]:
        return list(self._shelf.rows(f"answers/{name}").values())

    def receive(self, name: str, lender: Lender, headers: Mapping[str, str], body: bytes) -> Reply:
        """What the webhook is answered with."""
        if len(body) > _MOST_BYTES:
            return Reply(_TOO_LARGE)
        fault = fault_of_standard_webhook(lender.webhook_secret, headers, body)
        if lender.behavior.accepts_forged:
            fault = None
        message = _message_in(body)
        if message is None and fault is None:
            return Reply(_MALFORMED)
        if message is not None and _is_check(message):
            return self._check(name, lender, message, fault)
        return Reply(self._take(name, lender, headers, body, message if fault is None else None, fault))

    def _check(self, name: str, lender: Lender, check: dict[str, Any], fault: str | None) -> Reply:
        """A check of the endpoint is no event: it is taken even by a lender that is unwell."""
        self._shelf.append(f"checks/{name}", check | {"fault": fault})
        if fault:
            return Reply(_BAD_SIGNATURE)
        if check["type"] == _CHALLENGE and not lender.behavior.mute_challenge:
            return Reply(_OK, json.dumps({"challenge": check["challenge"]}))
        return Reply(_OK)

    def _take(
        self,
        name: str,
        lender: Lender,
        headers: Mapping[str, str],
        body: bytes,
        event: dict[str, Any] | None,
        fault: str | None,
    ) -> int:
        webhook_id = headers.get("webhook-id", "")
        status = _BAD_SIGNATURE if fault else _UNWELL if self._is_unwell(name, lender) else _OK
        # A forged message may carry the id of a true one, and must not stand in its place.
        key = webhook_id if fault is None else f"{webhook_id} {fault}"
        earlier = self._shelf.rows(f"events/{name}").get(key, {"answeredWith": []})
        self._shelf.put(
            f"events/{name}",
            key,
            {
                "webhookId": webhook_id,
                "fault": fault,
                "signedByBodyAlone": is_signed_by_body_alone(lender.webhook_secret, headers, body),
                "answeredWith": [*earlier["answeredWith"], status],
                "receivedAt": datetime.now(UTC).isoformat(),
                "event": event,
            },
        )
        # Delivery is at least once: what was taken before is done, or being done.
        if status == _OK and _OK not in earlier["answeredWith"] and event is not None:
            self._heed(name, lender, webhook_id, event)
        return status

    def _heed(self, name: str, lender: Lender, webhook_id: str, event: dict[str, Any]) -> None:
        """Do what the event asks for. A lead is decided once, whatever it comes under, and not when it is over."""
        if _is_about_a_lead(event, _RECEIVED, _CLOSED) and self._is_news(name, event):
            decides = _is_about_a_lead(event, _RECEIVED) and not _is_over(event)
            self._shelf.put(f"leads/{name}", event["data"]["leadId"], {"decidedOn": webhook_id if decides else None})
            if decides:
                self._courier.start(self._consider(name, lender, event))
        if _is_about_a_lead(event, _INFORMED):
            self._courier.start(self._offer_informed(name, lender, event))

    def _is_news(self, name: str, event: dict[str, Any]) -> bool:
        return event["data"]["leadId"] not in self._shelf.rows(f"leads/{name}")

    async def decide(self, name: str, lender: Lender, lead_id: str) -> Row | None:
        """Decide now on a lead received before; None when there was none of this id."""
        lead = self._lead(name, lead_id)
        return None if lead is None else await self._answer(name, lender, lead, decision_of(lender, lead))

    def _lead(self, name: str, lead_id: str) -> dict[str, Any] | None:
        leads = (each["event"] for each in self.events(name) if _is_about_a_lead(each["event"], _RECEIVED))
        return next((lead for lead in leads if lead["data"]["leadId"] == lead_id), None)

    def _known(self, name: str) -> Lender:
        return Lender.model_validate(self._shelf.rows("lenders")[name])

    def _is_unwell(self, name: str, lender: Lender) -> bool:
        refused = (each["answeredWith"].count(_UNWELL) for each in self.events(name))
        return lender.behavior.refuse_first > 0 and sum(refused) < lender.behavior.refuse_first

    async def _consider(self, name: str, lender: Lender, event: dict[str, Any]) -> None:
        behavior = lender.behavior
        if behavior.kind in {Kind.SILENT, Kind.LATE}:
            return
        await asyncio.sleep(behavior.delay_seconds)
        await self._answer(name, lender, event, decision_of(lender, event))
        if second := second_decision_of(lender, event):
            await self._answer(name, lender, event, second, attempt=2)

    async def _offer_informed(self, name: str, lender: Lender, event: dict[str, Any]) -> None:
        """It has been told what it asked for."""
        lead = self._lead(name, event["data"]["leadId"])
        if lead is not None and lender.behavior.kind is Kind.NEED_INFORMATION:
            await self._answer(name, lender, lead, offer_of(lender, lead), attempt=2)

    async def _answer(
        self, name: str, lender: Lender, event: dict[str, Any], decision: dict[str, Any], attempt: int = 1
    ) -> Row:
        lead_id = event["data"]["leadId"]
        body = json.dumps(decision).encode()
        answer = await self._courier.deliver(
            f"{lender.api_url.rstrip('/')}/api/v1/providers/{lender.provider_id}/leads/{lead_id}/decision",
            lambda: headers_of(lender, f"{lead_id}-{lender.provider_id}-{attempt}", body),
            body,
            is_final=_is_final,
        )
        status, text = (None, None) if answer is None else (answer.status_code, answer.text)
        row = {"leadId": lead_id, "decision": decision, "status": status, "answer": text}
        return self._shelf.append(f"answers/{name}", row)


def _is_final(answer: httpx2.Response) -> bool:
    """A no is a no. Trouble may pass, and so may an attempt of ours that is still being worked on, or died at it."""
    if answer.status_code == httpx2.codes.CONFLICT:
        return "still_running" not in answer.text
    return answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR and answer.status_code != _TOO_MANY


def _message_in(body: bytes) -> dict[str, Any] | None:
    """The JSON object that the body is, if it is one."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _is_check(message: dict[str, Any]) -> bool:
    """Whether the message says that it checks the endpoint."""
    purpose = message["data"].get("purpose") if isinstance(message.get("data"), dict) else None
    return message.get("type") == _CHALLENGE or purpose == "certification"


def _is_about_a_lead(event: dict[str, Any] | None, *kinds: str) -> TypeGuard[dict[str, Any]]:
    if event is None or event.get("eventType") not in kinds:
        return False
    return isinstance(event.get("data"), dict) and "leadId" in event["data"]


def _is_over(event: dict[str, Any]) -> bool:
    expires_at = event.get("expiresAt")
    return expires_at is not None and datetime.fromisoformat(expires_at) < datetime.now(UTC)
