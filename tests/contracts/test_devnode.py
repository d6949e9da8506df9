"""The dev node, as a client of any node would use it."""

from collections.abc import AsyncIterator

import pytest
from hexbytes import HexBytes
from web3.contract import AsyncContract
from web3.exceptions import BlockNotFound, ContractCustomError, ContractLogicError, TransactionNotFound

from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import ADDRESSES, FUNDED_WEI
from contracts.devnode.process import dev_chain
from tests.contracts.nodes import BEGAN_AT, GWEI, HandClock, Served, raw, serving

PEOPLE = DevAccounts()
ALICE, BOB = PEOPLE.lender, PEOPLE.borrower


@pytest.fixture(scope="module")
async def node() -> AsyncIterator[Served]:
    async with serving(dev_chain(HandClock())) as served:
        yield served


@pytest.fixture
async def token(node: Served) -> AsyncContract:
    return await node.deployed(PEOPLE.deployer, "MockERC20", "Dollar", "USDC", 6)


async def test_it_says_who_it_is(node: Served) -> None:
    assert await node.result("eth_chainId") == hex(31337)
    assert await node.result("net_version") == "31337"
    assert "py-evm" in await node.result("web3_clientVersion")
    assert await node.result("eth_syncing") is False


async def test_the_accounts_of_the_mnemonic_are_funded(node: Served) -> None:
    assert tuple(account.address for account in PEOPLE) == ADDRESSES
    assert await node.web3.eth.get_balance(ALICE.address, 0) == FUNDED_WEI


async def test_a_transaction_is_mined_at_once(node: Served) -> None:
    before = await node.web3.eth.get_block("latest")
    nonce = await node.web3.eth.get_transaction_count(ALICE.address)

    tx_hash = await node.result("eth_sendRawTransaction", raw(ALICE, nonce, to=BOB.address, value=5))

    receipt = await node.web3.eth.get_transaction_receipt(tx_hash)
    block = await node.web3.eth.get_block(before["number"] + 1, full_transactions=True)
    mined = await node.web3.eth.get_transaction(tx_hash)
    assert (receipt["status"], receipt["gasUsed"], receipt["blockNumber"]) == (1, 21_000, block["number"])
    assert block["parentHash"] == before["hash"]
    assert block["transactions"] == [mined]
    assert (mined["from"], mined["to"], mined["value"], mined["nonce"]) == (ALICE.address, BOB.address, 5, nonce)
    assert receipt["effectiveGasPrice"] == mined["gasPrice"] == block["baseFeePerGas"] + GWEI
    assert await node.web3.eth.get_block(block["hash"]) == await node.web3.eth.get_block(block["number"])


async def test_what_is_not_there_is_null(node: Served) -> None:
    for missing in (node.web3.eth.get_block(10_000), node.web3.eth.get_block(HexBytes(bytes(32)))):
        with pytest.raises(BlockNotFound):
            await missing
    for unknown in (
        node.web3.eth.get_transaction(HexBytes(bytes(32))),
        node.web3.eth.get_transaction_receipt(HexBytes(bytes(32))),
    ):
        with pytest.raises(TransactionNotFound):
            await unknown


async def test_the_pending_block_is_the_next_one(node: Served) -> None:
    latest = await node.web3.eth.get_block("latest")

    pending = await node.web3.eth.get_block("pending")

    assert (pending["number"], pending["parentHash"]) == (latest["number"] + 1, latest["hash"])


async def test_a_custom_error_comes_with_its_data(token: AsyncContract) -> None:
    call = token.functions.transfer(BOB.address, 7)
    selector = "0xe450d38c"  # ERC20InsufficientBalance(address,uint256,uint256)
    words = f"{int(ALICE.address, 16):064x}{0:064x}{7:064x}"

    with pytest.raises(ContractCustomError) as on_call:
        await call.call({"from": ALICE.address})
    with pytest.raises(ContractCustomError) as on_estimate:
        await call.estimate_gas({"from": ALICE.address})

    assert on_call.value.data == on_estimate.value.data == selector + words


async def test_a_text_is_in_the_sentence_as_well(node: Served) -> None:
    # PUSH the ABI encoding of Error("no") into memory and REVERT with it.
    said = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no".ljust(32, b"\0")
    code = b"".join(
        b"\x7f" + said[at : at + 32].ljust(32, b"\0") + b"\x60" + bytes([at]) + b"\x52"
        for at in range(0, len(said), 32)
    )
    code += bytes([0x60, len(said), 0x60, 0, 0xFD])

    answer = await node.ask("eth_call", {"from": ALICE.address, "data": "0x" + code.hex()}, "latest")

    assert answer["error"] == {"code": 3, "message": "execution reverted: no", "data": "0x" + said.hex()}
    with pytest.raises(ContractLogicError, match="execution reverted: no"):
        await node.web3.eth.call({"from": ALICE.address, "data": "0x" + code.hex()})  # type: ignore[typeddict-item]


async def test_a_transaction_that_reverts_is_mined_as_failed(node: Served, token: AsyncContract) -> None:
    receipt = await node.transact(ALICE, token, "transfer", BOB.address, 7)

    assert (receipt["status"], receipt["logs"]) == (0, [])
    assert 21_000 < receipt["gasUsed"] < 60_000


async def test_an_old_block_has_its_old_state(node: Served, token: AsyncContract) -> None:
    minted = await node.transact(ALICE, token, "mint", ALICE.address, 100)
    await node.transact(ALICE, token, "transfer", BOB.address, 40)

    balance = token.functions.balanceOf(ALICE.address)
    assert await balance.call() == 60
    assert await balance.call(block_identifier=minted["blockNumber"]) == 100
    assert await balance.call(block_identifier=minted["blockNumber"] - 1) == 0
    assert await balance.call(block_identifier=minted["blockHash"]) == 100
    assert await node.web3.eth.get_transaction_count(ALICE.address, minted["blockNumber"]) + 1 == (
        await node.web3.eth.get_transaction_count(ALICE.address)
    )


async def test_an_estimate_is_enough_and_hardly_more(node: Served, token: AsyncContract) -> None:
    call = token.functions.mint(BOB.address, 100)

    estimate = await call.estimate_gas({"from": ALICE.address})
    receipt = await node.transact(ALICE, token, "mint", BOB.address, 100)

    assert receipt["gasUsed"] <= estimate <= receipt["gasUsed"] * 1.015


async def test_an_estimate_counts_what_is_refunded_at_the_end(node: Served, token: AsyncContract) -> None:
    await node.transact(ALICE, token, "approve", BOB.address, 100)
    nonce = await node.web3.eth.get_transaction_count(ALICE.address)

    # Clearing a slot is refunded, after the gas for it has been there.
    call = {"from": ALICE.address, "to": token.address, "data": token.encode_abi("approve", args=[BOB.address, 0])}
    estimate = int(await node.result("eth_estimateGas", call), 16)
    with_less = await node.result(
        "eth_sendRawTransaction", raw(ALICE, nonce, to=token.address, data=call["data"], gas=estimate)
    )

    receipt = await node.web3.eth.get_transaction_receipt(with_less)
    assert receipt["status"] == 1
    assert receipt["gasUsed"] < estimate


async def test_too_small_an_allowance_for_gas_is_named(node: Served, token: AsyncContract) -> None:
    call = {"from": ALICE.address, "to": token.address, "data": token.encode_abi("mint", args=[BOB.address, 1])}

    refusal = await node.refusal("eth_estimateGas", call | {"gas": hex(25_000)})

    assert refusal == "gas required exceeds allowance (25000)"


async def test_a_call_needs_the_value_it_sends_and_no_gas_money(node: Served) -> None:
    penniless = "0x" + "55" * 20

    refusal = await node.refusal("eth_call", {"from": penniless, "to": BOB.address, "value": "0x1"}, "latest")

    assert refusal.startswith("insufficient funds for transfer")
    assert await node.result("eth_call", {"from": penniless, "to": BOB.address}, "latest") == "0x"


async def test_code_and_storage_are_read(node: Served, token: AsyncContract) -> None:
    await node.transact(ALICE, token, "mint", BOB.address, 1234)

    assert len(await node.web3.eth.get_code(token.address)) > 1000
    assert await node.web3.eth.get_code(BOB.address) == b""
    assert int.from_bytes(await node.web3.eth.get_storage_at(token.address, 2), "big") == 1234  # totalSupply


async def test_fees_have_a_history(node: Served) -> None:
    for _ in range(3):
        await node.ask("evm_mine")

    history = await node.web3.eth.fee_history(3, "latest", [25, 75])

    head = await node.web3.eth.get_block("latest")
    assert history["oldestBlock"] == head["number"] - 2
    assert history["baseFeePerGas"][-2] == head["baseFeePerGas"]
    assert history["baseFeePerGas"][-1] == (await node.web3.eth.get_block("pending"))["baseFeePerGas"]
    assert history["reward"] == [[GWEI, GWEI]] * 3
    assert await node.web3.eth.gas_price == history["baseFeePerGas"][-1] + await node.web3.eth.max_priority_fee


async def test_a_batch_is_answered_one_by_one(node: Served) -> None:
    answers = await node.post(
        [
            {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"},
            {"jsonrpc": "2.0", "id": 8, "method": "eth_mineBitcoin"},
            {"jsonrpc": "2.0", "id": 9},
        ]
    )

    assert answers[0] == {"jsonrpc": "2.0", "id": 7, "result": hex(31337)}
    assert (answers[1]["id"], answers[1]["error"]["code"]) == (8, -32601)
    assert answers[2]["error"]["code"] == -32600


async def test_web3_may_ask_in_batches(node: Served) -> None:
    alone = [await node.web3.eth.get_block("latest"), await node.web3.eth.get_balance(ALICE.address)]

    async with node.web3.batch_requests() as batch:
        batch.add(node.web3.eth.get_block("latest"))
        batch.add(node.web3.eth.get_balance(ALICE.address))
        together: list[object] = list(await batch.async_execute())

    assert together == alone


@pytest.mark.parametrize(
    ("method", "params", "sentence"),
    [
        ("eth_getBalance", ["0x12", "latest"], "address: expected 20 hexadecimal bytes, got '0x12'"),
        ("eth_getBlockByNumber", ["soon"], "block number: expected a hexadecimal number, got 'soon'"),
        ("eth_getTransactionReceipt", [7], "transaction hash: expected 32 hexadecimal bytes, got 7"),
        ("eth_getBalance", [], "eth_getBalance takes other parameters than 0"),
        ("eth_getLogs", [{"fromBlock": "0x5", "toBlock": "0x1"}], "invalid block range params"),
        ("eth_getLogs", [{"topics": "0x1"}], "topics: expected a list, got '0x1'"),
        ("eth_call", [{"to": BOB.address}, "latest", {BOB.address: {}}], "state overrides are not supported"),
        ("eth_call", [{"to": BOB.address}, "0xffff"], "header not found"),
    ],
)
async def test_a_bad_parameter_is_named(node: Served, method: str, params: list[object], sentence: str) -> None:
    assert await node.refusal(method, *params) == sentence


async def test_the_clock_of_the_chain_can_be_moved_and_never_goes_back() -> None:
    clock = HandClock()
    async with serving(dev_chain(clock)) as node:
        assert (await node.web3.eth.get_block(0))["timestamp"] == BEGAN_AT

        await node.ask("evm_increaseTime", 3600)
        await node.ask("evm_mine")
        assert (await node.web3.eth.get_block("latest"))["timestamp"] == BEGAN_AT + 3600

        clock.now -= 100
        await node.ask("evm_mine")
        assert (await node.web3.eth.get_block("latest"))["timestamp"] == BEGAN_AT + 3600
        clock.now += 150
        await node.ask("evm_mine")
        assert (await node.web3.eth.get_block("latest"))["timestamp"] == BEGAN_AT + 3650
