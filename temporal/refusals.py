"""Refusals on their way through Temporal: a business no is never retried and keeps its facts."""

from collections.abc import Mapping
from typing import Any, NoReturn

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from models.errors import Conflict, NotFound, Refusal, Refused

_KINDS: Mapping[str, type[Refusal]] = {kind.kind: kind for kind in (NotFound, Conflict, Refused)}


def as_application_error(refusal: Refusal) -> ApplicationError:
    """The refusal as Temporal carries it: its code is the type, its facts are the details, and it is expected."""
    return ApplicationError(
        refusal.detail,
        refusal.facts(),
        type=refusal.code,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def refusal_in(error: BaseException | None) -> tuple[str, Refusal] | None:
    """The code and the refusal inside a Temporal error, however deep; None when it was an outage."""
    while error is not None:
        if isinstance(error, ApplicationError) and error.details and isinstance(error.details[0], dict):
            facts: dict[str, Any] = error.details[0]
            kind = _KINDS.get(str(facts.get("kind")))
            if kind is not None:
                return str(facts["code"]), kind(str(facts["detail"]), facts.get("field"))
        error = error.__cause__
    return None


class RefusalInterceptor(Interceptor):
    """Translates refusals raised by activities, update validators and update handlers."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """See `Interceptor`."""
        return _Activities(next)

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002
        """See `Interceptor`."""
        return _Workflows


class _Activities(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await self.next.execute_activity(input)
        except Refusal as refusal:
            activity.logger.info("refused", extra={"code": refusal.code})
            _raise(refusal)


class _Workflows(WorkflowInboundInterceptor):
    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002
        try:
            self.next.handle_update_validator(input)
        except Refusal as refusal:
            _raise(refusal)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002
        try:
            return await self.next.handle_update_handler(input)
        except Refusal as refusal:
            workflow.logger.info("refused", extra={"code": refusal.code})
            _raise(refusal)


def _raise(refusal: Refusal) -> NoReturn:
    raise as_application_error(refusal) from refusal
