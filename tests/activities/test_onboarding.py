"""A provider's rows under its workflow's steps, each of which may run twice."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import SQLModel, col, select

from activities.onboarding import (
    At,
    Noted,
    NumberTaken,
    Onboarding,
    Ordered,
    OrderKind,
    ProviderOrder,
    Warned,
    all_waived,
    approve_at_once,
)
from activities.provider_rows import UnknownProvider, provider_in
from models.licensing import License, LicenseExpired
from models.onboarding import Finding, OnboardingIncomplete, ProviderRef, Standing, Step
from models.records.database import Database
from models.records.outbox import Delivery
from models.records.providers import Provider, ProviderHistory
from models.records.tenants import Tenant
from tests.activities.newcomers import arrived, newcomer
from workers.embedded.postgres import DatabaseUrls

TENANT, REF = "tenant_onboarding", ProviderRef("tenant_onboarding", "provider_1")
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
WAIVE_ALL = all_waived("sandbox")


@dataclass
class Office:
    """The rows, and the steps on them."""

    database: Database
    onboarding: Onboarding

    async def add(self, **columns: Any) -> None:
        provider_id = columns.pop("id", REF.provider_id)
        async with self.database.transaction(TENANT) as session:
            await arrived(session, newcomer(TENANT, provider_id, **columns))

    async def begin(self) -> Standing:
        return await self.onboarding.begin(At(REF, AT))

    async def order(self, kind: OrderKind, *, key: str = "", at: datetime = AT, **what: Any) -> Standing:
        order = ProviderOrder(key or f"order_{kind}", kind, "key_1", "because", **what)
        return await self.onboarding.carry_out(Ordered(REF, order, at))

    async def active(self) -> None:
        await self.begin()
        await self.order(OrderKind.APPROVE, waive=WAIVE_ALL)

    async def rows(self, table: type[SQLModel]) -> list[Any]:
        async with self.database.transaction(TENANT) as session:
            return list((await session.execute(select(table))).scalars())

    async def actions(self) -> list[str]:
        query = select(ProviderHistory).order_by(col(ProviderHistory.sequence))
        async with self.database.transaction(TENANT) as session:
            return [row.action for row in (await session.execute(query)).scalars()]


@pytest.fixture
async def office(database: DatabaseUrls) -> AsyncIterator[Office]:
    opened = Database(database.app)
    async with opened.transaction(TENANT) as session:
        session.add(Tenant(tenant_id=TENANT, name="Platform"))
    yield Office(opened, Onboarding(opened))
    await opened.close()


async def test_what_its_own_row_says_is_known_when_the_review_begins(office: Office) -> None:
    await office.add()

    standing, again = await office.begin(), await office.begin()

    assert standing == again
    assert (standing.status, standing.failed) == ("in_review", ())
    assert set(standing.pending) == {
        Step.KYB_VERIFIED,
        Step.SANCTIONS_CLEAR,
        Step.WEBHOOK_URL_VERIFIED,
        Step.SANDBOX_CERTIFIED,
    }
    assert await office.actions() == ["begun"]
    assert await office.rows(Delivery) == []


async def test_a_row_that_says_something_wrong_fails_its_step(office: Office) -> None:
    await office.add(registration_number="!", license_expires_on=date(2026, 11, 23), exposure_limit_minor=1)

    standing = await office.begin()

    assert set(standing.failed) == {
        Step.REGISTRATION_NUMBER_VALID,
        Step.LICENSES_VALID,
        Step.CAPACITY_ASSESSED,
    }


async def test_a_finding_is_noted_once(office: Office) -> None:
    await office.add()
    await office.begin()
    hit = Noted(REF, Finding(Step.SANCTIONS_CLEAR, passed=False, reason="score 97 on list 1"), AT)

    assert await office.onboarding.note(hit) == await office.onboarding.note(hit)
    assert await office.actions() == ["begun", "sanctions_clear failed"]


async def test_an_order_whose_answer_was_lost_is_carried_out_once(office: Office) -> None:
    await office.add()
    await office.begin()

    first = await office.order(OrderKind.APPROVE, waive=WAIVE_ALL)
    again = await office.order(OrderKind.APPROVE, waive=WAIVE_ALL)

    assert first == again
    assert await office.actions() == ["begun", "approve"]
    # Its URL is not verified, so only the mail leaves.
    assert [row.channel for row in await office.rows(Delivery)] == ["mail"]


async def test_an_approval_with_something_missing_changes_nothing(office: Office) -> None:
    await office.add()
    await office.begin()

    with pytest.raises(OnboardingIncomplete, match="kyb_verified"):
        await office.order(OrderKind.APPROVE)

    [provider] = await office.rows(Provider)
    assert provider.status == "in_review"
    assert await office.actions() == ["begun"]


async def test_a_workflow_that_begins_after_the_short_cut_finds_the_provider_active(office: Office) -> None:
    await office.add()
    async with office.database.transaction(TENANT) as session:
        order = ProviderOrder("short", OrderKind.APPROVE, "key_1", "activated", WAIVE_ALL)
        await approve_at_once(session, await provider_in(session, REF, lock=True), order, AT)

    standing = await office.begin()

    assert (standing.status, standing.pending, standing.failed) == ("active", (), ())
    assert await office.actions() == ["approve"]


async def test_a_provider_that_was_active_before_there_were_checks_is_not_checked(office: Office) -> None:
    await office.add(status="active")

    standing = await office.begin()

    assert (standing.status, standing.pending) == ("active", ())


async def test_an_expiry_suspends_who_is_active_once(office: Office) -> None:
    await office.add(license_expires_on=date(2026, 12, 31))
    await office.active()

    last_day = await office.onboarding.expire(At(REF, datetime(2026, 12, 31, 23, tzinfo=UTC)))
    over = [await office.onboarding.expire(At(REF, datetime(2027, 1, 1, tzinfo=UTC))) for _ in range(2)]

    assert last_day.status == "active"
    assert [each.status for each in over] == ["suspended"] * 2
    assert over[0].failed == (Step.LICENSES_VALID,)
    assert (await office.actions())[2:] == ["suspend"]
    with pytest.raises(LicenseExpired):
        await office.order(OrderKind.REINSTATE, at=datetime(2027, 1, 2, tzinfo=UTC))


async def test_a_notice_is_given_once(office: Office) -> None:
    await office.add()
    await office.active()

    for _ in range(2):
        await office.onboarding.warn(Warned(REF, 30, AT + timedelta(days=1)))

    assert (await office.actions())[2:] == ["license_notice"]
    assert [row.subject for row in await office.rows(Delivery) if row.channel == "webhook"] == [
        "provider_status_changed"
    ]


async def test_the_first_license_to_end_is_the_one_that_counts(office: Office) -> None:
    await office.add()
    await office.begin()
    licenses = tuple(License("B", f"BL-{year}", "Fed", date(year, 1, 1)) for year in (2040, 2030))

    standing = await office.order(OrderKind.RENEW_LICENSE, licenses=licenses)

    [provider] = await office.rows(Provider)
    assert standing.license_expires_on == provider.license_expires_on == date(2030, 1, 1)
    assert [each["licenseNumber"] for each in provider.licenses] == ["BL-2040", "BL-2030"]
    with pytest.raises(LicenseExpired) as refusal:
        await office.order(
            OrderKind.RENEW_LICENSE, key="late", licenses=(licenses[0], License("B", "1", "F", date(2020, 1, 1)))
        )
    assert refusal.value.field == "licenses[1].expiryDate"


async def test_a_correction_does_not_take_the_number_of_another(office: Office) -> None:
    await office.add()
    await office.add(id="provider_2", registration_number="BC2")
    await office.begin()

    with pytest.raises(NumberTaken) as refusal:
        await office.order(OrderKind.RECHECK, registration_number="BC2")

    assert refusal.value.field == "registrationNumber"


async def test_a_provider_that_is_not_there_is_refused(office: Office) -> None:
    with pytest.raises(UnknownProvider):
        await office.begin()


async def test_a_history_stays_as_it_was_written(office: Office) -> None:
    await office.add()
    await office.begin()

    with pytest.raises((IntegrityError, ProgrammingError)):
        async with office.database.transaction(TENANT) as session:
            await session.execute(delete(ProviderHistory))
