import json
from pathlib import Path

import pytest

from sandbox import magic
from tests.sandbox.worlds import RAIL_KEY, World, a_moment, platform_alive, until, world_alive

AUTH = {"authorization": f"Bearer {RAIL_KEY}"}
REFERENCE = "loan_0123456789abcdef"


async def recipient(world: World, account_number: str = "0123456789") -> str:
    wanted = {"type": "nuban", "name": "Sarah", "account_number": account_number, "bank_code": "057", "currency": "USD"}
    answer = await world.client.post("/paystack/transferrecipient", json=wanted, headers=AUTH)
    return str(answer.json()["data"]["recipient_code"])


def order(recipient_code: str, **changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "source": "balance",
        "amount": 100,
        "currency": "USD",
        "recipient": recipient_code,
        "reference": REFERENCE,
    }
    return whole | changes


async def virtual_account(world: World) -> str:
    details = {"email": "loan_1@borrowers.example", "first_name": "Sarah", "last_name": "Johnson"}
    customer = (await world.client.post("/paystack/customer", json=details, headers=AUTH)).json()["data"]
    wanted = {"customer": customer["customer_code"], "preferred_bank": "test-bank", "currency": "USD"}
    answer = await world.client.post("/paystack/dedicated_account", json=wanted, headers=AUTH)
    return str(answer.json()["data"]["account_number"])


async def acknowledged(world: World) -> list[bool]:
    sent = (await world.client.get("/paystack/sandbox/webhooks")).json()["data"]
    return [each["acknowledged"] for each in sent]


async def test_the_same_account_is_the_same_recipient(world: World) -> None:
    assert await recipient(world) == await recipient(world)
    assert await recipient(world) != await recipient(world, "0123456780")


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 10.5}, "amount"),
        ({"amount": True}, "amount"),
        ({"source": "card"}, "source"),
        ({"reference": "SHORT"}, "reference"),
        ({"reference": ""}, "reference"),
        ({"recipient": "RCP_nobody"}, "Recipient"),
        ({"currency": "KES"}, "currency"),
    ],
    ids=str,
)
async def test_an_order_that_makes_no_sense_is_declined_in_the_rails_envelope(
    world: World, changes: dict[str, object], because: str
) -> None:
    wanted = order(await recipient(world), **changes)

    answer = await world.client.post("/paystack/transfer", json=wanted, headers=AUTH)

    assert answer.status_code in {400, 404}
    assert answer.json()["status"] is False
    assert because in answer.json()["message"]
    assert (await world.client.get("/paystack/sandbox/transfers")).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [("/transferrecipient", {"name": "Sarah"}), ("/customer", {}), ("/dedicated_account", {"customer": "CUS_nobody"})],
)
async def test_what_is_missing_is_declined(world: World, path: str, body: dict[str, str]) -> None:
    answer = await world.client.post(f"/paystack{path}", json=body, headers=AUTH)

    assert (answer.status_code, answer.json()["status"]) == (400, False)


async def test_a_body_that_is_no_object_is_declined_in_the_rails_envelope(world: World) -> None:
    answer = await world.client.post("/paystack/transfer", json=["surprise"], headers=AUTH)

    assert (answer.status_code, answer.json()["status"]) == (400, False)


async def test_an_account_resolves_unless_it_is_the_one_that_does_not(world: World) -> None:
    for account_number, status in (("0123456789", 200), (magic.ACCOUNT_UNKNOWN, 422)):
        query = {"account_number": account_number, "bank_code": "057"}
        assert (await world.client.get("/paystack/bank/resolve", params=query, headers=AUTH)).status_code == status


async def test_any_successful_transfer_can_be_reversed_once(world: World) -> None:
    await world.client.post("/paystack/transfer", json=order(await recipient(world)), headers=AUTH)
    await until(lambda: world.platform.received)

    first = await world.client.post(f"/paystack/sandbox/transfers/{REFERENCE}/reverse")
    second = await world.client.post(f"/paystack/sandbox/transfers/{REFERENCE}/reverse")

    assert (first.status_code, second.status_code) == (200, 409)
    await until(lambda: len(world.platform.received) == 2)
    assert json.loads(world.platform.received[1].body)["event"] == "transfer.reversed"


async def test_a_bouncing_account_that_was_reversed_by_hand_bounces_no_more(world: World) -> None:
    wanted = order(await recipient(world, magic.ACCOUNT_BOUNCES))
    await world.client.post("/paystack/transfer", json=wanted, headers=AUTH)
    await until(lambda: world.platform.received)

    await world.client.post(f"/paystack/sandbox/transfers/{REFERENCE}/reverse")

    await a_moment()
    assert [json.loads(each.body)["event"] for each in world.platform.received].count("transfer.reversed") == 1


async def test_a_webhook_is_repeated_until_it_is_acknowledged(world: World) -> None:
    world.platform.statuses += [503, 500, 404]
    account_number = await virtual_account(world)

    await world.client.post("/paystack/sandbox/deposits", json={"account_number": account_number, "amount": 5})

    await until(lambda: len(world.platform.received) == 4)
    assert len({each.body for each in world.platform.received}) == 1


async def test_a_webhook_nobody_takes_is_given_up_and_can_be_resent(world: World) -> None:
    world.platform.statuses += [503] * 6
    account_number = await virtual_account(world)

    await world.client.post("/paystack/sandbox/deposits", json={"account_number": account_number, "amount": 5})

    await until(lambda: world.platform.statuses == [])
    assert await acknowledged(world) == [False]
    (owed,) = (await world.client.get("/paystack/sandbox/webhooks")).json()["data"]
    await world.client.post(f"/paystack/sandbox/webhooks/{owed['key']}/resend")
    await until(lambda: len(world.platform.received) == 7)
    assert (await world.client.post("/paystack/sandbox/webhooks/nothing/resend")).status_code == 404


async def test_the_same_deposit_is_one_payment(world: World) -> None:
    account_number = await virtual_account(world)
    paid = {"account_number": account_number, "amount": 5, "reference": "dep_of_april"}

    for _ in range(2):
        assert (await world.client.post("/paystack/sandbox/deposits", json=paid)).status_code == 201

    await until(lambda: world.platform.received)
    assert len(await acknowledged(world)) == 1


async def test_a_deposit_into_nothing_is_declined(world: World) -> None:
    answer = await world.client.post("/paystack/sandbox/deposits", json={"account_number": "1", "amount": 5})

    assert answer.status_code == 404


async def test_a_restart_forgets_nothing_and_finishes_what_was_under_way(tmp_path: Path) -> None:
    state = tmp_path / "state" / "world.jsonl"
    async with platform_alive() as platform:
        async with world_alive(platform, state, settle_after_seconds=60) as world:
            account_number = await virtual_account(world)
            for number, account in enumerate((magic.ACCOUNT_BOUNCES, "0123456789")):
                wanted = order(await recipient(world, account), reference=f"{REFERENCE}_{number}")
                await world.client.post("/paystack/transfer", json=wanted, headers=AUTH)
            assert await statuses(world) == ["pending", "pending"]
        with state.open("a", encoding="utf-8") as file:
            file.write('["transfers", "half a li')  # killed in the middle of a line

        platform.statuses += [503] * 18
        async with world_alive(platform, state, reverse_after_seconds=60) as world:
            assert await virtual_account(world) == account_number
            paid = {"account_number": account_number, "amount": 5}
            await world.client.post("/paystack/sandbox/deposits", json=paid)
            await until(lambda: platform.statuses == [])
            assert await statuses(world) == ["success", "success"]
            assert await acknowledged(world) == [False] * 3

        platform.received.clear()
        async with world_alive(platform, state) as world:

            async def all_acknowledged() -> bool:
                return await acknowledged(world) == [True] * 4

            await until(all_acknowledged)
            assert await statuses(world) == ["reversed", "success"]

        async with world_alive(platform, state) as world:
            await a_moment()
            accounts = (await world.client.get("/paystack/sandbox/accounts")).json()["data"]
            assert [each["account_number"] for each in accounts] == [account_number]
    told = sorted(json.loads(each.body)["event"] for each in platform.received)
    assert told == ["charge.success", "transfer.reversed", "transfer.success", "transfer.success"]


async def statuses(world: World) -> list[str]:
    return [each["status"] for each in (await world.client.get("/paystack/sandbox/transfers")).json()["data"]]
