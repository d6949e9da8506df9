import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
import pytest_asyncio

from activities.adapters.http_delivery import HttpDelivery
from activities.adapters.vetted_http import KeptConnections, VettedHttp
from activities.destinations import ForbiddenDestination
from activities.postbox import Undelivered
from tests.sandbox.worlds import Platform, platform_alive


@pytest_asyncio.fixture
async def client() -> AsyncIterator[KeptConnections]:
    async with KeptConnections() as open_client:
        yield open_client


@pytest_asyncio.fixture
async def delivery(client: KeptConnections) -> HttpDelivery:
    return HttpDelivery(VettedHttp(client, allow_local=True, deadline_seconds=0.5))


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


async def test_the_name_is_looked_up_once_and_the_answer_is_dialed(client: KeptConnections, platform: Platform) -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return [next(answers)]

    delivery = HttpDelivery(VettedHttp(client, allow_local=True, resolve=rebinding))
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

    async with KeptConnections(transport=httpx2.MockTransport(lender)) as client:
        delivery = HttpDelivery(VettedHttp(client, allow_local=False, resolve=public))
        await delivery.post("https://lender.example/hook", {}, b"")

    assert str(seen[0].url) == "https://[2606:4700:4700::1111]/hook"
    assert seen[0].headers["host"] == "lender.example"
    assert seen[0].extensions["sni_hostname"] == "lender.example"


async def test_production_posts_to_nobody_inside(client: KeptConnections, platform: Platform) -> None:
    async def inside(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    delivery = HttpDelivery(VettedHttp(client, allow_local=False, resolve=inside))

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


async def test_a_name_nobody_has_is_no_delivery(client: KeptConnections) -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    delivery = HttpDelivery(VettedHttp(client, allow_local=True, resolve=unknown))

    with pytest.raises(Undelivered, match="not known"):
        await delivery.post("http://lender.example/", {}, b"")


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


@dataclass
class KeepingServer:
    """Answers every request with 200 and keeps the line open; after `ends_after`, it hangs up on the next."""

    ends_after: int = 100
    lines: int = 0
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines += 1
        for _ in range(self.ends_after):
            try:
                self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        else:
            self.asked.append(await reader.read(1000))
        writer.close()


@asynccontextmanager
async def keeping(server: KeepingServer) -> AsyncIterator[int]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


async def local(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_a_connection_is_kept_for_the_same_name_and_for_no_other_at_the_address(client: KeptConnections) -> None:
    server, delivery = KeepingServer(), HttpDelivery(VettedHttp(client, allow_local=True, resolve=local))

    async with keeping(server) as port:
        for name in ("one.example", "one.example", "two.example"):
            await delivery.post(f"http://{name}:{port}/", {}, b"")

    assert (server.lines, len(server.asked)) == (2, 3)


async def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(client: KeptConnections) -> None:
    server, delivery = KeepingServer(ends_after=1), HttpDelivery(VettedHttp(client, allow_local=True, resolve=local))

    async with keeping(server) as port:
        for _ in range(3):
            assert (await delivery.post(f"http://one.example:{port}/", {}, b"")).accepted

    assert (server.lines, len(server.asked)) == (3, 5), "two were asked again on a line of their own"


async def test_only_so_many_lines_are_kept(platform: Platform) -> None:
    async with KeptConnections(at_most=2) as client:
        delivery = HttpDelivery(VettedHttp(client, allow_local=True, resolve=local))
        port = platform.url.rpartition(":")[2]
        for number in range(5):
            await delivery.post(f"http://lender{number}.example:{port}/hook", {}, b"")

        assert client.kept == 2
    assert client.kept == 0
