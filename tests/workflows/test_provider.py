"""One provider's life: checked, approved, warned, suspended when a license ends, and let lend again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper

from activities.onboarding import OrderKind, ProviderOrder, all_waived
from models.licensing import License, next_license_moment
from models.onboarding import Checklist, ProviderRef, ProviderStatus, Step, StepState, Waiver
from models.records.outbox import Delivery, OutboxKind, ask_relay
from models.records.providers import Provider, ProviderHistory
from temporal import search_attributes as sa
from tests.activities.newcomers import SECRET, arrived, newcomer
from tests.workflows.fakes import FakeEndpoint, FakeRail
from tests.workflows.world import TENANT, World, eventually, refused, running
from workers.embedded.postgres import DatabaseUrls
from workflows.provider import ProviderAnswer, ProviderStart, ProviderWorkflow, provider_workflow_id

_numbers = count(1)
_PASSED, _FAILED, _WAIVED = StepState.PASSED, StepState.FAILED, StepState.WAIVED


@dataclass
class Desk:
    """An operator, and the newcomer before it."""

    world: World
    endpoint: FakeEndpoint
    newcomer: str = field(default_factory=lambda: f"provider_newcomer_{next(_numbers)}")

    async def register(self, *, license_days: int = 365, **columns: Any) -> None:
        """Put the newcomer on record as the API does."""
        await self.add(license_days=license_days, **columns)
        async with self.world.database.transaction(TENANT) as session:
            ask_relay(session, TENANT, OutboxKind.START_PROVIDER, {"providerId": self.newcomer})

    async def add(self, *, license_days: int = 365, **columns: Any) -> None:
        """The same, with nobody asked to start its process."""
        ends_on = datetime.now(UTC).date() + timedelta(days=license_days)
        row = {"company_name": "Newcomer Credit", "webhook_secret": SECRET, "license_expires_on": ends_on} | columns
        async with self.world.database.transaction(TENANT) as session:
            await arrived(session, newcomer(TENANT, self.newcomer, **row))

    async def checked(self) -> None:
        """Wait until every stranger has answered."""

        async def look() -> bool:
            provider = await self.provider()
            return provider.status != ProviderStatus.PENDING and not Checklist.read(provider.checklist).pending

        await eventually(look, what="all checks", seconds=60)

    async def order(self, kind: OrderKind, key: str = "", **what: Any) -> ProviderAnswer:
        order = ProviderOrder(key or f"order_{kind}", kind, "key_operator", f"because of {kind}", **what)
        answer: ProviderAnswer = await self.workflow.execute_update(getattr(ProviderWorkflow, kind), order, id=order.id)
        return answer

    async def becomes(self, status: ProviderStatus) -> None:
        async def look() -> bool:
            return (await self.provider()).status == status

        await eventually(look, what=f"the provider to be {status}")

    async def provider(self) -> Provider:
        async with self.world.database.transaction(TENANT) as session:
            return await session.get_one(Provider, (TENANT, self.newcomer))

    async def states(self) -> dict[Step, StepState]:
        return {step: mark.state for step, mark in Checklist.read((await self.provider()).checklist).marks.items()}

    async def reason(self, step: Step) -> str:
        return Checklist.read((await self.provider()).checklist).marks[step].reason or ""

    async def history(self) -> list[ProviderHistory]:
        query = select(ProviderHistory).order_by(col(ProviderHistory.sequence))
        async with self.world.database.transaction(TENANT) as session:
            return list((await session.execute(query)).scalars())

    async def to(self, moment: datetime) -> None:
        now = await TimeSkipper(self.world.client).get_current_time(self.workflow)
        await self.world.advance(self.workflow, days=(moment - now) / timedelta(days=1))

    @property
    def workflow(self) -> WorkflowHandle[ProviderWorkflow, ProviderStatus]:
        return self.world.client.get_workflow_handle_for(ProviderWorkflow.run, provider_workflow_id(self.newcomer))


@pytest.fixture
async def desk(temporal_client: Client, database: DatabaseUrls) -> AsyncIterator[Desk]:
    endpoint = FakeEndpoint(secret=SECRET)
    async with running(temporal_client, database, FakeRail(), providers=(), postbox=endpoint) as world:
        yield Desk(world, endpoint)


async def test_a_provider_is_checked_by_itself_and_lends_when_an_operator_approves(desk: Desk) -> None:
    await desk.register()
    await desk.checked()
    before = await desk.provider()
    reviewed = await desk.states()

    answer = await desk.order(OrderKind.APPROVE)

    assert before.status == "in_review"
    assert {state for step, state in reviewed.items() if step is not Step.APPROVED} == {_PASSED}
    assert answer == ProviderAnswer(ProviderStatus.ACTIVE, ())
    assert ((await desk.provider()).status, (await desk.states())[Step.APPROVED]) == ("active", _PASSED)
    last = (await desk.history())[-1]
    assert (last.actor, last.action, last.reason) == ("key_operator", "approve", "because of approve")
    found = (await desk.workflow.describe()).typed_search_attributes
    assert (found[sa.PROVIDER], found[sa.STATUS], found[sa.NEEDS_ATTENTION]) == (desk.newcomer, "active", False)
    await eventually(lambda: "You can lend now" in desk.world.mailer.subjects())


async def test_an_approval_that_comes_early_waits_for_the_checks(desk: Desk) -> None:
    desk.world.bureau.down = 2
    await desk.register()
    await desk.becomes(ProviderStatus.IN_REVIEW)

    answer = await desk.order(OrderKind.APPROVE)

    assert (answer.status, desk.world.bureau.down) == ("active", 0)
    assert set((await desk.states()).values()) == {_PASSED}


async def test_what_failed_is_named_and_may_be_waived_with_a_reason(desk: Desk) -> None:
    desk.world.bureau.hits.add("Newcomer Credit")
    desk.world.bureau.unknown.add("BC123456789")
    await desk.register()
    await desk.checked()

    refusal = await refused(desk.order(OrderKind.APPROVE, "too early"))
    half = await refused(desk.order(OrderKind.APPROVE, "half", waive=(Waiver(Step.KYB_VERIFIED, "seen the papers"),)))
    never = await refused(desk.order(OrderKind.APPROVE, "never", waive=(Waiver(Step.LICENSES_VALID, "oh well"),)))
    waivers = (Waiver(Step.KYB_VERIFIED, "seen the papers"), Waiver(Step.SANCTIONS_CLEAR, "a namesake"))
    answer = await desk.order(OrderKind.APPROVE, waive=waivers)

    assert (refusal, half) == (("onboarding_incomplete", "waive"), ("onboarding_incomplete", "waive"))
    assert never == ("not_waivable", "waive[0].step")
    assert answer.status == "active"
    states = await desk.states()
    assert (states[Step.KYB_VERIFIED], states[Step.SANCTIONS_CLEAR]) == (_WAIVED, _WAIVED)
    assert (await desk.history())[-1].data == {
        "waived": {"kyb_verified": "seen the papers", "sanctions_clear": "a namesake"}
    }


async def test_everything_may_be_waived_while_a_register_is_down(desk: Desk) -> None:
    desk.world.bureau.down = 10_000
    await desk.register()
    await desk.becomes(ProviderStatus.IN_REVIEW)

    answer = await desk.order(OrderKind.APPROVE, waive=all_waived("sandbox"))

    assert answer == ProviderAnswer(ProviderStatus.ACTIVE, ())


async def test_a_provider_whose_number_was_wrong_corrects_it_and_is_checked_anew(desk: Desk) -> None:
    desk.world.bureau.unknown.add("BC123456789")
    await desk.register()
    await desk.checked()

    await desk.order(OrderKind.RECHECK, registration_number="BC000000001", company_name="Newcomer Inc")
    await desk.checked()

    provider = await desk.provider()
    assert (provider.registration_number, provider.company_name) == ("BC000000001", "Newcomer Inc")
    assert desk.world.bureau.verified[-1] == "BC000000001"
    assert (await desk.states())[Step.KYB_VERIFIED] is _PASSED


Misbehave = Callable[[FakeEndpoint], None]


def _mute(endpoint: FakeEndpoint) -> None:
    endpoint.mute_challenge = True


def _gullible(endpoint: FakeEndpoint) -> None:
    endpoint.accepts_forged = True


MISBEHAVIORS: list[tuple[Misbehave, Step, str]] = [
    (_mute, Step.WEBHOOK_URL_VERIFIED, "the answer to the challenge"),
    (_gullible, Step.SANDBOX_CERTIFIED, "a message signed by somebody else was answered with HTTP 200"),
]


@pytest.mark.parametrize(("misbehave", "step", "reason"), MISBEHAVIORS)
async def test_an_endpoint_that_is_not_as_it_must_be_fails_after_a_few_tries(
    desk: Desk, misbehave: Misbehave, step: Step, reason: str
) -> None:
    misbehave(desk.endpoint)
    await desk.register()
    await desk.becomes(ProviderStatus.IN_REVIEW)

    await _until(desk, desk.checked, minutes=2)

    assert (await desk.states())[step] is _FAILED
    assert reason in await desk.reason(step)


async def test_a_license_that_ends_is_heard_of_twice_and_then_suspends(desk: Desk) -> None:
    await desk.register(license_days=60)
    await desk.checked()
    await desk.order(OrderKind.APPROVE)
    last_day = (await desk.provider()).license_expires_on

    await desk.to(datetime(last_day.year, last_day.month, last_day.day, 23, tzinfo=UTC))
    still = await desk.provider()
    await desk.to(datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(days=1, hours=1))

    assert still.status == "active"
    await desk.becomes(ProviderStatus.SUSPENDED)
    assert [row.action for row in await desk.history()][-3:] == ["license_notice", "license_notice", "suspend"]
    assert (await desk.history())[-1].actor == "engine"
    await eventually(
        lambda: {"A license ends in 30 days", "A license ends in 7 days"} <= {*desk.world.mailer.subjects()}
    )
    assert await refused(desk.order(OrderKind.REINSTATE)) == ("license_expired", "licenses[0].expiryDate")

    await desk.order(OrderKind.RENEW_LICENSE, licenses=(_license(last_day + timedelta(days=365)),))
    answer = await desk.order(OrderKind.REINSTATE, "again")

    assert answer.status == "active"
    assert (await desk.states())[Step.LICENSES_VALID] is _PASSED


async def test_a_renewed_license_is_not_suspended(desk: Desk) -> None:
    await desk.register(license_days=20)
    await desk.checked()
    await desk.order(OrderKind.APPROVE)
    last_day = (await desk.provider()).license_expires_on

    await desk.order(OrderKind.RENEW_LICENSE, licenses=(_license(last_day + timedelta(days=365)),))
    await desk.to(datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(days=2))

    assert (await desk.provider()).status == "active"


async def test_orders_that_do_not_fit_are_refused_and_change_nothing(desk: Desk) -> None:
    await desk.register()
    await desk.checked()

    in_review = [await refused(desk.order(kind, f"r-{kind}")) for kind in (OrderKind.SUSPEND, OrderKind.REINSTATE)]
    await desk.order(OrderKind.APPROVE)
    active = [await refused(desk.order(kind, f"a-{kind}")) for kind in (OrderKind.APPROVE, OrderKind.REJECT)]
    late = await refused(desk.order(OrderKind.RECHECK, company_name="Somebody Else"))

    assert in_review == [("illegal_transition", "status")] * 2
    assert active == [("not_in_review", "status"), ("illegal_transition", "status")]
    assert late == ("not_in_review", "status")
    assert (await desk.provider()).company_name == "Newcomer Credit"


async def test_the_same_order_is_carried_out_once(desk: Desk) -> None:
    await desk.register()
    await desk.checked()
    await desk.order(OrderKind.APPROVE, "once")

    again = await desk.order(OrderKind.APPROVE, "once")

    assert again.status == "active"
    assert [row.action for row in await desk.history()].count("approve") == 1


async def test_a_suspended_provider_is_reinstated_or_turned_away_for_good(desk: Desk) -> None:
    await desk.register()
    await desk.checked()
    await desk.order(OrderKind.APPROVE)

    await desk.order(OrderKind.SUSPEND)
    await desk.order(OrderKind.REINSTATE)
    await desk.order(OrderKind.SUSPEND, "suspend again")
    rejected = await desk.order(OrderKind.REJECT)

    assert rejected.status == "rejected"
    assert await desk.workflow.result() is ProviderStatus.REJECTED
    told = [row.subject for row in await desk.world._all(select(Delivery)) if row.channel == "webhook"]  # noqa: SLF001
    assert told.count("provider_status_changed") == 5


async def test_what_a_run_has_answered_the_next_run_answers_again(desk: Desk) -> None:
    await desk.add()
    carried = ProviderAnswer(ProviderStatus.SUSPENDED, (Step.KYB_VERIFIED,))
    heard = next_license_moment(date(2030, 1, 1), now=datetime(2029, 12, 30, tzinfo=UTC))
    start = ProviderStart(ProviderRef(TENANT, desk.newcomer), {"order_suspend": carried}, heard)
    await desk.world.client.start_workflow(
        ProviderWorkflow.run, start, id=provider_workflow_id(desk.newcomer), task_queue=desk.world.queue
    )

    assert await desk.order(OrderKind.SUSPEND) == carried
    await desk.becomes(ProviderStatus.IN_REVIEW)
    assert "suspend" not in [row.action for row in await desk.history()]


async def _until(desk: Desk, happens: Callable[[], Awaitable[None]], *, minutes: int) -> None:
    """The pauses between tries are long for a test, so the clock is moved over them."""
    await desk.world.advance(desk.workflow, days=minutes / 1440)
    await happens()


def _license(expires_on: date) -> License:
    return License("Banking License", "BL-2", "Federal Reserve", expires_on)
