"""Everything a provider was told, in an order that a reader can follow without ever missing a line.

Sequence numbers are given out before a transaction commits, so a row with a low number can appear after one with a
high number has been read: "everything after the last number" skips it for good. A row here carries the number of its
transaction, and only rows of transactions older than every running one are shown; nothing can appear among those any
more. A transaction that runs long delays what is shown, and loses nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Identity, Index, literal_column, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, col, select

from models.records.columns import RecordedRow, document, instant

_OWN_TRANSACTION = "pg_current_xact_id()::text::bigint"
_OLDEST_RUNNING: ColumnElement[int] = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


class ProviderMessage(RecordedRow, table=True):
    """One message to one provider, as its webhooks carry it."""

    __tablename__ = "caas_provider_message"
    __table_args__ = (
        Index("caas_provider_message_feed", "tenant_id", "provider_id", "written_in", "sequence", unique=True),
    )

    id: str = Field(primary_key=True)
    provider_id: str
    written_in: int | None = Field(default=None, sa_type=BigInteger, nullable=False)
    sequence: int | None = Field(
        default=None, sa_type=BigInteger, nullable=False, sa_column_args=[Identity(always=True)]
    )
    event_type: str
    told_at: datetime = instant()
    body: dict[str, Any] = document()


class _Told(list[dict[str, Any]]):
    """What this transaction tells providers, gathered until its end."""


def remember(session: AsyncSession, row: dict[str, Any]) -> None:
    """Keep one message with the caller's transaction; the same id is the same message."""
    session.info.setdefault(_Told, _Told()).append(row)


async def write_what_was_told(session: AsyncSession) -> None:
    """Write the messages of this transaction, before its commit."""
    told = session.info.pop(_Told, None)
    if told:
        rows = [row | {"written_in": literal_column(_OWN_TRANSACTION)} for row in told]
        await session.execute(insert(ProviderMessage).values(rows).on_conflict_do_nothing())


async def messages_after(
    session: AsyncSession, provider_id: str, after: tuple[int, int], *, at_most: int
) -> Sequence[ProviderMessage]:
    """The messages that follow this position, oldest first."""
    written_in, sequence = col(ProviderMessage.written_in), col(ProviderMessage.sequence)
    found = await session.execute(
        select(ProviderMessage)
        .where(
            col(ProviderMessage.provider_id) == provider_id,
            tuple_(written_in, sequence) > tuple_(*after),
            written_in < _OLDEST_RUNNING,
        )
        .order_by(written_in, sequence)
        .limit(at_most)
    )
    return found.scalars().all()
