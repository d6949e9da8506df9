"""Blocks, transactions, receipts and logs as JSON-RPC shows them: quantities and bytes in hexadecimal."""

from typing import Any

from eth._utils.address import generate_contract_address
from eth.abc import BlockHeaderAPI, SignedTransactionAPI
from eth.vm.forks.london.constants import DYNAMIC_FEE_TRANSACTION_TYPE
from eth_utils.address import to_checksum_address

from contracts.devnode.chain import Place, logs_of
from contracts.devnode.evm import MinedBlock, base_fee_of
from contracts.devnode.logs import IndexedLog

Json = dict[str, Any]


def quantity(number: int) -> str:
    return hex(number)


def binary(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def word(number: int) -> str:
    return binary(number.to_bytes(32, "big"))


def block_document(block: MinedBlock, *, whole_transactions: bool) -> Json:
    """A block with the hashes of its transactions, or with the transactions themselves."""
    places = [Place(block, index) for index in range(len(block.transactions))]
    return header_document(block.header) | {
        "transactions": [
            transaction_document(place.transaction, place) if whole_transactions else binary(place.transaction.hash)
            for place in places
        ],
    }


def header_document(header: BlockHeaderAPI) -> Json:
    return {
        "number": quantity(header.block_number),
        "hash": binary(header.hash),
        "parentHash": binary(header.parent_hash),
        "timestamp": quantity(header.timestamp),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "baseFeePerGas": quantity(base_fee_of(header)),
        "miner": to_checksum_address(header.coinbase),
        "mixHash": binary(header.mix_hash),
        "nonce": binary(header.nonce),
        "difficulty": quantity(header.difficulty),
        "extraData": binary(header.extra_data),
        "logsBloom": binary(header.bloom.to_bytes(256, "big")),
        "sha3Uncles": binary(header.uncles_hash),
        "uncles": [],
        "transactionsRoot": binary(header.transaction_root),
        "receiptsRoot": binary(header.receipt_root),
        "stateRoot": binary(header.state_root),
        "withdrawals": [],
        "withdrawalsRoot": binary(header.withdrawals_root or b""),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": binary(header.parent_beacon_block_root or bytes(32)),
        "requestsHash": binary(header.requests_hash),  # type: ignore[attr-defined] # of Prague
        "transactions": [],
    }


def transaction_document(transaction: SignedTransactionAPI, place: Place | None) -> Json:
    """A transaction, mined at `place` or waiting."""
    kind = transaction.type_id or 0
    document: Json = {
        "hash": binary(transaction.hash),
        "type": quantity(kind),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas),
        "value": quantity(transaction.value),
        "input": binary(transaction.data),
        "chainId": None if transaction.chain_id is None else quantity(transaction.chain_id),
        "gasPrice": quantity(effective_price(transaction, place)),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "blockHash": binary(place.block.header.hash) if place else None,
        "blockNumber": quantity(place.block.number) if place else None,
        "transactionIndex": quantity(place.index) if place else None,
    }
    if kind == 0:
        return document | {"v": quantity(_v(transaction))}
    document |= {
        "v": quantity(transaction.y_parity),
        "yParity": quantity(transaction.y_parity),
        "accessList": [
            {"address": to_checksum_address(address), "storageKeys": [word(slot) for slot in slots]}
            for address, slots in transaction.access_list
        ],
    }
    if kind >= DYNAMIC_FEE_TRANSACTION_TYPE:
        document |= {
            "maxFeePerGas": quantity(transaction.max_fee_per_gas),
            "maxPriorityFeePerGas": quantity(transaction.max_priority_fee_per_gas),
        }
    return document


def receipt_document(place: Place) -> Json:
    transaction, receipt = place.transaction, place.receipt
    before = place.block.receipts[place.index - 1].gas_used if place.index else 0
    created = generate_contract_address(transaction.sender, transaction.nonce) if not transaction.to else None
    return {
        "transactionHash": binary(transaction.hash),
        "transactionIndex": quantity(place.index),
        "blockHash": binary(place.block.header.hash),
        "blockNumber": quantity(place.block.number),
        "from": to_checksum_address(transaction.sender),
        "to": to_checksum_address(transaction.to) if transaction.to else None,
        "contractAddress": to_checksum_address(created) if created else None,
        "cumulativeGasUsed": quantity(receipt.gas_used),
        "gasUsed": quantity(receipt.gas_used - before),
        "effectiveGasPrice": quantity(effective_price(transaction, place)),
        "status": quantity(int.from_bytes(receipt.state_root, "big")),
        "type": quantity(transaction.type_id or 0),
        "logsBloom": binary(receipt.bloom.to_bytes(256, "big")),
        "logs": [log_document(log) for log in logs_of(place.block) if log.transaction_index == place.index],
    }


def log_document(log: IndexedLog) -> Json:
    return {
        "address": to_checksum_address(log.address),
        "topics": [binary(topic) for topic in log.topics],
        "data": binary(log.data),
        "blockNumber": quantity(log.block_number),
        "blockHash": binary(log.block_hash),
        "blockTimestamp": quantity(log.block_timestamp),
        "transactionHash": binary(log.transaction_hash),
        "transactionIndex": quantity(log.transaction_index),
        "logIndex": quantity(log.log_index),
        "removed": False,
    }


def effective_price(transaction: SignedTransactionAPI, place: Place | None) -> int:
    """What a unit of gas was paid with, or what it may cost at most while that is open."""
    if place is None:
        return transaction.max_fee_per_gas
    tip = transaction.max_priority_fee_per_gas
    return min(transaction.max_fee_per_gas, base_fee_of(place.block.header) + tip)


def _v(transaction: SignedTransactionAPI) -> int:
    """Of a legacy transaction, with the chain in it when it is bound to one (EIP-155)."""
    if transaction.chain_id is None:
        return 27 + transaction.y_parity
    return transaction.chain_id * 2 + 35 + transaction.y_parity
