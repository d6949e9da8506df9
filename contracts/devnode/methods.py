"""The methods of JSON-RPC that the node answers."""

from collections.abc import Callable, Iterable
from typing import Any

from eth.abc import BlockHeaderAPI, StateAPI

from contracts.devnode.chain import DevChain
from contracts.devnode.documents import (
    binary,
    block_document,
    header_document,
    log_document,
    quantity,
    receipt_document,
    transaction_document,
    word,
)
from contracts.devnode.evm import MinedBlock, base_fee_of
from contracts.devnode.execution import gas_needed, result_of
from contracts.devnode.logs import LogFilter
from contracts.devnode.parameters import (
    address_in,
    addresses_in,
    bytes_in,
    call_in,
    hash_in,
    object_in,
    quantity_in,
    topics_in,
)
from contracts.devnode.refusals import ExecutionFailed, InvalidParameters, UnknownMethod

CLIENT_VERSION = "caas-devnode/py-evm"
TIP_WEI = 1_000_000_000
MOST_FEE_BLOCKS = 1024
# Blocks are final at once: nobody can reorganize a chain with one miner.
_HEADS = ("latest", "safe", "finalized")

Method = Callable[..., Any]


class Methods:
    """One chain's methods by name."""

    def __init__(self, chain: DevChain) -> None:
        self._chain = chain
        self._evm = chain.evm
        self._named: dict[str, Method] = {
            "eth_chainId": lambda: quantity(self._evm.chain_id),
            "net_version": lambda: str(self._evm.chain_id),
            "net_listening": lambda: True,
            "web3_clientVersion": lambda: CLIENT_VERSION,
            "eth_syncing": lambda: False,
            "eth_accounts": list,
            "eth_blockNumber": lambda: quantity(self._evm.head.number),
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getBlockByHash": self.block_by_hash,
            "eth_getBlockReceipts": self.block_receipts,
            "eth_getTransactionByHash": self.transaction,
            "eth_getTransactionReceipt": self.receipt,
            "eth_getTransactionCount": self.transaction_count,
            "eth_getBalance": self.balance,
            "eth_getCode": self.code,
            "eth_getStorageAt": self.storage,
            "eth_getLogs": self.logs,
            "eth_gasPrice": lambda: quantity(base_fee_of(self._next_header()) + TIP_WEI),
            "eth_maxPriorityFeePerGas": lambda: quantity(TIP_WEI),
            "eth_feeHistory": self.fee_history,
            "eth_call": self.call,
            "eth_estimateGas": self.estimate,
            "eth_sendRawTransaction": self.send,
            "evm_increaseTime": self.increase_time,
            "evm_mine": self.mine,
            "evm_setAutomine": self.set_automine,
        }

    def answer(self, method: str, params: Iterable[Any]) -> Any:
        """What the method returns."""
        found = self._named.get(method)
        if found is None:
            raise UnknownMethod(method)
        arguments = tuple(params)
        try:
            return found(*arguments)
        except TypeError as trouble:
            # The call itself failed, not what it called: too few or too many parameters.
            if trouble.__traceback__ and trouble.__traceback__.tb_next:
                raise
            raise InvalidParameters(f"{method} takes other parameters than {len(arguments)}") from None

    def block_by_number(self, number: Any, whole: Any = False) -> Any:  # noqa: FBT002 - the protocol's
        if number == "pending":
            empty = header_document(self._next_header())
            return empty | {"hash": None, "nonce": None, "miner": None}
        found = self._block(number)
        return found and block_document(found, whole_transactions=bool(whole))

    def block_by_hash(self, block_hash: Any, whole: Any = False) -> Any:  # noqa: FBT002 - the protocol's
        found = self._evm.block_of_hash(hash_in(block_hash, "block hash"))
        return found and block_document(found, whole_transactions=bool(whole))

    def block_receipts(self, number: Any) -> Any:
        found = self._evm.block_of_hash(hash_in(number, "block")) if _is_hash(number) else self._block(number)
        if found is None:
            return None
        places = [self._chain.place_of(transaction.hash) for transaction in found.transactions]
        return [receipt_document(place) for place in places if place]

    def transaction(self, transaction_hash: Any) -> Any:
        wanted = hash_in(transaction_hash, "transaction hash")
        if place := self._chain.place_of(wanted):
            return transaction_document(place.transaction, place)
        waiting = self._chain.pool.get(wanted)
        return waiting and transaction_document(waiting.transaction, None)

    def receipt(self, transaction_hash: Any) -> Any:
        place = self._chain.place_of(hash_in(transaction_hash, "transaction hash"))
        return place and receipt_document(place)

    def transaction_count(self, address: Any, at: Any = "latest") -> Any:
        account = address_in(address, "address")
        if at == "pending":
            return quantity(self._chain.nonce(account, with_waiting=True))
        return quantity(self._state(at).get_nonce(account))

    def balance(self, address: Any, at: Any = "latest") -> Any:
        return quantity(self._state(at).get_balance(address_in(address, "address")))

    def code(self, address: Any, at: Any = "latest") -> Any:
        return binary(self._state(at).get_code(address_in(address, "address")))

    def storage(self, address: Any, slot: Any, at: Any = "latest") -> Any:
        return word(self._state(at).get_storage(address_in(address, "address"), quantity_in(slot, "slot")))

    def logs(self, wanted: Any) -> Any:
        asked = object_in(wanted, "filter")
        first, last = self._range_of(asked)
        found = self._chain.logs.find(
            LogFilter(first, last, addresses_in(asked.get("address")), topics_in(asked.get("topics")))
        )
        return [log_document(log) for log in found]

    def call(self, transaction: Any, at: Any = "latest", overrides: Any = None) -> Any:
        _no_overrides(overrides)
        return binary(result_of(self._evm, self._header(at), call_in(transaction)))

    def estimate(self, transaction: Any, at: Any = "pending", overrides: Any = None) -> Any:
        """For the next block unless another is named, as anvil does: it is the one the transaction would be in."""
        _no_overrides(overrides)
        return quantity(gas_needed(self._evm, self._header(at), call_in(transaction)))

    def send(self, raw: Any) -> Any:
        return binary(self._chain.submit(bytes_in(raw, "raw transaction")))

    def fee_history(self, count: Any, newest: Any, percentiles: Any = None) -> Any:
        """Rewards are what transactions here are asked to tip; there is no market to look at."""
        last = self._known(self._evm.head.number if newest == "pending" else newest)
        wanted = min(quantity_in(count, "block count"), MOST_FEE_BLOCKS, last.number + 1)
        blocks = [self._known(number) for number in range(last.number - wanted + 1, last.number + 1)]
        history = {
            "oldestBlock": quantity(blocks[0].number if blocks else last.number),
            "baseFeePerGas": [quantity(base_fee_of(block.header)) for block in blocks]
            + [quantity(self._fee_after(last))],
            "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        }
        if percentiles:
            history["reward"] = [[quantity(TIP_WEI)] * len(percentiles) for _ in blocks]
        return history

    def increase_time(self, seconds: Any) -> Any:
        return self._chain.advance(quantity_in(seconds, "seconds"))

    def mine(self, *_: Any) -> Any:
        self._chain.mine()
        return "0x0"

    def set_automine(self, enabled: Any) -> Any:
        """Off, transactions wait for `evm_mine`; on again, they are mined."""
        self._chain.automine = bool(enabled)
        if enabled:
            self._chain.mine_ready()
        return True

    def _range_of(self, asked: dict[str, Any]) -> tuple[int, int]:
        if block_hash := asked.get("blockHash"):
            if asked.get("fromBlock") or asked.get("toBlock"):
                raise InvalidParameters("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
            found = self._evm.block_of_hash(hash_in(block_hash, "blockHash"))
            if found is None:
                raise ExecutionFailed("unknown block")
            return found.number, found.number
        first, last = (self._number(asked.get(name) or "latest") for name in ("fromBlock", "toBlock"))
        if first > last:
            raise InvalidParameters("invalid block range params")
        return first, last

    def _number(self, name: Any) -> int:
        if name == "earliest":
            return 0
        if name in (*_HEADS, "pending"):
            return self._evm.head.number
        return quantity_in(name, "block number")

    def _block(self, number: Any) -> MinedBlock | None:
        return self._evm.block(self._number(number))

    def _known(self, number: Any) -> MinedBlock:
        found = self._block(number)
        if found is None:
            raise ExecutionFailed("header not found")
        return found

    def _header(self, at: Any) -> BlockHeaderAPI:
        """Of a number, a name, a hash, or an object with one of them (EIP-1898)."""
        if isinstance(at, dict):
            at = at.get("blockHash", at.get("blockNumber"))
        if at == "pending":
            return self._next_header()
        if _is_hash(at):
            found = self._evm.block_of_hash(hash_in(at, "block"))
            if found is None:
                raise ExecutionFailed("header not found")
            return found.header
        return self._known("latest" if at is None else at).header

    def _state(self, at: Any) -> StateAPI:
        return self._evm.state(self._header(at))

    def _next_header(self) -> BlockHeaderAPI:
        return self._evm.next_header(self._chain.now)

    def _fee_after(self, block: MinedBlock) -> int:
        after = self._evm.block(block.number + 1)
        return base_fee_of(after.header if after else self._next_header())


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == len("0x") + 64


def _no_overrides(overrides: Any) -> None:
    if overrides:
        raise InvalidParameters("state overrides are not supported")
