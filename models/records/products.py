"""Loan products by version: a version that has left its draft never changes, so a loan keeps what it was born with."""

from typing import Any, Protocol

from sqlalchemy import Index, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field

from models.product import STANDARD, LoanProduct
from models.product_document import product_from
from models.product_status import ProductStatus
from models.records.columns import RecordedRow, document, word


class LoanProductRow(RecordedRow, table=True):
    """One version of a product, of which one at most is in force. `history` says who did what to it.

    A provider's product names its owner.
    """

    __tablename__ = "caas_loan_product"
    __table_args__ = (
        Index("caas_loan_product_status", "tenant_id", "status", "id"),
        Index(
            "caas_loan_product_in_force",
            "tenant_id",
            "id",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
    )

    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    provider_id: str | None = None
    name: str
    status: ProductStatus = word(default=ProductStatus.DRAFT)
    settings: dict[str, Any] = document()
    history: list[dict[str, Any]] = document(default_factory=list)


class OfProduct(Protocol):
    """A row that keeps the version of the product it was born with; none is the standard product."""

    tenant_id: str
    product_id: str | None
    product_version: int | None


async def product_of(session: AsyncSession, row: OfProduct) -> LoanProduct:
    """The product of an application or a loan, read once in a transaction."""
    if row.product_id is None:
        return STANDARD
    known: dict[tuple[str, int | None], LoanProduct] = session.info.setdefault(LoanProductRow, {})
    key = row.product_id, row.product_version
    if key not in known:
        found = await session.get_one(LoanProductRow, (row.tenant_id, *key))
        known[key] = product_from(found.settings)
    return known[key]


def read_product(session: AsyncSession, row: OfProduct) -> LoanProduct:
    """The same, of a row whose product has been asked for in this transaction before."""
    if row.product_id is None:
        return STANDARD
    product: LoanProduct = session.info[LoanProductRow][row.product_id, row.product_version]
    return product


async def owner_of(session: AsyncSession, row: OfProduct) -> str | None:
    """The provider whose product it is; None where the tenant owns it, or there is none."""
    if row.product_id is None:
        return None
    found = await session.get_one(LoanProductRow, (row.tenant_id, row.product_id, row.product_version))
    return found.provider_id
