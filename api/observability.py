"""What an operator sees of the API: a JSON line and a measurement per request, joined by a correlation id."""

import logging
import logging.config
import re
import time
from os import urandom
from typing import Any

import structlog
from fastapi import Request
from prometheus_client import Counter, Histogram
from pydantic.alias_generators import to_snake
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import internal_error
from models.records.correlation import correlated

log = structlog.get_logger()

REQUESTS = Counter("caas_http_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("caas_http_request_seconds", "Time to answer a request.", ["method", "route"])

_HEADER = "X-Correlation-Id"
_ACCEPTABLE = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_UNSCRAPED = frozenset({"/health", "/metrics"})


class Observed:
    """The outermost layer: correlation, measurement, and the last answer when everything else failed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(Headers(scope=scope).get(_HEADER))
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = correlation_id
            await send(message)

        structlog.contextvars.clear_contextvars()
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id), correlated(correlation_id):
            try:
                await self._app(scope, receive, answer)
            except Exception:
                log.exception("request failed")
                if status:
                    raise
                await internal_error()(scope, receive, answer)
            finally:
                _record(scope, status, time.perf_counter() - started)


async def bind_path(request: Request) -> None:
    """Every log line of a request carries the ids in its path."""
    structlog.contextvars.bind_contextvars(**{to_snake(name): value for name, value in request.path_params.items()})


def configure_logging() -> None:
    """JSON lines on stdout, for our own logs and for those of the libraries; no local variables in a traceback."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
            "root": {"handlers": ["out"], "level": "INFO"},
            # One line a request, with a URL that may name somebody.
            "loggers": {"httpx2": {"level": "WARNING"}},
        }
    )


def _correlation_id(given: str | None) -> str:
    return given if given and _ACCEPTABLE.fullmatch(given) else f"req_{urandom(10).hex()}"


def _record(scope: Scope, status: int, seconds: float) -> None:
    # By template: a label per loan would be a time series per loan.
    route = getattr(scope.get("route"), "path", "unmatched")
    REQUESTS.labels(scope["method"], route, status).inc()
    SECONDS.labels(scope["method"], route).observe(seconds)
    if route not in _UNSCRAPED:
        log.info("request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))
