"""Money into the rail: customers, the virtual accounts they pay into, and their payments."""

from datetime import datetime
from typing import Any

from sandbox.paystack_protocol import Declined, code_of, now
from sandbox.rail_webhooks import RailWebhooks
from sandbox.shelf import Row, Shelf

_BANK = {"name": "Test Bank", "id": 24, "slug": "test-bank"}


class Payins:
    def __init__(self, shelf: Shelf, webhooks: RailWebhooks) -> None:
        self._shelf = shelf
        self._webhooks = webhooks

    def customer(self, details: dict[str, Any]) -> Row:
        email = str(details.get("email", ""))
        if "@" not in email:
            raise Declined(400, "email is required", "missing_params")
        code = code_of("CUS", email)
        names = {name: details.get(name) for name in ("first_name", "last_name", "metadata")}
        known = self._shelf.rows("customers").get(code)
        return known or self._shelf.put("customers", code, {"customer_code": code, "email": email, **names})

    def virtual_account(self, wanted: dict[str, Any]) -> Row:
        customer = self._shelf.rows("customers").get(str(wanted.get("customer")))
        if customer is None:
            raise Declined(400, "Customer not found", "customer_not_found")
        held = self.virtual_accounts(customer["customer_code"])
        if held:
            return held[0]
        number = len(self._shelf.rows("accounts")) + 1
        account_number = f"99{number:08d}"
        account = {
            "id": number,
            "bank": _BANK,
            "account_name": f"CAAS/{customer['first_name']} {customer['last_name']}".strip(),
            "account_number": account_number,
            "currency": wanted.get("currency", "NGN"),
            "assigned": True,
            "active": True,
            "customer": customer,
        }
        return self._shelf.put("accounts", account_number, account)

    def virtual_accounts(self, customer_code: str) -> list[Row]:
        accounts = self._shelf.rows("accounts").values()
        return [each for each in accounts if each["customer"]["customer_code"] == customer_code]

    def all_accounts(self) -> list[Row]:
        return list(self._shelf.rows("accounts").values())

    def deposit(self, account_number: str, amount_minor: int, paid_at: datetime | None, reference: str | None) -> Row:
        """The borrower pays into the virtual account; the same reference is the same payment."""
        account = self._shelf.rows("accounts").get(account_number)
        if account is None:
            raise Declined(404, "Account not found", "account_not_found")
        reference = reference or f"dep_{len(self._shelf.rows('deposits')) + 1:012d}"
        known = self._shelf.rows("deposits").get(reference)
        if known is not None:
            return known
        moment = paid_at.isoformat() if paid_at else now()
        deposit = {
            "id": len(self._shelf.rows("deposits")) + 1,
            "domain": "test",
            "status": "success",
            "reference": reference,
            "amount": amount_minor,
            "currency": account["currency"],
            "channel": "dedicated_nuban",
            "gateway_response": "Approved",
            "paid_at": moment,
            "created_at": moment,
            "metadata": {"receiver_account_number": account_number, "receiver_bank": _BANK["name"]},
            "authorization": {
                "channel": "dedicated_nuban",
                "receiver_bank_account_number": account_number,
                "receiver_bank": _BANK["name"],
                "sender_name": account["account_name"],
            },
            "customer": account["customer"],
        }
        self._shelf.put("deposits", reference, deposit)
        self._webhooks.owe("charge.success", deposit)
        return deposit
