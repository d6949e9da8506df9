"""A lender's own REST API, in the lender's own words: it has never heard of us, and a plugin drives it.

    POST /lenders/{name}/core/oauth/token     client credentials, where a lender wants them
    POST /lenders/{name}/core/requests        {applicationId, loanAmount, ...}; an Idempotency-Key is one request
    GET  /lenders/{name}/core/requests/{id}   {"id", "outcome": "IN_REVIEW" | "APPROVE" | "REJECT", "terms"}

It knows a caller by `Authorization: Bearer {name}-core-token`. What it decides is what the lender's behavior says:
`offer` approves, `decline` rejects, `late` is asked twice before it knows, `silent` never knows.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Header, HTTPException, Request, Response

from sandbox.decisions import Behavior, Kind
from sandbox.lenders import Lenders
from sandbox.shelf import Row, Shelf

_LATE_QUESTIONS = 2
_UNWELL = 503


class CoreBanking:
    """The requests a lender has taken, and what it makes of them."""

    def __init__(self, shelf: Shelf, lenders: Lenders) -> None:
        self._shelf = shelf
        self._lenders = lenders

    def behavior_of(self, name: str) -> Behavior:
        lender = self._lenders.find(name)
        if lender is None:
            raise HTTPException(404, f"There is no lender {name}: PUT /lenders/{name} makes one.")
        return lender.behavior

    def requests(self, name: str) -> list[Row]:
        return list(self._shelf.rows(f"core/{name}").values())

    def take(self, name: str, key: str, document: dict[str, Any]) -> Row:
        """The request as it is taken; the same key is the same request."""
        behavior, known = self.behavior_of(name), self._shelf.rows(f"core/{name}")
        refused = self._shelf.rows(f"core-refused/{name}")
        if len(refused) < behavior.refuse_first:
            self._shelf.append(f"core-refused/{name}", document)
            raise HTTPException(_UNWELL, "The core is closed for the night.")
        if key not in known:
            row = {"id": f"{name.upper()}-{len(known) + 1}", "document": document, "asked": 0, "times": 0}
            self._shelf.put(f"core/{name}", key, row)
        return self._shelf.change(f"core/{name}", key, times=known[key]["times"] + 1)

    def asked(self, name: str, request_id: str) -> Row | None:
        """The request of this id, or of the id the caller gave it."""
        for key, row in self._shelf.rows(f"core/{name}").items():
            if request_id in {row["id"], row["document"].get("applicationId")}:
                return self._shelf.change(f"core/{name}", key, asked=row["asked"] + 1)
        return None


def outcome_of(row: Row, behavior: Behavior) -> dict[str, Any]:
    """What the lender says of a request when it is asked."""
    is_late = behavior.kind is Kind.LATE and row["asked"] < _LATE_QUESTIONS
    if row["asked"] == 0 or is_late or behavior.kind is Kind.SILENT:
        return {"id": row["id"], "outcome": "IN_REVIEW"}
    if behavior.kind is Kind.DECLINE:
        return {"id": row["id"], "outcome": "REJECT", "remarks": behavior.reason}
    terms = {
        "principal": behavior.approved_amount or row["document"].get("loanAmount"),
        "ratePercent": behavior.interest_rate,
        "days": behavior.tenure or row["document"].get("days") or 365,
        "validUntil": (datetime.now(UTC) + timedelta(hours=behavior.valid_hours)).isoformat(),
    }
    return {"id": row["id"], "outcome": "APPROVE", "terms": terms}


def core_routes(core: CoreBanking) -> APIRouter:
    router = APIRouter(prefix="/lenders/{name}/core", tags=["lenders' own APIs"])

    def check(name: str, authorization: str) -> Behavior:
        behavior = core.behavior_of(name)
        if authorization != f"Bearer {name}-core-token":
            raise HTTPException(401, "Who are you?")
        return behavior

    @router.post("/oauth/token")
    async def token(name: str, request: Request) -> dict[str, Any]:
        core.behavior_of(name)
        form = dict(parse_qsl((await request.body()).decode()))
        wanted = {"grant_type": "client_credentials", "client_id": "caas", "client_secret": f"{name}-core-secret"}
        if form != wanted:
            raise HTTPException(401, "Who are you?")
        return {"access_token": f"{name}-core-token", "token_type": "Bearer", "expires_in": 600}

    @router.post("/requests", status_code=202)
    async def take(
        name: str,
        document: dict[str, Any],
        idempotency_key: Annotated[str, Header()],
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        behavior = check(name, authorization)
        return outcome_of(core.take(name, idempotency_key, document), behavior)

    @router.get("/requests/{request_id}")
    async def status(
        name: str, request_id: str, response: Response, authorization: Annotated[str, Header()] = ""
    ) -> dict[str, Any]:
        behavior, row = check(name, authorization), core.asked(name, request_id)
        if row is None:
            response.status_code = 404
            return {"error": "no such request"}
        return outcome_of(row, behavior)

    @router.get("/requests")
    async def requests(name: str) -> dict[str, list[Row]]:
        core.behavior_of(name)
        return {"requests": core.requests(name)}

    return router
