"""What the node says to a raw transaction, in the words of geth, and what waits until it can be mined."""

from collections.abc import AsyncIterator

import pytest

from contracts.dev_accounts import DevAccounts
from contracts.devnode.process import dev_chain
from tests.contracts.nodes import GWEI, HandClock, Served, raw, serving

PEOPLE = DevAccounts()
ALICE, BOB = PEOPLE.lender, PEOPLE.borrower
COST = 21_000 * 10 * GWEI  # of the gas of `raw`, at most


@pytest.fixture
async def node() -> AsyncIterator[Served]:
    async with serving(dev_chain(HandClock())) as served:
        yield served


async def nonces(node: Served) -> tuple[int, int]:
    counts = [await node.result("eth_getTransactionCount", ALICE.address, at) for at in ("latest", "pending")]
    return int(counts[0], 16), int(counts[1], 16)


async def test_a_gap_in_nonces_is_waited_out_and_then_mined_in_order(node: Served) -> None:
    third, second, first = (raw(ALICE, nonce) for nonce in (2, 1, 0))

    hashes = [await node.result("eth_sendRawTransaction", each) for each in (third, second)]
    assert await nonces(node) == (0, 0)
    assert [await node.result("eth_getTransactionReceipt", each) for each in hashes] == [None, None]
    assert (await node.web3.eth.get_transaction(hashes[0]))["blockNumber"] is None

    hashes.append(await node.result("eth_sendRawTransaction", first))

    assert await nonces(node) == (3, 3)
    mined = await node.web3.eth.get_block("latest")
    assert [each.to_0x_hex() for each in mined["transactions"]] == hashes[::-1]  # type: ignore[union-attr]


async def test_the_pending_nonce_counts_what_waits_without_a_gap(node: Served) -> None:
    await node.ask("evm_setAutomine", 0)
    for nonce in (0, 1, 3):
        await node.result("eth_sendRawTransaction", raw(ALICE, nonce))

    assert await nonces(node) == (0, 2)

    await node.ask("evm_mine")
    assert await nonces(node) == (2, 2)
    await node.ask("evm_setAutomine", 1)
    await node.result("eth_sendRawTransaction", raw(ALICE, 2))
    assert await nonces(node) == (4, 4)


async def test_the_same_raw_again_is_known_while_it_waits_and_too_low_once_it_is_mined(node: Served) -> None:
    waiting = raw(ALICE, 1)
    await node.result("eth_sendRawTransaction", waiting)

    assert await node.refusal("eth_sendRawTransaction", waiting) == "already known"

    await node.result("eth_sendRawTransaction", raw(ALICE, 0))
    assert await node.refusal("eth_sendRawTransaction", waiting) == "nonce too low: next nonce 2, tx nonce 1"


@pytest.mark.parametrize(("max_fee", "tip"), [(10, 1), (11, 1), (10, 2), (10.9, 1.1)])
async def test_another_one_of_the_same_nonce_must_pay_a_tenth_more_of_both_fees(
    node: Served, max_fee: float, tip: float
) -> None:
    await node.result("eth_sendRawTransaction", raw(ALICE, 1))
    other = raw(ALICE, 1, value=2, maxFeePerGas=int(max_fee * GWEI), maxPriorityFeePerGas=int(tip * GWEI))

    assert await node.refusal("eth_sendRawTransaction", other) == "replacement transaction underpriced"


async def test_one_that_pays_more_takes_the_place(node: Served) -> None:
    old = await node.result("eth_sendRawTransaction", raw(ALICE, 1))
    new = await node.result(
        "eth_sendRawTransaction", raw(ALICE, 1, maxFeePerGas=11 * GWEI, maxPriorityFeePerGas=11 * GWEI // 10)
    )

    await node.result("eth_sendRawTransaction", raw(ALICE, 0))

    assert (await node.result("eth_getTransactionReceipt", new))["status"] == "0x1"
    assert await node.result("eth_getTransactionReceipt", old) is None
    assert await node.result("eth_getTransactionByHash", old) is None


async def test_a_fee_below_the_base_fee_is_refused(node: Served) -> None:
    base_fee = (await node.web3.eth.get_block("pending"))["baseFeePerGas"]

    refusal = await node.refusal(
        "eth_sendRawTransaction", raw(ALICE, 0, maxFeePerGas=base_fee - 1, maxPriorityFeePerGas=1)
    )

    assert refusal == (
        f"max fee per gas less than block base fee: address {ALICE.address.lower()}, "
        f"maxFeePerGas: {base_fee - 1}, baseFee: {base_fee}"
    )


async def test_what_waits_is_mined_when_the_base_fee_has_fallen_to_it(node: Served) -> None:
    burner = {"data": "0xfe", "to": None, "gas": 30_000_000}  # INVALID uses up all it is given
    fee = (await node.web3.eth.get_block("pending"))["baseFeePerGas"]
    waiting = raw(ALICE, 1, maxFeePerGas=fee, maxPriorityFeePerGas=0)
    sent = await node.result("eth_sendRawTransaction", waiting)
    for nonce in (0, 1):
        await node.result("eth_sendRawTransaction", raw(BOB, nonce, **burner))
    await node.result("eth_sendRawTransaction", raw(ALICE, 0))
    assert await node.result("eth_getTransactionReceipt", sent) is None

    await node.ask("evm_mine")
    await node.ask("evm_mine")

    assert (await node.result("eth_getTransactionReceipt", sent))["status"] == "0x1"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        ({"chainId": 1}, "invalid chain id for signer: have 1 want 31337"),
        ({"maxPriorityFeePerGas": 11 * GWEI}, "max priority fee per gas higher than max fee per gas"),
        (
            {"value": 10**24},
            f"insufficient funds for gas * price + value: balance {10**24}, tx cost {10**24 + COST}, overshot {COST}",
        ),
    ],
)
async def test_what_can_never_be_mined_is_refused(node: Served, changes: dict[str, int], sentence: str) -> None:
    refusal = await node.refusal("eth_sendRawTransaction", raw(ALICE, 0, **changes))

    assert refusal == sentence


@pytest.mark.parametrize("rubbish", ["0x", "0x02", "0x02c0", "0xff00ff", "0x03" + "00" * 40])
async def test_bytes_that_are_no_transaction_are_refused(node: Served, rubbish: str) -> None:
    assert (await node.send(rubbish))["error"]["code"] == -32000


async def test_one_whose_sender_has_become_poor_is_dropped(node: Served) -> None:
    everything = 10**24 - 10**18
    poor = await node.result("eth_sendRawTransaction", raw(ALICE, 1, value=everything))
    await node.result("eth_sendRawTransaction", raw(ALICE, 0, value=everything, to=BOB.address))

    assert await node.result("eth_getTransactionByHash", poor) is None
    assert await nonces(node) == (1, 1)


async def test_two_senders_do_not_wait_for_each_other(node: Served) -> None:
    await node.result("eth_sendRawTransaction", raw(ALICE, 5))

    sent = await node.result("eth_sendRawTransaction", raw(BOB, 0))

    assert (await node.result("eth_getTransactionReceipt", sent))["status"] == "0x1"
