"""Tenants, their API keys and the answers already given to their idempotency keys."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from models.records.columns import RecordedRow, document, instant


class Tenant(RecordedRow, table=True):
    """A platform that sends applications. Its policy is data: window, cooling-off, disclosure."""

    __tablename__ = "caas_tenant"

    name: str
    country: str = "US"
    currency: str = "USD"
    bidding_window_hours: int = 48
    cooling_off_days: int = 0
    lead_disclosure: str = "masked"


class ApiKey(RecordedRow, table=True):
    """A key of a tenant, or of one of its providers. Only its hash is kept."""

    __tablename__ = "caas_api_key"
    __table_args__ = (UniqueConstraint("key_hash", name="caas_api_key_hash"),)

    id: str = Field(primary_key=True)
    provider_id: str | None = None
    key_hash: str
    prefix: str
    last_four: str
    revoked_at: datetime | None = instant(default=None)
    expires_at: datetime | None = instant(default=None)

    def opens(self, at: datetime) -> bool:
        """Whether the key is good at a moment."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


class IdempotencyKey(RecordedRow, table=True):
    """What was answered to a key, so that the same request is answered the same and done once."""

    __tablename__ = "caas_idempotency_key"

    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    locked_until: datetime = instant()
    status_code: int | None = None
    body: dict | None = document(default=None)  # type: ignore[type-arg]
