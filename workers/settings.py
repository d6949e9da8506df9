"""How a worker process runs."""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.delivery import SCHEDULE, DeliveryPolicy


class WorkerSettings(BaseSettings):
    """CAAS_MODE, CAAS_METRICS_PORT, CAAS_MAX_CACHED_WORKFLOWS and the relay's pace."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    mode: Literal["sandbox", "production"] = "sandbox"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
    max_cached_workflows: int = Field(default=1000, ge=0)
    relay_batch: int = Field(default=50, ge=1)
    relay_idle_seconds: float = Field(default=0.1, gt=0)
    relay_pace_seconds: float = Field(default=0.02, gt=0)
    relay_lease_seconds: int = Field(default=20, ge=5)
    deliveries_in_flight: int = Field(default=200, ge=1)


class DeliverySettings(BaseSettings):
    """CAAS_DELIVERY_*: when a message is tried again and an endpoint is given up; the defaults are the standard's.

    `CAAS_DELIVERY_RETRY_SECONDS=[5,300,...]` is the schedule.
    """

    model_config = SettingsConfigDict(env_prefix="CAAS_DELIVERY_", env_file=".env", extra="ignore")

    timeout_seconds: float = Field(default=15, gt=0)
    retry_seconds: tuple[float, ...] = Field(
        default=tuple(each.total_seconds() for each in SCHEDULE), min_length=1, max_length=50
    )
    jitter: float = Field(default=0.2, ge=0, lt=1)
    throttle_floor_seconds: float = Field(default=60, ge=0)
    disable_after_seconds: float = Field(default=timedelta(days=5).total_seconds(), gt=0)
    breaker_window_seconds: float = Field(default=300, gt=0)
    breaker_least: int = Field(default=10, ge=1)
    breaker_share: float = Field(default=0.7, gt=0, le=1)
    breaker_pause_seconds: float = Field(default=30, gt=0)
    breaker_longest_pause_seconds: float = Field(default=600, gt=0)
    probe_seconds: float = Field(default=30, gt=0)

    @property
    def policy(self) -> DeliveryPolicy:
        """The figures as the engine reads them."""
        return DeliveryPolicy(
            schedule=tuple(timedelta(seconds=each) for each in self.retry_seconds),
            jitter=self.jitter,
            throttle_floor=timedelta(seconds=self.throttle_floor_seconds),
            disable_after=timedelta(seconds=self.disable_after_seconds),
            breaker_window=timedelta(seconds=self.breaker_window_seconds),
            breaker_least=self.breaker_least,
            breaker_share=self.breaker_share,
            breaker_pause=timedelta(seconds=self.breaker_pause_seconds),
            breaker_longest_pause=timedelta(seconds=self.breaker_longest_pause_seconds),
            probe_lasts=timedelta(seconds=self.probe_seconds),
        )
