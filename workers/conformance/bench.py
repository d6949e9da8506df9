"""What a case has in its hands: a way to send messages to the provider, and to see what it decides."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx2

from activities.signing import sign
from workers.conformance.stub_api import Attempt, StubApi

_OK = range(200, 300)
_REFUSED = range(400, 500)


class Fault(Exception):
    """What the provider did otherwise than it must, in one sentence."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """The provider under test, as it is registered; and how long it is waited for."""

    url: str
    secret: str
    provider_id: str = "provider_conformance"
    api_key: str = "caas_test_sk_conformance"
    currency: str = "USD"
    country: str = "US"
    minimum_amount: int = 5_000
    maximum_amount: int = 500_000
    rate_minimum: float = 3.5
    rate_maximum: float = 18.0
    patience_seconds: float = 5.0
    settle_seconds: float = 0.6


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook before it is signed; the parts of a case that goes wrong are changed afterwards."""

    id: str
    body: bytes
    timestamp: int

    def headers(self, secret: str) -> dict[str, str]:
        """The headers of a good message."""
        return {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(self.timestamp),
            "webhook-signature": sign(secret, self.id, self.timestamp, self.body),
        }


class Bench:
    """Sends to the provider, and reads what it sends to the stub."""

    def __init__(self, expecting: Expectations, stub: StubApi, http: httpx2.AsyncClient, run: str) -> None:
        self.expecting = expecting
        self.stub = stub
        self.http = http
        self._run = run
        self._numbers = count(1)

    def new_id(self, prefix: str) -> str:
        """An id nobody has seen before."""
        return f"{prefix}_{self._run}{next(self._numbers):04}"

    def lead(self, **changes: Any) -> dict[str, Any]:
        """A lead that the provider lends to: the envelope of `lead_received`. `asked` changes what is asked for."""
        now, expecting = datetime.now(UTC), self.expecting
        asked = {
            "requestedAmount": max(expecting.minimum_amount, min(25_000, expecting.maximum_amount)),
            "currency": expecting.currency,
            "purpose": "Business expansion",
            "tenure": 365,
        }
        data = {
            "leadId": changes.pop("lead_id", None) or self.new_id("lead"),
            "applicant": changes.pop("applicant", None) or _masked(changes.pop("country", expecting.country)),
            "loanApplication": asked | changes.pop("asked", {}),
            "creditAssessment": {
                "creditScore": 742,
                "riskRating": "low",
                "debtToIncomeRatio": 0.31,
                "recommendations": {
                    "recommendedAmount": asked["requestedAmount"],
                    "recommendedTenure": 365,
                    "recommendedInterestRate": 8.2,
                },
            },
        }
        expires_at = changes.pop("expires_at", now + timedelta(hours=48))
        return self.event("lead_received", data, expiresAt=expires_at.isoformat()) | changes

    def event(self, kind: str, data: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The envelope of any event."""
        common = {"eventId": self.new_id("msg"), "eventType": kind, "type": kind}
        about = {"providerId": self.expecting.provider_id, "timestamp": datetime.now(UTC).isoformat()}
        return common | about | {"data": data, "expiresAt": None} | more

    def message(self, event: Mapping[str, Any] | bytes, *, age_seconds: int = 0) -> Message:
        """The event as a message of now, or of another time."""
        body = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()
        message_id = self.new_id("msg") if isinstance(event, bytes) else str(event.get("eventId") or self.new_id("msg"))
        return Message(message_id, body, int(time.time()) - age_seconds)

    async def send(
        self, message: Message, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> httpx2.Response:
        """Post it, signed unless the headers are given."""
        signed = message.headers(self.expecting.secret) if headers is None else headers
        try:
            return await self.http.post(
                self.expecting.url, content=message.body if body is None else body, headers=dict(signed)
            )
        except httpx2.TransportError as trouble:
            raise Fault(f"The endpoint did not answer: {type(trouble).__name__}.") from None

    async def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event that must be taken."""
        self.taken(await self.send(self.message(event)))

    async def decided(self, lead_id: str, *, attempts: int = 1, seconds: float = 0) -> list[Attempt]:
        """The attempts to decide on the lead, once there are so many."""
        deadline = time.monotonic() + (seconds or self.expecting.patience_seconds)
        while len(self.stub.attempts[lead_id]) < attempts:
            if time.monotonic() > deadline:
                found = len(self.stub.attempts[lead_id])
                raise Fault(f"{attempts} decision(s) should have come, and {found} came.")
            await asyncio.sleep(0.02)
        return self.stub.attempts[lead_id]

    async def decision(self, **changes: Any) -> Attempt:
        """What the provider decides on a new lead."""
        event = self.lead(**changes)
        await self.tell(event)
        return (await self.decided(event["data"]["leadId"]))[0]

    async def decided_once(self, lead_id: str, *, times_settled: int = 1) -> None:
        """One decision comes, and no second one, however long it is waited for."""
        await self.decided(lead_id)
        for _ in range(times_settled):
            await self.settled()
        if (found := len(self.stub.attempts[lead_id])) > 1:
            raise Fault(f"The lead was decided {found} times.")

    async def undecided(self, lead_id: str) -> None:
        """No decision comes."""
        await self.settled()
        if self.stub.attempts[lead_id]:
            raise Fault("A decision came, and none should have.")

    async def settled(self) -> None:
        """Wait as long as a further decision might take."""
        await asyncio.sleep(self.expecting.settle_seconds)

    @staticmethod
    def taken(answer: httpx2.Response) -> None:
        """The message was accepted."""
        if answer.status_code not in _OK:
            raise Fault(f"It was answered {answer.status_code}, and 2xx was due.")

    @staticmethod
    def refused(answer: httpx2.Response) -> None:
        """The message was refused, by a decision and not by a crash."""
        if answer.status_code not in _REFUSED:
            raise Fault(f"It was answered {answer.status_code}, and 4xx was due.")


def _masked(country: str) -> dict[str, Any]:
    return {
        "pseudonym": "applicant_conformance",
        "personalInfo": {"address": {"state": "NY", "country": country}},
        "employmentInfo": {"employmentStatus": "employed", "monthlyIncomeBand": [8000, 9000], "employmentDuration": 36},
        "financialInfo": {"existingLoans": 0, "creditCards": 0},
    }
