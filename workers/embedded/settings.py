"""Where the embedded stack keeps its state, which ports it would like, and whether it has a chain."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChainChoice(StrEnum):
    """`AUTO`: what is found, and what a state directory has begun with."""

    AUTO = "auto"
    OFF = "off"
    ANVIL = "anvil"
    BUILTIN = "builtin"


class StackSettings(BaseSettings):
    """`CAAS_STATE_DIR`, `CAAS_CHAIN`, `CAAS_*_PORT`; a port in use is replaced by a free one, and 0 means any."""

    model_config = SettingsConfigDict(env_prefix="CAAS_", env_file=".env", extra="ignore")

    state_dir: Path = Path(".caas")
    api_port: int = Field(default=8000, ge=0)
    sandbox_port: int = Field(default=8090, ge=0)
    smtp_port: int = Field(default=8025, ge=0)
    postgres_port: int = Field(default=54320, ge=0)
    temporal_port: int = Field(default=7233, ge=0)
    temporal_ui_port: int = Field(default=8233, ge=0)
    metrics_port: int = Field(default=9464, ge=0)
    chain: ChainChoice = ChainChoice.AUTO
    chain_port: int = Field(default=8545, ge=0)


def throwaway(state_dir: Path, *, chain: ChainChoice = ChainChoice.OFF) -> StackSettings:
    """For a test: a directory of its own, whatever ports are free, and a chain only where it is asked for."""
    return StackSettings(
        state_dir=state_dir,
        api_port=0,
        sandbox_port=0,
        smtp_port=0,
        postgres_port=0,
        temporal_port=0,
        temporal_ui_port=0,
        metrics_port=0,
        chain=chain,
        chain_port=0,
    )
