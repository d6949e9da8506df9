"""What the engine asks of a chain, whatever node stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from models.chain import Call


@dataclass(frozen=True, slots=True)
class Block:
    """A block by number and hash; `timestamp` is the chain's clock, seconds since 1970 UTC."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """A log of one of our contracts, decoded. `arguments` are as JSON carries them."""

    contract: str
    address: str
    name: str
    arguments: dict[str, Any]
    block_number: int
    block_hash: str
    tx_hash: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas (EIP-1559)."""

    max_fee: int
    priority_fee: int


@dataclass(frozen=True, slots=True)
class Slot:
    """Whose transaction it is, which of his, and what it may cost."""

    signer: str
    nonce: int
    gas: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes to send, and the hash they will be known by."""

    raw: str
    hash: str


class Sent(StrEnum):
    """What the node says to a raw transaction. All but the last two mean that it has it, or one in its place."""

    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    UNDERPRICED = "underpriced"
    NONCE_TOO_HIGH = "nonce_too_high"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction."""

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    events: tuple[ContractEvent, ...] = field(default=())


class ChainNode(Protocol):
    """An EVM node that knows our contracts. Every method may raise an outage, which is retried.

    `read` and `estimate` raise `models.chain.ContractRefused` when the contract says no.
    """

    async def chain_id(self) -> int: ...

    async def head(self) -> Block: ...

    async def block(self, number: int) -> Block | None: ...

    async def events(self, first: int, last: int, *, loan_key: str | None = None) -> Sequence[ContractEvent]: ...

    async def read(self, call: Call, *, block: int | None = None) -> Any: ...

    async def estimate(self, call: Call, *, sender: str) -> int: ...

    async def fees(self) -> Fees: ...

    async def next_nonce(self, signer: str) -> int: ...

    def signed(self, call: Call, slot: Slot) -> SignedTransaction: ...

    async def send(self, raw: str) -> Sent: ...

    async def receipt(self, tx_hash: str) -> Receipt | None: ...
