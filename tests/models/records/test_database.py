"""What the database itself keeps, whatever the code above it does."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlmodel import select

from models.records.database import Database, new_id
from models.records.ledger import EntryRow, JournalRow
from models.records.outbox import OutboxKind, OutboxRow, ask_relay, claim, postpone, settle
from models.records.tables import METADATA, TABLES
from models.records.tenants import ApiKey, Tenant
from workers.embedded.postgres import DatabaseUrls

ONE, TWO = "tenant_one", "tenant_two"


@pytest.fixture
async def rows(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.app)
    for tenant_id in (ONE, TWO):
        async with opened.transaction(tenant_id) as session:
            session.add(Tenant(tenant_id=tenant_id, name=tenant_id))
    yield opened
    await opened.close()


@pytest.fixture
async def relay(database: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database(database.relay)
    yield opened
    await opened.close()


def test_the_migrations_make_the_tables_the_code_expects(database: DatabaseUrls) -> None:
    engine = create_engine(database.owner)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_row_level_security_is_forced_on_every_table(database: DatabaseUrls) -> None:
    engine = create_engine(database.owner)
    with engine.connect() as connection:
        forced = connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relname LIKE 'caas_%'")
        ).scalars()
        assert set(forced) == {table.__tablename__ for table in TABLES}
    engine.dispose()


def test_the_roles_are_neither_superuser_nor_above_the_walls(database: DatabaseUrls) -> None:
    engine = create_engine(database.owner)
    query = text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'caas_%' ORDER BY 1")
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [
            ("caas_app", False, False),
            ("caas_owner", False, False),
            ("caas_relay", False, False),
        ]
    engine.dispose()


async def test_a_tenant_sees_its_own_rows_only(rows: Database) -> None:
    async with rows.transaction(ONE) as session:
        assert [tenant.name for tenant in (await session.execute(select(Tenant))).scalars()] == [ONE]


async def test_without_a_tenant_nothing_is_seen(rows: Database) -> None:
    async with rows.transaction(ONE):
        pass

    async with rows.transaction() as session:
        assert (await session.execute(select(Tenant))).scalars().all() == []


async def test_a_row_cannot_be_written_into_another_tenant(rows: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with rows.transaction(ONE) as session:
            session.add(Tenant(tenant_id="tenant_three", name="forged"))


async def test_who_knows_the_hash_of_a_key_sees_that_key_and_no_other(rows: Database) -> None:
    for tenant_id in (ONE, TWO):
        async with rows.transaction(tenant_id) as session:
            session.add(
                ApiKey(
                    tenant_id=tenant_id, id=new_id("key"), key_hash=f"hash of {tenant_id}", prefix="p", last_four="1234"
                )
            )

    async with rows.transaction(api_key_hash=f"hash of {TWO}") as session:
        assert [key.tenant_id for key in (await session.execute(select(ApiKey))).scalars()] == [TWO]


async def test_an_unbalanced_journal_cannot_be_committed(rows: Database) -> None:
    with pytest.raises(IntegrityError, match="out of balance by 1 minor units"):
        await _book(rows, "unbalanced", [3, -2])


async def test_what_is_booked_cannot_be_changed_or_removed(rows: Database, database: DatabaseUrls) -> None:
    await _book(rows, "balanced", [3, -3])

    for statement in ("UPDATE caas_entry SET amount_minor = 0", "DELETE FROM caas_journal"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with rows.transaction(ONE) as session:
                await session.execute(text(statement))
    owner = create_engine(database.owner)
    with pytest.raises(DBAPIError, match="append-only"), owner.begin() as connection:
        connection.execute(text("TRUNCATE caas_entry CASCADE"))
    owner.dispose()


async def test_the_same_journal_is_booked_once(rows: Database) -> None:
    await _book(rows, "once", [3, -3])

    with pytest.raises(IntegrityError, match="caas_journal_key"):
        await _book(rows, "once", [3, -3])


async def test_the_relay_claims_every_tenants_work_once_and_again_when_the_lease_is_over(
    rows: Database, relay: Database
) -> None:
    for tenant_id in (ONE, TWO):
        async with rows.transaction(tenant_id) as session:
            ask_relay(session, tenant_id, OutboxKind.DELIVER, {})

    first, second = await _claimed(relay, lease_seconds=60), await _claimed(relay, lease_seconds=60)
    async with relay.transaction() as session:
        await postpone(session, first[0].id or 0, error="later", seconds=0)
        await settle(session, [first[1].id or 0])
    third = await _claimed(relay, lease_seconds=60)

    assert [row.tenant_id for row in first] == [ONE, TWO]
    assert second == []
    assert [(row.id, row.attempts, row.last_error) for row in third] == [(first[0].id, 2, "later")]


async def test_work_left_in_a_transaction_that_fails_is_not_there(rows: Database, relay: Database) -> None:
    with pytest.raises(IntegrityError):
        await _ask_and_fail(rows)

    assert await _claimed(relay, lease_seconds=60) == []


async def _ask_and_fail(rows: Database) -> None:
    async with rows.transaction(ONE) as session:
        ask_relay(session, ONE, OutboxKind.DELIVER, {})
        session.add(Tenant(tenant_id=ONE, name="the same again"))


async def _claimed(relay: Database, *, lease_seconds: int) -> list[OutboxRow]:
    async with relay.transaction() as session:
        return sorted(await claim(session, 10, lease_seconds=lease_seconds), key=lambda row: row.id or 0)


async def _book(rows: Database, key: str, amounts: list[int]) -> None:
    journal_id = new_id("jrn")
    async with rows.transaction(ONE) as session:
        session.add(
            JournalRow(
                tenant_id=ONE,
                id=journal_id,
                key=key,
                loan_id="loan_1",
                booked_on=date(2026, 1, 1),
                currency="USD",
                description=key,
            )
        )
        await session.flush()
        session.add_all(
            EntryRow(tenant_id=ONE, journal_id=journal_id, line=line, account="cash", amount_minor=amount)
            for line, amount in enumerate(amounts, 1)
        )
