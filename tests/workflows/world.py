"""The engine on real rows and a real Temporal server, with fake strangers: what the workflow tests act in."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import col, select
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from activities.lender_api import LenderApi
from activities.offers import loan_id_of
from models.application import ApplicationStatus
from models.decision import DecisionKind
from models.loan import LoanRef
from models.onboarding import ProviderStatus
from models.payment import PaymentKind, PaymentStatus
from models.records.applications import Applicant, Application
from models.records.database import Database
from models.records.disclosures import DisclosureRow
from models.records.endpoints import first_endpoint
from models.records.information import InformationRow
from models.records.leads import Decision, LeadGrant
from models.records.ledger import EntryRow
from models.records.loans import InstallmentRow, Loan
from models.records.offers import Offer
from models.records.outbox import EventRow, OutboxKind, ask_relay
from models.records.payments import Payment
from models.records.providers import Provider
from models.records.tenants import Tenant
from temporal.deployment import make_current, version
from temporal.refusals import refusal_in
from tests.workflows.fakes import FakeBureau, FakeLender, FakeMailer, FakePostbox, FakeRail
from workers.assembly import Chain, Strangers, engine
from workers.calendar import Calendar
from workers.chain_errands import ChainErrands
from workers.embedded.postgres import DatabaseUrls
from workers.errands import Errands
from workers.plugin_errands import PluginErrands, decisions_through
from workers.relay import Relay
from workers.settings import WorkerSettings
from workers.worker import STRICT_RUNNER, build_worker
from workflows.application import ApplicationWorkflow, application_workflow_id
from workflows.application_state import Choice, Chosen, Decided, InformationGiven, Lapse, ProviderDecision, Withdrawal
from workflows.billing import billing_id
from workflows.close_of_business import close_of_business_id
from workflows.loan import LoanAnswer, LoanStart, LoanWorkflow, TransactionOrder, loan_workflow_id

TENANT = "tenant_test"
BUILD = "test"
RETIRING: set[asyncio.Task[None]] = set()
_numbers = count(1)


@dataclass
class World:
    """One tenant, two providers, and the engine."""

    database: Database
    client: Client
    rail: FakeRail
    providers: tuple[str, ...]
    bureau: FakeBureau = field(default_factory=FakeBureau)
    postbox: FakePostbox = field(default_factory=FakePostbox)
    mailer: FakeMailer = field(default_factory=FakeMailer)
    lenders: LenderApi = field(default_factory=FakeLender)
    queue: str = ""
    tenants: Database | None = None

    async def submit(
        self,
        *,
        income: int = 8500,
        amount_minor: int = 25_000_00,
        identity_number: str = "+15550123",
        **columns: Any,
    ) -> str:
        """Put an application on record as the API does, and return its id."""
        number = next(_numbers)
        application_id = f"app_{number:026}"
        async with self.database.transaction(TENANT) as session:
            session.add(_applicant(number, income, identity_number))
            await session.flush()
            session.add(_application(application_id, number, amount_minor, columns))
            pre_assessed = bool(columns.get("pre_assessed"))
            payload = {"applicationId": application_id, "currency": "USD", "preAssessed": pre_assessed}
            ask_relay(session, TENANT, OutboxKind.START_APPLICATION, payload)
        return application_id

    async def decide(self, application_id: str, provider_id: str, **terms: Any) -> Decided:
        """Have a provider answer, as the API does on a callback."""
        decision = ProviderDecision(provider_id, f"dec_{next(_numbers)}", **(OFFER | terms))
        return await self.application(application_id).execute_update(ApplicationWorkflow.decide, decision)

    async def says(self, application_id: str, provider_id: str, kind: DecisionKind, **body: Any) -> str:
        """Have a provider answer with something else than an approval; the decision's id."""
        decision_id = f"dec_{next(_numbers)}"
        lead_id = (await self.row(application_id)).lead_id
        async with self.database.transaction(TENANT) as session:
            session.add(
                Decision(
                    tenant_id=TENANT,
                    id=decision_id,
                    provider_id=provider_id,
                    lead_id=lead_id,
                    message_id=decision_id,
                    body=body,
                )
            )
        decision = ProviderDecision(provider_id, decision_id, kind)
        await self.application(application_id).execute_update(ApplicationWorkflow.decide, decision)
        return decision_id

    async def answers(self, information_id: str, provider_id: str, **answer: Any) -> bool:
        """Have the platform answer a provider's question, as the API does."""
        async with self.database.transaction(TENANT) as session:
            row = await session.get_one(InformationRow, (TENANT, information_id))
            row.answer = answer
            application_id = row.application_id
        given = InformationGiven(information_id, provider_id)
        return await self.application(application_id).execute_update(ApplicationWorkflow.inform, given)

    async def withdraw(self, application_id: str) -> ApplicationStatus:
        """Have the borrower withdraw."""
        return await self.application(application_id).execute_update(ApplicationWorkflow.withdraw, Withdrawal())

    async def lapse(self, application_id: str, provider_id: str | None = None) -> ApplicationStatus:
        """Have the accepted offer lapse by its provider, or by an operator."""
        lapse = Lapse(provider_id, "conditions_unmet")
        return await self.application(application_id).execute_update(ApplicationWorkflow.lapse, lapse)

    async def disclosures(self, application_id: str) -> list[DisclosureRow]:
        found = select(DisclosureRow).where(col(DisclosureRow.application_id) == application_id)
        return await self._all(found.order_by(col(DisclosureRow.disclosed_at)))

    async def told(self, event: str, *, times: int = 1) -> list[dict[str, Any]]:
        """What the providers were told of a kind, once it was so many times."""

        def bodies() -> list[dict[str, Any]]:
            known = [json.loads(body) for _, _, body in self.postbox.posted]
            return [body for body in known if body["eventType"] == event]

        await eventually(lambda: len(bodies()) >= times, what=f"{times} {event}")
        return bodies()

    async def decline(self, application_id: str, provider_id: str) -> Decided:
        """Have a provider decline."""
        decision = ProviderDecision(provider_id, f"dec_{next(_numbers)}", DecisionKind.DECLINED)
        return await self.application(application_id).execute_update(ApplicationWorkflow.decide, decision)

    async def offered(self, *, tenure_days: int = 365) -> str:
        """An application with both offers on the table."""
        application_id = await self.submit(tenure_days=tenure_days)
        await self.reaches(application_id, ApplicationStatus.BIDDING)
        for provider_id, percent, fee in zip(self.providers, ("7.5", "8.2"), (500_00, 300_00), strict=True):
            terms = {"annual_rate_percent": Decimal(percent), "processing_fee_minor": fee, "tenure_days": tenure_days}
            await self.decide(application_id, provider_id, **terms)
        await self.reaches(application_id, ApplicationStatus.OFFERED)
        return application_id

    async def accept(self, application_id: str, offer_id: str) -> Chosen:
        """Have the borrower accept an offer."""
        return await self.application(application_id).execute_update(ApplicationWorkflow.accept, Choice(offer_id))

    async def accept_best(self, application_id: str) -> str:
        """Accept the first-ranked offer; returns the loan's id."""
        best = (await self.offers(application_id))[0]
        return (await self.accept(application_id, best.id)).loan_id

    async def disbursed(self, *, tenure_days: int = 365) -> Loan:
        """A loan that has been paid out and has its account."""
        application_id = await self.offered(tenure_days=tenure_days)
        await self.accept_best(application_id)
        await self.reaches(application_id, ApplicationStatus.DISBURSED)
        loan_id = loan_id_of(application_id)
        await eventually(lambda: self._has_account(loan_id))
        return await self.loan(loan_id)

    async def pay(self, loan: Loan, amount_minor: int, received_on: date | None = None) -> str:
        """Let money arrive, as the API does on a rail's webhook, and wait until it is posted."""
        payment_id = f"pay_{next(_numbers):026}"
        async with self.database.transaction(TENANT) as session:
            session.add(_payment(payment_id, loan, amount_minor))
            ask_relay(
                session, TENANT, OutboxKind.PAYMENT_RECEIVED, _arrived(payment_id, loan, amount_minor, received_on)
            )
        await eventually(lambda: self._posted(payment_id))
        return payment_id

    async def tell_again(self, loan: Loan, payment_id: str, amount_minor: int) -> None:
        """Have the relay signal a payment that has been posted before."""
        async with self.database.transaction(TENANT) as session:
            arrived = _arrived(payment_id, loan, amount_minor, None)
            ask_relay(session, TENANT, OutboxKind.PAYMENT_RECEIVED, arrived)

    async def return_disbursement(self, loan: Loan) -> None:
        """Have the rail bring the payout back."""
        async with self.database.transaction(TENANT) as session:
            payload = {"loanId": loan.id, "applicationId": loan.application_id}
            ask_relay(session, TENANT, OutboxKind.DISBURSEMENT_RETURNED, payload)

    async def tell_rail_news(self, loan: Loan, status: str) -> None:
        """Have the rail report on the payout, as the API passes it on before it knows of the loan."""
        async with self.database.transaction(TENANT) as session:
            payload = {"applicationId": loan.application_id, "reference": loan.id, "status": status}
            ask_relay(session, TENANT, OutboxKind.TRANSFER_NEWS, payload)

    async def order_again(self, loan: Loan, order: TransactionOrder) -> LoanAnswer:
        """Order something on a loan whose workflow may have ended, as the API does."""
        return await self.client.execute_update_with_start_workflow(
            LoanWorkflow.transact,
            order,
            start_workflow_operation=WithStartWorkflowOperation(
                LoanWorkflow.run,
                LoanStart(LoanRef(TENANT, loan.application_id, loan.id)),
                id=loan_workflow_id(loan.id),
                task_queue=self.queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )

    async def to_day(self, loan: Loan, day: date) -> None:
        """Move the loan's clock to midday, when all that is due on the day has happened."""
        now = await TimeSkipper(self.client).get_current_time(self.loan_workflow(loan.id))
        target = datetime.combine(day, time(12), UTC)
        await self.advance(self.loan_workflow(loan.id), days=(target - now).total_seconds() / 86_400)

    async def advance(self, workflow: WorkflowHandle[Any, Any], days: float) -> None:
        """Move one workflow's clock."""
        skipper = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=False))
        await skipper.fast_forward(workflow, timedelta(days=days))

    async def reaches(self, application_id: str, status: ApplicationStatus) -> None:
        """Wait until the application's row shows the status."""
        await eventually(lambda: self._has_status(application_id, status), what=f"{application_id} {status}")

    def application(self, application_id: str) -> WorkflowHandle[ApplicationWorkflow, ApplicationStatus]:
        return self.client.get_workflow_handle_for(ApplicationWorkflow.run, application_workflow_id(application_id))

    def loan_workflow(self, loan_id: str) -> WorkflowHandle[LoanWorkflow, Any]:
        return self.client.get_workflow_handle_for(LoanWorkflow.run, loan_workflow_id(loan_id))

    async def row(self, application_id: str) -> Application:
        async with self.database.transaction(TENANT) as session:
            return await session.get_one(Application, (TENANT, application_id))

    async def loan(self, loan_id: str) -> Loan:
        async with self.database.transaction(TENANT) as session:
            return await session.get_one(Loan, (TENANT, loan_id))

    async def payout(self, loan_id: str) -> Payment:
        (payout,) = await self._all(select(Payment).where(col(Payment.external_reference) == loan_id))
        assert isinstance(payout, Payment)
        return payout

    async def offers(self, application_id: str) -> list[Offer]:
        return await self._all(
            select(Offer).where(col(Offer.application_id) == application_id).order_by(col(Offer.rank))
        )

    async def grants(self, application_id: str) -> list[LeadGrant]:
        return await self._all(select(LeadGrant).where(col(LeadGrant.application_id) == application_id))

    async def installments(self, loan_id: str) -> list[InstallmentRow]:
        found = select(InstallmentRow).where(col(InstallmentRow.loan_id) == loan_id)
        return await self._all(found.order_by(col(InstallmentRow.number)))

    async def events(self, application_id: str) -> list[str]:
        found = select(EventRow).where(col(EventRow.application_id) == application_id).order_by(col(EventRow.sequence))
        return [event.type for event in await self._all(found)]

    async def balance(self) -> int:
        """The trial balance: every entry of the tenant, which must be zero."""
        return sum((await self.balances()).values())

    async def balances(self) -> dict[str, int]:
        """The accounts that are not zero."""
        totals: Counter[str] = Counter()
        for entry in await self._all(select(EntryRow)):
            totals[entry.account] += entry.amount_minor
        return {account: total for account, total in totals.items() if total}

    async def _all(self, query: Any) -> list[Any]:
        async with self.database.transaction(TENANT) as session:
            return list((await session.execute(query)).scalars())

    async def _has_status(self, application_id: str, status: ApplicationStatus) -> bool:
        return (await self.row(application_id)).status == status

    async def _has_account(self, loan_id: str) -> bool:
        return (await self.loan(loan_id)).account_number is not None

    async def _posted(self, payment_id: str) -> bool:
        async with self.database.transaction(TENANT) as session:
            payment = await session.get_one(Payment, (TENANT, payment_id))
            return payment.status == PaymentStatus.SUCCEEDED


OFFER: dict[str, Any] = {
    "decision": DecisionKind.APPROVED,
    "amount_minor": 25_000_00,
    "annual_rate_percent": Decimal("8.2"),
    "tenure_days": 365,
    "processing_fee_minor": 300_00,
    "expires_at": None,
}


@asynccontextmanager
async def running(  # noqa: PLR0913 - whatever a test wants otherwise
    client: Client,
    urls: DatabaseUrls,
    rail: FakeRail,
    *,
    cached_workflows: int = 100,
    providers: tuple[str, ...] = ("provider_first", "provider_quick"),
    postbox: FakePostbox | None = None,
    lenders: LenderApi | None = None,
    chain: Chain | None = None,
    **tenant: Any,
) -> AsyncIterator[World]:
    """A worker and a relay on their own queue, until the test is over."""
    database, outbox = Database(urls.app), Database(urls.relay)
    world = World(database, client, rail, providers, postbox=postbox or FakePostbox(), lenders=lenders or FakeLender())
    strangers = Strangers(
        rail, world.bureau, world.bureau, world.postbox, world.mailer, world.bureau, world.lenders, chain
    )
    built = engine(database, outbox, strangers)
    world.queue, world.tenants = f"test-{uuid4()}", outbox
    await populate(database, world.providers, **tenant)
    worker = build_worker(
        client,
        [*built.activities, built.deliveries.deliver, built.plugins.sync],
        BUILD,
        max_cached_workflows=cached_workflows,
        task_queue=world.queue,
        runner=STRICT_RUNNER,
    )
    plugins = PluginErrands(client, built.plugins, decisions_through(client, database), task_queue=world.queue)
    on_chain = ChainErrands(client, database, built.reconciliation, task_queue=world.queue)
    more = {**plugins.by_kind, **on_chain.by_kind}
    errands = Errands(client, built.deliveries, task_queue=world.queue, retry_queue=world.queue, more=more)
    relay = Relay(outbox, errands, WorkerSettings(relay_idle_seconds=0.02))
    serving = asyncio.create_task(worker.run())
    try:
        await make_current(client, version(BUILD))
        relaying = asyncio.create_task(relay.run())
        try:
            yield world
        finally:
            relaying.cancel()
            with suppress(asyncio.CancelledError):
                await relaying
    finally:
        await _retire(worker, serving)
        await database.close()
        await outbox.close()


@asynccontextmanager
async def scheduled(world: World) -> AsyncIterator[Calendar]:
    """The tenant's calendar, kept. Nothing of it stays: a schedule would outlive the world whose queue it names."""
    assert world.tenants is not None
    await _forget_schedules(world)
    calendar = Calendar(world.client, world.tenants, task_queue=world.queue)
    await calendar.keep()
    try:
        yield calendar
    finally:
        await _forget_schedules(world)


async def _forget_schedules(world: World) -> None:
    for schedule_id in (close_of_business_id(TENANT), billing_id(TENANT)):
        with suppress(RPCError):
            await world.client.get_schedule_handle(schedule_id).delete()


async def _retire(worker: Worker, serving: asyncio.Task[None]) -> None:
    """Shut the worker down. A poll the server does not end lasts a minute: it is waited for once, at the very end."""
    retiring = asyncio.create_task(worker.shutdown())
    done, pending = await asyncio.wait([retiring, serving], timeout=3)
    for task in done:
        task.result()
    RETIRING.update(pending)


async def refused(call: Awaitable[Any]) -> tuple[str, str | None]:
    """The code and the field of the refusal that the call ends in."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await call
    found = refusal_in(caught.value)
    assert found is not None, caught.value.__cause__
    return found[0], found[1].field


async def eventually(condition: Callable[[], Any], *, seconds: float = 20, what: str = "") -> None:
    """Wait until the condition, which may be asynchronous, holds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await _true(condition):
        assert asyncio.get_running_loop().time() < deadline, f"not in {seconds} s: {what or condition}"
        await asyncio.sleep(0.02)


async def _true(condition: Callable[[], Any]) -> bool:
    result = condition()
    return bool(await result if asyncio.iscoroutine(result) else result)


async def populate(database: Database, providers: tuple[str, ...], **tenant: Any) -> None:
    async with database.transaction(TENANT) as session:
        if await session.get(Tenant, TENANT) is None:
            session.add(Tenant(tenant_id=TENANT, name="Test Platform", **tenant))
        for provider in map(_provider, providers):
            session.add(provider)
            await session.flush()
            await first_endpoint(session, provider)


def _provider(provider_id: str) -> Provider:
    return Provider(
        tenant_id=TENANT,
        id=provider_id,
        company_name=provider_id.removeprefix("provider_").title(),
        business_email="api@lender.example",
        contact_person="John Smith",
        registration_number=provider_id,
        business_type="bank",
        registration_country="US",
        status=ProviderStatus.ACTIVE,
        licenses=[],
        license_expires_on=date(2099, 12, 31),
        minimum_amount_minor=5_000_00,
        maximum_amount_minor=500_000_00,
        amount_currency="USD",
        rate_minimum_percent=Decimal("3.5"),
        rate_maximum_percent=Decimal(18),
        countries=["US"],
        currencies=["USD"],
        webhook_url=f"https://{provider_id}.example/webhooks",
        webhook_secret="whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    )


def _applicant(number: int, income: int, identity_number: str) -> Applicant:
    return Applicant(
        tenant_id=TENANT,
        id=f"applicant_{number}",
        user_id=f"user_{number}",
        first_name="Sarah",
        last_name="Johnson",
        email="sarah@email.example",
        phone_number="+15550123",
        address={"country": "US", "state": "NY"},
        employment={"employmentStatus": "employed", "monthlyIncome": income, "employmentDuration": 36},
        finances={"monthlyExpenses": 4200, "existingLoans": [], "creditCards": []},
        identity_type="phone_number",
        identity_number=identity_number,
    )


def _application(application_id: str, number: int, amount_minor: int, columns: dict[str, Any]) -> Application:
    return Application(
        tenant_id=TENANT,
        id=application_id,
        lead_id=f"lead_{number:026}",
        applicant_id=f"applicant_{number}",
        requested_amount_minor=amount_minor,
        currency="USD",
        country="US",
        purpose="Business expansion",
        submitted_at=datetime.now(UTC),
        status_at=datetime.now(UTC),
        **{
            "tenure_days": 365,
            "beneficiary_account_number": "0123456789",
            "beneficiary_bank_code": "058",
            **columns,
        },
    )


def _payment(payment_id: str, loan: Loan, amount_minor: int) -> Payment:
    return Payment(
        tenant_id=TENANT,
        id=payment_id,
        loan_id=loan.id,
        kind=PaymentKind.REPAYMENT,
        status=PaymentStatus.PENDING,
        method="bank_transfer",
        rail="fake",
        external_reference=payment_id,
        amount_minor=amount_minor,
        currency=loan.currency,
    )


def _arrived(payment_id: str, loan: Loan, amount_minor: int, received_on: date | None) -> dict[str, Any]:
    return {
        "paymentId": payment_id,
        "loanId": loan.id,
        "applicationId": loan.application_id,
        "amountMinor": amount_minor,
        "currency": loan.currency,
        "receivedOn": received_on.isoformat() if received_on else None,
    }
