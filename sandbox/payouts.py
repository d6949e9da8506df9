"""Money out of the rail: recipients and transfers as Paystack keeps them.

transfer   pending -> success -> reversed
                   -> failed
"""

import asyncio
import re
from typing import Any

from sandbox import magic
from sandbox.courier import Courier
from sandbox.paystack_protocol import AnswerWithheld, Declined, code_of, now
from sandbox.rail_webhooks import RailWebhooks
from sandbox.settings import SandboxSettings
from sandbox.shelf import Row, Shelf

_REFERENCE = re.compile(r"[a-z0-9_-]{16,50}", re.ASCII)


class Payouts:
    def __init__(self, settings: SandboxSettings, shelf: Shelf, courier: Courier, webhooks: RailWebhooks) -> None:
        self._settings = settings
        self._shelf = shelf
        self._courier = courier
        self._webhooks = webhooks

    def resume(self) -> None:
        """After a restart: finish what was under way."""
        for reference, transfer in self._shelf.rows("transfers").items():
            if transfer["status"] == "pending":
                self._courier.start(self._settle(reference))
            if transfer["status"] == "success" and _account(transfer) == magic.ACCOUNT_BOUNCES:
                self._courier.start(self._bounce(reference))

    def recipient(self, order: dict[str, Any]) -> Row:
        account_number, bank_code = str(order.get("account_number", "")), str(order.get("bank_code", ""))
        if not (account_number and bank_code and order.get("name") and order.get("type")):
            raise Declined(400, "type, name, account_number and bank_code are required", "missing_params")
        if account_number == magic.ACCOUNT_UNKNOWN:
            raise Declined(400, "Cannot resolve account", "invalid_bank_account")
        currency = order.get("currency", "NGN")
        code = code_of("RCP", f"{account_number}|{bank_code}|{currency}")
        known = self._shelf.rows("recipients").get(code)
        return known or self._shelf.put(
            "recipients",
            code,
            {
                "recipient_code": code,
                "type": order["type"],
                "name": order["name"],
                "currency": currency,
                "active": True,
                "details": {"account_number": account_number, "account_name": order["name"], "bank_code": bank_code},
            },
        )

    def transfer(self, order: dict[str, Any]) -> Row:
        recipient = self._check_order(order)
        reference = order["reference"]
        asked = self._shelf.rows("orders").get(reference, {"count": 0})["count"]
        self._shelf.put("orders", reference, {"count": asked + 1})
        if reference in self._shelf.rows("transfers"):
            message = "Please provide a unique reference. Update reference and try again"
            raise Declined(400, message, "duplicate_reference")

        account = recipient["details"]["account_number"]
        if account == magic.ACCOUNT_NO_FUNDS:
            raise Declined(400, "Your balance is not enough to fulfill this request", "insufficient_balance")
        if account == magic.ACCOUNT_REQUEST_LOST and asked == 0:
            raise AnswerWithheld
        transfer = self._book(order, recipient)
        self._courier.start(self._settle(reference))
        if account == magic.ACCOUNT_ANSWER_LOST:
            raise AnswerWithheld
        return transfer

    def verify(self, reference: str) -> Row:
        transfer = self._shelf.rows("transfers").get(reference)
        if transfer is None:
            raise Declined(404, "Transfer not found", "transfer_not_found")
        if transfer["status"] == "pending" and _account(transfer) == magic.ACCOUNT_SILENT:
            return self._move(reference, "success")
        return transfer

    def reverse(self, reference: str) -> Row:
        if self.verify(reference)["status"] != "success":
            raise Declined(409, "Only a successful transfer can be reversed", "not_successful")
        transfer = self._move(reference, "reversed")
        self._webhooks.owe("transfer.reversed", transfer)
        return transfer

    def all(self) -> list[Row]:
        """Every transfer there ever was, and how often each was ordered."""
        orders = self._shelf.rows("orders")
        return [
            transfer | {"orders": orders[reference]["count"]}
            for reference, transfer in self._shelf.rows("transfers").items()
        ]

    def _check_order(self, order: dict[str, Any]) -> Row:
        amount = order.get("amount")
        if order.get("source") != "balance":
            raise Declined(400, "source must be balance", "invalid_params")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
            raise Declined(400, "amount must be a positive whole number of minor units", "invalid_params")
        if not _REFERENCE.fullmatch(str(order.get("reference", ""))):
            message = "reference must have 16 to 50 of a-z, 0-9, dash and underscore"
            raise Declined(400, message, "invalid_params")
        recipient = self._shelf.rows("recipients").get(str(order.get("recipient")))
        if recipient is None:
            raise Declined(404, "Recipient specified is invalid", "recipient_not_found")
        if recipient["currency"] != order.get("currency", "NGN"):
            raise Declined(400, "The recipient's account has another currency", "invalid_params")
        return recipient

    def _book(self, order: dict[str, Any], recipient: Row) -> Row:
        reference = order["reference"]
        transfer = {
            "id": len(self._shelf.rows("transfers")) + 1,
            "domain": "test",
            "source": "balance",
            "amount": order["amount"],
            "currency": recipient["currency"],
            "reason": order.get("reason"),
            "reference": reference,
            "recipient": recipient,
            "transfer_code": code_of("TRF", reference),
            "status": "pending",
            "failures": None,
            "transferred_at": None,
            "createdAt": now(),
            "updatedAt": now(),
        }
        return self._shelf.put("transfers", reference, transfer)

    async def _settle(self, reference: str) -> None:
        await asyncio.sleep(self._settings.settle_after_seconds)
        transfer = self._shelf.rows("transfers")[reference]
        account = _account(transfer)
        if transfer["status"] != "pending" or account == magic.ACCOUNT_SILENT:
            return
        if account == magic.ACCOUNT_FAILS:
            failed = self._move(reference, "failed", failures="The beneficiary's bank rejected the credit")
            self._webhooks.owe("transfer.failed", failed)
            return
        self._webhooks.owe("transfer.success", self._move(reference, "success", transferred_at=now()))
        if account == magic.ACCOUNT_BOUNCES:
            await self._bounce(reference)

    async def _bounce(self, reference: str) -> None:
        await asyncio.sleep(self._settings.reverse_after_seconds)
        if self._shelf.rows("transfers")[reference]["status"] == "success":
            self.reverse(reference)

    def _move(self, reference: str, status: str, **changes: Any) -> Row:
        return self._shelf.change("transfers", reference, status=status, updatedAt=now(), **changes)


def _account(transfer: Row) -> str:
    return str(transfer["recipient"]["details"]["account_number"])
