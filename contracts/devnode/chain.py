"""The chain as the node keeps it: EVM, waiting transactions, log index and journal, changed together.

Nothing here is safe for two threads: whoever serves it calls it from one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from eth.abc import ReceiptAPI, SignedTransactionAPI
from eth_typing import Address
from eth_utils.exceptions import ValidationError
from eth_utils.hexadecimal import encode_hex

from contracts.devnode.evm import Evm, MinedBlock, base_fee_of
from contracts.devnode.journal import Genesis, Journal, JournaledBlock, JournalRefused
from contracts.devnode.logs import IndexedLog, LogIndex
from contracts.devnode.pool import Pool, Waiting
from contracts.devnode.refusals import TransactionRefused

BLOB_TYPE = 3
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction was mined."""

    block: MinedBlock
    index: int

    @property
    def transaction(self) -> SignedTransactionAPI:
        return self.block.transactions[self.index]

    @property
    def receipt(self) -> ReceiptAPI:
        return self.block.receipts[self.index]


class DevChain:
    """Mines as soon as a transaction can be mined, unless told to wait (`automine`)."""

    def __init__(self, chain_id: int, balances: dict[Address, int], clock: Clock, journal: Journal | None = None):
        self._clock = clock
        self._journal = journal
        self._clock_offset = 0
        self._places: dict[bytes, Place] = {}
        self.automine = True
        self.pool = Pool()
        self.logs = LogIndex()
        genesis = Genesis(chain_id, int(clock()))
        if journal:
            genesis = journal.begin(genesis)
        self.evm = Evm(chain_id, genesis.timestamp, balances)
        if journal:
            self._replay(journal)

    @property
    def now(self) -> int:
        """What a block mined now would be stamped with; the clock of a chain never goes back."""
        return max(int(self._clock()) + self._clock_offset, self.evm.head.header.timestamp)

    def submit(self, raw: bytes) -> bytes:
        """Take a raw transaction, mine what can be mined, and return its hash."""
        offered = self._checked(raw)
        self.pool.add(offered, account_nonce=self.nonce(offered.sender))
        if self.automine:
            self.mine_ready()
        return offered.hash

    def mine(self) -> MinedBlock:
        """A block of what is ready, empty when nothing is."""
        return self._mine(self._ready())

    def advance(self, seconds: int) -> int:
        """Move the clock of the chain, from the next block on; by how much it is ahead now."""
        self._clock_offset += seconds
        return self._clock_offset

    def nonce(self, address: Address, *, with_waiting: bool = False) -> int:
        mined = self.evm.state(self.evm.head.header).get_nonce(address)
        return self.pool.next_nonce(address, mined) if with_waiting else mined

    def place_of(self, transaction_hash: bytes) -> Place | None:
        return self._places.get(transaction_hash)

    def _checked(self, raw: bytes) -> Waiting:
        """What can be said of a transaction before anything is executed, in the order and the words of geth."""
        transaction = self._decoded(raw)
        header = self.evm.next_header(self.now)
        if transaction.chain_id not in (None, self.evm.chain_id):
            raise TransactionRefused(
                f"invalid chain id for signer: have {transaction.chain_id} want {self.evm.chain_id}"
            )
        if transaction.gas > header.gas_limit:
            raise TransactionRefused("exceeds block gas limit")
        if transaction.gas < transaction.intrinsic_gas:
            raise TransactionRefused(
                f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
            )
        if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
            raise TransactionRefused("max priority fee per gas higher than max fee per gas")
        sender = self._sender_of(transaction)
        base_fee = base_fee_of(header)
        if transaction.max_fee_per_gas < base_fee:
            raise TransactionRefused(
                f"max fee per gas less than block base fee: address {encode_hex(sender)}, "
                f"maxFeePerGas: {transaction.max_fee_per_gas}, baseFee: {base_fee}"
            )
        balance = self.evm.state(self.evm.head.header).get_balance(sender)
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        if balance < cost:
            raise TransactionRefused(
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, "
                f"overshot {cost - balance}"
            )
        return Waiting(
            sender,
            transaction.nonce,
            transaction.hash,
            transaction.max_fee_per_gas,
            transaction.max_priority_fee_per_gas,
            transaction,
        )

    def _decoded(self, raw: bytes) -> SignedTransactionAPI:
        if raw[:1] == bytes([BLOB_TYPE]):
            raise TransactionRefused("transaction type not supported")
        try:
            return self.evm.decoded(raw)
        except Exception as trouble:  # noqa: BLE001 - a stranger's bytes: whatever the decoder stumbles over
            raise TransactionRefused(f"rlp: {trouble}") from None

    def _sender_of(self, transaction: SignedTransactionAPI) -> Address:
        try:
            transaction.validate()
            sender = transaction.sender
        except ValidationError as trouble:
            raise TransactionRefused(f"invalid sender: {trouble}") from None
        return sender

    def _ready(self) -> list[Waiting]:
        return self.pool.ready(self.nonce, base_fee_of(self.evm.next_header(self.now)))

    def mine_ready(self) -> None:
        while ready := self._ready():
            self._mine(ready)

    def _mine(self, ready: list[Waiting]) -> MinedBlock:
        block = self.evm.mine([waiting.transaction for waiting in ready], self.now)
        if self._journal:
            raws = tuple(transaction.encode() for transaction in block.transactions)
            self._journal.append(JournaledBlock(block.header.timestamp, self._clock_offset, block.header.hash, raws))
        self._index(block)
        self._settle(block, ready)
        return block

    def _settle(self, block: MinedBlock, ready: list[Waiting]) -> None:
        """What was mined leaves the pool. What came first and was not, is not valid any more."""
        for sender in {waiting.sender for waiting in ready}:
            self.pool.forget(sender, below_nonce=self.nonce(sender))
        if not block.transactions and ready:
            self.pool.drop(ready[0])

    def _index(self, block: MinedBlock) -> None:
        for index, transaction in enumerate(block.transactions):
            self._places[transaction.hash] = Place(block, index)
        self.logs.append(logs_of(block))

    def _replay(self, journal: Journal) -> None:
        for number, recorded in enumerate(journal.blocks(), start=1):
            block = self.evm.mine([self.evm.decoded(raw) for raw in recorded.transactions], recorded.timestamp)
            if block.header.hash != recorded.hash:
                raise JournalRefused(
                    f"block {number} of {journal.path} does not come out as it was: another version of py-evm has "
                    "made it; move the file away to start anew"
                )
            self._index(block)
            self._clock_offset = recorded.clock_offset


def logs_of(block: MinedBlock) -> Iterable[IndexedLog]:
    """The logs of a block, numbered through it."""
    log_index = 0
    for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
        for log in receipt.logs:
            yield IndexedLog(
                address=log.address,
                topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
                data=log.data,
                block_number=block.number,
                block_hash=block.header.hash,
                block_timestamp=block.header.timestamp,
                transaction_hash=transaction.hash,
                transaction_index=index,
                log_index=log_index,
            )
            log_index += 1
