"""The engine and the only commit: one transaction for one tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import urandom
from time import time

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from models.ids import sortable_id
from models.records.outbox import write_what_is_left
from models.records.plugins import hand_to_plugins
from models.records.provider_messages import write_what_was_told


class DatabaseSettings(BaseSettings):
    """Where the rows are. The application and the relay connect with roles that row-level security holds."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    database_url: str = "postgresql+psycopg://caas_app@127.0.0.1:5432/caas"
    relay_database_url: str = "postgresql+psycopg://caas_relay@127.0.0.1:5432/caas"
    database_pool_size: int = Field(default=10, ge=1)


class Database:
    """Transactions on one PostgreSQL role. Nothing else in the project opens or commits one."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # an error would log them, and they are people's data
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, tenant_id: str = "", **knowing: str) -> AsyncIterator[AsyncSession]:
        """One transaction that sees the rows of `tenant_id` only; committed on leaving, rolled back on an error.

        `knowing` names a secret or an address the caller holds (`api_key_hash`, `rail_address`) before it knows the
        tenant: the policy of that one table shows the one row that carries it.
        """
        async with self._sessions() as session, session.begin():
            await session.execute(*_setting({"tenant_id": tenant_id, **knowing}))
            yield session
            await hand_to_plugins(session)
            await write_what_is_left(session)
            await write_what_was_told(session)

    async def close(self) -> None:
        """Return every connection."""
        await self._engine.dispose()


def _setting(settings: dict[str, str]) -> tuple[TextClause, dict[str, str]]:
    """One statement for all of them, for the length of the transaction."""
    calls = ", ".join(f"set_config('app.{name}', :{name}, true)" for name in settings)
    return text(f"SELECT {calls}"), settings


def new_id(prefix: str) -> str:
    """A fresh identifier that sorts by creation time."""
    return sortable_id(prefix, at_ms=int(time() * 1000), entropy=urandom(10))
