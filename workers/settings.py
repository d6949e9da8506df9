"""How a worker process runs."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """CAAS_MODE, CAAS_METRICS_PORT, CAAS_MAX_CACHED_WORKFLOWS and the relay's pace."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    mode: Literal["sandbox", "production"] = "sandbox"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
    max_cached_workflows: int = Field(default=1000, ge=0)
    relay_batch: int = Field(default=50, ge=1)
    relay_idle_seconds: float = Field(default=0.1, gt=0)
    relay_lease_seconds: int = Field(default=20, ge=5)
