"""What the relay does with news of a chain: the loan's process hears it, or the application's, or an operator."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.chain_reconciliation import ChainReconciliation
from models.chain import ChainNews
from models.loan import LoanRef
from models.records.chain_events import EventStatus
from models.records.outbox import OutboxKind
from tests.activities.chain_rows import chain_database
from tests.activities.chained import put_on_chain, said, tasks_of
from tests.activities.lending import TENANT, Bank, open_bank
from tests.workers.chains import FakeNode
from workers.chain_errands import ChainErrands
from workers.embedded.postgres import DatabaseUrls, Postgres
from workers.errands import Work


@pytest.fixture(scope="module")
async def bank(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[Bank]:  # noqa: ARG001 - ordered
    async with chain_database(postgres, "test_errands") as urls, open_bank(urls) as bank:
        yield bank


class FakeCluster:
    """Remembers who was told what; applications in `running` are there to hear it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []
        self.running: set[str] = set()

    async def start_workflow(
        self,
        *_: object,
        id: str,  # noqa: A002 - the SDK's own signature
        start_signal: str,
        start_signal_args: list[Any],
        **__: object,
    ) -> None:
        self.told.append((id, start_signal, *start_signal_args))

    def get_workflow_handle(self, workflow_id: str) -> "FakeHandle":
        return FakeHandle(self, workflow_id)


class FakeHandle:
    def __init__(self, cluster: FakeCluster, workflow_id: str) -> None:
        self.cluster, self.workflow_id = cluster, workflow_id

    async def signal(self, name: str, news: ChainNews) -> None:
        if self.workflow_id not in self.cluster.running:
            raise RPCError("it has ended", RPCStatusCode.NOT_FOUND, b"")
        self.cluster.told.append((self.workflow_id, name, news))


async def done(bank: Bank, cluster: FakeCluster, ref: LoanRef, event_id: str, about: str = "news") -> None:
    payload = {"eventId": event_id, "loanId": ref.loan_id, "applicationId": ref.application_id, "about": about}
    work = Work(1, TENANT, OutboxKind.CHAIN_EVENT, payload, 1, None)
    await ChainErrands(cast("Client", cluster), bank.database, None).by_kind[work.kind](work)


async def test_a_loan_that_is_paid_out_hears_its_news(bank: Bank) -> None:
    ref, cluster = await bank.lends(), FakeCluster()

    await done(bank, cluster, ref, "cev_paid")

    assert cluster.told == [(f"loan/{ref.loan_id}", "chain_event", ChainNews("cev_paid"))]


async def test_before_the_payout_the_application_hears_it_and_after_its_end_nobody(bank: Bank) -> None:
    ref, cluster = LoanRef(TENANT, "app_planned", "loan_planned"), FakeCluster()
    cluster.running = {"application/app_planned"}
    await done(bank, cluster, ref, "cev_deposited")
    cluster.running = set()

    await done(bank, cluster, ref, "cev_withdrawn")

    assert cluster.told == [("application/app_planned", "chain_event", ChainNews("cev_deposited"))]


@pytest.mark.parametrize(("about", "is_told"), [("foreign", True), ("orphaned", False)])
async def test_what_should_not_have_happened_is_an_operators_task(bank: Bank, about: str, *, is_told: bool) -> None:
    ref, cluster = await bank.lends(), FakeCluster()
    await put_on_chain(bank, ref)
    event_id = await said(bank, ref, "StateChanged", opId="0x01", seq=2, to=7, status=EventStatus.CONFIRMED)

    await done(bank, cluster, ref, event_id, about)
    await done(bank, cluster, ref, event_id, about)

    (task,) = await tasks_of(bank, ref)
    assert task.kind == f"chain_event_{about}"
    assert task.details["eventId"] == event_id
    assert bool(cluster.told) is is_told
    assert (await bank.events(ref)).count("system.alert") == 1


async def test_loans_are_compared_by_the_dozen_where_there_is_a_chain(bank: Bank) -> None:
    refs = [await bank.lends() for _ in range(3)]
    for ref in refs:
        await put_on_chain(bank, ref)
    node = FakeNode()
    node.answers["CreditAggregator", "loan"] = {"state": 2, "outstanding": 1, "interestPaid": 0, "seq": 1}
    work = Work(
        1,
        TENANT,
        OutboxKind.CHAIN_RECONCILIATION,
        {"loans": [[ref.loan_id, ref.application_id] for ref in refs]},
        1,
        None,
    )
    client, reconciliation = cast("Client", FakeCluster()), ChainReconciliation(bank.database, node)

    await ChainErrands(client, bank.database, None).by_kind[work.kind](work)
    before = [await tasks_of(bank, ref) for ref in refs]
    await ChainErrands(client, bank.database, reconciliation).by_kind[work.kind](work)

    assert before == [[], [], []]
    assert [len(await tasks_of(bank, ref)) for ref in refs] == [1, 1, 1]
