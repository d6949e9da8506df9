import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import pytest_asyncio

from activities.adapters.http_delivery import HttpDelivery, delivery_client
from activities.destinations import ForbiddenDestination
from activities.postbox import Undelivered
from tests.sandbox.worlds import Platform, platform_alive


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with delivery_client() as open_client:
        yield open_client


@pytest_asyncio.fixture
async def delivery(client: httpx2.AsyncClient) -> HttpDelivery:
    return HttpDelivery(client, allow_local=True, deadline_seconds=0.5)


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with platform_alive() as alive:
        yield alive


@asynccontextmanager
async def answering(raw: bytes, then: float = 0) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that sends these bytes whatever it is asked, and may keep the line open afterwards."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(raw)
        await writer.drain()
        await asyncio.sleep(then)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=b", asked


async def test_a_message_arrives_byte_for_byte(delivery: HttpDelivery, platform: Platform) -> None:
    delivered = await delivery.post(f"{platform.url}/hook", {"webhook-id": "evt_1"}, b'{"a": 1}')

    assert (delivered.status_code, delivered.accepted, delivered.retry_after_seconds) == (200, True, None)
    (received,) = platform.received
    assert (received.path, received.body, received.headers["webhook-id"]) == ("/hook", b'{"a": 1}', "evt_1")


async def test_the_name_is_looked_up_once_and_the_answer_is_dialed(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return [next(answers)]

    delivery = HttpDelivery(client, allow_local=True, resolve=rebinding)
    port = platform.url.rpartition(":")[2]

    await delivery.post(f"http://lender.example:{port}/hook", {}, b"")

    assert platform.received[0].headers["host"] == f"lender.example:{port}"
    with pytest.raises(ForbiddenDestination):
        await delivery.post(f"http://lender.example:{port}/hook", {}, b"")


async def test_the_certificate_is_asked_for_by_name_though_the_address_is_dialed() -> None:
    seen: list[httpx2.Request] = []

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    def lender(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=nothing())

    async def public(_host: str, _port: int) -> list[str]:
        return ["2606:4700:4700::1111"]

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lender)) as client:
        await HttpDelivery(client, allow_local=False, resolve=public).post("https://lender.example/hook", {}, b"")

    assert str(seen[0].url) == "https://[2606:4700:4700::1111]/hook"
    assert seen[0].headers["host"] == "lender.example"
    assert seen[0].extensions["sni_hostname"] == "lender.example"


async def test_production_posts_to_nobody_inside(client: httpx2.AsyncClient, platform: Platform) -> None:
    async def inside(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    delivery = HttpDelivery(client, allow_local=False, resolve=inside)

    for url in (f"{platform.url}/hook", "https://lender.example/hook"):
        with pytest.raises(ForbiddenDestination):
            await delivery.post(url, {}, b"")
    assert platform.received == []


async def test_a_redirect_is_an_answer_and_not_a_direction(delivery: HttpDelivery, platform: Platform) -> None:
    elsewhere = f"HTTP/1.1 302 Found\r\nlocation: {platform.url}/x\r\ncontent-length: 0\r\n\r\n".encode()
    async with answering(elsewhere) as (url, _):
        delivered = await delivery.post(url, {}, b"")

    assert (delivered.status_code, delivered.accepted) == (302, False)
    assert platform.received == []


async def test_only_the_start_of_an_answer_is_read(delivery: HttpDelivery) -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"no \0!" * 10_000
    async with answering(endless, then=0.2) as (url, _):
        delivered = await delivery.post(url, {}, b"")

    assert len(delivered.excerpt) == 2048
    assert delivered.excerpt.startswith("no \ufffd!")


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow"], ids=["says nothing", "never finishes"]
)
async def test_an_attempt_has_one_deadline(delivery: HttpDelivery, start: bytes) -> None:
    async with answering(start, then=0.8) as (url, _):
        with pytest.raises(Undelivered, match=r"within 0.5 seconds"):
            await delivery.post(url, {}, b"")


@pytest.mark.parametrize("raw", [b"", b"not HTTP at all\r\n\r\n"], ids=["hangs up", "speaks nonsense"])
async def test_a_broken_answer_is_none(delivery: HttpDelivery, raw: bytes) -> None:
    async with answering(raw) as (url, _):
        with pytest.raises(Undelivered, match="RemoteProtocolError"):
            await delivery.post(url, {}, b"")


async def test_a_lender_that_is_away_got_nothing(delivery: HttpDelivery) -> None:
    with pytest.raises(Undelivered, match="ConnectError"):
        await delivery.post("http://127.0.0.1:1/hook", {}, b"")


async def test_a_name_nobody_has_is_no_delivery(client: httpx2.AsyncClient) -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(Undelivered, match="not known"):
        await HttpDelivery(client, allow_local=True, resolve=unknown).post("http://lender.example/", {}, b"")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ("retry-after: 120", 120),
        ("retry-after: soon", None),
        ("retry-after: -5", None),
        ("retry-after: 99999999999999999999", 999_999_999),
        ("date: Sun, 01 Mar 2026 09:00:00 GMT\r\nretry-after: Sun, 01 Mar 2026 09:01:30 GMT", 90),
        ("date: Sun, 01 Mar 2026 09:00:00 GMT\r\nretry-after: Sun, 01 Mar 2026 08:00:00 GMT", 0),
        ("retry-after: Sun, 01 Mar 2026 09:01:30 GMT", None),
        ("x: y", None),
    ],
)
async def test_a_lender_may_ask_for_a_pause(delivery: HttpDelivery, headers: str, seconds: int | None) -> None:
    busy = f"HTTP/1.1 429 Too Many Requests\r\n{headers}\r\ncontent-length: 0\r\n\r\n".encode()
    async with answering(busy) as (url, _):
        delivered = await delivery.post(url, {}, b"")

    assert (delivered.status_code, delivered.retry_after_seconds) == (429, seconds)


async def test_no_connection_is_kept_for_another_lender_at_the_same_address(delivery: HttpDelivery) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", then=0.05) as (url, asked):
        await asyncio.gather(*(delivery.post(url, {}, b"") for _ in range(2)))
        await delivery.post(url, {}, b"")

    assert len(asked) == 3
