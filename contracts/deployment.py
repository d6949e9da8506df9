"""Bringing the contracts to a chain, once: what the address book names and the chain has is not deployed again.

timelock, oracle -> collateral manager <-> aggregator     each of the two knows the other as an immutable, so the
                                                          address of the second is computed before it is there
one batch of the timelock: assets, tokens, limits; the deployer loses its roles; the real delay begins
"""

from decimal import Decimal
from pathlib import Path

from eth_account.signers.local import LocalAccount
from web3 import AsyncWeb3

from contracts.addresses import AddressBook, Token, currency_address
from contracts.artifacts import artifact
from contracts.configuration import Configuration, Known, in_base_units, require_whole_base_units
from contracts.deployer import Deployer
from contracts.deployment_plan import ZERO_ADDRESS, DeploymentPlan, TokenPlan, dev_plan
from contracts.dev_accounts import DevAccounts
from contracts.presence import known_book
from contracts.session import Web3, talking_to

GWEI = 10**9
MOST_WEI_PER_GAS = 200 * GWEI
_NO_SALT = bytes(32)
# Whole tokens that the development accounts begin with.
ALLOWANCES = {
    "lender": {"USDC": 10_000_000},
    "borrower": {"USDC": 1_000_000, "WETH": 1_000, "WBTC": 100},
    "liquidator": {"USDC": 10_000_000},
}


async def ensure_deployed(
    rpc_url: str,
    account: LocalAccount,
    plan: DeploymentPlan,
    path: Path,
    *,
    most_wei_per_gas: int = MOST_WEI_PER_GAS,
) -> AddressBook:
    """The book at `path` if its contracts are on this chain, else a new one. Raises `AnotherChain`."""
    if known := await known_book(rpc_url, path):
        return known
    async with talking_to(rpc_url) as web3:
        book = await deploy(web3, account, plan, most_wei_per_gas=most_wei_per_gas)
    book.write(path)
    return book


async def ensure_dev_deployed(rpc_url: str, path: Path) -> AddressBook:
    """The contracts of a development chain, with tokens in the hands of its accounts."""
    if known := await known_book(rpc_url, path):
        return known
    accounts = DevAccounts()
    async with talking_to(rpc_url) as web3:
        book = await deploy(web3, accounts.deployer, dev_plan(accounts))
        await _hand_out(await Deployer.of(web3, accounts.deployer, MOST_WEI_PER_GAS), book, accounts)
    book.write(path)
    return book


async def deploy(
    web3: Web3,
    account: LocalAccount,
    plan: DeploymentPlan,
    *,
    most_wei_per_gas: int = MOST_WEI_PER_GAS,
) -> AddressBook:
    """Deploy everything and configure it."""
    chain_id = await web3.eth.chain_id
    plan.require_sense(chain_id, account.address)
    require_whole_base_units(plan)
    deployer = await Deployer.of(web3, account, most_wei_per_gas)
    first_block = await web3.eth.block_number + 1
    contracts = await _contracts(deployer, plan)
    book = AddressBook(
        chain_id=chain_id,
        genesis=(await web3.eth.get_block(0))["hash"].to_0x_hex(),
        first_block=first_block,
        contracts=contracts,
        tokens={symbol: await _token(deployer, symbol, token) for symbol, token in plan.tokens.items()},
        assets={currency: currency_address(currency) for currency in plan.assets},
    )
    await _configure(deployer, plan, book)
    return book


async def _contracts(deployer: Deployer, plan: DeploymentPlan) -> dict[str, str]:
    # The deployer proposes the first batch and executes it, without delay; the batch itself ends both.
    proposers, executors = ([*people, deployer.address] for people in (plan.proposers, plan.executors))
    timelock = await deployer.create("TimelockController", 0, proposers, executors, ZERO_ADDRESS)
    delay, signers = plan.admin_delay_seconds, list(plan.score_signers)
    oracle = await deployer.create(
        "CreditScoringOracle", delay, timelock, plan.quorum, plan.jump_quorum, plan.max_jump, signers
    )
    aggregator = deployer.address_after(1)
    pausers = list(plan.pausers)
    collateral = await deployer.create("CollateralManager", delay, timelock, aggregator, pausers)
    people = (plan.treasury, list(plan.operators), list(plan.underwriters), pausers)
    await deployer.create("CreditAggregator", delay, timelock, oracle, collateral, *people)
    return {
        "CreditAggregator": aggregator,
        "CollateralManager": collateral,
        "CreditScoringOracle": oracle,
        "TimelockController": timelock,
    }


async def _token(deployer: Deployer, symbol: str, plan: TokenPlan) -> Token:
    """The token of the plan, or one of ours."""
    address = plan.address or await deployer.create("MockERC20", symbol, symbol, plan.decimals)
    feed = plan.feed
    if feed is None:
        answer = in_base_units(plan.price or Decimal(1), plan.feed_decimals, f"tokens.{symbol}.price")
        feed = await deployer.create("MockPriceFeed", plan.feed_decimals, answer)
    return Token(address, plan.decimals, feed)


async def _configure(deployer: Deployer, plan: DeploymentPlan, book: AddressBook) -> None:
    calls = Configuration(plan, book, deployer.address).calls()
    batch = ([call.target for call in calls], [0] * len(calls), [call.data for call in calls], _NO_SALT, _NO_SALT)
    timelock = Known("TimelockController", book)
    await deployer.call(
        timelock.address, timelock.call("scheduleBatch", *batch, 0).data, "scheduling the configuration"
    )
    await deployer.call(timelock.address, timelock.call("executeBatch", *batch).data, "the configuration")


async def _hand_out(deployer: Deployer, book: AddressBook, accounts: DevAccounts) -> None:
    """Anybody may mint these."""
    mints = AsyncWeb3().eth.contract(abi=artifact("MockERC20").abi)
    for who, amounts in ALLOWANCES.items():
        owner = getattr(accounts, who).address
        for symbol, whole in amounts.items():
            token = book.tokens[symbol]
            data = str(mints.encode_abi("mint", args=[owner, whole * 10**token.decimals]))
            await deployer.call(token.address, data, f"minting {symbol}")
