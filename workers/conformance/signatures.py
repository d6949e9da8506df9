"""Who may speak to the endpoint: messages that are signed with the secret, now, over these very bytes."""

import hashlib
import hmac
import json

from workers.conformance.bench import Bench
from workers.conformance.cases import case

_SIGNATURES = "signatures"
_OTHER_SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
_TEN_MINUTES = 600


async def _is_refused(bench: Bench, **changes: str | None) -> None:
    """A lead whose headers were changed so is refused and not decided on."""
    event = bench.lead()
    message = bench.message(event)
    headers = message.headers(bench.expecting.secret)
    for name, value in changes.items():
        headers.pop(f"webhook-{name}")
        if value is not None:
            headers[f"webhook-{name}"] = value
    bench.refused(await bench.send(message, headers))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def bad_signature(bench: Bench) -> None:
    """A signature that fits nothing is refused with 4xx."""
    await _is_refused(bench, signature="v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")


@case(_SIGNATURES)
async def missing_id(bench: Bench) -> None:
    """A message without webhook-id is refused."""
    await _is_refused(bench, id=None)


@case(_SIGNATURES)
async def missing_timestamp(bench: Bench) -> None:
    """A message without webhook-timestamp is refused."""
    await _is_refused(bench, timestamp=None)


@case(_SIGNATURES)
async def missing_signature(bench: Bench) -> None:
    """A message without webhook-signature is refused."""
    await _is_refused(bench, signature=None)


@case(_SIGNATURES)
async def garbled_timestamp(bench: Bench) -> None:
    """A timestamp that is no number is refused, and is no 500."""
    await _is_refused(bench, timestamp="yesterday")


@case(_SIGNATURES)
async def garbled_signature(bench: Bench) -> None:
    """A signature header of commas and spaces is refused, and is no 500."""
    await _is_refused(bench, signature="v1  ,, v1,a,b")


@case(_SIGNATURES)
async def wrong_secret(bench: Bench) -> None:
    """A message signed with another secret is refused."""
    event = bench.lead()
    message = bench.message(event)
    bench.refused(await bench.send(message, message.headers(_OTHER_SECRET)))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def stale_timestamp(bench: Bench) -> None:
    """A message signed ten minutes ago is refused: it may be a replay."""
    event = bench.lead()
    bench.refused(await bench.send(bench.message(event, age_seconds=_TEN_MINUTES)))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def future_timestamp(bench: Bench) -> None:
    """A message signed ten minutes ahead is refused."""
    event = bench.lead()
    bench.refused(await bench.send(bench.message(event, age_seconds=-_TEN_MINUTES)))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def a_minute_of_drift(bench: Bench) -> None:
    """A message signed a minute ago is taken: clocks differ."""
    bench.taken(await bench.send(bench.message(bench.lead(), age_seconds=60)))


@case(_SIGNATURES)
async def tampered_body(bench: Bench) -> None:
    """A body that was changed after it was signed is refused."""
    event = bench.lead()
    message = bench.message(event)
    other = message.body.replace(b"Business", b"Pleasure")
    bench.refused(await bench.send(message, message.headers(bench.expecting.secret), other))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def tampered_id(bench: Bench) -> None:
    """An id that was changed after it was signed is refused."""
    await _is_refused(bench, id=bench.new_id("msg"))


@case(_SIGNATURES)
async def tampered_timestamp(bench: Bench) -> None:
    """A timestamp that was changed after it was signed is refused."""
    message = bench.message(bench.lead(), age_seconds=5)
    await _is_refused(bench, timestamp=str(message.timestamp))


@case(_SIGNATURES)
async def signature_of_the_body_alone(bench: Bench) -> None:
    """A signature without id and time in it, in the old header, is not enough."""
    event = bench.lead()
    message = bench.message(event)
    digest = hmac.new(bench.expecting.secret.encode(), message.body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "webhook-id": message.id, "x-caas-signature": f"sha256={digest}"}
    bench.refused(await bench.send(message, headers))
    await bench.undecided(event["data"]["leadId"])


@case(_SIGNATURES)
async def rotated_secret(bench: Bench) -> None:
    """Of two signatures, made with another secret and with yours, one is enough."""
    message = bench.message(bench.lead())
    headers, other = message.headers(bench.expecting.secret), message.headers(_OTHER_SECRET)
    both = f"{other['webhook-signature']} {headers['webhook-signature']}"
    bench.taken(await bench.send(message, headers | {"webhook-signature": both}))


@case(_SIGNATURES)
async def unknown_version_beside_a_good_one(bench: Bench) -> None:
    """A signature of a version you do not know is passed over."""
    message = bench.message(bench.lead())
    headers = message.headers(bench.expecting.secret)
    both = f"v1a,bm90IG9mIHlvdXJzIHRvIHJlYWQ= {headers['webhook-signature']}"
    bench.taken(await bench.send(message, headers | {"webhook-signature": both}))


@case(_SIGNATURES)
async def unknown_version_alone(bench: Bench) -> None:
    """A signature of a version you do not know proves nothing."""
    message = bench.message(bench.lead())
    signature = message.headers(bench.expecting.secret)["webhook-signature"]
    await _is_refused(bench, signature=signature.replace("v1,", "v9,"))


@case(_SIGNATURES)
async def header_capitalization(bench: Bench) -> None:
    """Headers mean the same in capitals."""
    message = bench.message(bench.lead())
    headers = {name.upper(): value for name, value in message.headers(bench.expecting.secret).items()}
    bench.taken(await bench.send(message, headers))


@case(_SIGNATURES)
async def signed_as_sent(bench: Bench) -> None:
    """The signature is of the bytes that came, however the JSON is laid out."""
    event = bench.lead()
    bench.taken(await bench.send(bench.message(json.dumps(event, indent=4).encode() + b"\n")))
    await bench.decided(event["data"]["leadId"])


@case(_SIGNATURES)
async def forged_duplicate(bench: Bench) -> None:
    """A forged message does not take the place of the true one with its id."""
    event = bench.lead()
    message = bench.message(event)
    forged = message.headers(_OTHER_SECRET)
    bench.refused(await bench.send(message, forged))
    bench.taken(await bench.send(message))
    await bench.decided_once(event["data"]["leadId"])
