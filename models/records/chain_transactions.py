"""Transactions on chain: the nonce of each signer, and every transaction ever signed."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, func, text
from sqlmodel import Field, SQLModel

from models.chain import TransactionStatus
from models.records.columns import RecordedRow, document, instant, word


class ChainSigner(SQLModel, table=True):
    """The next nonce of a signer. It belongs to no tenant: one account of ours writes for all."""

    __tablename__ = "caas_chain_signer"

    chain_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    address: str = Field(primary_key=True)
    next_nonce: int = Field(default=0, sa_type=BigInteger)


class ChainTransaction(RecordedRow, table=True):
    """A signed transaction. It is on record before it is sent, and nothing that is not on record is ever sent."""

    __tablename__ = "caas_chain_tx"
    __table_args__ = (
        UniqueConstraint("chain_id", "signer", "nonce", "attempt", name="caas_chain_tx_nonce"),
        UniqueConstraint("chain_id", "hash", name="caas_chain_tx_hash"),
        Index(
            "caas_chain_tx_open", "chain_id", "signer", "nonce", postgresql_where=text("status IN ('signed', 'sent')")
        ),
    )

    op_id: str = Field(primary_key=True)
    attempt: int = Field(default=0, primary_key=True)
    """0 is the first; the next have the same nonce and pay more, or, for an operation that was reverted, a new one."""
    chain_id: int = Field(sa_type=BigInteger)
    loan_id: str
    contract: str
    function: str
    arguments: list[Any] = document()
    signer: str
    nonce: int = Field(sa_type=BigInteger)
    raw: str
    hash: str
    gas: int = Field(sa_type=BigInteger)
    max_fee: int = Field(sa_type=BigInteger)
    priority_fee: int = Field(sa_type=BigInteger)
    status: TransactionStatus = word(default=TransactionStatus.SIGNED)
    sent_at: datetime | None = instant(default=None)
    block_number: int | None = Field(default=None, sa_type=BigInteger)
    block_hash: str | None = None
    gas_used: int | None = Field(default=None, sa_type=BigInteger)
    error: str | None = None
    changed_at: datetime = instant(
        default_factory=lambda: datetime.now(UTC), sa_column_kwargs={"server_default": func.now()}
    )
