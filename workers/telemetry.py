"""What the worker tells about itself: JSON logs that carry the loan's ids, and metrics of every activity."""

import time
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.errors import Refusal
from models.records.correlation import correlation_id

log = structlog.get_logger()

ACTIVITIES = Counter("caas_activities_total", "Activity attempts.", ["activity", "outcome"])
SECONDS = Histogram("caas_activity_seconds", "Duration of an activity attempt.", ["activity"])


class TelemetryInterceptor(Interceptor):
    """Measures and logs every activity attempt."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """See `Interceptor`."""
        return _Measured(next)


class _Measured(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        started = time.perf_counter()
        outcome = "failed"
        with structlog.contextvars.bound_contextvars(
            activity=info.activity_type,
            attempt=info.attempt,
            workflow_id=info.workflow_id,
            correlation_id=correlation_id(),
            **_ids(input.args),
        ):
            try:
                result = await self.next.execute_activity(input)
                outcome = "done"
            except Refusal as refusal:
                outcome = "refused"
                log.info("activity refused", code=refusal.code, detail=refusal.detail)
                raise
            except Exception as error:
                log.warning("activity failed", error=f"{type(error).__name__}: {error}")
                raise
            else:
                log.info("activity done", seconds=round(time.perf_counter() - started, 4))
                return result
            finally:
                SECONDS.labels(info.activity_type).observe(time.perf_counter() - started)
                ACTIVITIES.labels(info.activity_type, outcome).inc()


def _ids(args: Any) -> dict[str, str]:
    """The ids of the request, which is a reference or carries one."""
    ref = getattr(args[0], "ref", args[0]) if args else None
    names = ("tenant_id", "application_id", "loan_id", "delivery_id")
    return {name: value for name in names if (value := getattr(ref, name, None))}
