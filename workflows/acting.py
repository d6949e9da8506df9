"""How workflows act: a transaction of ours is retried fast and for ever, a stranger slowly and for ever.

A refusal is never retried (see temporal.refusals); everything else is an outage, and outages end.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

Result = TypeVar("Result")
Method = Callable[[Any, Any], Awaitable[Result]]

TRANSACTION_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=20)
)
STRANGER_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)
# Longer than any lock of ours is held, short enough that a killed worker's work is soon taken up by another.
TRANSACTION_TIMEOUT = timedelta(seconds=10)
STRANGER_TIMEOUT = timedelta(seconds=30)
# A transaction on a chain waits for its block, and for the blocks above it; it gives signs of life meanwhile.
CHAIN_TIMEOUT = timedelta(minutes=15)
CHAIN_HEARTBEAT = timedelta(seconds=60)


async def transact(method: Method[Result], request: object, *, summary: str) -> Result:
    """Run one transaction as an activity."""
    return await workflow.execute_activity_method(
        method,
        request,
        start_to_close_timeout=TRANSACTION_TIMEOUT,
        retry_policy=TRANSACTION_RETRY,
        summary=summary,
    )


async def ask(method: Method[Result], request: object, *, summary: str) -> Result:
    """Make one call to one stranger as an activity."""
    return await workflow.execute_activity_method(
        method, request, start_to_close_timeout=STRANGER_TIMEOUT, retry_policy=STRANGER_RETRY, summary=summary
    )


async def write_on_chain(method: Method[Result], request: object, *, summary: str) -> Result:
    """Carry one write to a chain as an activity; an outage of the chain is waited out."""
    return await workflow.execute_activity_method(
        method,
        request,
        start_to_close_timeout=CHAIN_TIMEOUT,
        heartbeat_timeout=CHAIN_HEARTBEAT,
        retry_policy=STRANGER_RETRY,
        summary=summary,
    )


async def wait_until(condition: Callable[[], bool], *, seconds: float, summary: str) -> bool:
    """Wait for the condition; False when the time ran out first."""
    try:
        await workflow.wait_condition(condition, timeout=max(seconds, 0), timeout_summary=summary)
    except TimeoutError:
        return condition()
    return True
