"""A loan on chain from its acceptance to its end, on a chain that may be slow, away or unwilling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from activities.rails import TransferStatus
from models.application import ApplicationStatus
from models.chain import ChainOperationKind, ChainState, OperationStatus
from models.chain_signing import SignerRole
from models.loan import LoanStatus
from models.product_status import ProductStatus
from models.records.chain_loans import ChainLoan, ChainOperation
from models.records.loans import Loan
from models.records.operator_tasks import OperatorTask
from models.records.outbox import OutboxKind, ask_relay
from models.records.products import LoanProductRow
from models.records.transactions import TransactionRow
from models.transactions import TransactionKind
from tests.workflows.fake_chain import ACCOUNTS, FakeChain, approval, offer
from tests.workflows.fakes import FakeRail
from tests.workflows.world import TENANT, World, eventually, refused, running
from workers.embedded.postgres import DatabaseUrls
from workflows.application import ApplicationWorkflow
from workflows.application_state import ChainApproval, ChainSigned
from workflows.chain import ChainWorkflow, chain_workflow_id
from workflows.loan import TransactionOrder

S, K = ChainState, ChainOperationKind


@dataclass
class OnChain:
    """A world with a chain, and a product whose loans are kept there."""

    world: World
    chain: FakeChain

    async def accepted(self, **settings: Any) -> str:
        """An application whose best offer is accepted; its id."""
        async with self.world.database.transaction(TENANT) as session:
            session.add(
                LoanProductRow(
                    tenant_id=TENANT,
                    id="product_chain",
                    version=1,
                    name="On chain",
                    status=ProductStatus.APPROVED,
                    settings={
                        "name": "On chain",
                        "currency": "USD",
                        "principal": {"minimum": 1000, "default": 25000, "maximum": 500000},
                        "annualRate": {"minimum": 0, "default": 12, "maximum": 36},
                        "installments": {"minimum": 1, "default": 12, "maximum": 120},
                        "chain": settings,
                    },
                )
            )
        wallet = ACCOUNTS.borrower.address if settings.get("secured") else None
        application_id = await self.world.submit(product_id="product_chain", product_version=1, wallet_address=wallet)
        await self.world.reaches(application_id, ApplicationStatus.BIDDING)
        for provider_id, fee in zip(self.world.providers, (500_00, 300_00), strict=True):
            valid = {"expires_at": datetime.now(UTC) + timedelta(days=30)}
            await self.world.decide(application_id, provider_id, processing_fee_minor=fee, **valid)
        await self.world.reaches(application_id, ApplicationStatus.OFFERED)
        await self.world.accept_best(application_id)
        return application_id

    async def prepared(self, application_id: str) -> ChainLoan:
        """The chained loan, once its terms are written down and the application waits for signatures."""
        loan_id = (await self.world.row(application_id)).loan_id
        await eventually(lambda: self.find(loan_id), what=f"the terms of {loan_id}")
        chained = await self.find(loan_id)
        assert chained is not None
        return chained

    async def find(self, loan_id: str | None) -> ChainLoan | None:
        async with self.world.database.transaction(TENANT) as session:
            return await session.get(ChainLoan, (TENANT, loan_id))

    async def signs(self, application_id: str, place: int, **changes: Any) -> ChainSigned:
        """Have an underwriter sign."""
        chained = await self.prepared(application_id)
        signer, signature = approval(place, chained.loan_key, chained.terms)
        given = {"signer": signer, "signature": signature, "role": SignerRole.UNDERWRITER} | changes
        return await self.gives(application_id, ChainApproval(chained.loan_id, given_by="key_1", **given))

    async def gives(self, application_id: str, given: ChainApproval) -> ChainSigned:
        """Bring a signature, as the API does."""
        handle = self.world.application(application_id)
        return await handle.execute_update(ApplicationWorkflow.approve_on_chain, given)

    async def lent(self, **settings: Any) -> Loan:
        """A loan that is signed for, on chain, paid out and funded there."""
        application_id = await self.accepted(**settings)
        await self.signs(application_id, 0)
        await self.signs(application_id, 1)
        await self.world.reaches(application_id, ApplicationStatus.DISBURSED)
        loan_id = (await self.world.row(application_id)).loan_id
        assert loan_id is not None
        await eventually(lambda: self.world._has_account(loan_id))  # noqa: SLF001 - as the world does
        await self.drained(loan_id)
        return await self.world.loan(loan_id)

    async def operations(self, loan_id: str) -> list[ChainOperation]:
        found = select(ChainOperation).where(col(ChainOperation.loan_id) == loan_id)
        return await self.world._all(found.order_by(col(ChainOperation.position)))  # noqa: SLF001 - as the world does

    async def drained(self, loan_id: str) -> None:
        """Until every write is done."""

        async def all_done() -> bool:
            operations = await self.operations(loan_id)
            return bool(operations) and all(each.status == OperationStatus.DONE for each in operations)

        await eventually(all_done, what=f"the writes of {loan_id}")

    def contract(self, chained: ChainLoan) -> Any:
        return self.chain.loans[chained.loan_key]

    async def agrees(self, loan_id: str) -> ChainLoan:
        """The chained loan; what was told of it is what the contract has."""
        chained = await self.find(loan_id)
        assert chained is not None
        contract = self.contract(chained)
        assert (contract.state, contract.outstanding, contract.interest, contract.seq) == (
            chained.told_state,
            chained.told_outstanding,
            chained.told_interest,
            chained.told_sequence,
        )
        return chained

    def writes(self, loan_id: str) -> WorkflowHandle[ChainWorkflow, int]:
        return self.world.client.get_workflow_handle_for(ChainWorkflow.run, chain_workflow_id(loan_id))

    async def tasks(self) -> list[OperatorTask]:
        return await self.world._all(select(OperatorTask))  # noqa: SLF001 - as the world does


@asynccontextmanager
async def opened(client: Client, database: DatabaseUrls, rail: FakeRail | None = None) -> AsyncIterator[OnChain]:
    chain = FakeChain()
    async with running(client, database, rail or FakeRail(), chain=chain.connected()) as world:
        yield OnChain(world, chain)


@pytest.fixture
async def scene(temporal_client: Client, database: DatabaseUrls) -> AsyncIterator[OnChain]:
    async with opened(temporal_client, database) as scene:
        yield scene


async def test_a_loan_is_signed_for_and_on_chain_before_its_money_leaves(scene: OnChain) -> None:
    application_id = await scene.accepted()
    one = await scene.signs(application_id, 0)
    again = await scene.signs(application_id, 0)
    before = await scene.world.row(application_id)
    sent_before = dict(scene.world.rail.sent)
    two = await scene.signs(application_id, 1)
    await scene.world.reaches(application_id, ApplicationStatus.DISBURSED)

    assert [each.approvals for each in (one, again, two)] == [1, 1, 2]
    assert [each.is_complete for each in (one, again, two)] == [False, False, True]
    assert before.status == ApplicationStatus.SIGNING
    assert sent_before == {}
    await scene.drained(before.loan_id or "")
    chained = await scene.agrees(before.loan_id or "")
    assert scene.chain.functions == ["originate", "fund"]
    assert (chained.told_state, chained.told_outstanding) == (S.ACTIVE, 25_000_00)
    assert (await scene.world.loan(chained.loan_id)).on_chain


async def test_only_an_underwriter_who_writes_no_loans_signs_and_for_these_terms_alone(scene: OnChain) -> None:
    application_id = await scene.accepted()
    chained = await scene.prepared(application_id)
    other_terms = chained.terms | {"principal": 1}

    stranger = await refused(scene.signs(application_id, 0, signer=ACCOUNTS.borrower.address))
    operator = await refused(scene.signs(application_id, 0, signer=ACCOUNTS.operator.address))
    other = await refused(scene.signs(application_id, 0, signature=approval(0, chained.loan_key, other_terms)[1]))
    lender = await refused(scene.signs(application_id, 0, role=SignerRole.LENDER))

    assert stranger == ("not_entitled", "signer")
    assert operator == ("not_entitled", "signer")
    assert other == ("wrong_signer", "signature")
    assert lender == ("nothing_to_sign", "signer")


async def test_a_product_that_names_a_lender_waits_for_his_signature_as_well(scene: OnChain) -> None:
    application_id = await scene.accepted(lender=ACCOUNTS.lender.address)
    await scene.signs(application_id, 0)
    both = await scene.signs(application_id, 1)
    chained = await scene.prepared(application_id)
    signer, signature = offer(chained.loan_key, chained.terms)
    all_of_them = await scene.gives(
        application_id, ChainApproval(chained.loan_id, SignerRole.LENDER, signer, signature, "key_2")
    )
    await scene.world.reaches(application_id, ApplicationStatus.DISBURSED)

    assert (both.is_complete, all_of_them.is_complete) == (False, True)
    (originate,) = (call for call in scene.chain.written.values() if call.function == "originate")
    assert originate.arguments[2] == signature


async def test_a_score_is_published_where_the_product_asks_for_one(scene: OnChain) -> None:
    await scene.lent(minimumScore=600)

    publish, originate, *_ = scene.chain.written.values()
    assert (publish.function, originate.function) == ("publish", "originate")
    assert publish.arguments[0] == originate.arguments[1]["subject"]
    assert publish.arguments[1]["score"] >= 600
    assert len(publish.arguments[2]) == 1


async def test_the_offer_lapses_to_the_next_best_when_nobody_signs_in_seven_days(scene: OnChain) -> None:
    application_id = await scene.accepted()
    await scene.signs(application_id, 0)
    first = await scene.prepared(application_id)
    too_late = await refused(scene.world.withdraw(application_id))
    await scene.world.advance(scene.world.application(application_id), days=7.1)
    await scene.world.reaches(application_id, ApplicationStatus.OFFERED)

    await scene.world.accept_best(application_id)
    second = await scene.prepared(application_id)
    stale = ChainApproval(
        first.loan_id, SignerRole.UNDERWRITER, *approval(1, first.loan_key, first.terms), given_by="key_1"
    )

    assert too_late == ("too_late_to_withdraw", "status")
    assert second.loan_key != first.loan_key
    assert await refused(scene.gives(application_id, stale)) == ("nothing_to_sign", "loanId")
    assert (await scene.signs(application_id, 0)).approvals == 1
    assert scene.chain.written == {}


async def test_what_was_on_its_way_to_a_chain_that_was_away_is_cancelled_when_it_is_back(scene: OnChain) -> None:
    application_id = await scene.accepted()
    await scene.signs(application_id, 0)
    scene.chain.slow = asyncio.Event()
    await scene.signs(application_id, 1)
    chained = await scene.prepared(application_id)
    await eventually(lambda: scene.operations(chained.loan_id))

    status = await scene.world.lapse(application_id)
    scene.chain.slow.set()
    await scene.drained(chained.loan_id)

    assert status is ApplicationStatus.OFFERED
    assert scene.chain.functions == ["originate", "transition"]
    assert scene.contract(chained).state is S.CANCELLED


async def test_an_origination_that_is_refused_waits_for_an_operator_and_goes_on(scene: OnChain) -> None:
    application_id = await scene.accepted()
    scene.chain.refusals["originate"] = "EnforcedPause"
    await scene.signs(application_id, 0)
    await scene.signs(application_id, 1)
    await eventually(scene.tasks)
    (task,) = await scene.tasks()
    chained = await scene.prepared(application_id)
    del scene.chain.refusals["originate"]
    async with scene.world.database.transaction(TENANT) as session:
        ask_relay(session, TENANT, OutboxKind.CHAIN_OPERATIONS, _payload(chained))
    await eventually(lambda: _runs(scene.writes(chained.loan_id)))
    await scene.writes(chained.loan_id).execute_update(ChainWorkflow.retry_operation)
    await scene.drained(chained.loan_id)
    await scene.world.advance(scene.world.application(application_id), days=0.05)
    await scene.world.reaches(application_id, ApplicationStatus.DISBURSED)

    assert "EnforcedPause" in task.summary
    assert scene.chain.functions[:1] == ["originate"]
    assert all(each.resolved_at for each in await scene.tasks())


async def test_a_refused_origination_that_lapses_is_dropped(scene: OnChain) -> None:
    application_id = await scene.accepted()
    scene.chain.refusals["originate"] = "EnforcedPause"
    await scene.signs(application_id, 0)
    await scene.signs(application_id, 1)
    await eventually(scene.tasks)
    chained = await scene.prepared(application_id)

    await scene.world.lapse(application_id)

    assert [each.status for each in await scene.operations(chained.loan_id)] == [OperationStatus.DROPPED]


async def test_a_secured_loan_is_paid_out_when_its_collateral_is_there(scene: OnChain) -> None:
    scene.chain.covered = False
    application_id = await scene.accepted(secured=True, asset="USDC")
    await scene.signs(application_id, 0)
    await scene.signs(application_id, 1)
    chained = await scene.prepared(application_id)
    await scene.drained(chained.loan_id)
    still = (await scene.world.row(application_id)).status
    scene.chain.covered = True
    await scene.world.application(application_id).signal("chain_event", {"event_id": "chn_1"})
    await scene.world.reaches(application_id, ApplicationStatus.DISBURSED)

    assert still == ApplicationStatus.SIGNING
    assert chained.terms["borrower"] == ACCOUNTS.borrower.address
    assert chained.terms["principal"] == 25_000_000000
    assert chained.scale == 4


async def test_a_payout_that_the_rail_refuses_cancels_the_loan_on_chain(
    temporal_client: Client, database: DatabaseUrls
) -> None:
    rail = FakeRail(outcome=TransferStatus.FAILED)
    async with opened(temporal_client, database, rail) as scene:
        application_id = await scene.accepted()
        await scene.signs(application_id, 0)
        await scene.signs(application_id, 1)
        chained = await scene.prepared(application_id)
        await scene.world.reaches(application_id, ApplicationStatus.DISBURSEMENT_FAILED)
        await scene.drained(chained.loan_id)

        assert scene.chain.functions == ["originate", "transition"]
        assert scene.contract(chained).state is S.CANCELLED


async def test_servicing_does_not_wait_for_a_chain_that_is_away(scene: OnChain) -> None:
    loan = await scene.lent()
    rows = await scene.world.installments(loan.id)
    scene.chain.away = True
    await scene.world.to_day(loan, rows[0].due_on + timedelta(days=5))
    await scene.world.pay(loan, 1_000_00)
    posted = await scene.world.loan(loan.id)
    before = list(scene.chain.functions)
    scene.chain.away = False
    await scene.drained(loan.id)

    assert before == ["originate", "fund"]
    assert posted.outstanding_minor < sum(row.principal_minor + row.interest_minor for row in rows)
    chained = await scene.agrees(loan.id)
    assert chained.told_state == S.DELINQUENT
    assert "repay" in scene.chain.functions


async def test_a_refused_write_halts_those_after_it_until_an_operator_retries(scene: OnChain) -> None:
    loan = await scene.lent()
    scene.chain.refusals["repay"] = "InterestAboveCap"
    await scene.world.pay(loan, 1_000_00)
    await scene.world.pay(loan, 500_00)
    await eventually(scene.tasks)
    await eventually(lambda: _is_halted(scene.writes(loan.id)))
    held = [each.status for each in await scene.operations(loan.id)][2:]
    del scene.chain.refusals["repay"]
    await scene.writes(loan.id).execute_update(ChainWorkflow.retry_operation)
    await scene.drained(loan.id)

    assert held == [OperationStatus.FAILED, OperationStatus.PENDING]
    assert scene.chain.functions == ["originate", "fund", "repay", "repay"]
    await scene.agrees(loan.id)


async def test_no_write_is_missed_however_close_to_the_end_of_the_process_it_comes(scene: OnChain) -> None:
    loan = await scene.lent()
    for _ in range(8):
        await scene.world.pay(loan, 10_00)
    await scene.drained(loan.id)

    chained = await scene.agrees(loan.id)
    assert chained.told_interest + 25_000_00 - chained.told_outstanding == 80_00
    assert await scene.tasks() == []


async def test_a_write_that_comes_while_the_process_says_its_last_word_is_carried_out(scene: OnChain) -> None:
    loan = await scene.lent()
    scene.chain.slow_look = asyncio.Event()
    before = scene.chain.looked
    await scene.world.pay(loan, 100_00)
    await eventually(lambda: scene.chain.looked > before, what="the process to compare with the ledger")
    await scene.world.pay(loan, 50_00)
    scene.chain.slow_look.set()
    await scene.drained(loan.id)

    await scene.agrees(loan.id)
    assert scene.chain.functions == ["originate", "fund", "repay", "repay"]


async def test_a_loan_that_is_paid_off_is_closed_on_chain_and_one_paid_back_is_open_again(scene: OnChain) -> None:
    loan = await scene.lent()
    payment_id = await scene.world.pay(loan, 30_000_00)
    await scene.drained(loan.id)
    closed = await scene.agrees(loan.id)
    async with scene.world.database.transaction(TENANT) as session:
        found = await session.execute(select(TransactionRow).where(col(TransactionRow.payment_id) == payment_id))
        transaction_id = found.scalar_one().id
    order = TransactionOrder("txn_undo", TransactionKind.REVERSAL, reverses=transaction_id, reason="bounced")
    await scene.world.order_again(loan, order)
    await scene.drained(loan.id)
    reopened = await scene.agrees(loan.id)

    assert (closed.told_state, closed.told_outstanding) == (S.CLOSED, 0)
    assert (reopened.told_state, reopened.told_outstanding) == (S.ACTIVE, 25_000_00)
    assert reopened.told_interest == 0


async def test_a_returned_payout_cancels_the_loan_on_chain(scene: OnChain) -> None:
    loan = await scene.lent()
    await scene.world.return_disbursement(loan)
    await eventually(lambda: _has_status(scene.world, loan.id, LoanStatus.CANCELLED))
    await scene.drained(loan.id)

    assert (await scene.agrees(loan.id)).told_state == S.CANCELLED


def _payload(chained: ChainLoan) -> dict[str, str]:
    return {"loanId": chained.loan_id, "applicationId": chained.application_id}


async def _runs(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        await handle.describe()
    except RPCError:
        return False
    return True


async def _is_halted(handle: WorkflowHandle[Any, Any]) -> bool:
    return await handle.query(ChainWorkflow.halted) is not None


async def _has_status(world: World, loan_id: str, status: LoanStatus) -> bool:
    return (await world.loan(loan_id)).status == status
