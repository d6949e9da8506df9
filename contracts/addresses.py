"""The address book: which contracts, tokens and currencies are ours, on which chain."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pycountry
from eth_utils.address import is_checksum_address, to_checksum_address

from contracts.trouble import ChainTrouble

CONTRACTS = ("CreditAggregator", "CollateralManager", "CreditScoringOracle", "TimelockController")


class AddressBookInvalid(ChainTrouble):
    """The file is no address book; says which field and why."""


class AnotherChain(ChainTrouble):
    """The address book is about another chain than the one the node serves."""

    def __init__(self, book: "AddressBook", chain_id: int, genesis: str) -> None:
        super().__init__(
            f"the address book is of chain {book.chain_id} (genesis {book.genesis}), and the node serves chain "
            f"{chain_id} (genesis {genesis}): move the address book away to deploy anew, or choose another node"
        )


def currency_address(currency: str) -> str:
    """A currency without a token: the address whose value is its number in ISO 4217, as price feed registries do."""
    found = pycountry.currencies.get(alpha_3=currency)
    if found is None:
        raise ValueError(f"{currency!r} is no currency of ISO 4217")
    return str(to_checksum_address(int(found.numeric).to_bytes(20, "big")))


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 and the price feed of one whole token."""

    address: str
    decimals: int
    feed: str


@dataclass(frozen=True, slots=True)
class AddressBook:
    """`assets` are currencies without a token. No event of ours is older than `first_block`."""

    chain_id: int
    genesis: str
    first_block: int
    contracts: Mapping[str, str]
    tokens: Mapping[str, Token]
    assets: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `AddressBookInvalid` for anything but a whole book."""
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise AddressBookInvalid(f"{path}: there is no such file; `caas chain deploy` writes it") from None
        except ValueError as trouble:
            raise AddressBookInvalid(f"{path}: not JSON: {trouble}") from None
        try:
            book = cls(
                chain_id=int(written["chainId"]),
                genesis=str(written["genesis"]),
                first_block=int(written.get("firstBlock", 0)),
                contracts=dict(written["contracts"]),
                tokens={
                    symbol: Token(token["address"], int(token["decimals"]), token["feed"])
                    for symbol, token in written["tokens"].items()
                },
                assets=dict(written["assets"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as trouble:
            raise AddressBookInvalid(f"{path}: missing or wrong: {trouble}") from None
        book._check(path)
        return book

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """None when there is no such file yet."""
        return cls.read(path) if path.exists() else None

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as out:
            json.dump(self.as_json(), out, indent=2)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)

    def as_json(self) -> dict[str, Any]:
        return {
            "chainId": self.chain_id,
            "genesis": self.genesis,
            "firstBlock": self.first_block,
            "contracts": dict(self.contracts),
            "tokens": {
                symbol: {"address": token.address, "decimals": token.decimals, "feed": token.feed}
                for symbol, token in self.tokens.items()
            },
            "assets": dict(self.assets),
        }

    def require_chain(self, chain_id: int, genesis: str) -> None:
        """Two development chains have one id and different beginnings, so both are compared."""
        if (self.chain_id, self.genesis) != (chain_id, genesis):
            raise AnotherChain(self, chain_id, genesis)

    def _check(self, path: Path) -> None:
        for name in CONTRACTS:
            if name not in self.contracts:
                raise AddressBookInvalid(f"{path}: contracts.{name} is missing")
        named = {f"contracts.{name}": address for name, address in self.contracts.items()}
        named |= {f"tokens.{symbol}.address": token.address for symbol, token in self.tokens.items()}
        named |= {f"tokens.{symbol}.feed": token.feed for symbol, token in self.tokens.items()}
        named |= {f"assets.{currency}": address for currency, address in self.assets.items()}
        for field, address in named.items():
            if not is_checksum_address(address):
                raise AddressBookInvalid(f"{path}: {field}: {address!r} is no address with a checksum")
