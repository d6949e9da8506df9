"""The outside world on one port: every third party under its own path, and a page that says what is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from sandbox import magic
from sandbox.bureau import bureau_app
from sandbox.core_banking import CoreBanking, core_routes
from sandbox.courier import Courier
from sandbox.lender_routes import lender_routes
from sandbox.lenders import Lenders
from sandbox.mailbox import Mailbox, mailbox_routes
from sandbox.payins import Payins
from sandbox.payouts import Payouts
from sandbox.rail import rail_app
from sandbox.rail_webhooks import RailWebhooks
from sandbox.settings import SandboxSettings
from sandbox.shelf import Shelf

_PLACES = (
    ("/paystack/docs", "the rail, in Paystack's protocol; /paystack/sandbox/... plays borrower and bank"),
    ("/prembly/docs", "the identity bureau and sanctions list, in Prembly's protocol"),
    ("/docs", "lenders and mailbox"),
    ("/lenders", "the lenders configured so far"),
    ("/lenders/{name}/core/requests", "what a lender's own API, driven by a plugin, was asked"),
    ("/mailbox", "every mail sent to anyone; ?to= for one reader"),
)


def create_world(settings: SandboxSettings) -> FastAPI:
    shelf = Shelf(settings.state)
    courier = Courier(settings.retry_after_seconds)
    webhooks = RailWebhooks(settings, shelf, courier)
    payouts = Payouts(settings, shelf, courier, webhooks)
    lenders = Lenders(shelf, courier)
    mailbox = Mailbox(shelf)

    @asynccontextmanager
    async def alive(world: FastAPI) -> AsyncIterator[None]:
        mail_server = await mailbox.listen(settings.host, settings.smtp_port)
        world.state.smtp_port = mail_server.sockets[0].getsockname()[1]
        webhooks.resume()
        payouts.resume()
        lenders.resume()
        try:
            yield
        finally:
            await courier.aclose()
            mail_server.close()
            await mail_server.wait_closed()
            await asyncio.sleep(0)  # the closed connections get their turn to say so

    world = FastAPI(title="The outside world", lifespan=alive)
    world.mount(
        "/paystack", rail_app(settings.rail_secret_key.get_secret_value(), payouts, Payins(shelf, webhooks), webhooks)
    )
    world.mount("/prembly", bureau_app(settings.bureau_api_key.get_secret_value()))
    world.include_router(lender_routes(lenders))
    world.include_router(core_routes(CoreBanking(shelf, lenders)))
    world.include_router(mailbox_routes(mailbox, shelf))

    @world.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def index() -> str:
        return _page()

    @world.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return world


def _page() -> str:
    places = "".join(f'<li><a href="{path}">{path}</a> {escape(what)}</li>' for path, what in _PLACES)
    rows = "".join(
        f"<tr><td>{escape(each.where)}</td><td><code>{escape(each.value)}</code></td><td>{escape(each.effect)}</td></tr>"
        for each in magic.TABLE
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>The outside world</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{text-align:left;padding:.2rem .8rem .2rem 0}</style>"
        f"<h1>The outside world</h1><ul>{places}</ul><h2>Magic values</h2>"
        f"<table><tr><th>where<th>value<th>what happens</tr>{rows}</table></html>"
    )
