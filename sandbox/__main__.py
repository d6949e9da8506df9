"""`python -m sandbox` runs the outside world until it is stopped."""

import asyncio

from sandbox.server import serve
from sandbox.settings import SandboxSettings

if __name__ == "__main__":
    asyncio.run(serve(SandboxSettings()))
