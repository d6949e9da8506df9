from collections.abc import Callable

import httpx2
import pytest
import pytest_asyncio

from activities.adapters.paystack import Paystack
from activities.paystack_events import parse_webhook
from activities.rails import Beneficiary, RailEventKind, RailRefused, RailUnavailable, TransferStatus
from sandbox import magic
from tests.sandbox.worlds import RAIL_KEY, World, a_moment, until

Answering = Callable[[httpx2.Request], httpx2.Response]

REFERENCE = "loan_01hzy3v9k2m4n6p8q0r2s4t6v8"


def beneficiary(account_number: str = "0123456789") -> Beneficiary:
    return Beneficiary("Sarah Johnson", account_number, "057", "USD")


@pytest_asyncio.fixture
async def rail(world: World) -> Paystack:
    return Paystack(world.client, f"{world.url}/paystack", RAIL_KEY)


async def send_to(rail: Paystack, account_number: str = "0123456789") -> TransferStatus:
    return (await rail.send(beneficiary(account_number), 2_500_000, "USD", REFERENCE, "Loan")).status


async def status_of(rail: Paystack) -> TransferStatus | None:
    found = await rail.find(REFERENCE)
    return found.status if found else None


async def test_a_transfer_is_pending_and_then_succeeds(rail: Paystack, world: World) -> None:
    ordered = await rail.send(beneficiary(), 2_500_000, "USD", REFERENCE, "Loan")

    assert (ordered.status, ordered.reference) == (TransferStatus.PENDING, REFERENCE)
    assert ordered.rail_code is not None
    assert ordered.rail_code.startswith("TRF_")
    await until(lambda: world.platform.received)
    told = world.platform.received[0]
    event = parse_webhook(told.body, told.headers["x-paystack-signature"], RAIL_KEY)
    assert event.kind is RailEventKind.TRANSFER_SUCCEEDED
    assert (event.reference, event.amount_minor, event.currency) == (REFERENCE, 2_500_000, "USD")
    assert event.rail_code == ordered.rail_code
    assert await status_of(rail) is TransferStatus.SUCCEEDED


async def test_the_same_reference_is_never_sent_twice(rail: Paystack, world: World) -> None:
    await send_to(rail)
    await until(lambda: world.platform.received)

    assert await send_to(rail) is TransferStatus.SUCCEEDED
    transfers = (await world.client.get("/paystack/sandbox/transfers")).json()["data"]
    assert [(each["reference"], each["orders"]) for each in transfers] == [(REFERENCE, 2)]


async def test_a_transfer_nobody_ordered_is_not_found(rail: Paystack) -> None:
    assert await rail.find(REFERENCE) is None


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown_and_asking_settles_it(rail: Paystack) -> None:
    assert await send_to(rail, magic.ACCOUNT_ANSWER_LOST) is TransferStatus.UNKNOWN

    assert await status_of(rail) in {TransferStatus.PENDING, TransferStatus.SUCCEEDED}


async def test_an_order_that_was_lost_on_the_way_may_be_sent_again(rail: Paystack) -> None:
    assert await send_to(rail, magic.ACCOUNT_REQUEST_LOST) is TransferStatus.UNKNOWN
    assert await rail.find(REFERENCE) is None

    assert await send_to(rail, magic.ACCOUNT_REQUEST_LOST) is TransferStatus.PENDING


async def test_a_transfer_may_fail_after_it_was_accepted(rail: Paystack, world: World) -> None:
    assert await send_to(rail, magic.ACCOUNT_FAILS) is TransferStatus.PENDING

    await until(lambda: world.platform.received)
    told = world.platform.received[0]
    event = parse_webhook(told.body, told.headers["x-paystack-signature"], RAIL_KEY)
    assert event.kind is RailEventKind.TRANSFER_FAILED
    found = await rail.find(REFERENCE)
    assert found is not None
    assert found.status is TransferStatus.FAILED
    assert found.reason == event.reason == "The beneficiary's bank rejected the credit"


async def test_a_bank_may_return_the_money_later(rail: Paystack, world: World) -> None:
    await send_to(rail, magic.ACCOUNT_BOUNCES)

    await until(lambda: len(world.platform.received) == 2)
    kinds = [
        parse_webhook(each.body, each.headers["x-paystack-signature"], RAIL_KEY).kind
        for each in world.platform.received
    ]
    assert kinds == [RailEventKind.TRANSFER_SUCCEEDED, RailEventKind.TRANSFER_REVERSED]
    assert await status_of(rail) is TransferStatus.REVERSED


async def test_a_transfer_whose_webhook_never_comes_succeeds_when_asked_about(rail: Paystack, world: World) -> None:
    assert await send_to(rail, magic.ACCOUNT_SILENT) is TransferStatus.PENDING

    await a_moment()
    assert await status_of(rail) is TransferStatus.SUCCEEDED
    assert world.platform.received == []


@pytest.mark.parametrize(
    ("account_number", "because"), [(magic.ACCOUNT_UNKNOWN, "resolve"), (magic.ACCOUNT_NO_FUNDS, "balance")]
)
async def test_a_refusal_is_conclusive_and_says_why(rail: Paystack, account_number: str, because: str) -> None:
    refused = await rail.send(beneficiary(account_number), 2_500_000, "USD", REFERENCE, "Loan")

    assert refused.status is TransferStatus.FAILED
    assert because in str(refused.reason)
    assert await rail.find(REFERENCE) is None


async def test_a_customer_has_one_virtual_account_and_what_arrives_there_is_reported(
    rail: Paystack, world: World
) -> None:
    account = await rail.open_virtual_account(REFERENCE, "USD", "Sarah Johnson")
    again = await rail.open_virtual_account(REFERENCE, "USD", "Sarah Johnson")
    another = await rail.open_virtual_account("loan_of_another_borrower", "USD", "Ann Other")

    assert account == again
    assert account.account_number != another.account_number
    assert account.bank_name == "Test Bank"
    paid = {"account_number": account.account_number, "amount": 219_123, "paid_at": "2027-04-01T08:00:00Z"}
    await world.client.post("/paystack/sandbox/deposits", json=paid)
    await until(lambda: world.platform.received)
    told = world.platform.received[0]
    event = parse_webhook(told.body, told.headers["x-paystack-signature"], RAIL_KEY)
    assert event.kind is RailEventKind.PAYMENT_RECEIVED
    assert (event.account_number, event.amount_minor, event.currency) == (account.account_number, 219_123, "USD")
    assert str(event.occurred_at) == "2027-04-01 08:00:00+00:00"


async def test_a_customer_or_an_account_the_rail_does_not_take_is_a_refusal() -> None:
    def no_customer(_: httpx2.Request) -> httpx2.Response:
        return reply(400, status=False, message="no such customer")

    def no_account(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/customer":
            return reply(200, data={"customer_code": "CUS_1"})
        return reply(400, status=False, message="no such bank")

    for answer, because in ((no_customer, "no such customer"), (no_account, "no such bank")):
        async with answering(answer) as client:
            with pytest.raises(RailRefused, match=because):
                await Paystack(client, "http://rail.example", RAIL_KEY).open_virtual_account("loan_1", "USD", "Sarah")


async def test_a_wrong_key_is_an_outage_and_books_nothing(world: World) -> None:
    rail = Paystack(world.client, f"{world.url}/paystack", "sk_wrong")

    with pytest.raises(RailUnavailable, match="401"):
        await send_to(rail)


async def test_a_rail_that_cannot_be_reached_has_booked_nothing() -> None:
    async with httpx2.AsyncClient() as client:
        rail = Paystack(client, "http://127.0.0.1:1", RAIL_KEY)

        with pytest.raises(RailUnavailable, match="cannot be reached"):
            await send_to(rail)


def reply(status_code: int, *, status: bool = True, message: str = "", data: object = None) -> httpx2.Response:
    return httpx2.Response(status_code, json={"status": status, "message": message, "data": data})


def answering(transfer: Answering) -> httpx2.AsyncClient:
    """A rail whose recipients work and whose every other answer is the given one."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/transferrecipient":
            return reply(201, data={"recipient_code": "RCP_1"})
        return transfer(request)

    return httpx2.AsyncClient(transport=httpx2.MockTransport(handle))


def timing_out(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("too slow", request=request)


def cut_off(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.RemoteProtocolError("connection closed", request=request)


PROVES_NOTHING: dict[str, Answering] = {
    "time-out": timing_out,
    "cut off": cut_off,
    "server error": lambda _: reply(500, status=False),
    "maintenance page": lambda _: httpx2.Response(200, text="<html>maintenance</html>"),
    "no object": lambda _: httpx2.Response(200, json=["surprise"]),
    "redirect": lambda _: httpx2.Response(302, headers={"location": "https://elsewhere.example"}),
    "contradiction": lambda _: reply(200, status=False, message="neither yes nor no"),
    "a status unheard of": lambda _: reply(200, data={"status": "something new"}),
    "no data": lambda _: reply(200, data=None),
}
SAYS_NOTHING: dict[str, Answering] = {
    "time-out": timing_out,
    "a proxy's 404": lambda _: httpx2.Response(404, text="not here"),
    "bad request": lambda _: reply(400, status=False),
}


@pytest.mark.parametrize("answer", PROVES_NOTHING.values(), ids=PROVES_NOTHING)
async def test_whatever_proves_nothing_is_unknown(answer: Answering) -> None:
    async with answering(answer) as client:
        assert await send_to(Paystack(client, "http://rail.example", RAIL_KEY)) is TransferStatus.UNKNOWN


@pytest.mark.parametrize("answer", SAYS_NOTHING.values(), ids=SAYS_NOTHING)
async def test_only_the_rail_itself_can_say_that_it_knows_no_such_transfer(
    answer: Answering,
) -> None:
    async with answering(answer) as client:
        with pytest.raises(RailUnavailable):
            await Paystack(client, "http://rail.example", RAIL_KEY).find(REFERENCE)


async def test_a_busy_rail_is_asked_again_later() -> None:
    async with answering(lambda _: reply(429, status=False)) as client:
        with pytest.raises(RailUnavailable, match="429"):
            await send_to(Paystack(client, "http://rail.example", RAIL_KEY))


def test_an_account_number_does_not_reach_a_log() -> None:
    assert "0123456789" not in repr(beneficiary())
    assert "Sarah" not in repr(beneficiary())
