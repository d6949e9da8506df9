"""The accounts of a development chain, and who is who among them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from eth_account import Account
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HDPath
from eth_account.signers.local import LocalAccount

from contracts.dev_keys import MNEMONIC

COUNT = 10


def _derived() -> tuple[LocalAccount, ...]:
    seed = seed_from_mnemonic(MNEMONIC, "")
    return tuple(Account.from_key(HDPath(f"m/44'/60'/0'/0/{index}").derive(seed)) for index in range(COUNT))


@dataclass(frozen=True, slots=True)
class DevAccounts:
    """By role. Everybody knows their keys."""

    all: tuple[LocalAccount, ...] = field(default_factory=_derived)

    def __iter__(self) -> Iterator[LocalAccount]:
        return iter(self.all)

    @property
    def deployer(self) -> LocalAccount:
        return self.all[0]

    @property
    def operator(self) -> LocalAccount:
        return self.all[1]

    @property
    def score_signer(self) -> LocalAccount:
        return self.all[2]

    @property
    def underwriters(self) -> tuple[LocalAccount, ...]:
        return self.all[3:6]

    @property
    def lender(self) -> LocalAccount:
        return self.all[6]

    @property
    def borrower(self) -> LocalAccount:
        return self.all[7]

    @property
    def pauser(self) -> LocalAccount:
        return self.all[8]

    @property
    def liquidator(self) -> LocalAccount:
        return self.all[8]

    @property
    def treasury(self) -> LocalAccount:
        return self.all[9]
