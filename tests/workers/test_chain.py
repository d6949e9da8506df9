"""The chain of the stack, and `caas chain`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from contracts.addresses import AddressBook, AnotherChain
from contracts.deployer import DeploymentFailed
from contracts.deployment_plan import dev_plan
from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import CHAIN_ID, OPERATOR_KEY, SCORE_SIGNER_KEY
from contracts.devnode.process import dev_chain
from contracts.presence import known_book
from contracts.pulse import ChainHealth, Pulse
from contracts.rpc import ask
from contracts.settings import ChainSettings
from tests.contracts.nodes import HandClock, Served, serving
from workers.chain import SettingMissing, deploy, show
from workers.embedded import anvil as foundry
from workers.embedded.anvil import anvil_line
from workers.embedded.chain import NamedNode, chosen_kind, folder_of
from workers.embedded.chain_memory import require_chain_of_loans
from workers.embedded.errors import ChainForgotten, ChainRefused
from workers.embedded.settings import ChainChoice, throwaway
from workers.stack import Stack
from workers.up import chain_links


@pytest.fixture
async def node() -> AsyncIterator[Served]:
    async with serving(dev_chain(HandClock())) as served:
        yield served


async def caas(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", "chain", *arguments),
        env=dict(os.environ) | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


def read_before(genesis: str, database_url: str) -> None:
    with psycopg.connect(database_url.replace("postgresql+psycopg://", "postgresql://")) as connection:
        connection.execute(
            "INSERT INTO caas_chain_cursor (chain_id, genesis, number, hash, confirmed, trail)"
            " VALUES (%s, %s, 0, %s, 0, '[]')",
            (CHAIN_ID, genesis, genesis),
        )


async def test_a_stack_has_a_chain_with_our_contracts_that_survives_a_kill(tmp_path: Path) -> None:
    async with Stack(throwaway(tmp_path, chain=ChainChoice.BUILTIN), services=()) as stack:
        assert stack.chain is not None
        book = AddressBook.read(stack.chain.addresses)
        links = chain_links(stack)

        await stack.kill("chain")
        await stack.start("chain")

        assert await known_book(stack.chain.rpc_url, stack.chain.addresses) == book
        await require_chain_of_loans(tmp_path, stack.database_urls.relay, stack.chain.rpc_url)
        read_before("0xother", stack.database_urls.relay)
        with pytest.raises(ChainForgotten, match="began with block 0xother, and the node at"):
            await require_chain_of_loans(tmp_path, stack.database_urls.relay, stack.chain.rpc_url)
        assert stack.environment["CAAS_CHAIN_RPC_URL"] == links["Chain RPC"] == stack.chain.rpc_url
        assert links["CreditAggregator"] == book.contracts["CreditAggregator"]


def test_a_state_directory_goes_on_with_the_node_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [None, "/usr/bin/anvil"]
    monkeypatch.setattr("workers.embedded.chain.anvil", lambda: found[0])
    assert chosen_kind(ChainChoice.AUTO, tmp_path) is ChainChoice.BUILTIN
    found.reverse()
    assert chosen_kind(ChainChoice.AUTO, tmp_path) is ChainChoice.ANVIL

    folder_of(ChainChoice.BUILTIN, tmp_path).mkdir(parents=True)

    assert chosen_kind(ChainChoice.AUTO, tmp_path) is ChainChoice.BUILTIN
    with pytest.raises(ChainRefused, match=f"CAAS_CHAIN is anvil, and the chain of {tmp_path} was made by builtin"):
        chosen_kind(ChainChoice.ANVIL, tmp_path)


def test_anvil_begins_at_the_same_moment_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundry, "anvil", lambda: "anvil")
    monkeypatch.setattr(foundry, "time", lambda: 1_800_000_000.7)
    first = anvil_line(tmp_path, 8545)
    monkeypatch.setattr(foundry, "time", lambda: 1_900_000_000.0)

    assert anvil_line(tmp_path, 8545) == first
    assert first[-2:] == ["--timestamp", "1800000000"]


def test_anvil_that_is_asked_for_and_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundry, "anvil", lambda: None)

    with pytest.raises(ChainRefused, match="CAAS_CHAIN is anvil, and there is none"):
        anvil_line(tmp_path, 8545)


async def test_a_development_node_with_a_name_is_given_our_contracts(node: Served, tmp_path: Path) -> None:
    named = NamedNode(ChainSettings(rpc_url=node.url), tmp_path)

    await named.deploy()

    assert await known_book(node.url, named.addresses)
    assert named.environment["CAAS_CHAIN_ADDRESSES"] == str(named.addresses)
    assert await Pulse(ChainSettings(rpc_url=node.url, addresses=named.addresses)).felt() is ChainHealth.HEALTHY


async def test_a_node_that_is_away_is_not_deployed_to(tmp_path: Path) -> None:
    named = NamedNode(ChainSettings(rpc_url="http://127.0.0.1:1"), tmp_path)

    with pytest.raises(ChainRefused, match="CAAS_CHAIN_ADDRESSES is not set: nothing answers there"):
        await named.deploy()


async def test_the_pulse_tells_a_silent_node_from_a_wrong_one(node: Served, tmp_path: Path) -> None:
    away = ChainSettings(rpc_url="http://127.0.0.1:1")
    without_book = ChainSettings(rpc_url=node.url, addresses=tmp_path / "none.json")

    assert Pulse.of(ChainSettings(rpc_url="")) is None
    assert await Pulse(away).felt() is ChainHealth.DOWN
    assert await Pulse(without_book).felt() is ChainHealth.DEGRADED


def test_the_keys_that_everybody_knows_are_those_of_the_mnemonic() -> None:
    people = DevAccounts()

    assert "0x" + people.operator.key.hex() == OPERATOR_KEY
    assert "0x" + people.score_signer.key.hex() == SCORE_SIGNER_KEY


def test_keys_are_listed_by_commas_and_not_shown() -> None:
    settings = ChainSettings(operator_keys="0x01, 0x02 ,", score_keys="")  # type: ignore[arg-type] # as an environment has them

    assert settings.operators == ("0x01", "0x02")
    assert settings.score_signers == ()
    assert "0x01" not in repr(settings)


async def test_the_contracts_are_deployed_and_shown(
    node: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = tmp_path / "addresses.json"
    monkeypatch.setenv("CAAS_CHAIN_RPC_URL", node.url)
    monkeypatch.setenv("CAAS_CHAIN_ADDRESSES", str(book))
    console = Console(file=StringIO(), width=200)

    await deploy(None, console)
    await show(console)

    assert isinstance(console.file, StringIO)
    output = console.file.getvalue()
    aggregator = json.loads(book.read_text())["contracts"]["CreditAggregator"]
    assert f"CreditAggregator      {aggregator}" in output
    assert f"CreditAggregator {aggregator}" in output
    assert f"OPERATOR_ROLE       {DevAccounts().operator.address}" in output
    assert f"block {int(await ask(node.url, 'eth_blockNumber'), 16)}," in output


async def test_contracts_of_another_chain_are_not_shown(
    node: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = tmp_path / "addresses.json"
    monkeypatch.setenv("CAAS_CHAIN_RPC_URL", node.url)
    monkeypatch.setenv("CAAS_CHAIN_ADDRESSES", str(book))
    await deploy(None, Console(file=StringIO()))
    book.write_text(book.read_text().replace(str(CHAIN_ID), "1"))

    with pytest.raises(AnotherChain, match="chain 1"):
        await show(Console())


async def test_a_deployment_by_plan_needs_a_key(node: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAAS_CHAIN_RPC_URL", node.url)
    plan = tmp_path / "plan.json"
    people = DevAccounts()
    plan.write_text(dev_plan(people).model_dump_json(by_alias=True))

    with pytest.raises(SettingMissing, match="CAAS_CHAIN_DEPLOYER_KEY is not set"):
        await deploy(plan, Console())
    monkeypatch.setenv("CAAS_CHAIN_DEPLOYER_KEY", "secret")
    with pytest.raises(DeploymentFailed, match="the deployer's key is no private key") as refusal:
        await deploy(plan, Console())

    assert "secret" not in str(refusal.value)


async def test_what_is_missing_for_a_deployment_is_one_sentence(node: Served, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("{}")

    code, output = await caas("deploy", str(plan), CAAS_CHAIN_RPC_URL=node.url)

    assert (code, len(output.splitlines())) == (1, 1)
    assert output.startswith("proposers: Field required; ")
