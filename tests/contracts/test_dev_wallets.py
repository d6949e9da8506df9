"""Wallets to play with: what they refuse is one sentence. What they do, the journey of a secured loan shows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from contracts.addresses import AddressBook
from contracts.deployer import DeploymentFailed
from contracts.deployment import ensure_dev_deployed
from contracts.dev_wallets import DevWallets, WalletRefused, signed
from contracts.devnode.chain import DevChain
from contracts.devnode.process import dev_chain
from tests.contracts.nodes import HandClock, serving

NO_LOAN = "0x" + "0" * 64


@pytest.fixture(scope="module")
async def wallets(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevWallets]:
    path: Path = tmp_path_factory.mktemp("chain") / "addresses.json"
    async with serving(dev_chain(HandClock())) as node:
        yield await DevWallets.on(node.web3, await ensure_dev_deployed(node.url, path))


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        (lambda each: each.set_price("DOGE", Decimal(1)), "there is no token DOGE, only USDC, WETH, WBTC"),
        (lambda each: each.set_price("WETH", Decimal(0)), "0 is no amount above zero with at most 8 decimals"),
        (lambda each: each.deposit(NO_LOAN, "USDC", Decimal("0.0000001")), "with at most 6 decimals"),
        (lambda each: each.take(NO_LOAN, "WETH"), f"{NO_LOAN} is no loan with collateral on this chain"),
    ],
)
async def test_what_a_wallet_cannot_do_is_one_sentence(
    wallets: DevWallets, does: Callable[[DevWallets], Awaitable[object]], sentence: str
) -> None:
    with pytest.raises(WalletRefused, match=sentence):
        await does(wallets)


async def test_the_contracts_have_the_last_word(wallets: DevWallets) -> None:
    with pytest.raises(DeploymentFailed, match="deposit"):
        await wallets.deposit(NO_LOAN, "WETH", Decimal(1))


async def test_the_wallets_are_of_development_chains_only() -> None:
    async with serving(DevChain(1, {}, HandClock())) as node:
        with pytest.raises(WalletRefused, match="chain 1 is no development chain"):
            await DevWallets.on(node.web3, AddressBook(1, "0x00", 0, {}, {}, {}))


def test_there_are_three_underwriters() -> None:
    with pytest.raises(WalletRefused, match="no underwriter 4, only 1 to 3"):
        signed({}, 4)
