"""Column kinds every table shares, so that money, instants and documents look the same everywhere."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Numeric, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def minor(**options: Any) -> Any:
    """Money in whole minor units."""
    return Field(sa_type=BigInteger, **options)


def rate(**options: Any) -> Any:
    """A rate or an APR in percent, exact."""
    return Field(sa_type=Numeric(14, 6), **options)


def instant(**options: Any) -> Any:
    """A moment of business time, aware."""
    return Field(sa_type=DateTime(timezone=True), **options)


def word(**options: Any) -> Any:
    """A value of an enumeration, stored as it is spelled in JSON."""
    return Field(sa_type=String, **options)


def document(**options: Any) -> Any:
    """A JSON document."""
    return Field(sa_type=JSONB, **options)


class TenantRow(SQLModel):
    """A row of one tenant; the tenant leads the key, so that a foreign key can never cross the wall."""

    tenant_id: str = Field(primary_key=True)


class RecordedRow(TenantRow):
    """A row that knows when it was written, beside any business date it carries."""

    recorded_at: datetime = instant(
        default_factory=lambda: datetime.now(UTC), sa_column_kwargs={"server_default": func.now()}
    )
