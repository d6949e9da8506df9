"""CAAS_SANDBOX_*: where the outside world listens, and the keys it shares with the product."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SandboxSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CAAS_SANDBOX_", env_file=".env", extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8090
    smtp_port: int = 8025
    state: Path | None = None
    """A file that remembers accounts, transfers, lenders and mails over a restart; none: memory only."""

    rail_secret_key: SecretStr = SecretStr("sk_test_caas_sandbox")
    rail_webhook_url: str = "http://127.0.0.1:8000/api/webhooks/paystack"
    bureau_api_key: SecretStr = SecretStr("test_sk_caas_sandbox")

    settle_after_seconds: float = 0.05
    """From the acceptance of a transfer to its success or failure."""
    reverse_after_seconds: float = 2
    """From the success of a transfer to a bouncing account until the money comes back."""
    retry_after_seconds: tuple[float, ...] = (0.2, 0.5, 1, 2, 4, 8, 15, 30)
    """Pauses between the attempts to deliver a webhook or a decision; then it is given up."""
