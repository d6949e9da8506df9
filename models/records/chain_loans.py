"""Loans on chain, what is written for them, and who has signed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Numeric, UniqueConstraint, text
from sqlmodel import Field

from models.chain import ChainFunds, ChainOperationKind, ChainState, OperationStatus
from models.records.columns import RecordedRow, document, instant, word


def base_units(**options: Any) -> Any:
    """An amount in base units of a token, up to 2^128: more than a big integer holds."""
    return Field(sa_type=Numeric(39, 0), **options)


class ChainLoan(RecordedRow, table=True):
    """A loan on chain, from its acceptance on. The salt is here alone: without it nobody can link the two.

    `told_*` is what the writes on record make of the loan once they are applied, `seen_*` what the chain's events say.
    """

    __tablename__ = "caas_chain_loan"
    __table_args__ = (
        UniqueConstraint("loan_key", name="caas_chain_loan_key"),
        Index("caas_chain_loan_application", "tenant_id", "application_id"),
    )

    loan_id: str = Field(primary_key=True)
    application_id: str
    chain_id: int = Field(sa_type=BigInteger)
    aggregator: str
    loan_key: str
    """bytes32, 0x hex: keccak256(salt || loan id)."""
    salt: str
    funds: ChainFunds = word(default=ChainFunds.RAIL)
    secured: bool = False
    terms: dict[str, Any] = document()
    """`ICreditAggregator.Terms` as JSON carries it."""
    terms_hash: str
    currency: str
    scale: int = 0
    """Base units of the asset are minor units times ten to this power."""
    lender_signature: str = ""
    told_state: ChainState = word(default=ChainState.NONE)
    told_principal: int = base_units(default=0)
    told_outstanding: int = base_units(default=0)
    told_interest: int = base_units(default=0)
    told_forgiven: int = base_units(default=0)
    told_sequence: int = 0
    seen_state: ChainState = word(default=ChainState.NONE)
    seen_outstanding: int = base_units(default=0)
    seen_interest: int = base_units(default=0)
    seen_sequence: int = 0
    seen_block: int | None = Field(default=None, sa_type=BigInteger)
    margin_called_until: datetime | None = instant(default=None)
    health_factor: int | None = base_units(default=None)


class ChainOperation(RecordedRow, table=True):
    """One write for a loan, in its order. The id comes from the business fact, so the same fact is written once."""

    __tablename__ = "caas_chain_operation"
    __table_args__ = (
        UniqueConstraint("tenant_id", "loan_id", "position", name="caas_chain_operation_position"),
        Index(
            "caas_chain_operation_open",
            "tenant_id",
            "loan_id",
            "position",
            postgresql_where=text("status <> 'done'"),
        ),
    )

    id: str = Field(primary_key=True)
    """bytes32, 0x hex: the `opId` of the events."""
    loan_id: str
    position: int
    kind: ChainOperationKind = word()
    contract: str
    function: str
    arguments: list[Any] = document()
    status: OperationStatus = word(default=OperationStatus.PENDING)
    cause: str | None = None
    requested_at: datetime = instant()
    done_at: datetime | None = instant(default=None)
    tx_hash: str | None = None
    block_number: int | None = Field(default=None, sa_type=BigInteger)
    gas_used: int | None = Field(default=None, sa_type=BigInteger)
    error: str | None = None
    error_detail: str | None = None


class ChainSignature(RecordedRow, table=True):
    """A signature under a loan's terms: an underwriter's approval, or the lender's offer."""

    __tablename__ = "caas_chain_signature"

    loan_id: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    signer: str = Field(primary_key=True)
    signature: str
    signed_at: datetime = instant()
    given_by: str
    """The API key that brought it."""
