"""Paystack's transfers and dedicated virtual accounts.

Every answer is `{status, message, data}`. What an answer proves decides what may happen next:

    not connected, 401, 403, 429              nothing was booked            RailUnavailable: ask again
    time-out, 5xx, anything unreadable        it may have been booked       AnswerLost; for a transfer: unknown
    400 with "reference"                      it was booked before          find
    any other 4xx                             refused for good              failed
    2xx                                       data.status says
"""

import re
from typing import Any

import httpx2

from activities.adapters.paystack_answers import Answer, answer_of, transfer_result, virtual_account
from activities.rails import (
    AnswerLost,
    Beneficiary,
    RailRefused,
    RailUnavailable,
    TransferResult,
    TransferStatus,
    VirtualAccount,
)

_RECIPIENT_TYPES = {"NGN": "nuban", "GHS": "ghipss", "KES": "kepss", "ZAR": "basa"}
_DUPLICATE = re.compile(r"unique reference|duplicate|already (exists|used)", re.IGNORECASE)
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_NOT_PROCESSED = {401, 403, 429}
_OUR_DOMAIN = "borrowers.caas.example"


class Paystack:
    """The rail `paystack`. The client brings the connection pool and the time-out, and is shared."""

    name = "paystack"

    def __init__(
        self, client: httpx2.AsyncClient, url: str, secret_key: str, *, preferred_bank: str = "test-bank"
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {secret_key}"}
        self._preferred_bank = preferred_bank

    async def send(
        self, beneficiary: Beneficiary, amount_minor: int, currency: str, reference: str, reason: str
    ) -> TransferResult:
        recipient = await self._recipient(beneficiary)
        if not recipient.accepted:
            return TransferResult(TransferStatus.FAILED, reference, None, recipient.message)

        order = {
            "source": "balance",
            "amount": amount_minor,
            "currency": currency,
            "recipient": recipient.field("recipient_code"),
            "reference": reference,
            "reason": reason,
        }
        try:
            answer = await self._ask("POST", "/transfer", json=order)
        except AnswerLost as lost:
            return TransferResult(TransferStatus.UNKNOWN, reference, None, str(lost))
        if answer.accepted:
            return transfer_result(reference, answer)
        if _DUPLICATE.search(answer.message):
            # An earlier attempt of ours got through, and only its answer was lost.
            return await self.find(reference) or TransferResult(TransferStatus.UNKNOWN, reference, None, answer.message)
        return TransferResult(TransferStatus.FAILED, reference, None, answer.message)

    async def find(self, reference: str) -> TransferResult | None:
        answer = await self._ask("GET", f"/transfer/verify/{reference}")
        if answer.accepted:
            return transfer_result(reference, answer)
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        raise RailUnavailable(f"the rail would not say what became of the transfer: {answer.message}")

    async def open_virtual_account(self, customer_reference: str, currency: str, display_name: str) -> VirtualAccount:
        customer = await self._customer(customer_reference, display_name)
        held = await self._ask("GET", "/dedicated_account", params={"customer": customer})
        if held.accepted and held.data:
            return virtual_account(held.data[0])

        # Paystack opens accounts in the currency of the bank and ignores ours; the sandbox's bank keeps every currency.
        wanted = {"customer": customer, "preferred_bank": self._preferred_bank, "currency": currency}
        opened = await self._ask("POST", "/dedicated_account", json=wanted)
        if not opened.accepted:
            raise RailRefused(f"The rail opens no account: {opened.message}")
        return virtual_account(opened.data)

    async def _recipient(self, beneficiary: Beneficiary) -> Answer:
        """Paystack answers a recipient it already has with the same code, so this may be repeated freely."""
        wanted = {
            "type": _RECIPIENT_TYPES.get(beneficiary.currency, "nuban"),
            "name": beneficiary.name,
            "account_number": beneficiary.account_number,
            "bank_code": beneficiary.bank_code,
            "currency": beneficiary.currency,
        }
        return await self._ask("POST", "/transferrecipient", json=wanted)

    async def _customer(self, customer_reference: str, display_name: str) -> str:
        """Paystack knows customers by e-mail address; ours stands for the loan, not for the borrower's inbox."""
        first_name, _, last_name = display_name.partition(" ")
        wanted = {
            "email": f"{customer_reference}@{_OUR_DOMAIN}",
            "first_name": first_name,
            "last_name": last_name,
            "metadata": {"customer_reference": customer_reference},
        }
        answer = await self._ask("POST", "/customer", json=wanted)
        if not answer.accepted:
            raise RailRefused(f"The rail takes no such customer: {answer.message}")
        return str(answer.field("customer_code"))

    async def _ask(self, method: str, path: str, **content: Any) -> Answer:
        try:
            response = await self._client.request(method, self._url + path, headers=self._headers, **content)
        except _NOT_SENT as error:
            raise RailUnavailable(f"the rail cannot be reached: {type(error).__name__}") from error
        except httpx2.TransportError as error:
            raise AnswerLost(f"the rail's answer was lost: {type(error).__name__}") from error

        if response.status_code in _NOT_PROCESSED:
            raise RailUnavailable(f"the rail answered {response.status_code}")
        answer = answer_of(response)
        if answer is None:
            raise AnswerLost(f"the rail answered {response.status_code}, unreadably")
        return answer
