"""A credit provider. It needs CAAS_API_URL, CAAS_API_KEY, CAAS_PROVIDER_ID, CAAS_WEBHOOK_SECRET; add a database."""

import asyncio
import base64
import hmac
import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from os import environ as settings
from typing import Any

import httpx2
from fastapi import FastAPI, HTTPException, Request

LEAST, MOST, CURRENCY, COUNTRY = 5_000, 500_000, "USD", "US"
MOST_BYTES, TOLERANCE_SECONDS, PASSING = 1_000_000, 300, {429, *range(500, 600)}
app, leads, working, tls = FastAPI(), set[str](), set[asyncio.Task[None]](), httpx2.create_ssl_context()


def signature(message_id: str, timestamp: str, body: bytes) -> bytes:
    key = base64.b64decode(settings["CAAS_WEBHOOK_SECRET"].removeprefix("whsec_"))
    return b"v1," + base64.b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256"))


def is_genuine(headers: Any, body: bytes) -> bool:
    message_id, timestamp, given = (headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    is_time = bool(message_id) and timestamp.isascii() and timestamp.isdecimal()
    if not is_time or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    return any(hmac.compare_digest(signature(message_id, timestamp, body), each.encode()) for each in given.split())


def decision_on(event: dict[str, Any]) -> dict[str, Any]:
    lead, asked = event["data"], event["data"]["loanApplication"]
    common = {"leadId": lead["leadId"], "providerId": settings["CAAS_PROVIDER_ID"]}
    where = (asked["currency"], lead["applicant"]["personalInfo"]["address"].get("country"))
    if where != (CURRENCY, COUNTRY) or not LEAST <= asked["requestedAmount"] <= MOST:
        return common | {"decision": "declined", "reasonCode": "outside_policy"}
    terms = {"approvedAmount": asked["requestedAmount"], "interestRate": 8.5, "tenure": asked["tenure"]}
    valid_until = datetime.fromisoformat(event["timestamp"]) + timedelta(days=14)
    return common | terms | {"decision": "approved", "processingFee": 300, "expiresAt": valid_until.isoformat()}


async def deliver(lead_id: str, body: bytes) -> None:
    """Until it is taken or refused: the same id and body each time, which makes it safe, signed anew."""
    path = f"/api/v1/providers/{settings['CAAS_PROVIDER_ID']}/leads/{lead_id}/decision"
    async with httpx2.AsyncClient(base_url=settings["CAAS_API_URL"], verify=tls, trust_env=False) as http:
        for attempt in range(12):
            now, pause = str(int(time.time())), 0.3 * 2**attempt
            headers = {"idempotency-key": lead_id, "webhook-id": lead_id, "webhook-timestamp": now}
            headers["webhook-signature"] = signature(lead_id, now, body).decode()
            headers |= {"authorization": f"Bearer {settings['CAAS_API_KEY']}", "content-type": "application/json"}
            with suppress(httpx2.TransportError):
                answer = await http.post(path, content=body, headers=headers)
                if answer.status_code not in PASSING and "still_running" not in answer.text:
                    return
                pause = max(pause, float(answer.headers.get("retry-after", 0)))
            await asyncio.sleep(pause)


@app.post("/webhooks/caas")
async def receive(request: Request) -> dict[str, Any]:
    body = await request.body() if int(request.headers.get("content-length", 0)) < MOST_BYTES else b""
    if not is_genuine(request.headers, body):
        raise HTTPException(401)
    try:
        event = json.loads(body)
        kind, lead_id = event.get("eventType", event["type"]), event.get("data", {}).get("leadId")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise HTTPException(400) from None
    if kind == "endpoint.challenge":
        return {"challenge": event["challenge"]}
    is_over = event.get("expiresAt") and datetime.fromisoformat(event["expiresAt"]) < datetime.now(UTC)
    if kind == "lead_received" and not is_over and lead_id not in leads:
        working.add(task := asyncio.create_task(deliver(lead_id, json.dumps(decision_on(event)).encode())))
        task.add_done_callback(working.discard)
    if kind in {"lead_received", "lead_closed"}:  # decided once, however often and in whatever order we are told
        leads.add(lead_id)
    return {"received": True}
