"""Where the strangers are, and the keys they know us by. The defaults are the sandbox's."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class RailSettings(BaseSettings):
    """CAAS_RAIL_*: Paystack, or the sandbox that speaks its protocol."""

    model_config = SettingsConfigDict(env_prefix="CAAS_RAIL_", env_file=".env", extra="ignore")

    url: str = "http://127.0.0.1:8090/paystack"
    secret_key: SecretStr = SecretStr("sk_test_caas_sandbox")
    preferred_bank: str = "test-bank"
    """The bank that opens virtual accounts; `test-bank` is Paystack's own for test keys."""
    timeout_seconds: float = 15


class KycSettings(BaseSettings):
    """CAAS_KYC_*: Prembly, or the sandbox that speaks its protocol."""

    model_config = SettingsConfigDict(env_prefix="CAAS_KYC_", env_file=".env", extra="ignore")

    url: str = "http://127.0.0.1:8090/prembly"
    api_key: SecretStr = SecretStr("test_sk_caas_sandbox")
    timeout_seconds: float = 30


class MailSettings(BaseSettings):
    """CAAS_SMTP_HOST, CAAS_SMTP_PORT, CAAS_SMTP_USERNAME, CAAS_SMTP_PASSWORD, CAAS_SMTP_TLS, CAAS_MAIL_FROM."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 8025
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: bool = False
    """STARTTLS is required; a server that offers none gets no mail."""
    mail_from: str = "Credit-as-a-Service <loans@caas.example>"
