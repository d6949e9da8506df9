"""`caas chain`: a node for development, the deployment of the contracts, a look at them, and wallets to play with."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from contracts.addresses import AddressBook
from contracts.deployer import account_of
from contracts.deployment import ensure_deployed, ensure_dev_deployed
from contracts.deployment_plan import DeploymentPlan, PlanRefused
from contracts.dev_keys import CHAIN_ID
from contracts.dev_wallets import DevWallets
from contracts.roles import holders
from contracts.rpc import chain_id_of, genesis_of
from contracts.session import talking_to
from contracts.settings import ChainSettings
from contracts.trouble import ChainTrouble

DEFAULT_BOOK = Path("addresses.json")
GWEI = 10**9


class SettingMissing(ChainTrouble):
    """A command needs a setting that is not there."""

    def __init__(self, variable: str, what_for: str) -> None:
        super().__init__(f"{variable} is not set: {what_for}")


async def deploy(plan_file: Path | None, console: Console) -> None:
    """By the plan in a file; without one, a development chain gets what `caas up` gives it."""
    settings = ChainSettings()
    rpc_url, path = _rpc_url(settings), settings.addresses or DEFAULT_BOOK
    if plan_file is None:
        if (served := await chain_id_of(rpc_url)) != CHAIN_ID:
            raise PlanRefused(f"chain {served} is no development chain: name the file with the deployment plan")
        book = await ensure_dev_deployed(rpc_url, path)
    else:
        book = await _deployed_by(plan_file, settings, path)
    console.print(f"{path} holds the addresses", markup=False, highlight=False, soft_wrap=True)
    for name, address in book.contracts.items():
        console.print(f"{name:<22}{address}", markup=False, highlight=False, soft_wrap=True)


async def price(symbol: str, dollars: Decimal) -> None:
    """Set what a token is worth."""
    async with _wallets() as wallets:
        await wallets.set_price(symbol, dollars)


async def deposit(loan_key: str, symbol: str, amount: Decimal) -> None:
    """Post collateral from the borrower's wallet."""
    async with _wallets() as wallets:
        await wallets.deposit(loan_key, symbol, amount)


async def take(loan_key: str, symbol: str, amount: Decimal | None, console: Console) -> None:
    """Buy collateral in an auction, and say what it cost."""
    async with _wallets() as wallets:
        got, paid = await wallets.take(loan_key, symbol, amount)
    console.print(f"{got:f} {symbol} for {paid:f}", markup=False, highlight=False, soft_wrap=True)


@asynccontextmanager
async def _wallets() -> AsyncIterator[DevWallets]:
    settings = ChainSettings()
    book = _book(settings)
    async with talking_to(_rpc_url(settings)) as web3:
        yield await DevWallets.on(web3, book)


async def show(console: Console) -> None:
    """Addresses, block and roles."""
    settings = ChainSettings()
    book, rpc_url = _book(settings), _rpc_url(settings)
    book.require_chain(await chain_id_of(rpc_url), await genesis_of(rpc_url))
    async with talking_to(rpc_url) as web3:
        head = await web3.eth.get_block("latest")
        lines = [f"chain {await web3.eth.chain_id}, block {head['number']}, contracts since block {book.first_block}"]
        for name, roles in (await holders(web3, book)).items():
            lines += ["", f"{name} {book.contracts[name]}"]
            lines += [f"  {role:<20}{account}" for role, accounts in roles.items() for account in accounts]
        lines += ["", *(f"{symbol:<6}{token.address}  feed {token.feed}" for symbol, token in book.tokens.items())]
        lines += [f"{currency:<6}{address}" for currency, address in book.assets.items()]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


async def _deployed_by(plan_file: Path, settings: ChainSettings, path: Path) -> AddressBook:
    plan = _plan_in(plan_file)
    if not (key := settings.deployer_key.get_secret_value()):
        raise SettingMissing("CAAS_CHAIN_DEPLOYER_KEY", "the account with this private key pays for the deployment")
    most = int(settings.max_fee_gwei * GWEI)
    return await ensure_deployed(_rpc_url(settings), account_of(key), plan, path, most_wei_per_gas=most)


def _plan_in(file: Path) -> DeploymentPlan:
    try:
        return DeploymentPlan.parsed(json.loads(file.read_text(encoding="utf-8")))
    except OSError as trouble:
        raise PlanRefused(f"{file}: {trouble.strerror}") from None
    except ValueError as trouble:
        raise PlanRefused(f"{file}: not JSON: {trouble}") from None


def _book(settings: ChainSettings) -> AddressBook:
    if settings.addresses is None:
        raise SettingMissing("CAAS_CHAIN_ADDRESSES", "the address book says which contracts are ours")
    return AddressBook.read(settings.addresses)


def _rpc_url(settings: ChainSettings) -> str:
    if not settings.is_on:
        raise SettingMissing("CAAS_CHAIN_RPC_URL", "it says which node to talk to")
    return settings.rpc_url
