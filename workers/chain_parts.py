"""The chain of a worker process: what its activities ask and write, and what runs beside them."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from activities.chain_collateral import ChainCollateral
from activities.chain_events import ChainEvents
from activities.chain_originations import ChainAccess
from activities.chain_writes import ChainWrites, WritePolicy
from contracts.addresses import AddressBook
from contracts.connect import connect
from contracts.ethereum import Ethereum
from contracts.loan_signing import LoanSigning
from contracts.settings import ChainSettings
from models.chain_terms import ChainSite, Token
from models.records.database import Database
from workers.assembly import Chain
from workers.chain_janitor import ChainJanitor
from workers.chain_reader import ChainReader
from workers.collateral_watch import CollateralWatch

_WEI_PER_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class ChainParts:
    """Everything of a worker that touches the chain. `relay` is of the role that sees every tenant."""

    chain: Chain
    node: Ethereum
    settings: ChainSettings
    policy: WritePolicy
    rows: Database
    relay: Database

    def running(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the activities, for ever: reading, seeing transactions mined, watching collateral."""
        site, settings = self.chain.access.site, self.settings
        reader = ChainReader(
            self.node,
            ChainEvents(self.relay, site.chain_id),
            confirmations=settings.confirmations,
            poll_seconds=settings.poll_seconds,
            first_block=self.node.first_block,
        )
        janitor = ChainJanitor(self.relay, self.node, self.policy)
        watch = CollateralWatch(self.node, ChainCollateral(self.relay, self.rows, site.chain_id))
        return [reader.run(), janitor.run(), watch.run()]


@asynccontextmanager
async def joined(settings: ChainSettings, rows: Database, relay: Database) -> AsyncIterator[ChainParts]:
    """The chain of the settings; its connections close on leaving."""
    assert settings.addresses is not None, "connect refuses settings without an address book"
    node = await connect(settings)
    try:
        site = site_of(AddressBook.read(settings.addresses))
        policy = WritePolicy(
            signers=node.signers,
            max_fee=int(settings.max_fee_gwei * _WEI_PER_GWEI),
            confirmations=settings.confirmations,
            first_block=node.first_block,
            poll_seconds=settings.poll_seconds,
        )
        access = ChainAccess(node, site, LoanSigning(site, settings.score_signers))
        yield ChainParts(Chain(access, ChainWrites(rows, node, policy)), node, settings, policy, rows, relay)
    finally:
        await node.close()


def site_of(book: AddressBook) -> ChainSite:
    """Where our contracts are, for those who know nothing of address books."""
    return ChainSite(
        book.chain_id,
        aggregator=book.contracts["CreditAggregator"],
        oracle=book.contracts["CreditScoringOracle"],
        collateral=book.contracts["CollateralManager"],
        tokens={symbol: Token(token.address, token.decimals) for symbol, token in book.tokens.items()},
    )
