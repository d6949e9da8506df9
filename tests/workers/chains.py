"""A chain in memory that grows, forgets and branches as a test wants, at the very moment it wants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from typing import Any

from contracts.node import Block, ContractEvent, Fees, Receipt, Sent, SignedTransaction, Slot
from models.chain import Call

AGGREGATOR, MANAGER = "0x" + "aa" * 20, "0x" + "bb" * 20
_numbers = count(1)


@dataclass(frozen=True)
class Log:
    """What a transaction says, wherever it is mined."""

    name: str
    arguments: dict[str, Any]
    contract: str = "CreditAggregator"
    tx_hash: str = field(default_factory=lambda: hash_of("tx", next(_numbers)))


@dataclass(frozen=True)
class Mined:
    """A block with what was said in it."""

    block: Block
    logs: tuple[Log, ...]

    def events(self) -> list[ContractEvent]:
        return [
            ContractEvent(
                log.contract,
                MANAGER if log.contract == "CollateralManager" else AGGREGATOR,
                log.name,
                log.arguments,
                self.block.number,
                self.block.hash,
                log.tx_hash,
                index,
            )
            for index, log in enumerate(self.logs)
        ]


class FakeNode:
    """A node whose chain a test changes; `before` is run before the answer to its n-th question."""

    def __init__(self, chain_id: int = 31_337, genesis: str = "genesis") -> None:
        self.number = chain_id
        self.chain = [Mined(Block(0, hash_of(genesis, chain_id), "0x0", 1_000_000), ())]
        self.before: dict[int, Callable[[], None]] = {}
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked = 0
        self.reads: list[Call] = []
        self.is_up = True

    def mine(self, *logs: Log) -> Block:
        """One more block."""
        parent = self.chain[-1].block
        salt = next(_numbers)
        block = Block(parent.number + 1, hash_of(parent.hash, salt), parent.hash, parent.timestamp + 1)
        self.chain.append(Mined(block, logs))
        return block

    def reorganize(self, depth: int, blocks: Sequence[Sequence[Log]]) -> None:
        """Take back the last blocks, and mine others."""
        del self.chain[max(1, len(self.chain) - depth) :]
        for logs in blocks:
            self.mine(*logs)

    def canonical(self) -> list[ContractEvent]:
        """Everything that is said on the chain as it is now."""
        return [event for mined in self.chain for event in mined.events()]

    async def chain_id(self) -> int:
        return self.number

    async def head(self) -> Block:
        self._ask()
        return self.chain[-1].block

    async def block(self, number: int) -> Block | None:
        self._ask()
        return self.chain[number].block if number < len(self.chain) else None

    async def events(self, first: int, last: int, *, loan_key: str | None = None) -> Sequence[ContractEvent]:
        self._ask()
        assert loan_key is None
        return [event for mined in self.chain[first : last + 1] for event in mined.events()]

    async def read(self, call: Call, *, block: int | None = None) -> Any:
        assert block is None
        self._ask()
        self.reads.append(call)
        answer = self.answers[call.contract, call.function]
        if isinstance(answer, Exception):
            raise answer
        return answer(call) if callable(answer) else answer

    async def estimate(self, call: Call, *, sender: str) -> int:
        raise NotImplementedError((call, sender))

    async def fees(self) -> Fees:
        raise NotImplementedError

    async def next_nonce(self, signer: str) -> int:
        raise NotImplementedError(signer)

    def signed(self, call: Call, slot: Slot) -> SignedTransaction:
        raise NotImplementedError((call, slot))

    async def send(self, raw: str) -> Sent:
        raise NotImplementedError(raw)

    async def receipt(self, tx_hash: str) -> Receipt | None:
        raise NotImplementedError(tx_hash)

    def _ask(self) -> None:
        if not self.is_up:
            raise ConnectionError("nobody listens")
        self.asked += 1
        if change := self.before.pop(self.asked, None):
            change()


def hash_of(*parts: object) -> str:
    return "0x" + sha256(repr(parts).encode()).hexdigest()


def again(log: Log) -> Log:
    """The same transaction, in another block."""
    return replace(log)
