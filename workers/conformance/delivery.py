"""What the endpoint does with messages that are good, odd, repeated, late or out of order."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx2

from models.events import ProviderEventType
from workers.conformance.bench import Bench, Fault
from workers.conformance.cases import case

_DELIVERY, _HTTP = "delivery", "http"
_STORM, _AT_ONCE = 50, 20
_SLOWEST_SECONDS = 5.0
_OVERSIZE_BYTES = 2 * 1024 * 1024
_UNEXPECTED = range(500, 600)


@case(_DELIVERY)
async def good_delivery(bench: Bench) -> None:
    """A lead is answered 2xx and decided on."""
    await bench.decision()


@case(_DELIVERY)
async def challenge(bench: Bench) -> None:
    """An endpoint.challenge is answered 2xx with the challenge in a JSON body."""
    nonce = bench.new_id("nonce")
    event = {"type": "endpoint.challenge", "challenge": nonce}
    answer = await bench.send(bench.message(event))
    bench.taken(answer)
    try:
        echoed = answer.json().get("challenge")
    except (ValueError, AttributeError):
        echoed = None
    if echoed != nonce:
        raise Fault("The challenge is not in the answer.")


@case(_DELIVERY)
async def duplicate_id(bench: Bench) -> None:
    """The same message again gets the same answer, and no second decision."""
    event = bench.lead()
    message = bench.message(event)
    first, second = await bench.send(message), await bench.send(message)
    bench.taken(first)
    if first.status_code != second.status_code:
        raise Fault(f"It was answered {first.status_code} first and {second.status_code} then.")
    await bench.decided_once(event["data"]["leadId"])


@case(_DELIVERY)
async def same_lead_in_another_message(bench: Bench) -> None:
    """A lead that is sent again under a new id is decided once."""
    event = bench.lead()
    await bench.tell(event)
    await bench.tell(event | {"eventId": bench.new_id("msg")})
    await bench.decided_once(event["data"]["leadId"])


@case(_DELIVERY)
async def concurrent_duplicates(bench: Bench) -> None:
    """The same message twenty times at once is one decision."""
    event = bench.lead()
    message = bench.message(event)
    for answer in await asyncio.gather(*(bench.send(message) for _ in range(_AT_ONCE))):
        bench.taken(answer)
    await bench.decided_once(event["data"]["leadId"])


@case(_DELIVERY)
async def retry_storm(bench: Bench) -> None:
    """The same message fifty times is answered 2xx each time, and is one decision."""
    event = bench.lead()
    message = bench.message(event)
    for _ in range(_STORM):
        bench.taken(await bench.send(message))
    await bench.decided_once(event["data"]["leadId"])


@case(_DELIVERY)
async def unknown_event_type(bench: Bench) -> None:
    """An event you do not know is answered 2xx: there will be new ones."""
    lead_id = bench.new_id("lead")
    await bench.tell(bench.event("moon_phase_changed", {"leadId": lead_id}))
    await bench.undecided(lead_id)


@case(_DELIVERY)
async def unknown_fields(bench: Bench) -> None:
    """Fields you do not know do not matter."""
    event = bench.lead() | {"schemaVersion": "2.0", "links": [{"rel": "self"}]}
    event["data"]["loanApplication"]["collateral"] = None
    await bench.tell(event)
    await bench.decided(event["data"]["leadId"])


@case(_DELIVERY)
async def every_event_type(bench: Bench) -> None:
    """Every event we send is answered 2xx."""
    for kind in ProviderEventType:
        if kind is not ProviderEventType.LEAD_RECEIVED:
            await bench.tell(bench.event(kind, {"leadId": bench.new_id("lead")}))


@case(_DELIVERY)
async def test_event(bench: Bench) -> None:
    """A test event without a lead is answered 2xx."""
    await bench.tell(bench.event(ProviderEventType.TEST, {"message": "hello"}))


@case(_DELIVERY)
async def expired_lead(bench: Bench) -> None:
    """A lead whose window is over is answered 2xx and not decided on."""
    event = bench.lead(expires_at=datetime.now(UTC) - timedelta(minutes=1))
    await bench.tell(event)
    await bench.undecided(event["data"]["leadId"])


@case(_DELIVERY)
async def lead_closed(bench: Bench) -> None:
    """A lead that was withdrawn is acknowledged, and not decided on any more."""
    event = bench.lead()
    lead_id = event["data"]["leadId"]
    await bench.tell(event)
    await bench.decided(lead_id)
    await bench.tell(bench.event(ProviderEventType.LEAD_CLOSED, {"leadId": lead_id, "reason": "withdrawn"}))
    await bench.tell(event | {"eventId": bench.new_id("msg")})
    await bench.decided_once(lead_id)


@case(_DELIVERY)
async def closed_before_received(bench: Bench) -> None:
    """A lead that is known to be closed is not decided on when its invitation comes late."""
    event = bench.lead()
    lead_id = event["data"]["leadId"]
    await bench.tell(bench.event(ProviderEventType.LEAD_CLOSED, {"leadId": lead_id, "reason": "withdrawn"}))
    await bench.tell(event)
    await bench.undecided(lead_id)


@case(_DELIVERY)
async def out_of_order(bench: Bench) -> None:
    """News of a lead you have not heard of yet is answered 2xx."""
    lead_id = bench.new_id("lead")
    for kind in (ProviderEventType.LOAN_FUNDED, ProviderEventType.OFFER_ACCEPTED):
        await bench.tell(bench.event(kind, {"leadId": lead_id, "offerId": "offer_1", "loanId": "loan_1"}))
    await bench.undecided(lead_id)


@case(_DELIVERY)
async def unicode(bench: Bench) -> None:
    """Any script is read."""
    await bench.decision(asked={"purpose": "Ọjà títà, 市场 🏪 “naïve” \u2028 Ελλάδα"})


@case(_DELIVERY)
async def fast_acknowledgement(bench: Bench) -> None:
    """Ten leads at once are each acknowledged in less than 5 s: decide after the answer."""

    async def timed() -> float:
        began = time.monotonic()
        await bench.tell(bench.lead())
        return time.monotonic() - began

    slowest = max(await asyncio.gather(*(timed() for _ in range(10))))
    if slowest >= _SLOWEST_SECONDS:
        raise Fault(f"The slowest answer took {slowest:.1f} s.")


@case(_HTTP)
async def empty_body(bench: Bench) -> None:
    """An empty body is refused, though it is signed."""
    bench.refused(await bench.send(bench.message(b"")))


@case(_HTTP)
async def not_json(bench: Bench) -> None:
    """A body that is no JSON is refused, though it is signed."""
    bench.refused(await bench.send(bench.message(b"{'leadId': undefined")))


@case(_HTTP)
async def json_of_another_shape(bench: Bench) -> None:
    """JSON that is no event is no 500."""
    for body in (b"[]", b"null", b'"lead"', b"{}"):
        answer = await bench.send(bench.message(body))
        if answer.status_code in _UNEXPECTED:
            raise Fault(f"{body.decode()} was answered {answer.status_code}.")


@case(_HTTP)
async def oversize_body(bench: Bench) -> None:
    """Two megabytes are refused, and not taken for a lead."""
    event = bench.lead() | {"padding": "x" * _OVERSIZE_BYTES}
    bench.refused(await bench.send(bench.message(event)))
    await bench.undecided(event["data"]["leadId"])


@case(_HTTP)
async def no_redirect(bench: Bench) -> None:
    """The endpoint answers itself: we follow no redirect."""
    answer = await bench.send(bench.message(bench.lead()))
    if answer.is_redirect or answer.history:
        raise Fault(f"It was answered {answer.status_code} with a location.")


@case(_HTTP)
async def get_is_refused(bench: Bench) -> None:
    """A GET is answered 404 or 405."""
    answer = await bench.http.get(bench.expecting.url)
    if answer.status_code not in {httpx2.codes.NOT_FOUND, httpx2.codes.METHOD_NOT_ALLOWED}:
        raise Fault(f"It was answered {answer.status_code}.")


@case(_HTTP)
async def keep_alive(bench: Bench) -> None:
    """A connection is kept for the next message."""
    ports = set()
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=1), trust_env=False) as http:
        alone = Bench(bench.expecting, bench.stub, http, bench.new_id("alone"))
        for _ in range(3):
            answer = await alone.send(alone.message(alone.lead()))
            alone.taken(answer)
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr")[1])
    if len(ports) > 1:
        raise Fault("Each message needed a connection of its own.")
