"""Loan products by version: a version that has left its draft never changes, so a loan keeps what it was born with."""

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from models.product_status import ProductStatus
from models.records.columns import RecordedRow, document, word


class LoanProductRow(RecordedRow, table=True):
    """One version of a product. `history` says who did what to it; a provider's product names its owner."""

    __tablename__ = "caas_loan_product"
    __table_args__ = (Index("caas_loan_product_status", "tenant_id", "status", "id"),)

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    provider_id: str | None = None
    name: str
    status: ProductStatus = word(default=ProductStatus.DRAFT)
    settings: dict[str, Any] = document()
    history: list[dict[str, Any]] = document(default_factory=list)
