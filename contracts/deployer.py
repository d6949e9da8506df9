"""The account that deploys: one transaction after the other, each mined before the next is sent."""

from typing import Any, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError
from web3.exceptions import Web3Exception
from web3.types import Nonce, TxParams, TxReceipt
from web3.utils.address import get_create_address

from contracts.artifacts import artifact
from contracts.session import Web3
from contracts.trouble import ChainTrouble
from contracts.words import ErrorWords, to_bytes

RECEIPT_TIMEOUT_SECONDS = 600
POLL_SECONDS = 0.02
# An estimate is of the state before: what others do meanwhile must not make it too small.
GAS_MARGIN_PERCENT = 20
_REFUSING = ("CreditAggregator", "CollateralManager", "CreditScoringOracle", "TimelockController")


class DeploymentFailed(ChainTrouble):
    """A transaction of the deployment was mined and failed, or what came of it is not what was computed."""


def account_of(private_key: str) -> LocalAccount:
    """The account of a key in hexadecimal; the refusal does not repeat it."""
    try:
        account: LocalAccount = Account.from_key(private_key)
    except (ValueError, ValidationError):
        raise DeploymentFailed("the deployer's key is no private key: 32 bytes in hexadecimal are one") from None
    return account


class Deployer:
    """Counts its own nonces: nobody else may send from this account meanwhile."""

    def __init__(
        self,
        web3: Web3,
        account: LocalAccount,
        nonce: int,
        chain_id: int,
        most_wei_per_gas: int,
    ) -> None:
        self._web3, self._account, self._chain_id = web3, account, chain_id
        self._most_wei_per_gas = most_wei_per_gas
        self._nonce = nonce
        self.gas_used = 0

    @classmethod
    async def of(cls, web3: Web3, account: LocalAccount, most_wei_per_gas: int) -> Self:
        nonce = await web3.eth.get_transaction_count(account.address, "pending")
        return cls(web3, account, nonce, await web3.eth.chain_id, most_wei_per_gas)

    @property
    def address(self) -> str:
        return str(self._account.address)

    def address_after(self, creations: int) -> str:
        """Of the contract that the transaction after so many others will create."""
        return str(get_create_address(self._account.address, Nonce(self._nonce + creations)))

    async def create(self, name: str, *arguments: Any) -> str:
        """Deploy a contract; its address."""
        compiled = artifact(name)
        kind = self._web3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
        expected = self.address_after(0)
        receipt = await self._send({"data": kind.constructor(*arguments).data_in_transaction}, f"deployment of {name}")
        created = to_checksum_address(str(receipt["contractAddress"]))
        if created != expected:
            raise DeploymentFailed(f"{name} is at {created} and was computed to be at {expected}")
        return created

    async def call(self, address: str, data: str, what: str) -> None:
        """Send a call of a contract and wait until it is mined."""
        await self._send({"to": to_checksum_address(address), "data": HexStr(data)}, what)

    async def _send(self, parameters: TxParams, what: str) -> TxReceipt:
        asked: TxParams = {**parameters, "from": self._account.address}
        try:
            gas = await self._web3.eth.estimate_gas(asked)
            sent = await self._web3.eth.send_raw_transaction(await self._signed({**parameters, "gas": gas}))
        except Web3Exception as trouble:
            raise DeploymentFailed(f"{what}: {_reason(trouble)}") from trouble
        self._nonce += 1
        receipt = await self._web3.eth.wait_for_transaction_receipt(
            sent, timeout=RECEIPT_TIMEOUT_SECONDS, poll_latency=POLL_SECONDS
        )
        if receipt["status"] != 1:
            raise DeploymentFailed(f"{what}: transaction {sent.to_0x_hex()} failed")
        self.gas_used += receipt["gasUsed"]
        return receipt

    async def _signed(self, parameters: TxParams) -> bytes:
        block = await self._web3.eth.get_block("latest")
        tip = await self._web3.eth.max_priority_fee
        gas = int(parameters["gas"]) * (100 + GAS_MARGIN_PERCENT) // 100
        completed: dict[str, Any] = {
            **parameters,
            "chainId": self._chain_id,
            "nonce": self._nonce,
            "value": 0,
            "gas": min(gas, block["gasLimit"]),
            "maxFeePerGas": min(2 * block["baseFeePerGas"] + tip, self._most_wei_per_gas),
            "maxPriorityFeePerGas": min(tip, self._most_wei_per_gas),
        }
        return bytes(self._account.sign_transaction(completed).raw_transaction)


def _reason(trouble: Web3Exception) -> str:
    """A contract's error by its name: the node has its selector alone."""
    data = getattr(trouble, "data", None)
    if not isinstance(data, str):
        return str(trouble)
    errors = (entry for name in _REFUSING for entry in artifact(name).abi if entry["type"] == "error")
    return ErrorWords(errors).refusal(to_bytes(data)).detail
