"""What the API needs to know beside the addresses of the database and of Temporal."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiSettings(BaseSettings):
    """`CAAS_MODE`, `CAAS_RAIL_SECRET_KEY` and the limits of a request."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    mode: Literal["sandbox", "production"] = "sandbox"
    rail_secret_key: SecretStr = SecretStr("sk_test_caas_sandbox")
    max_body_bytes: int = Field(default=1024 * 1024, gt=0)
    # Up to 10,000 decisions in one body, on that path alone.
    max_bulk_bytes: int = Field(default=16 * 1024 * 1024, gt=0)
    bulk_at_once: int = Field(default=4, gt=0)
    # What a caller may ask in a minute unless an operator has said otherwise; a provider's keys share one budget.
    provider_requests_per_minute: int = Field(default=600, gt=0)
    platform_requests_per_minute: int = Field(default=60_000, gt=0)
    # A request that waits for a workflow holds a slot: a slow cluster must not take every connection with it.
    process_calls: int = Field(default=12, gt=0)
    process_timeout_seconds: float = Field(default=10, gt=0)
    clock_timeout_seconds: float = Field(default=120, gt=0)

    @property
    def is_sandbox(self) -> bool:
        """Whether clocks may be moved and local addresses may be posted to."""
        return self.mode == "sandbox"
