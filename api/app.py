"""The HTTP application: layers, routes, and what is open while it serves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI

from api.limits import BodyLimits
from api.observability import Observed, bind_path
from api.openapi import RESPONSES, Described
from api.problems import translate_in
from api.rate_limits import Metered, QuotaExceeded, too_many
from api.reference import serve_reference
from api.resources import Resources, open_resources
from api.routes import (
    analytics,
    applications,
    billing,
    bulk,
    chain,
    chain_collateral,
    clock,
    close_of_business,
    credentials,
    decisions,
    endpoints,
    following,
    lead_records,
    leads,
    ledger,
    loans,
    matching,
    operator_tasks,
    payments,
    plugins,
    products,
    provider_leads,
    provider_notices,
    provider_sync,
    providers,
    quotes,
    rate_cards,
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
    chain,
    chain_collateral,
    operator_tasks,
    payments,
    products,
    providers,
    credentials,
    plugins,
    leads,
    lead_records,
    matching,
    decisions,
    endpoints,
    bulk,
    provider_leads,
    provider_notices,
    provider_sync,
    analytics,
    rate_cards,
    billing,
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
    app.add_middleware(BodyLimits, usual=chosen.max_body_bytes, larger={bulk.PATH: chosen.max_bulk_bytes})
    app.add_middleware(Metered)
    app.add_middleware(Observed)
    translate_in(app)
    app.add_exception_handler(QuotaExceeded, too_many)
    for module in _ROUTERS:
        app.include_router(module.router)
    serve_reference(app)
    return app
