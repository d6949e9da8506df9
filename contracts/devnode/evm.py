"""The virtual machine and its blocks: what transactions make of the state, by the rules of Ethereum (Prague)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import Chain
from eth.db.atomic import AtomicDB
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.prague import PragueVM
from eth_typing import Address, BlockNumber
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

GAS_LIMIT = 30_000_000
_COINBASE = Address(bytes(20))


@dataclass(frozen=True, slots=True)
class MinedBlock:
    """A block with what came of its transactions."""

    header: BlockHeaderAPI
    transactions: tuple[SignedTransactionAPI, ...]
    receipts: tuple[ReceiptAPI, ...]

    @property
    def number(self) -> int:
        return int(self.header.block_number)


def base_fee_of(header: BlockHeaderAPI) -> int:
    assert header.base_fee_per_gas is not None  # every block is younger than London
    return header.base_fee_per_gas


class Evm:
    """A chain from its genesis to its head, in memory."""

    def __init__(self, chain_id: int, genesis_timestamp: int, balances: Mapping[Address, int]) -> None:
        self.chain_id = chain_id
        kind = Chain.configure("DevChain", chain_id=chain_id, vm_configuration=((BlockNumber(0), PragueVM),))
        params: dict[str, HeaderParams] = {
            "gas_limit": GAS_LIMIT,
            "timestamp": genesis_timestamp,
            "coinbase": _COINBASE,
            "extra_data": b"",
        }
        state: dict[Address, AccountDetails] = {
            address: {"balance": wei, "nonce": 0, "code": b"", "storage": {}} for address, wei in balances.items()
        }
        self._chain = cast("Chain", kind.from_genesis(AtomicDB(), params, state))
        self._blocks = [MinedBlock(self._chain.get_canonical_head(), (), ())]
        self._numbers: dict[bytes, int] = {self._blocks[0].header.hash: 0}

    @property
    def head(self) -> MinedBlock:
        return self._blocks[-1]

    def block(self, number: int) -> MinedBlock | None:
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def block_of_hash(self, block_hash: bytes) -> MinedBlock | None:
        number = self._numbers.get(block_hash)
        return None if number is None else self._blocks[number]

    def next_header(self, timestamp: int) -> BlockHeaderAPI:
        """The header of a block on top of the head, before any transaction."""
        head = self.head.header
        # No beacon chain deals randomness here: it follows from the parent, so that a replay comes to the same hashes.
        return self._chain.create_header_from_parent(
            head, timestamp=timestamp, gas_limit=head.gas_limit, coinbase=_COINBASE, mix_hash=keccak(head.hash)
        )

    def state(self, header: BlockHeaderAPI) -> StateAPI:
        """The state that a header names. Whoever executes on it throws it away afterwards: nothing is written."""
        return self._chain.get_vm(header).state

    def decoded(self, raw: bytes) -> SignedTransactionAPI:
        return self._chain.get_vm_class(self.head.header).get_transaction_builder().decode(raw)

    def mine(self, transactions: Sequence[SignedTransactionAPI], timestamp: int) -> MinedBlock:
        """The next block, of those transactions that are still valid after the ones before them."""
        header = self.next_header(timestamp)
        vm = self._chain.get_vm(header)
        taken: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        for transaction in transactions:
            try:
                receipt, _ = vm.apply_transaction(header, transaction)
            except ValidationError:  # it is checked before anything is changed
                continue
            header = vm.increment_blob_gas_used(vm.add_receipt_to_header(header, receipt), transaction)
            taken.append(transaction)
            receipts.append(receipt)
        filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, taken, receipts)
        # Not `mine_block`: it would compute every root again to check it, and ask that each block be a second younger
        # than its parent, so that a busy chain's clock ran away from the world's.
        block = vm.finalize_block(vm.pack_block(filled)).block
        self._chain.persist_block(block, perform_validation=False)
        mined = MinedBlock(block.header, tuple(taken), tuple(receipts))
        self._numbers[mined.header.hash] = len(self._blocks)
        self._blocks.append(mined)
        return mined
