"""One database for the tests of a module, in which only the transactions of a chain are cleared away between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql

from workers.embedded.postgres import DATABASE, OWNER, SUPERUSER, DatabaseUrls, Postgres

_CLEAR = "TRUNCATE caas_chain_tx, caas_chain_signer"


@asynccontextmanager
async def chain_database(postgres: Postgres, name: str) -> AsyncIterator[DatabaseUrls]:
    """A database like the migrated one; call `clear` before each test."""
    fresh, template, owner = sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER)
    url = postgres.url(SUPERUSER, "postgres", driver="postgresql")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(fresh, template, owner))
        yield postgres.urls(name)
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(fresh))


async def clear(urls: DatabaseUrls) -> None:
    """As after a restore from before anything was written."""
    url = urls.owner.replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_CLEAR)
