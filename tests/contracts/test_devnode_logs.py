"""The log index finds what looking at every receipt would find."""

from collections.abc import AsyncIterator, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3.contract import AsyncContract

from contracts.dev_accounts import DevAccounts
from contracts.devnode.logs import IndexedLog, LogFilter, LogIndex
from contracts.devnode.process import dev_chain
from tests.contracts.nodes import HandClock, Served, serving

PEOPLE = DevAccounts()
ALICE, BOB = PEOPLE.lender, PEOPLE.borrower

few = st.sampled_from([bytes([n]) for n in range(3)])
blocks = st.integers(0, 12)
wanted = st.builds(
    LogFilter,
    first=blocks,
    last=blocks,
    addresses=st.frozensets(few, max_size=2),
    topics=st.lists(st.none() | st.frozensets(few, min_size=1, max_size=2), max_size=4).map(tuple),
)
chains = st.lists(
    st.lists(st.tuples(few, st.lists(few, max_size=4)), max_size=3), max_size=10
)  # of each block, of each log: its address and topics


def logs_in(chain: list[list[tuple[bytes, list[bytes]]]]) -> Iterator[IndexedLog]:
    for number, logs in enumerate(chain):
        for index, (address, topics) in enumerate(logs):
            yield IndexedLog(address, tuple(topics), b"", number, b"", 0, b"", 0, index)


def is_wanted(log: IndexedLog, wanted: LogFilter) -> bool:
    """As the specification of `eth_getLogs` has it, log by log."""
    in_range = wanted.first <= log.block_number <= wanted.last
    of_address = not wanted.addresses or log.address in wanted.addresses
    of_topics = len(log.topics) >= len(wanted.topics) and all(
        options is None or log.topics[position] in options for position, options in enumerate(wanted.topics)
    )
    return in_range and of_address and of_topics


@given(chain=chains, wanted=wanted)
def test_the_index_finds_what_a_look_at_every_log_finds(
    chain: list[list[tuple[bytes, list[bytes]]]], wanted: LogFilter
) -> None:
    logs = list(logs_in(chain))
    index = LogIndex()
    for number in range(len(chain)):
        index.append(log for log in logs if log.block_number == number)

    assert list(index.find(wanted)) == [log for log in logs if is_wanted(log, wanted)]


@pytest.fixture(scope="module")
async def node() -> AsyncIterator[Served]:
    async with serving(dev_chain(HandClock())) as served:
        yield served


@pytest.fixture(scope="module")
async def tokens(node: Served) -> list[AsyncContract]:
    """Two tokens, minted and moved about, with a failure in between."""
    made = [await node.deployed(PEOPLE.deployer, "MockERC20", name, name, 6) for name in ("USDC", "EURC")]
    for amount, token in product((1, 2), made):
        await node.transact(ALICE, token, "mint", ALICE.address, 2 * amount)
        await node.transact(ALICE, token, "transfer", BOB.address, amount)
        await node.transact(ALICE, token, "transfer", BOB.address, 10**30)
        await node.transact(BOB, token, "approve", ALICE.address, amount)
    return made


async def all_logs(node: Served) -> list[Any]:
    """From the receipts, block by block."""
    found = []
    for number in range(await node.web3.eth.block_number + 1):
        for receipt in await node.result("eth_getBlockReceipts", hex(number)):
            found += receipt["logs"]
    return found


@pytest.mark.usefixtures("tokens")
async def test_all_logs_are_those_of_the_receipts(node: Served) -> None:
    everything = {"fromBlock": "earliest", "toBlock": "latest"}

    found = await node.result("eth_getLogs", everything)

    assert found == await all_logs(node)
    assert len(found) == 12
    for log in found:
        receipt = await node.result("eth_getTransactionReceipt", log["transactionHash"])
        assert log in receipt["logs"]


async def test_filters_nest(node: Served, tokens: list[AsyncContract]) -> None:
    usdc, eurc = (token.address for token in tokens)
    transfer = "0x" + tokens[0].events.Transfer.topic.removeprefix("0x")
    approval = "0x" + tokens[0].events.Approval.topic.removeprefix("0x")
    to_bob = "0x" + BOB.address[2:].lower().rjust(64, "0")
    everywhere = {"fromBlock": "0x0", "toBlock": "latest"}

    async def count(**asked: Any) -> int:
        return len(await node.result("eth_getLogs", everywhere | asked))

    assert await count(address=usdc) == 6
    assert await count(address=[usdc, eurc]) == 12
    assert await count(topics=[transfer]) == 8
    assert await count(topics=[[transfer, approval]]) == 12
    assert await count(topics=[[]]) == 12
    assert await count(topics=[None, None, to_bob]) == 4
    assert await count(address=eurc, topics=[approval, to_bob]) == 2
    assert await count(topics=[transfer, None, None, None]) == 0  # a Transfer has three topics


@pytest.mark.usefixtures("tokens")
async def test_a_block_can_be_named_by_its_hash(node: Served) -> None:
    logs = await all_logs(node)
    block_hash = logs[5]["blockHash"]

    found = await node.result("eth_getLogs", {"blockHash": block_hash})

    assert found == [log for log in logs if log["blockHash"] == block_hash]
    assert await node.refusal("eth_getLogs", {"blockHash": "0x" + "77" * 32}) == "unknown block"
