"""Calling a lender's API: with the care of a webhook, and an answer that has an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from activities.adapters.lender_http import LenderHttp
from activities.adapters.vetted_http import KeptConnections, VettedHttp
from activities.destinations import ForbiddenDestination
from activities.lender_api import LenderAnswer, LenderAway, LenderCall


@pytest_asyncio.fixture
async def client() -> AsyncIterator[KeptConnections]:
    async with KeptConnections() as open_client:
        yield open_client


@asynccontextmanager
async def answering(
    body: bytes, head: bytes = b"HTTP/1.1 200 OK", then: float = 0
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A lender that says this whatever it is asked, and may keep the line open afterwards."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head + b"\r\n\r\n" + body)
        await writer.drain()
        await asyncio.sleep(then)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/loans?a=b", asked


async def called(client: KeptConnections, url: str, *, allow_local: bool = True, seconds: float = 0.5) -> LenderAnswer:
    api = LenderHttp(VettedHttp(client, allow_local=allow_local, deadline_seconds=seconds))
    return await api.call(LenderCall("GET", url, {"authorization": "Bearer t"}))


async def test_an_answer_is_read_as_json(client: KeptConnections) -> None:
    async with answering(b'{"outcome": "APPROVE", "rate": 8.5}') as (url, asked):
        answer = await called(client, url)

    assert (answer.status_code, answer.document) == (200, {"outcome": "APPROVE", "rate": 8.5})
    assert asked[0].startswith(b"GET /loans?a=b HTTP/1.1")
    assert b"authorization: Bearer t" in asked[0]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe", b'{"a": "\\ud800"}', b'{"a": "\\u0000"}', b"[" * 60_000, b'{"a": 1e999}']
)
async def test_what_is_no_json_or_cannot_be_kept_is_no_document(client: KeptConnections, body: bytes) -> None:
    async with answering(body) as (url, _):
        assert (await called(client, url)).document is None


async def test_a_redirect_is_an_answer_and_not_followed(client: KeptConnections) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nRetry-After: 7"
    async with answering(b"", head) as (url, asked):
        answer = await called(client, url)

    assert (answer.status_code, answer.retry_after_seconds, len(asked)) == (302, 7, 1)


async def test_an_answer_without_end_is_cut_off(client: KeptConnections) -> None:
    async with answering(b"x" * 70_000) as (url, _):
        with pytest.raises(LenderAway, match="larger"):
            await called(client, url)


async def test_a_lender_that_hangs_is_given_up(client: KeptConnections) -> None:
    async with answering(b'{"a":', then=3) as (url, _):
        with pytest.raises(LenderAway, match="within"):
            await called(client, url, seconds=0.2)


async def test_nobody_there_is_away(client: KeptConnections) -> None:
    with pytest.raises(LenderAway):
        await called(client, "http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "https://[::1]/", "https://169.254.169.254/"])
async def test_production_asks_nobody_inside(client: KeptConnections, url: str) -> None:
    with pytest.raises(ForbiddenDestination):
        await called(client, url, allow_local=False)


async def test_a_name_is_looked_up_once_and_the_answer_is_dialed(client: KeptConnections) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return [next(answers)]

    async with answering(b"{}") as (url, asked):
        port = url.split(":")[2].split("/")[0]
        api = LenderHttp(VettedHttp(client, allow_local=True, resolve=rebinding))
        call = LenderCall("POST", f"http://lender.example:{port}/loans", {}, b"{}")
        await api.call(call)
        with pytest.raises(ForbiddenDestination):
            await api.call(call)

    assert f"host: lender.example:{port}".encode() in asked[0].lower()
