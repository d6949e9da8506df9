"""One PostgreSQL and one Temporal server for the whole run; a database of its own for each test that asks."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import psycopg
import pytest
from psycopg import sql
from temporalio.client import Client

from temporal.client import connect
from temporal.settings import TemporalSettings
from workers.embedded.ports import any_free
from workers.embedded.postgres import DATABASE, OWNER, SUPERUSER, DatabaseUrls, Postgres
from workers.embedded.secrets import Secrets
from workers.embedded.temporal_server import TemporalServer

_numbers = count(1)


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    """A cluster that forgets everything afterwards."""
    state_dir = tmp_path_factory.mktemp("postgres")
    server = Postgres(state_dir, any_free(), Secrets(state_dir / "secrets.json"), throwaway=True)
    child = await server.start()
    yield server
    await child.stop()


@pytest.fixture(scope="session")
async def migrated(postgres: Postgres) -> DatabaseUrls:
    """The database as the migrations leave it; a template, so nobody else connects to it."""
    from workers.migrate import migrate  # noqa: PLC0415 - most tests need no Alembic

    urls = postgres.urls()
    await asyncio.to_thread(migrate, urls)
    return urls


@pytest.fixture
async def database(postgres: Postgres, migrated: DatabaseUrls) -> AsyncIterator[DatabaseUrls]:  # noqa: ARG001 - ordered
    """A migrated, empty database for this test alone, in which it may commit."""
    name = f"test_{next(_numbers)}"
    fresh, template, owner = sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER)
    url = postgres.url(SUPERUSER, "postgres", driver="postgresql")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(fresh, template, owner))
        yield postgres.urls(name)
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(fresh))


@pytest.fixture(scope="session")
async def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """The server of `caas up`, with its search attributes and with time skipping allowed.

    Each test's world has a task queue of its own, of one build: beyond the usual hundred of them, the server would send
    the retries of activities to nobody.
    """
    more = {"matching.maxTaskQueuesInDeploymentVersion": "10000"}
    server = TemporalServer(tmp_path_factory.mktemp("temporal"), any_free(), any_free(), more_config=more)
    child = await server.start()
    yield server
    await child.stop()


@pytest.fixture(scope="session")
async def temporal_client(temporal_server: TemporalServer) -> Client:
    return await connect(TemporalSettings(address=temporal_server.address))
