"""What people do with their wallets on a development chain, where everybody knows their keys."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.contract import AsyncContract
from web3.exceptions import Web3Exception

from contracts.addresses import AddressBook, Token
from contracts.artifacts import artifact
from contracts.deployer import Deployer
from contracts.deployment import MOST_WEI_PER_GAS
from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import CHAIN_ID
from contracts.session import Web3
from contracts.trouble import ChainTrouble

AGGREGATOR, MANAGER = "CreditAggregator", "CollateralManager"


class WalletRefused(ChainTrouble):
    """No such wallet, token or amount; says which."""


class DevWallets:
    """The wallets of borrower and liquidator, and the price feeds, which anybody may set."""

    def __init__(self, web3: Web3, book: AddressBook) -> None:
        self._web3, self._book, self._people = web3, book, DevAccounts()

    @classmethod
    async def on(cls, web3: Web3, book: AddressBook) -> Self:
        if (chain_id := await web3.eth.chain_id) != CHAIN_ID:
            raise WalletRefused(f"chain {chain_id} is no development chain")
        return cls(web3, book)

    async def set_price(self, symbol: str, dollars: Decimal) -> None:
        """What one whole token is worth from now on."""
        feed = self._at("MockPriceFeed", self._token(symbol).feed)
        answer = _units(dollars, int(await feed.functions.decimals().call()))
        await self._send(self._people.deployer, feed, "setAnswer", answer)

    async def deposit(self, loan_key: str, symbol: str, amount: Decimal) -> None:
        """The borrower posts collateral."""
        token, manager = self._token(symbol), self._manager
        units = _units(amount, token.decimals)
        await self._send(self._people.borrower, self._at("MockERC20", token.address), "approve", manager.address, units)
        await self._send(self._people.borrower, manager, "deposit", loan_key, token.address, units)

    async def take(self, loan_key: str, symbol: str, amount: Decimal | None = None) -> tuple[Decimal, Decimal]:
        """The liquidator buys collateral in an auction, all of it if no amount is said: what it got, what it paid."""
        token, manager, buyer = self._token(symbol), self._manager, self._people.liquidator
        held = int(await self._read(manager, "balanceOf", loan_key, token.address))
        units = held if amount is None else _units(amount, token.decimals)
        paying = await self._asset_of(loan_key)
        asset = self._at("MockERC20", paying.address)
        purse = int(await self._read(asset, "balanceOf", buyer.address))
        await self._send(buyer, asset, "approve", manager.address, purse)
        await self._send(buyer, manager, "take", loan_key, token.address, units, purse)
        got = held - int(await self._read(manager, "balanceOf", loan_key, token.address))
        paid = purse - int(await self._read(asset, "balanceOf", buyer.address))
        return Decimal(got).scaleb(-token.decimals), Decimal(paid).scaleb(-paying.decimals)

    async def lend(self, symbol: str, amount: Decimal) -> None:
        """The lender puts tokens into escrow, from which the loans are paid out that it signs for."""
        token, aggregator, lender = self._token(symbol), self._aggregator, self._people.lender
        units = _units(amount, token.decimals)
        await self._send(lender, self._at("MockERC20", token.address), "approve", aggregator.address, units)
        await self._send(lender, aggregator, "depositEscrow", token.address, units)

    async def pay(self, loan_key: str, symbol: str, amount: Decimal) -> None:
        """The borrower pays towards a loan."""
        token, aggregator, borrower = self._token(symbol), self._aggregator, self._people.borrower
        units = _units(amount, token.decimals)
        await self._send(borrower, self._at("MockERC20", token.address), "approve", aggregator.address, units)
        await self._send(borrower, aggregator, "pay", loan_key, units)

    async def _asset_of(self, loan_key: str) -> Token:
        address, _ = await self._read(self._aggregator, "debtOf", loan_key)
        found = next((token for token in self._book.tokens.values() if token.address == address), None)
        if found is None:
            raise WalletRefused(f"{loan_key} is no loan with collateral on this chain")
        return found

    @property
    def _aggregator(self) -> AsyncContract:
        return self._at(AGGREGATOR, self._book.contracts[AGGREGATOR])

    @property
    def _manager(self) -> AsyncContract:
        return self._at(MANAGER, self._book.contracts[MANAGER])

    def _token(self, symbol: str) -> Token:
        try:
            return self._book.tokens[symbol]
        except KeyError:
            raise WalletRefused(f"there is no token {symbol}, only {', '.join(self._book.tokens)}") from None

    def _at(self, kind: str, address: str) -> AsyncContract:
        found = self._web3.eth.contract(address=to_checksum_address(address), abi=artifact(kind).abi)
        assert isinstance(found, AsyncContract)
        return found

    async def _read(self, contract: AsyncContract, function: str, *arguments: Any) -> Any:
        try:
            return await contract.functions[function](*arguments).call()
        except (Web3Exception, TypeError) as trouble:
            raise WalletRefused(f"{function}: {trouble}") from trouble

    async def _send(self, account: LocalAccount, contract: AsyncContract, function: str, *arguments: Any) -> None:
        wallet = await Deployer.of(self._web3, account, MOST_WEI_PER_GAS)
        data = AsyncWeb3().eth.contract(abi=contract.abi).encode_abi(function, args=list(arguments))
        await wallet.call(contract.address, str(data), function)


def signed(document: Mapping[str, Any], underwriter: int) -> dict[str, str]:
    """A development underwriter's signature under a document for wallets, as the API takes it."""
    accounts = DevAccounts().underwriters
    if underwriter not in range(1, len(accounts) + 1):
        raise WalletRefused(f"there is no underwriter {underwriter}, only 1 to {len(accounts)}")
    account = accounts[underwriter - 1]
    signature = account.sign_typed_data(full_message=dict(document)).signature.to_0x_hex()
    return {"role": "underwriter", "signer": account.address, "signature": signature}


def signed_by_lender(document: Mapping[str, Any]) -> dict[str, str]:
    """The development lender's signature under a document for wallets."""
    lender = DevAccounts().lender
    signature = lender.sign_typed_data(full_message=dict(document)).signature.to_0x_hex()
    return {"role": "lender", "signer": lender.address, "signature": signature}


def _units(amount: Decimal, decimals: int) -> int:
    scaled = amount.scaleb(decimals)
    if amount <= 0 or scaled != scaled.to_integral_value():
        raise WalletRefused(f"{amount} is no amount above zero with at most {decimals} decimals")
    return int(scaled)
