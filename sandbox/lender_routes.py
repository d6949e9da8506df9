"""The lenders over HTTP: configure one, give it webhooks, read what it did."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from sandbox.decisions import Lender
from sandbox.lenders import Lenders
from sandbox.shelf import Row


def lender_routes(lenders: Lenders) -> APIRouter:
    router = APIRouter(prefix="/lenders", tags=["lenders"])

    def known(name: str) -> Lender:
        lender = lenders.find(name)
        if lender is None:
            raise HTTPException(404, f"There is no lender {name}: PUT /lenders/{name} makes one.")
        return lender

    @router.get("")
    async def names() -> list[str]:
        return lenders.names()

    @router.put("/{name}")
    async def configure(name: str, lender: Lender) -> dict[str, str]:
        lenders.configure(name, lender)
        return {"webhookPath": f"/lenders/{name}/webhooks"}

    @router.post("/{name}/webhooks")
    async def receive(name: str, request: Request) -> Response:
        reply = lenders.receive(name, known(name), request.headers, await request.body())
        return Response(reply.body, reply.status)

    @router.get("/{name}/events")
    async def events(name: str) -> dict[str, list[Row]]:
        known(name)
        return {"events": lenders.events(name), "answers": lenders.answers(name), "checks": lenders.checks(name)}

    @router.post("/{name}/leads/{lead_id}/answer")
    async def answer(name: str, lead_id: str) -> dict[str, Any]:
        answered = await lenders.decide(name, known(name), lead_id)
        if answered is None:
            raise HTTPException(404, f"{name} has not received a lead {lead_id}.")
        return answered

    return router
