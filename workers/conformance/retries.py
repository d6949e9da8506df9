"""How the provider takes our answers: it tries again when it should, as late as it should, and stops when it should."""

import asyncio
from itertools import pairwise

from workers.conformance.bench import Bench, Fault
from workers.conformance.cases import case
from workers.conformance.stub_api import Attempt, Prepared

_RETRIES = "retries"
_RETRY_AFTER_SECONDS = 2
# Clocks tick, and a header has whole seconds.
_EARLY_SECONDS = 0.1
_MOST_IN_THREE_SECONDS = 8
# A provider waits before it tries again, so it is watched for longer.
_WATCHED = 4


async def _answered(bench: Bench, *answers: Prepared) -> str:
    """A lead whose decision is answered so."""
    event = bench.lead()
    lead_id: str = event["data"]["leadId"]
    bench.stub.prepare(lead_id, *answers)
    await bench.tell(event)
    return lead_id


async def _tried_again(bench: Bench, *answers: Prepared) -> list[Attempt]:
    lead_id = await _answered(bench, *answers)
    seconds = bench.expecting.patience_seconds + sum(each.retry_after_seconds or 0 for each in answers)
    return await bench.decided(lead_id, attempts=len(answers) + 1, seconds=seconds)


@case(_RETRIES)
async def tries_again_after_503(bench: Bench) -> None:
    """A decision that is answered 503 is sent again."""
    await _tried_again(bench, Prepared(503, "engine_away"))


@case(_RETRIES)
async def tries_again_after_500(bench: Bench) -> None:
    """A decision that is answered 500 is sent again."""
    await _tried_again(bench, Prepared(500, "internal_error"))


@case(_RETRIES)
async def same_id_and_body_again(bench: Bench) -> None:
    """A repeated decision has the id, the key and the body of the first: so it counts once."""
    first, *others = await _tried_again(bench, Prepared(503), Prepared(503))
    for other in others:
        for name in ("webhook-id", "idempotency-key"):
            if first.headers.get(name) != other.headers.get(name):
                raise Fault(f"The {name} was another on the second attempt.")
        if first.body != other.body:
            raise Fault("The body was another on the second attempt.")


@case(_RETRIES)
async def signs_each_attempt(bench: Bench) -> None:
    """A repeated decision is signed anew: an old signature would be refused after five minutes."""
    first, second = await _tried_again(bench, Prepared(503, "engine_away", _RETRY_AFTER_SECONDS))
    if first.headers.get("webhook-timestamp") == second.headers.get("webhook-timestamp"):
        raise Fault("Both attempts carry the same webhook-timestamp.")


@case(_RETRIES)
async def obeys_retry_after_of_429(bench: Bench) -> None:
    """After a 429 it waits as long as Retry-After says, and then comes again."""
    await _waited(bench, Prepared(429, "too_many_requests", _RETRY_AFTER_SECONDS))


@case(_RETRIES)
async def obeys_retry_after_of_503(bench: Bench) -> None:
    """After a 503 it waits as long as Retry-After says, and then comes again."""
    await _waited(bench, Prepared(503, "engine_away", _RETRY_AFTER_SECONDS))


@case(_RETRIES)
async def stops_after_409(bench: Bench) -> None:
    """A decision that comes too late, 409, is not sent again."""
    await _stopped(bench, Prepared(409, "bidding_closed"))


@case(_RETRIES)
async def stops_after_422(bench: Bench) -> None:
    """A decision that is refused, 422, is not sent again as it was."""
    await _stopped(bench, Prepared(422, "validation_failed"))


@case(_RETRIES)
async def stops_after_404(bench: Bench) -> None:
    """A decision on a lead that is not yours, 404, is not sent again."""
    await _stopped(bench, Prepared(404, "unknown_lead"))


@case(_RETRIES)
async def comes_again_while_still_running(bench: Bench) -> None:
    """A 409 still_running means that the first attempt is being worked on: it asks again."""
    await _tried_again(bench, Prepared(409, "still_running", 1))


@case(_RETRIES)
async def does_not_hammer(bench: Bench) -> None:
    """While we are away it comes less and less often: at most eight times in three seconds."""
    lead_id = await _answered(bench, *[Prepared(503)] * 100)
    await asyncio.sleep(3)
    found = bench.stub.attempts[lead_id]
    bench.stub.prepared[lead_id].clear()
    if not 1 <= len(found) <= _MOST_IN_THREE_SECONDS:
        raise Fault(f"It came {len(found)} times in three seconds.")


async def _stopped(bench: Bench, answer: Prepared) -> None:
    await bench.decided_once(await _answered(bench, answer), times_settled=_WATCHED)


async def _waited(bench: Bench, answer: Prepared) -> None:
    attempts = await _tried_again(bench, answer)
    for first, second in pairwise(attempts):
        if second.at - first.at < _RETRY_AFTER_SECONDS - _EARLY_SECONDS:
            raise Fault(
                f"It came again after {second.at - first.at:.2f} s, and {_RETRY_AFTER_SECONDS} s were asked for."
            )
