"""Where the chain is, who signs for us there, and what a transaction may cost."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChainSettings(BaseSettings):
    """`CAAS_CHAIN_*`. Without `CAAS_CHAIN_RPC_URL` there is no chain, and what a product asks of it waits."""

    model_config = SettingsConfigDict(env_prefix="CAAS_CHAIN_", env_file=".env", extra="ignore")

    rpc_url: str = ""
    addresses: Path | None = None
    """The address book: which contracts are ours."""
    operator_keys: SecretStr = SecretStr("")
    """Private keys that write loans, comma-separated."""
    score_keys: SecretStr = SecretStr("")
    """Private keys that sign credit scores, comma-separated."""
    deployer_key: SecretStr = SecretStr("")
    """The private key that `caas chain deploy` pays with; nothing else asks for it."""
    confirmations: int = Field(default=0, ge=0)
    """Blocks on top of an event's block before the engine acts on it."""
    max_fee_gwei: float = Field(default=200, gt=0)
    """The most that a unit of gas may cost."""
    explorer_url: str = ""
    poll_seconds: float = Field(default=1, gt=0)

    @property
    def is_on(self) -> bool:
        return bool(self.rpc_url)

    @property
    def operators(self) -> tuple[str, ...]:
        return _listed(self.operator_keys)

    @property
    def score_signers(self) -> tuple[str, ...]:
        return _listed(self.score_keys)


def _listed(secret: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in secret.get_secret_value().split(",") if key.strip())
