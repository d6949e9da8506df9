"""Joining the chain of the settings. The node is not asked before somebody needs it: it may be away when we start."""

from collections.abc import Sequence
from typing import TypeVar

from eth_account import Account
from web3 import AsyncHTTPProvider, AsyncWeb3

from contracts.addresses import AddressBook
from contracts.artifacts import artifact
from contracts.ethereum import Ethereum
from contracts.settings import ChainSettings
from contracts.words import ContractWords

_SPEAKING = ("CreditAggregator", "CollateralManager", "CreditScoringOracle", "TimelockController")
_TOKEN = "MockERC20"  # noqa: S105 - no password; every ERC-20 has its functions
Node = TypeVar("Node", bound=Ethereum)


class ChainNotConfigured(RuntimeError):
    """There is no chain, or nobody has said which contracts on it are ours."""


class KeyInvalid(ValueError):
    """A private key is none; which one is said, and never what it is."""

    def __init__(self, variable: str, number: int) -> None:
        super().__init__(f"{variable}: entry {number} is no private key of 32 bytes in hex")


async def connect(settings: ChainSettings) -> Ethereum:
    """The node of the settings with the contracts of the address book."""
    if not settings.is_on:
        raise ChainNotConfigured("CAAS_CHAIN_RPC_URL is empty: there is no chain")
    if settings.addresses is None:
        raise ChainNotConfigured("CAAS_CHAIN_ADDRESSES is empty: `caas chain deploy` writes the address book")
    keys = checked_keys("CAAS_CHAIN_OPERATOR_KEYS", settings.operators)
    return node_at(Ethereum, settings.rpc_url, AddressBook.read(settings.addresses), keys)


def node_at(kind: type[Node], url: str, book: AddressBook, keys: Sequence[str] = ()) -> Node:
    """The node at a URL; tokens of the book go by their symbols."""
    words = {name: ContractWords(name, artifact(name).abi) for name in _SPEAKING}
    words |= {symbol: ContractWords(symbol, artifact(_TOKEN).abi) for symbol in book.tokens}
    return kind(AsyncWeb3(AsyncHTTPProvider(url)), book, words, keys)


def checked_keys(variable: str, keys: Sequence[str]) -> Sequence[str]:
    """The keys, when each of them is one."""
    for number, key in enumerate(keys, start=1):
        try:
            Account.from_key(key)
        except Exception:  # noqa: BLE001 - each back end raises its own, with the key in it
            raise KeyInvalid(variable, number) from None
    return keys
