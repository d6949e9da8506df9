"""The outside world as a process."""

import uvicorn

from sandbox.settings import SandboxSettings
from sandbox.world import create_world


async def serve(settings: SandboxSettings) -> None:
    config = uvicorn.Config(create_world(settings), settings.host, settings.port, log_level="warning")
    await uvicorn.Server(config).serve()
