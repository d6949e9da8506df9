"""An Ethereum node over JSON-RPC, as the engine asks for it.

web3 carries the requests; what the node answers is read here, because web3 keeps of an error a sentence and loses which
of them mean that a transaction is on its way.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.types import RPCEndpoint

from contracts.addresses import AddressBook
from contracts.node import Block, ContractEvent, Fees, Receipt, Sent, SignedTransaction, Slot
from contracts.node_errors import NodeError
from contracts.words import BadArgument, ContractWords, ErrorWords, to_bytes
from models.chain import Call

GWEI = 10**9
_LEAST_PRIORITY = GWEI
_FEE_HISTORY_BLOCKS = 10
_MIDDLE_PERCENT = 50
_WATCHED = ("CreditAggregator", "CollateralManager", "CreditScoringOracle")


class Ethereum:
    """A node, our contracts on its chain, and the keys that sign for us."""

    def __init__(
        self,
        web3: AsyncWeb3[AsyncHTTPProvider],
        book: AddressBook,
        words: Mapping[str, ContractWords],
        keys: Sequence[str] = (),
    ) -> None:
        """`words` is what there is to say to each contract and token of the book, by its name there."""
        self._web3 = web3
        self._book = book
        self._words = words
        self._errors = ErrorWords(error for each in words.values() for error in each.errors)
        self._addresses = dict(book.contracts) | {symbol: token.address for symbol, token in book.tokens.items()}
        self._watched = {self._addresses[name]: name for name in _WATCHED}
        self._is_checked = False
        self._accounts: dict[str, LocalAccount] = {}
        for key in keys:
            account: LocalAccount = Account.from_key(key)
            self._accounts[account.address] = account

    def __repr__(self) -> str:
        return f"Ethereum(chain_id={self._book.chain_id}, signers={self.signers})"

    @property
    def signers(self) -> tuple[str, ...]:
        """The addresses we sign for."""
        return tuple(self._accounts)

    def address(self, contract: str) -> str:
        """Where a contract of ours is."""
        if contract not in self._addresses:
            raise BadArgument(f"no contract {contract} in the address book", "contract")
        return self._addresses[contract]

    async def close(self) -> None:
        """Return the connections."""
        await self._web3.provider.disconnect()

    @property
    def first_block(self) -> int:
        """No event of our contracts is older."""
        return self._book.first_block

    async def chain_id(self) -> int:
        """The number the chain goes by: the address book's, with which the node has been compared."""
        return self._book.chain_id

    async def head(self) -> Block:
        """The newest block."""
        found = await self._block("latest")
        assert found is not None
        return found

    async def block(self, number: int) -> Block | None:
        """A block of the chain as it is now; None when it has not got there."""
        return await self._block(hex(number))

    async def events(self, first: int, last: int, *, loan_key: str | None = None) -> Sequence[ContractEvent]:
        """What our contracts have said from block `first` to `last`, in order; of one loan or of all."""
        wanted: dict[str, Any] = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(self._watched)}
        if loan_key is not None:
            wanted["topics"] = [None, loan_key]  # every event of a loan names it first
        return self._told(await self._ask("eth_getLogs", wanted))

    async def read(self, call: Call, *, block: int | None = None) -> Any:
        """What a function answers, now or at the end of a block. A write may be tried too: it is asked as ours."""
        asked = self._request(call) | ({"from": self.signers[0]} if self._accounts else {})
        answer = await self._ask_contract("eth_call", asked, "latest" if block is None else hex(block))
        if answer == "0x" and self._words[call.contract].gives_back(call.function):
            raise NodeError("eth_call", 0, f"no contract {call.contract} at {self.address(call.contract)}")
        return self._words[call.contract].returned(call.function, to_bytes(answer))

    async def estimate(self, call: Call, *, sender: str) -> int:
        """How much gas a write takes, as things are."""
        return int(await self._ask_contract("eth_estimateGas", self._request(call) | {"from": sender}), 16)

    async def fees(self) -> Fees:
        """Enough for the base fee to double, and the tip that half of the last transactions did not exceed."""
        try:
            history = await self._ask("eth_feeHistory", hex(_FEE_HISTORY_BLOCKS), "latest", [_MIDDLE_PERCENT])
        except NodeError as error:
            if not error.is_unknown_method:
                raise
            newest = await self._ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - the node's own order
            history = {"baseFeePerGas": [newest["baseFeePerGas"]]}
        tips = [int(each[0], 16) for each in history.get("reward") or () if each]
        priority = max(_LEAST_PRIORITY, int(median(tips)) if tips else 0)
        return Fees(max_fee=2 * int(history["baseFeePerGas"][-1], 16) + priority, priority_fee=priority)

    async def next_nonce(self, signer: str) -> int:
        """The nonce after those that are mined or wait in the node."""
        return int(await self._ask("eth_getTransactionCount", signer, "pending"), 16)

    async def balance(self, signer: str) -> int:
        """What an account can pay for gas, in wei."""
        return int(await self._ask("eth_getBalance", signer, "latest"), 16)

    def signed(self, call: Call, slot: Slot) -> SignedTransaction:
        """Sign a write; nothing is sent."""
        account = self._accounts.get(slot.signer)
        if account is None:
            raise BadArgument(f"no key for {slot.signer} in CAAS_CHAIN_OPERATOR_KEYS", "signer")
        signed = account.sign_transaction(
            {
                "type": 2,
                "chainId": self._book.chain_id,
                "nonce": slot.nonce,
                "gas": slot.gas,
                "maxFeePerGas": slot.fees.max_fee,
                "maxPriorityFeePerGas": slot.fees.priority_fee,
                "value": 0,
                **self._request(call),
            }
        )
        return SignedTransaction(f"0x{signed.raw_transaction.hex()}", f"0x{signed.hash.hex()}")

    async def send(self, raw: str) -> Sent:
        """Hand a signed transaction to the node."""
        try:
            await self._ask("eth_sendRawTransaction", raw)
        except NodeError as error:
            if error.sent is None:
                raise
            return error.sent
        return Sent.ACCEPTED

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """A mined transaction; None while it is not, or when another has taken its nonce."""
        found = await self._ask("eth_getTransactionReceipt", tx_hash)
        if found is None or found.get("blockHash") is None:
            return None
        return Receipt(
            tx_hash=tx_hash,
            block_number=int(found["blockNumber"], 16),
            block_hash=found["blockHash"],
            succeeded=int(found["status"], 16) == 1,
            gas_used=int(found["gasUsed"], 16),
            events=self._told(found["logs"]),
        )

    def _request(self, call: Call) -> dict[str, Any]:
        to = self.address(call.contract)
        return {"to": to, "data": self._words[call.contract].call_data(call.function, call.arguments)}

    def _told(self, logs: Sequence[Mapping[str, Any]]) -> tuple[ContractEvent, ...]:
        ours = (self._event(log) for log in logs if not log.get("removed"))
        return tuple(sorted((each for each in ours if each), key=lambda each: (each.block_number, each.log_index)))

    def _event(self, log: Mapping[str, Any]) -> ContractEvent | None:
        address = to_checksum_address(log["address"])
        contract = self._watched.get(address)
        if contract is None:
            return None
        said = self._words[contract].said([to_bytes(each) for each in log["topics"]], to_bytes(log["data"]))
        if said is None:
            return None
        return ContractEvent(
            contract=contract,
            address=address,
            name=said.name,
            arguments=said.arguments,
            block_number=int(log["blockNumber"], 16),
            block_hash=log["blockHash"],
            tx_hash=log["transactionHash"],
            log_index=int(log["logIndex"], 16),
        )

    async def _block(self, which: str) -> Block | None:
        found = await self._ask("eth_getBlockByNumber", which, False)  # noqa: FBT003 - the node's own order
        if found is None:
            return None
        return Block(int(found["number"], 16), found["hash"], found["parentHash"], int(found["timestamp"], 16))

    async def _ask_contract(self, method: str, *parameters: Any) -> Any:
        try:
            return await self._ask(method, *parameters)
        except NodeError as error:
            if error.is_revert:
                raise self._errors.refusal(error.revert_data, error.message) from error
            raise

    async def _ask(self, method: str, *parameters: Any) -> Any:
        if not self._is_checked:
            await self._check_chain()
        return await self._request_node(method, *parameters)

    async def _check_chain(self) -> None:
        """Signing for the contracts of one chain on another would be a mistake that lasts."""
        chain_id = int(await self._request_node("eth_chainId"), 16)
        genesis = await self._request_node("eth_getBlockByNumber", "0x0", False)  # noqa: FBT003 - the node's own order
        self._book.require_chain(chain_id, genesis["hash"])
        self._is_checked = True

    async def _request_node(self, method: str, *parameters: Any) -> Any:
        response = await self._web3.provider.make_request(RPCEndpoint(method), parameters)
        if error := response.get("error"):
            if isinstance(error, str):
                raise NodeError(method, 0, error)
            raise NodeError(method, error.get("code", 0), error.get("message", ""), error.get("data"))
        return response.get("result")
