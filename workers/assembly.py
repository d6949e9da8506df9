"""The only file that knows every concrete class: which adapter stands behind which protocol."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import httpx2

from activities.adapters.http_delivery import HttpDelivery
from activities.adapters.lender_http import LenderHttp
from activities.adapters.paystack import Paystack
from activities.adapters.prembly import Prembly
from activities.adapters.settings import KycSettings, MailSettings, RailSettings
from activities.adapters.smtp import SmtpMail
from activities.adapters.vetted_http import KeptConnections, VettedHttp
from activities.auctions import Auctions
from activities.billing import Billing
from activities.chain_loans import ChainLoans, ChainNotConfigured, ChainWriting
from activities.chain_news import ChainNewsTaking
from activities.chain_originations import ChainAccess, ChainOriginations
from activities.chain_reconciliation import ChainReconciliation
from activities.close_of_business import CloseOfBusiness
from activities.collection import Collection
from activities.deliveries import Deliveries
from activities.disbursements import Disbursements
from activities.identity import Identity
from activities.information import Information
from activities.kyc import CompanyRegister, IdentityBureau, SanctionsList
from activities.lender_api import LenderApi
from activities.mail import Mailer
from activities.offers import Offers
from activities.onboarding import Onboarding
from activities.plugins import Plugins
from activities.postbox import Postbox
from activities.provider_checks import ProviderChecks
from activities.rails import Rail
from activities.repayments import Repayments
from activities.servicing import Servicing
from activities.transactions import Transactions
from activities.underwriting import Underwriting
from contracts.node import ChainNode
from contracts.settings import ChainSettings
from models.delivery import DeliveryPolicy
from models.records.database import Database, DatabaseSettings
from workers.settings import DeliverySettings, WorkerSettings

if TYPE_CHECKING:
    from workers.chain_parts import ChainParts

Activity = Callable[..., Awaitable[Any]]
_STANDARD = DeliveryPolicy()


@dataclass(frozen=True, slots=True)
class Engine:
    """What a worker process needs: the activities to serve, the deliveries and the outbox's database to relay."""

    activities: list[Activity]
    deliveries: Deliveries
    outbox: Database
    rows: Database
    plugins: Plugins
    reconciliation: ChainReconciliation | None = None
    """None without a chain: there is nothing to compare with."""
    on_chain: Callable[[], list[Coroutine[Any, Any, None]]] = list
    """What runs beside the activities for the chain."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain, if one is configured: who reads it and signs for it, and who writes to it."""

    access: ChainAccess
    writes: ChainWriting


class _NoChain:
    """Stands for the node of a process that knows none: whatever it is asked is an outage."""

    def __getattr__(self, name: str) -> Any:
        raise ChainNotConfigured


@dataclass(frozen=True, slots=True)
class Strangers:
    """Everybody outside whom the engine talks to."""

    rail: Rail
    bureau: IdentityBureau
    sanctions: SanctionsList
    postbox: Postbox
    mailer: Mailer
    register: CompanyRegister
    lenders: LenderApi
    chain: Chain | None = None


def engine(
    database: Database, outbox: Database, strangers: Strangers, delivery_policy: DeliveryPolicy = _STANDARD
) -> Engine:
    """The engine on these rows and these strangers."""
    identity = Identity(database, strangers.bureau, strangers.sanctions)
    underwriting = Underwriting(database)
    auctions = Auctions(database)
    offers = Offers(database, strangers.rail.name)
    information = Information(database)
    disbursements = Disbursements(database, strangers.rail)
    servicing = Servicing(database, strangers.rail)
    repayments = Repayments(database)
    collection = Collection(database)
    transactions = Transactions(database)
    closing = CloseOfBusiness(database)
    onboarding = Onboarding(database)
    checks = ProviderChecks(database, strangers.register, strangers.sanctions, strangers.postbox)
    billing = Billing(database)
    chain = strangers.chain
    originations = ChainOriginations(database, chain.access if chain else None)
    chain_loans = ChainLoans(database, chain.writes if chain else None)
    chain_news = ChainNewsTaking(database)
    reconciliation = ChainReconciliation(database, chain.access.node if chain else cast("ChainNode", _NoChain()))
    deliveries = Deliveries(outbox, strangers.postbox, strangers.mailer, delivery_policy)
    plugins = Plugins(database, strangers.lenders)
    return Engine(
        activities=[
            identity.verify,
            identity.screen,
            underwriting.underwrite,
            underwriting.approve,
            auctions.close,
            offers.accept,
            offers.end,
            offers.take_back,
            offers.lapse,
            information.ask,
            information.provide,
            disbursements.start,
            disbursements.send,
            disbursements.find,
            disbursements.book,
            disbursements.fail,
            servicing.open_account,
            servicing.record_account,
            servicing.position,
            servicing.remind,
            servicing.mark_missed,
            servicing.charge_late_fee,
            servicing.charge_penalty_interest,
            servicing.age,
            servicing.cancel,
            repayments.post,
            collection.dun,
            collection.record_promise,
            collection.write_off,
            collection.forbear,
            transactions.post,
            closing.next_day,
            closing.close_partition,
            closing.complete,
            onboarding.begin,
            onboarding.note,
            onboarding.carry_out,
            onboarding.warn,
            onboarding.expire,
            checks.verify_company,
            checks.screen,
            checks.challenge,
            checks.certify,
            billing.collect,
            billing.invoice,
            plugins.release,
            originations.prepare,
            originations.vet,
            originations.sign,
            originations.propose,
            originations.cover,
            originations.pay_out,
            originations.settle_payout,
            chain_loans.perform,
            chain_loans.retry,
            chain_news.take,
            reconciliation.check,
        ],
        deliveries=deliveries,
        outbox=outbox,
        rows=database,
        plugins=plugins,
        reconciliation=reconciliation if chain else None,
    )


@asynccontextmanager
async def assemble(settings: WorkerSettings) -> AsyncIterator[Engine]:
    """Build the engine on real adapters; connections close on leaving."""
    rows, rail_settings, kyc_settings = DatabaseSettings(), RailSettings(), KycSettings()
    deliveries = DeliverySettings()
    database = Database(rows.database_url, pool_size=rows.database_pool_size)
    outbox = Database(rows.relay_database_url, pool_size=rows.database_pool_size)
    async with (
        httpx2.AsyncClient(timeout=rail_settings.timeout_seconds) as rail_client,
        httpx2.AsyncClient(timeout=kyc_settings.timeout_seconds) as kyc_client,
        KeptConnections() as connections,
    ):
        rail = Paystack(
            rail_client,
            rail_settings.url,
            rail_settings.secret_key.get_secret_value(),
            preferred_bank=rail_settings.preferred_bank,
        )
        vetted = VettedHttp(
            connections, allow_local=settings.mode == "sandbox", deadline_seconds=deliveries.timeout_seconds
        )
        bureau = Prembly(kyc_client, kyc_settings.url, kyc_settings.api_key.get_secret_value())
        strangers = Strangers(
            rail=rail,
            bureau=bureau,
            sanctions=bureau,
            postbox=HttpDelivery(vetted),
            mailer=_mailer(MailSettings()),
            register=bureau,
            lenders=LenderHttp(vetted),
        )
        try:
            async with _chain(database, outbox) as parts:
                strangers = replace(strangers, chain=parts.chain if parts else None)
                assembled = engine(database, outbox, strangers, deliveries.policy)
                yield replace(assembled, on_chain=parts.running) if parts else assembled
        finally:
            await database.close()
            await outbox.close()


@asynccontextmanager
async def _chain(database: Database, outbox: Database) -> "AsyncIterator[ChainParts | None]":
    settings = ChainSettings()
    if not settings.is_on:
        yield None
        return
    # Seconds of a start, which a process without a chain need not spend.
    from workers.chain_parts import joined  # noqa: PLC0415

    async with joined(settings, database, outbox) as parts:
        yield parts


def _mailer(settings: MailSettings) -> SmtpMail:
    return SmtpMail(
        settings.smtp_host,
        settings.smtp_port,
        settings.mail_from,
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        start_tls=settings.smtp_tls,
    )
