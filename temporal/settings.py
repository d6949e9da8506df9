"""Where the cluster is and who we are there."""

from importlib.metadata import version

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TemporalSettings(BaseSettings):
    """`CAAS_TEMPORAL_*`. A cloud address comes with an API key, and an API key turns TLS on."""

    model_config = SettingsConfigDict(env_prefix="CAAS_TEMPORAL_", env_file=".env", extra="ignore")

    address: str = "127.0.0.1:7233"
    namespace: str = "default"
    api_key: SecretStr | None = None
    ui_url: str = "http://127.0.0.1:8233"
    # Names the code of this worker: running workflows stay on the build that started them.
    build_id: str = Field(default_factory=lambda: version("caas"))
