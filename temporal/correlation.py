"""The correlation id on its way through Temporal: in the headers of workflows and activities, next to their arguments.

request -> outbox row -> start of the application -> its activities, its loan -> the loan's activities -> ...
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from temporalio import client, worker
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

from models.records.correlation import correlated, correlation_id

HEADER = "caas-correlation-id"
_CONVERTER = PayloadConverter.default


class CorrelationInterceptor(client.Interceptor, worker.Interceptor):
    """Given to a client, it serves the workers made of that client as well."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:  # noqa: A002
        """See `client.Interceptor`."""
        return _Client(next)

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:  # noqa: A002
        """See `worker.Interceptor`."""
        return _Activities(next)

    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002, ARG002
    ) -> type[worker.WorkflowInboundInterceptor]:
        """See `worker.Interceptor`."""
        return _Workflows


class _Client(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:  # noqa: A002
        input.headers = _with_id(input.headers)
        return await super().start_workflow(input)

    async def start_activity(self, input: client.StartActivityInput) -> client.ActivityHandle[Any]:  # noqa: A002
        input.headers = _with_id(input.headers)
        return await super().start_activity(input)


class _Activities(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002
        found = input.headers.get(HEADER)
        with correlated(_CONVERTER.from_payload(found, str) if found else None):
            return await super().execute_activity(input)


class _Workflows(worker.WorkflowInboundInterceptor):
    """Hands the header on as it came: the id is nothing a workflow decides by."""

    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        self._outbound = _FromWorkflows(outbound)
        super().init(self._outbound)

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:  # noqa: A002
        self._outbound.header = input.headers.get(HEADER)
        return await super().execute_workflow(input)


class _FromWorkflows(worker.WorkflowOutboundInterceptor):
    header: Payload | None = None

    def start_activity(self, input: worker.StartActivityInput) -> Any:  # noqa: A002
        input.headers = self._handed_on(input.headers)
        return super().start_activity(input)

    async def start_child_workflow(self, input: worker.StartChildWorkflowInput) -> Any:  # noqa: A002
        input.headers = self._handed_on(input.headers)
        return await super().start_child_workflow(input)

    def continue_as_new(self, input: worker.ContinueAsNewInput) -> NoReturn:  # noqa: A002
        input.headers = self._handed_on(input.headers)
        super().continue_as_new(input)

    def _handed_on(self, headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
        return {**headers, HEADER: self.header} if self.header else headers


def _with_id(headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
    current = correlation_id()
    return {**headers, HEADER: _CONVERTER.to_payload(current)} if current else headers
