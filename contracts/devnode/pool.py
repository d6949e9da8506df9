"""Transactions that wait for a block: behind a gap in their sender's nonces, or because the base fee is too high."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eth.abc import SignedTransactionAPI
from eth_typing import Address

from contracts.devnode.refusals import TransactionRefused

# What must be offered more for a transaction to take another's place, in percent.
PRICE_BUMP = 10
CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction with what is asked of it again and again; recovering a sender is slow."""

    sender: Address
    nonce: int
    hash: bytes
    max_fee: int
    priority_fee: int
    transaction: SignedTransactionAPI


class Pool:
    """One transaction per sender and nonce."""

    def __init__(self) -> None:
        self._of: dict[Address, dict[int, Waiting]] = {}
        self._by_hash: dict[bytes, Waiting] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._by_hash.values())

    def get(self, transaction_hash: bytes) -> Waiting | None:
        return self._by_hash.get(transaction_hash)

    def add(self, offered: Waiting, *, account_nonce: int) -> None:
        """Take it, in the place of a cheaper one with its nonce if there is one."""
        if offered.hash in self._by_hash:
            raise TransactionRefused("already known")
        if offered.nonce < account_nonce:
            raise TransactionRefused(f"nonce too low: next nonce {account_nonce}, tx nonce {offered.nonce}")
        known = self._of.get(offered.sender, {}).get(offered.nonce)
        if known and not _outbids(offered, known):
            raise TransactionRefused("replacement transaction underpriced")
        if known is None and len(self) >= CAPACITY:
            raise TransactionRefused("txpool is full")
        if known:
            del self._by_hash[known.hash]
        self._of.setdefault(offered.sender, {})[offered.nonce] = offered
        self._by_hash[offered.hash] = offered

    def ready(self, nonce_of: Callable[[Address], int], base_fee: int) -> list[Waiting]:
        """What could be mined now, each sender's in the order of nonces."""
        return [waiting for sender in self._of for waiting in self._ready_of(sender, nonce_of(sender), base_fee)]

    def next_nonce(self, sender: Address, account_nonce: int) -> int:
        """The first nonce that is neither mined nor waiting."""
        waiting = self._of.get(sender, {})
        while account_nonce in waiting:
            account_nonce += 1
        return account_nonce

    def forget(self, sender: Address, *, below_nonce: int) -> None:
        """Drop what a block has settled, mined or not."""
        waiting = self._of.get(sender, {})
        for nonce in [nonce for nonce in waiting if nonce < below_nonce]:
            del self._by_hash[waiting.pop(nonce).hash]
        if not waiting:
            self._of.pop(sender, None)

    def drop(self, waiting: Waiting) -> None:
        """It can never be mined as things stand, as when its sender has spent what it would cost."""
        del self._by_hash[self._of[waiting.sender].pop(waiting.nonce).hash]

    def _ready_of(self, sender: Address, account_nonce: int, base_fee: int) -> Iterator[Waiting]:
        waiting = self._of[sender]
        while (found := waiting.get(account_nonce)) and found.max_fee >= base_fee:
            yield found
            account_nonce += 1


def _outbids(offered: Waiting, known: Waiting) -> bool:
    """Both fees must be higher by the bump."""
    pairs = ((offered.max_fee, known.max_fee), (offered.priority_fee, known.priority_fee))
    return all(new > old and new * 100 >= old * (100 + PRICE_BUMP) for new, old in pairs)
