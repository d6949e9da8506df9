"""What our contracts have said, block by block, and how far we have read."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.records.columns import RecordedRow, document, instant, word


class EventStatus(StrEnum):
    """seen -> confirmed, when enough blocks are above it; orphaned, when its block is no longer of the chain."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    ORPHANED = "orphaned"


class ChainEvent(RecordedRow, table=True):
    """A log of a loan's contracts: seen, then confirmed when enough blocks are above it, or orphaned by a reorg."""

    __tablename__ = "caas_chain_event"
    __table_args__ = (
        UniqueConstraint("chain_id", "block_hash", "tx_hash", "log_index", name="caas_chain_event_log"),
        Index("caas_chain_event_loan", "tenant_id", "loan_id", "block_number", "log_index"),
        Index("caas_chain_event_block", "chain_id", "block_number"),
    )

    id: str = Field(primary_key=True)
    loan_id: str
    chain_id: int = Field(sa_type=BigInteger)
    contract: str
    address: str
    name: str
    arguments: dict[str, Any] = document()
    block_number: int = Field(sa_type=BigInteger)
    block_hash: str
    tx_hash: str
    log_index: int
    status: EventStatus = word(default=EventStatus.SEEN)
    taken_at: datetime | None = instant(default=None)
    """When the loan took it as news, by the loan's own clock."""


class ChainCursor(SQLModel, table=True):
    """The last block of a chain that was read. It belongs to no tenant: one reader reads for all."""

    __tablename__ = "caas_chain_cursor"

    chain_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    genesis: str
    """The hash of block 0: another chain under the same number is refused."""
    number: int = Field(sa_type=BigInteger)
    hash: str
    confirmed: int = Field(default=-1, sa_type=BigInteger)
    trail: list[Any] = document(default_factory=list)
    """Blocks that were read before this one, `[number, hash]`, the newest last: how a reorganization finds its root."""
