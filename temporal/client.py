"""One way to reach the cluster, for the API, the workers and the command line alike."""

from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression

from temporal.correlation import CorrelationInterceptor
from temporal.settings import TemporalSettings

LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")


async def connect(
    settings: TemporalSettings,
    *,
    lazy: bool = False,
    interceptors: Sequence[Interceptor] = (),
    runtime: Runtime | None = None,
) -> Client:
    """A lazy client connects at its first call: the API starts, and takes applications, while Temporal is away."""
    near = settings.address.startswith(LOOPBACK)
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        data_converter=pydantic_data_converter,
        interceptors=[CorrelationInterceptor(), *interceptors],
        lazy=lazy,
        runtime=runtime,
        grpc_compression=GrpcCompression.NONE if near else GrpcCompression.GZIP,
    )
