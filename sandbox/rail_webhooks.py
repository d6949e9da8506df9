"""The webhooks a rail owes: signed, repeated until they are acknowledged, remembered over a restart."""

import json

from sandbox.courier import Courier
from sandbox.paystack_protocol import Declined
from sandbox.settings import SandboxSettings
from sandbox.shelf import Row, Shelf
from sandbox.signatures import paystack_signature


class RailWebhooks:
    def __init__(self, settings: SandboxSettings, shelf: Shelf, courier: Courier) -> None:
        self._settings = settings
        self._shelf = shelf
        self._courier = courier

    def resume(self) -> None:
        for key, webhook in self._shelf.rows("webhooks").items():
            if not webhook["acknowledged"]:
                self._courier.start(self._deliver(key))

    def all(self) -> list[Row]:
        return [{"key": key, **webhook} for key, webhook in self._shelf.rows("webhooks").items()]

    def resend(self, key: str) -> None:
        if key not in self._shelf.rows("webhooks"):
            raise Declined(404, "There is no such webhook", "webhook_not_found")
        self._courier.start(self._deliver(key))

    def owe(self, event: str, data: Row) -> None:
        key = f"{event}:{data['reference']}"
        webhook = {"body": json.dumps({"event": event, "data": data}), "acknowledged": False, "answers": []}
        self._shelf.put("webhooks", key, webhook)
        self._courier.start(self._deliver(key))

    async def _deliver(self, key: str) -> None:
        webhook = self._shelf.rows("webhooks")[key]
        body = webhook["body"].encode()
        signature = paystack_signature(self._settings.rail_secret_key.get_secret_value(), body)
        headers = {"content-type": "application/json", "x-paystack-signature": signature}
        answer = await self._courier.deliver(
            self._settings.rail_webhook_url,
            lambda: headers,
            body,
            is_final=lambda answer: answer.is_success,
        )
        latest = self._shelf.rows("webhooks")[key]
        acknowledged = answer is not None and answer.is_success
        answers = [*latest["answers"], None if answer is None else answer.status_code]
        self._shelf.change("webhooks", key, acknowledged=latest["acknowledged"] or acknowledged, answers=answers)
