"""The HTTP application: layers, routes, and what is open while it serves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from api.limits import DeclaredLength
from api.observability import Observed, bind_path
from api.openapi import RESPONSES, Described
from api.problems import translate_in
from api.reference import serve_reference
from api.resources import Resources, open_resources
from api.routes import (
    applications,
    clock,
    close_of_business,
    decisions,
    following,
    leads,
    ledger,
    loans,
    payments,
    plugins,
    products,
    providers,
    quotes,
    sme,
    statements,
    system,
    transactions,
    webhooks,
)
from api.settings import ApiSettings

# Applications before loans: `/api/loans/applications` is no loan's id.
_ROUTERS = (
    applications,
    following,
    quotes,
    loans,
    statements,
    transactions,
    payments,
    products,
    providers,
    plugins,
    leads,
    decisions,
    webhooks,
    sme,
    ledger,
    close_of_business,
    clock,
    system,
)
Opening = Callable[[ApiSettings], AbstractAsyncContextManager[Resources]]


def create_app(settings: ApiSettings | None = None, *, opening: Opening = open_resources) -> FastAPI:
    """The application; uvicorn's factory. What it works with is opened when it starts to serve."""
    chosen = settings or ApiSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening(chosen) as resources:
            app.state.resources = resources
            yield

    app = Described(
        title="Credit-as-a-Service",
        summary="One durable process per loan, from application to last repayment.",
        version=version("caas"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect of a POST is a trap
        dependencies=[Depends(bind_path)],
        responses=RESPONSES,
    )
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=chosen.max_body_bytes)
    app.add_middleware(DeclaredLength, max_body_size=chosen.max_body_bytes)
    app.add_middleware(Observed)
    translate_in(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    serve_reference(app)
    return app
