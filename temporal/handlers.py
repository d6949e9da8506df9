"""Declaring update handlers with a description, which the Temporal UI shows, and with the types they really have."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from temporalio import workflow
from temporalio.workflow import UpdateMethodMultiParam

Params = ParamSpec("Params")
Answer = TypeVar("Answer")


def update(description: str) -> Callable[[Callable[Params, Awaitable[Answer]]], UpdateMethodMultiParam[Params, Answer]]:
    """`workflow.update(description=...)` for an asynchronous handler: the SDK types its answer as the coroutine."""
    return workflow.update(description=description)  # type: ignore[return-value]
