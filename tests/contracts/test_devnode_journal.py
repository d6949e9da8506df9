"""A node that was stopped, or killed, comes back with the same blocks."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.dev_accounts import DevAccounts
from contracts.devnode.chain import DevChain
from contracts.devnode.journal import Genesis, Journal, JournalFailed, JournalRefused
from contracts.devnode.process import dev_chain
from contracts.rpc import ask
from contracts.trouble import NodeAway
from tests.contracts.nodes import BEGAN_AT, HandClock, raw, serving
from workers.embedded.ports import LOOPBACK, any_free

PEOPLE = DevAccounts()
ALICE = PEOPLE.lender


def sent(chain: DevChain, nonce: int) -> bytes:
    return chain.submit(bytes.fromhex(raw(ALICE, nonce)[2:]))


def hashes(chain: DevChain) -> list[bytes]:
    return [bytes(block.header.hash) for number in range(100) if (block := chain.evm.block(number))]


async def test_a_chain_from_its_journal_is_the_same_chain(tmp_path: Path) -> None:
    clock = HandClock()
    with Journal(tmp_path / "blocks") as journal:
        chain = dev_chain(clock, journal)
        async with serving(chain) as node:
            token = await node.deployed(ALICE, "MockERC20", "Dollar", "USDC", 6)
            minted = await node.transact(ALICE, token, "mint", ALICE.address, 7)
            await node.ask("evm_increaseTime", 86_400)
            clock.now += 5
            moved = await node.transact(ALICE, token, "transfer", PEOPLE.borrower.address, 3)
            before = hashes(chain)

    clock.now += 100
    with Journal(tmp_path / "blocks") as journal:
        again = dev_chain(clock, journal)
        async with serving(again) as node:
            assert hashes(again) == before
            assert await node.web3.eth.get_transaction_receipt(minted["transactionHash"]) == minted
            assert await node.web3.eth.get_transaction_receipt(moved["transactionHash"]) == moved
            assert (await node.web3.eth.get_block("latest"))["timestamp"] == BEGAN_AT + 86_405
            logs = await node.result("eth_getLogs", {"fromBlock": "0x0", "address": token.address})
            assert len(logs) == 2
            assert again.now == BEGAN_AT + 86_505
            assert await node.web3.eth.get_transaction_count(ALICE.address) == 3


@asynccontextmanager
async def node_process(journal: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    line = [sys.executable, "-m", "workers.cli", "chain", "node", "--port", str(port), "--journal", str(journal)]
    process = await asyncio.create_subprocess_exec(*line, env=dict(os.environ))
    try:
        async with asyncio.timeout(60):
            while not await is_up(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_up(port: int) -> bool:
    try:
        return bool(await ask(f"http://{LOOPBACK}:{port}", "eth_chainId"))
    except NodeAway:
        return False


async def test_whatever_was_answered_survives_a_kill(tmp_path: Path) -> None:
    port, journal = any_free(), tmp_path / "blocks"
    url = f"http://{LOOPBACK}:{port}"
    async with node_process(journal, port) as process:
        answered = [await ask(url, "eth_sendRawTransaction", raw(ALICE, nonce)) for nonce in range(20)]
        receipts = [await ask(url, "eth_getTransactionReceipt", tx_hash) for tx_hash in answered]
        genesis = await ask(url, "eth_getBlockByNumber", "0x0", 0)
        process.send_signal(signal.SIGKILL)

    async with node_process(journal, port) as process:
        assert [await ask(url, "eth_getTransactionReceipt", tx_hash) for tx_hash in answered] == receipts
        assert await ask(url, "eth_getBlockByNumber", "0x0", 0) == genesis
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    with Journal(tmp_path / "blocks") as journal:
        chain = dev_chain(HandClock(), journal)
        for nonce in range(3):
            sent(chain, nonce)
        before = hashes(chain)
    text = (tmp_path / "blocks").read_bytes()
    (tmp_path / "blocks").write_bytes(text[:-10])

    with Journal(tmp_path / "blocks") as journal:
        again = dev_chain(HandClock(), journal)
        assert hashes(again) == before[:-1]
        sent(again, 2)
        assert hashes(again) == before

    assert (tmp_path / "blocks").read_bytes() == text


def test_a_journal_has_one_node(tmp_path: Path) -> None:
    with Journal(tmp_path / "blocks"), pytest.raises(JournalRefused, match="is held by another node"):
        Journal(tmp_path / "blocks")


def test_a_journal_of_another_chain_or_format_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "blocks") as journal:
        journal.begin(Genesis(1, BEGAN_AT))
    with (
        Journal(tmp_path / "blocks") as journal,
        pytest.raises(JournalRefused, match="of chain 1, and this node is chain 31337"),
    ):
        journal.begin(Genesis(31337, BEGAN_AT))

    (tmp_path / "blocks").write_text('{"format":9}\n')
    with Journal(tmp_path / "blocks") as journal, pytest.raises(JournalRefused, match="is of format 9"):
        journal.begin(Genesis(31337, BEGAN_AT))


def test_a_block_that_comes_out_otherwise_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "blocks") as journal:
        sent(dev_chain(HandClock(), journal), 0)
    first, block = (tmp_path / "blocks").read_text().splitlines()
    changed = json.loads(block) | {"timestamp": BEGAN_AT + 1}
    (tmp_path / "blocks").write_text(f"{first}\n{json.dumps(changed)}\n")

    with (
        Journal(tmp_path / "blocks") as journal,
        pytest.raises(JournalRefused, match=r"block 1 of .* does not come out"),
    ):
        dev_chain(HandClock(), journal)


async def test_a_node_whose_journal_cannot_be_written_promises_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left on device")

    with Journal(tmp_path / "blocks") as journal:
        async with serving(dev_chain(HandClock(), journal)) as node:
            await node.result("eth_sendRawTransaction", raw(ALICE, 0))
            monkeypatch.setattr(os, "fsync", full)

            refused = await node.refusal("eth_sendRawTransaction", raw(ALICE, 1))
            afterwards = await node.refusal("eth_blockNumber")

    assert (refused, afterwards) == ("internal error", "internal error")
    assert issubclass(JournalFailed, Exception)
