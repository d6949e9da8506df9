"""The engine on a real chain, and the wallets of the people around it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from pydantic import SecretStr
from sqlmodel import col, select
from temporalio.client import Client

from activities.chain_collateral import ChainCollateral
from activities.chain_reconciliation import ChainReconciliation
from api.chain_desk import ChainDesk, Site, TokenAt
from api.chain_signing import document_of
from contracts.addresses import AddressBook
from contracts.deployer import Deployer
from contracts.deployment import MOST_WEI_PER_GAS, ensure_dev_deployed
from contracts.dev_accounts import DevAccounts
from contracts.dev_keys import OPERATOR_KEY
from contracts.dev_wallets import DevWallets, signed, signed_by_lender
from contracts.devnode.process import dev_chain
from contracts.settings import ChainSettings
from models.application import ApplicationStatus
from models.chain import Call, ChainOperationKind, ChainState, OperationStatus
from models.chain_signing import SignerRole
from models.loan import LoanRef
from models.product_status import ProductStatus
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.loans import Loan
from models.records.operator_tasks import OperatorTask
from models.records.outbox import Delivery
from models.records.products import LoanProductRow
from tests.contracts.nodes import Served, serving
from tests.workflows.fakes import FakeRail
from tests.workflows.world import TENANT, World, eventually, running
from workers.chain_parts import ChainParts, joined
from workers.collateral_watch import CollateralWatch
from workers.embedded.postgres import DatabaseUrls
from workflows.application import ApplicationWorkflow
from workflows.application_state import ChainApproval

PEOPLE = DevAccounts()
K, S = ChainOperationKind, ChainState
MANAGER, AGGREGATOR = "CollateralManager", "CreditAggregator"
SECURED, TOKENS = "product_secured", "product_tokens"
_LENDING = {
    "currency": "USD",
    "principal": {"minimum": 1000, "default": 25000, "maximum": 500000},
    "annualRate": {"minimum": 0, "default": 12, "maximum": 36},
    "installments": {"minimum": 1, "default": 12, "maximum": 120},
}
PRODUCTS = {
    SECURED: {"name": "Against collateral", "chain": {"secured": True, "asset": "USDC"}},
    TOKENS: {"name": "In tokens", "chain": {"funds": "token", "asset": "USDC", "lender": PEOPLE.lender.address}},
}
PRINCIPAL = 25_000_000000


@dataclass
class Town:
    """The engine on a real chain, and the wallets of the people around it."""

    world: World
    node: Served
    book: AddressBook
    parts: ChainParts

    # ------------------------------------------------------------ wallets

    async def sends(self, account: LocalAccount, to: str, data: str) -> None:
        """One transaction of a development wallet, mined."""
        deployer = await Deployer.of(self.node.web3, account, MOST_WEI_PER_GAS)
        await deployer.call(to, data, "a wallet's transaction")

    @property
    def wallets(self) -> DevWallets:
        """As `caas chain` uses them."""
        return DevWallets(self.node.web3, self.book)

    async def price(self, dollars: int) -> None:
        """What an ether is worth from now on."""
        await self.wallets.set_price("WETH", Decimal(dollars))

    async def deposits(self, loan: ChainLoan, ether: int) -> None:
        await self.wallets.deposit(loan.loan_key, "WETH", Decimal(ether))

    async def buys(self, loan: ChainLoan, ether: int | None = None) -> int:
        """The liquidator takes collateral; what it paid in the end."""
        _, paid = await self.wallets.take(loan.loan_key, "WETH", None if ether is None else Decimal(ether))
        return int(paid * 10**6)

    async def holds(self, account: LocalAccount, symbol: str) -> int:
        return int(await self.read(symbol, "balanceOf", account.address))

    async def read(self, contract: str, function: str, *arguments: Any) -> Any:
        return await self.parts.node.read(Call(contract, function, arguments))

    # ------------------------------------------------------------ the loan

    @property
    def desk(self) -> ChainDesk:
        """What stands behind the API's answers about collateral."""

        async def opening() -> Site:
            tokens = tuple(TokenAt(symbol, each.address, each.decimals) for symbol, each in self.book.tokens.items())
            return Site(self.parts.node, self.book.contracts, tokens)

        return ChainDesk(opening, is_on=True)

    async def agreed(self, product: str = SECURED) -> ChainLoan:
        """A loan that is accepted and signed for; on chain, and without its collateral or money."""
        world = self.world
        wallet = PEOPLE.borrower.address
        application_id = await world.submit(
            product_id=product,
            product_version=1,
            wallet_address=wallet,
            identity_number=f"+1555{datetime.now(UTC):%H%M%S%f}",
        )
        await world.reaches(application_id, ApplicationStatus.BIDDING)
        fees = (0, 0) if product == TOKENS else (500_00, 300_00)
        for provider_id, fee in zip(world.providers, fees, strict=True):
            valid = {"expires_at": datetime.now(UTC) + timedelta(days=30)}
            await world.decide(application_id, provider_id, processing_fee_minor=fee, **valid)
        await world.reaches(application_id, ApplicationStatus.OFFERED)
        loan_id = await world.accept_best(application_id)
        await eventually(lambda: self.find(loan_id), what="the terms")
        chained = await self.chained(loan_id)
        given = [signed(document_of(chained, "underwriter"), number) for number in (1, 2)]
        if product == TOKENS:
            given.append(signed_by_lender(document_of(chained, "lender")))
        for body in given:
            signature = ChainApproval(loan_id, SignerRole(body["role"]), body["signer"], body["signature"], "key_1")
            await world.application(application_id).execute_update(ApplicationWorkflow.approve_on_chain, signature)
        await self.written(loan_id, K.ORIGINATE)
        return await self.chained(loan_id)

    async def lent(self, loan: ChainLoan) -> Loan:
        """The loan once it is paid out and funded on chain."""
        await self.world.reaches(loan.application_id, ApplicationStatus.DISBURSED)
        await self.written(loan.loan_id, K.FUND)
        return await self.world.loan(loan.loan_id)

    async def find(self, loan_id: str) -> ChainLoan | None:
        async with self.world.database.transaction(TENANT) as session:
            return await session.get(ChainLoan, (TENANT, loan_id))

    async def chained(self, loan_id: str) -> ChainLoan:
        found = await self.find(loan_id)
        assert found is not None
        return found

    async def operations(self, loan_id: str) -> list[ChainOperation]:
        found = select(ChainOperation).where(col(ChainOperation.loan_id) == loan_id)
        return await self._all(found.order_by(col(ChainOperation.position)))

    async def written(self, loan_id: str, kind: ChainOperationKind, *, times: int = 1) -> None:
        """Until so many writes of a kind are on chain."""

        async def done() -> bool:
            operations = await self.operations(loan_id)
            found = [each for each in operations if each.kind == kind and each.status == OperationStatus.DONE]
            return len(found) >= times

        await self.until(done, f"{kind} of {loan_id}")

    async def happened(self, loan: ChainLoan, event: str) -> None:
        """Until the tenant was told of it."""

        async def told() -> bool:
            return event in await self.world.events(loan.application_id)

        await self.until(told, event)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            await eventually(condition, seconds=60, what=what)
        except AssertionError as late:
            states = [(each.kind, each.status, each.error) for each in await self._all(select(ChainOperation))]
            raise AssertionError(f"{late}; {states}; {await self.tasks()}") from late

    async def mails(self) -> list[str]:
        return [row.subject for row in await self._all(select(Delivery)) if row.channel == "mail"]

    async def tasks(self) -> list[str]:
        found = await self._all(select(OperatorTask).where(col(OperatorTask.resolved_at).is_(None)))
        return [task.summary for task in found]

    async def agrees(self, loan: ChainLoan) -> None:
        """Ledger, told, seen and chain say the same, once everything is written and read."""
        check = ChainReconciliation(self.world.database, self.parts.node)
        ref = LoanRef(TENANT, loan.application_id, loan.loan_id)
        found: tuple[str, ...] = ()

        async def settled() -> bool:
            nonlocal found
            open_ones = [each for each in await self.operations(loan.loan_id) if each.status == OperationStatus.PENDING]
            row = await self.chained(loan.loan_id)
            chain = await self.read(AGGREGATOR, "loan", loan.loan_key)
            found = (await check.check(ref)).differences
            return not found and not open_ones and row.seen_sequence == int(chain["seq"])

        await self.until(settled, f"ledger and chain to agree on {loan.loan_id}")
        assert found == ()

    async def _all(self, query: Any) -> list[Any]:
        async with self.world.database.transaction(TENANT) as session:
            return list((await session.execute(query)).scalars())


@asynccontextmanager
async def beside(parts: ChainParts) -> AsyncIterator[None]:
    """What runs in a worker beside its activities, faster than there."""
    reader, janitor, usual = parts.running()
    usual.close()
    watch = CollateralWatch(
        parts.node, ChainCollateral(parts.relay, parts.rows, parts.chain.access.site.chain_id), seconds=0.1
    )
    tasks = [asyncio.create_task(each) for each in (reader, janitor, watch.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def town(temporal_client: Client, database: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Town]:
    from models.records.database import Database  # noqa: PLC0415

    rows, relay = Database(database.app), Database(database.relay)
    async with serving(dev_chain(lambda: datetime.now(UTC).timestamp())) as node:
        book = await ensure_dev_deployed(node.url, tmp_path / "addresses.json")
        settings = ChainSettings(
            rpc_url=node.url,
            addresses=tmp_path / "addresses.json",
            operator_keys=SecretStr(OPERATOR_KEY),
            poll_seconds=0.05,
        )
        async with (
            joined(settings, rows, relay) as parts,
            running(temporal_client, database, FakeRail(), chain=parts.chain) as world,
            beside(parts),
        ):
            async with world.database.transaction(TENANT) as session:
                session.add_all(
                    LoanProductRow(
                        tenant_id=TENANT,
                        id=product_id,
                        version=1,
                        name=str(settled["name"]),
                        status=ProductStatus.APPROVED,
                        settings=_LENDING | settled,
                    )
                    for product_id, settled in PRODUCTS.items()
                )
            yield Town(world, node, book, parts)
    await rows.close()
    await relay.close()
