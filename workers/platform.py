"""A platform that uses the engine over HTTP, and the levers of the sandbox world."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import httpx2

Json = dict[str, Any]


class Refusal(Exception):
    """The engine answered with a problem."""

    def __init__(self, status_code: int, problem: Json) -> None:
        super().__init__(f"{status_code} {problem.get('code')}: {problem.get('detail')}")
        self.status_code = status_code
        self.problem = problem


class TookTooLong(Exception):
    """What was waited for did not happen in time."""


@dataclass(frozen=True, slots=True)
class Lender:
    """A registered credit provider with the credentials it was shown once."""

    name: str
    provider_id: str
    api_key: str
    webhook_secret: str


class Platform:
    """One tenant's client of the API."""

    def __init__(self, http: httpx2.AsyncClient, api_url: str, api_key: str) -> None:
        self._http = http
        self.api_url = api_url
        self._headers = {"authorization": f"Bearer {api_key}"}

    async def register(self, body: Mapping[str, Any]) -> Lender:
        """Register a provider and activate it, by the short cut of the sandbox."""
        lender = await self._registered(body)
        await self.post(f"/api/v1/providers/{lender.provider_id}/activate", {})
        return lender

    async def onboard(self, body: Mapping[str, Any], settle: Callable[[Lender], Awaitable[None]]) -> Json:
        """Register a provider, let it settle with its credentials, wait for its checks, approve it; how it stands."""
        lender = await self._registered(body)
        await settle(lender)
        path = f"/api/v1/providers/{lender.provider_id}"

        async def look() -> bool:
            provider = await self.get(path)
            return provider["status"] == "in_review" and not _unchecked(provider)

        await until(look, seconds=90, what=f"the checks of {lender.name}")
        await self.post(f"{path}/approve", {"reason": "all checks passed"})
        return await self.get(path)

    async def _registered(self, body: Mapping[str, Any]) -> Lender:
        made = await self.post("/api/v1/providers/register", body)
        credentials = made["apiCredentials"]
        return Lender(body["companyName"], made["providerId"], credentials["apiKey"], credentials["webhookSecret"])

    async def apply(self, body: Mapping[str, Any]) -> str:
        """Submit an application; its id."""
        return str((await self.post("/api/loans/applications", body))["applicationId"])

    async def application(self, application_id: str) -> Json:
        """The application as it stands."""
        return await self.get(f"/api/loans/applications/{application_id}")

    async def reaches(self, application_id: str, *statuses: str, seconds: float = 60, every: float = 0.05) -> Json:
        """Wait until the application has one of the statuses."""

        async def look() -> Json | None:
            found = await self.application(application_id)
            return found if found["status"] in statuses else None

        what = f"{application_id} to be {' or '.join(statuses)}"
        reached: Json = await until(look, seconds=seconds, what=what, every=every)
        return reached

    async def offers(self, application_id: str) -> list[Json]:
        """The offers, best first."""
        return list((await self.get(f"/api/loans/applications/{application_id}/offers"))["offers"])

    async def accept(self, application_id: str, offer_id: str) -> Json:
        """Accept an offer for the borrower."""
        return await self.post(f"/api/loans/applications/{application_id}/accept", {"offerId": offer_id})

    async def loan(self, loan_id: str, *, on: date | None = None) -> Json:
        """The loan with its schedule and payoff quote, as it stands on a day, or on its own today."""
        return await self.get(f"/api/loans/{loan_id}" + (f"?on={on}" if on else ""))

    async def timeline(self, application_id: str) -> list[Json]:
        """Every event of the application and its loan, in order."""
        events: list[Json] = []
        cursor = ""
        while True:
            query = f"?limit=100&cursor={cursor}" if cursor else "?limit=100"
            page = await self.get(f"/api/loans/applications/{application_id}/timeline{query}")
            events += page["data"]
            if not page["hasMore"]:
                return events
            cursor = page["nextCursor"]

    async def advance(self, of: str, *, hours: int) -> datetime:
        """Move the clock of an application or a loan; its time now."""
        kind = "loans" if of.startswith("loan_") else "applications"
        moved = await self.post(f"/api/sandbox/clock/{kind}/{of}/advance", {"hours": hours})
        return datetime.fromisoformat(moved["now"])

    async def get(self, path: str) -> Json:
        """GET, and the answer or its refusal."""
        return _answer(await self._http.get(self.api_url + path, headers=self._headers))

    async def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """POST, and the answer or its refusal."""
        return _answer(await self._http.post(self.api_url + path, json=dict(body), headers=self._headers))


class SandboxWorld:
    """The levers of the outside world."""

    def __init__(self, http: httpx2.AsyncClient, url: str, api_url: str) -> None:
        self._http = http
        self.url = url
        self._api_url = api_url

    async def instruct(self, slug: str, lender: Lender, behavior: Mapping[str, Any]) -> None:
        """Give a sandbox lender its credentials and tell it how to behave."""
        body = {
            "providerId": lender.provider_id,
            "apiKey": lender.api_key,
            "webhookSecret": lender.webhook_secret,
            "apiUrl": self._api_url,
            "behavior": dict(behavior),
        }
        _answer(await self._http.put(f"{self.url}/lenders/{slug}", json=body))

    def webhook_url(self, slug: str) -> str:
        """Where a sandbox lender receives webhooks."""
        return f"{self.url}/lenders/{slug}/webhooks"

    async def deposit(self, account_number: str, amount_minor: int, paid_at: datetime, reference: str) -> None:
        """Play the borrower who pays into a virtual account; the rail then tells the engine by signed webhook."""
        body = {
            "account_number": account_number,
            "amount": amount_minor,
            "paid_at": paid_at.isoformat(),
            "reference": reference,
        }
        _answer(await self._http.post(f"{self.url}/paystack/sandbox/deposits", json=body))

    async def transfers(self) -> list[Json]:
        """Every transfer the rail has booked."""
        return list(_answer(await self._http.get(f"{self.url}/paystack/sandbox/transfers"))["data"])

    async def mails(self, to: str) -> list[Json]:
        """What is in somebody's mailbox."""
        found = (await self._http.get(f"{self.url}/mailbox", params={"to": to})).json()
        return list(found["mails"] if isinstance(found, dict) else found)


async def until(look: Callable[[], Awaitable[Any]], *, seconds: float, what: str, every: float = 0.05) -> Any:
    """Look again and again until there is something to see."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await look()):
        if asyncio.get_running_loop().time() > deadline:
            raise TookTooLong(f"waited {seconds:g} s for {what}")
        await asyncio.sleep(every)
    return found


def _unchecked(provider: Json) -> list[str]:
    steps = provider["checklist"]
    return [each["step"] for each in steps if each["state"] == "pending" and each["step"] != "approved"]


def _answer(response: httpx2.Response) -> Json:
    body = response.json()
    if response.is_error:
        raise Refusal(response.status_code, body)
    return dict(body)
