"""The API as a process."""

import uvicorn
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiServerSettings(BaseSettings):
    """`CAAS_API_HOST` and `CAAS_API_PORT`."""

    model_config = SettingsConfigDict(env_prefix="CAAS_API_", env_file=".env", extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8000


def serve() -> None:
    settings = ApiServerSettings()
    # Logs are ours (structlog), and an access line per request is among them.
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
