"""The deployment, read back from the chain: who may do what, what is lent, and that it happens once."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import AsyncWeb3
from web3.contract import AsyncContract

from contracts.addresses import AddressBook, AddressBookInvalid, AnotherChain, currency_address
from contracts.artifacts import artifact
from contracts.configuration import require_whole_base_units
from contracts.deployer import DeploymentFailed
from contracts.deployment import ALLOWANCES, deploy, ensure_deployed, ensure_dev_deployed
from contracts.deployment_plan import DeploymentPlan, PlanRefused, Tiers, TokenPlan, dev_plan
from contracts.dev_accounts import DevAccounts
from contracts.devnode.process import dev_chain
from contracts.presence import known_book
from contracts.roles import holders
from tests.contracts.nodes import HandClock, Served, serving

PEOPLE = DevAccounts()
DEV = dev_plan(PEOPLE)
HOUR = 3600


@dataclass(frozen=True)
class Deployed:
    """The contracts of a development chain."""

    node: Served
    book: AddressBook
    path: Path

    def contract(self, name: str) -> AsyncContract:
        found = self.node.web3.eth.contract(
            address=AsyncWeb3.to_checksum_address(self.book.contracts[name]), abi=artifact(name).abi
        )
        assert isinstance(found, AsyncContract)
        return found

    async def read(self, name: str, function: str, *arguments: Any) -> Any:
        return await self.contract(name).functions[function](*arguments).call()


@pytest.fixture(scope="module")
async def deployed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployed]:
    path = tmp_path_factory.mktemp("chain") / "addresses.json"
    async with serving(dev_chain(HandClock())) as node:
        yield Deployed(node, await ensure_dev_deployed(node.url, path), path)


async def test_each_role_is_held_by_its_people_and_none_by_the_deployer(deployed: Deployed) -> None:
    timelock = deployed.book.contracts["TimelockController"]
    underwriters = tuple(account.address for account in PEOPLE.underwriters)
    governor = (PEOPLE.treasury.address,)

    assert await holders(deployed.node.web3, deployed.book) == {
        "CreditAggregator": {
            "DEFAULT_ADMIN_ROLE": (timelock,),
            "OPERATOR_ROLE": (PEOPLE.operator.address,),
            "UNDERWRITER_ROLE": underwriters,
            "PAUSER_ROLE": (PEOPLE.pauser.address,),
        },
        "CollateralManager": {"DEFAULT_ADMIN_ROLE": (timelock,), "PAUSER_ROLE": (PEOPLE.pauser.address,)},
        "CreditScoringOracle": {
            "DEFAULT_ADMIN_ROLE": (timelock,),
            "ORACLE_SIGNER_ROLE": (PEOPLE.score_signer.address,),
        },
        "TimelockController": {
            "DEFAULT_ADMIN_ROLE": (timelock,),
            "PROPOSER_ROLE": governor,
            "CANCELLER_ROLE": governor,
            "EXECUTOR_ROLE": governor,
        },
    }


async def test_the_contracts_know_each_other(deployed: Deployed) -> None:
    addresses = deployed.book.contracts

    assert await deployed.read("CreditAggregator", "oracle") == addresses["CreditScoringOracle"]
    assert await deployed.read("CreditAggregator", "collateral") == addresses["CollateralManager"]
    assert await deployed.read("CollateralManager", "aggregator") == addresses["CreditAggregator"]
    assert await deployed.read("CreditAggregator", "treasury") == PEOPLE.treasury.address
    for name in ("CreditAggregator", "CollateralManager", "CreditScoringOracle"):
        assert await deployed.read(name, "version") == "1"
        assert await deployed.read(name, "defaultAdmin") == addresses["TimelockController"]
        assert await deployed.read(name, "defaultAdminDelay") == 0


@pytest.mark.parametrize(("currency", "unit"), [("USD", 100), ("KES", 100), ("JPY", 1)])
async def test_a_currency_is_lent_with_approvals_by_size(deployed: Deployed, currency: str, unit: int) -> None:
    asset = deployed.book.assets[currency]

    needed = [
        await deployed.read("CreditAggregator", "approvalsNeeded", asset, amount * unit - 1)
        for amount in (25_000, 250_000)
    ] + [await deployed.read("CreditAggregator", "approvalsNeeded", asset, 250_000 * unit)]

    assert needed == [1, 2, 3]


def test_a_currency_is_the_address_of_its_number() -> None:
    assert currency_address("USD") == "0x0000000000000000000000000000000000000348"
    with pytest.raises(ValueError, match="'XXY' is no currency"):
        currency_address("XXY")


async def test_tokens_have_prices_and_thresholds(deployed: Deployed) -> None:
    quotes = {
        symbol: await deployed.read("CollateralManager", "quote", token.address, 10**token.decimals)
        for symbol, token in deployed.book.tokens.items()
    }

    assert quotes == {
        "USDC": [10**8, 8 * 10**7],
        "WETH": [2500 * 10**8, 1750 * 10**8],
        "WBTC": [60_000 * 10**8, 42_000 * 10**8],
    }
    usdc = deployed.book.tokens["USDC"].address
    assert await deployed.read("CreditAggregator", "approvalsNeeded", usdc, 25_000 * 10**6) == 2
    assert await deployed.read("CollateralManager", "price", deployed.book.assets["USD"]) == 10**8


async def test_the_people_have_tokens_to_begin_with(deployed: Deployed) -> None:
    for who, amounts in ALLOWANCES.items():
        for symbol, whole in amounts.items():
            token = deployed.book.tokens[symbol]
            contract = deployed.node.web3.eth.contract(
                address=AsyncWeb3.to_checksum_address(token.address), abi=artifact("MockERC20").abi
            )
            balance = await contract.functions.balanceOf(getattr(PEOPLE, who).address).call()
            assert balance == whole * 10**token.decimals


async def test_nothing_is_deployed_twice(deployed: Deployed) -> None:
    before = await deployed.node.web3.eth.block_number

    again = await ensure_dev_deployed(deployed.node.url, deployed.path)

    assert again == deployed.book == AddressBook.read(deployed.path)
    assert await deployed.node.web3.eth.block_number == before


async def test_a_book_of_another_chain_is_refused_with_both_named(deployed: Deployed, tmp_path: Path) -> None:
    other = replace(deployed.book, genesis="0x" + "ab" * 32)
    other.write(tmp_path / "book.json")

    with pytest.raises(AnotherChain, match=f"chain 31337 .genesis {other.genesis}.*genesis {deployed.book.genesis}"):
        await known_book(deployed.node.url, tmp_path / "book.json")


async def test_a_chain_that_lost_its_contracts_gets_new_ones(deployed: Deployed, tmp_path: Path) -> None:
    gone = dict(deployed.book.contracts) | {"CreditAggregator": "0x" + "12" * 20}
    replace(deployed.book, contracts=gone).write(tmp_path / "book.json")

    assert await known_book(deployed.node.url, tmp_path / "book.json") is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"contracts": {}}, "contracts.CreditAggregator is missing"),
        ({"assets": {"USD": "0x348"}}, "assets.USD: '0x348' is no address"),
        ({"chainId": "mainnet"}, "missing or wrong: .*mainnet"),
        ({"tokens": {"USDC": {}}}, "missing or wrong: 'address'"),
    ],
)
def test_a_book_that_is_none_says_which_field(
    deployed: Deployed, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    file = tmp_path / "book.json"
    file.write_text(json.dumps(deployed.book.as_json() | change))

    with pytest.raises(AddressBookInvalid, match=sentence):
        AddressBook.read(file)


def test_a_book_that_is_not_there_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(AddressBookInvalid, match="there is no such file; `caas chain deploy` writes it"):
        AddressBook.read(tmp_path / "book.json")


async def test_the_timelock_delays_and_alone_administers_what_is_deployed_for_real(
    deployed: Deployed, tmp_path: Path
) -> None:
    plan = DEV.model_copy(update={"timelock_delay_seconds": 48 * HOUR, "admin_delay_seconds": 24 * HOUR})
    book = await ensure_deployed(deployed.node.url, PEOPLE.deployer, plan, tmp_path / "book.json")
    real = Deployed(deployed.node, book, tmp_path / "book.json")

    assert await real.read("TimelockController", "getMinDelay") == 48 * HOUR
    assert await real.read("CreditAggregator", "defaultAdminDelay") == 24 * HOUR
    assert book.first_block > deployed.book.first_block
    no_roles = {
        account
        for roles in (await holders(deployed.node.web3, book)).values()
        for each in roles.values()
        for account in each
    }
    assert PEOPLE.deployer.address not in no_roles


def real_plan(**changes: Any) -> dict[str, Any]:
    """A plan as a file holds it, of fresh accounts."""
    someone = [Account.from_key(bytes([n]) * 32).address for n in range(1, 8)]
    return {
        "proposers": [someone[0]],
        "executors": [someone[0]],
        "operators": [someone[1]],
        "underwriters": someone[2:4],
        "scoreSigners": [someone[4]],
        "pausers": [someone[5]],
        "treasury": someone[6],
        "assets": {"USD": {"second": "25000.00", "third": "250000.00"}},
        "tokens": {},
    } | changes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"operators": []}, "operators: "),
        ({"treasury": "0x12"}, "treasury: .*'0x12' is no address"),
        ({"treasury": "0x" + 40 * "0"}, "treasury: .*the zero address is nobody"),
        ({"scoreSigners": 2 * real_plan()["scoreSigners"], "quorum": 2}, "scoreSigners: .*named twice"),
        ({"assets": {"USD": {"second": "10", "third": "5"}}}, "assets.USD: .*third is 5, below second, which is 10"),
        ({"adminDelay": 5}, "adminDelay: "),
        ({"operators": [PEOPLE.operator.address]}, f"{PEOPLE.operator.address} is a development account"),
        ({"tokens": {"USDC": {"decimals": 6}}}, "tokens.USDC.address: missing, and chain 1 is no development chain"),
        ({"operators": real_plan()["underwriters"]}, "underwriters: .* is an operator"),
        ({"quorum": 2}, "quorum: 2 signers are asked for"),
        ({"pausers": [Account.from_key(b"\x09" * 32).address]}, "deployer: .* has a role in the plan"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(change: dict[str, Any], sentence: str) -> None:
    deployer = Account.from_key(b"\x09" * 32).address

    with pytest.raises(PlanRefused, match=sentence):
        DeploymentPlan.parsed(real_plan(**change)).require_sense(1, deployer)


def test_development_accounts_deploy_on_development_chains_only() -> None:
    with pytest.raises(PlanRefused, match=f"{PEOPLE.deployer.address} is a development account.*chain 1 is real"):
        DeploymentPlan.parsed(real_plan()).require_sense(1, PEOPLE.deployer.address)


async def test_amounts_finer_than_a_base_unit_are_refused(deployed: Deployed) -> None:
    plan = DEV.model_copy(update={"assets": {"JPY": Tiers(second=Decimal("25000.5"))}})
    before = await deployed.node.web3.eth.block_number

    with pytest.raises(PlanRefused, match=r"assets\.JPY\.second: 25000\.5 has more than 0 decimal places"):
        await deploy(deployed.node.web3, PEOPLE.deployer, plan)

    assert await deployed.node.web3.eth.block_number == before  # nothing was paid for


def test_a_currency_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PlanRefused, match=r"assets\.XXY: 'XXY' is not an active ISO 4217 currency"):
        require_whole_base_units(DEV.model_copy(update={"assets": {"XXY": Tiers()}}))


async def test_a_deployment_that_the_contracts_refuse_says_what_failed(deployed: Deployed) -> None:
    close = TokenPlan(decimals=18, ltv_bps=8000, liquidation_threshold_bps=8100)
    plan = DEV.model_copy(update={"tokens": {"WETH": close}, "assets": {}})

    with pytest.raises(DeploymentFailed, match="the configuration: the contract refuses: BadConfig"):
        await deploy(deployed.node.web3, PEOPLE.deployer, plan)
