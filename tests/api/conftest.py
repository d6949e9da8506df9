from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from api.settings import ApiSettings
from tests.api.worlds import RAIL_SECRET, World, opened
from workers.embedded.postgres import DATABASE, OWNER, SUPERUSER, DatabaseUrls, Postgres


@pytest.fixture(scope="session")
async def rows(postgres: Postgres, migrated: DatabaseUrls) -> DatabaseUrls:  # noqa: ARG001 - ordered
    """One database for all of these tests: each has a tenant of its own, and tenants are walls."""
    fresh, template, owner = (sql.Identifier(name) for name in ("test_api", DATABASE, OWNER))
    url = postgres.url(SUPERUSER, "postgres", driver="postgresql")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(fresh, template, owner))
    return postgres.urls("test_api")


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(mode="sandbox", rail_secret_key=SecretStr(RAIL_SECRET), process_timeout_seconds=0.3)


@pytest.fixture
async def world(rows: DatabaseUrls, settings: ApiSettings) -> AsyncIterator[World]:
    async with opened(rows, settings) as world:
        yield world
