"""The process of the bare worker: `python -m workers.bench`."""

import asyncio
import os
import signal

from temporal.client import connect
from temporal.settings import TemporalSettings
from workers.bench.bare import QUEUE, bare_worker


async def main() -> None:
    """Serve until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with bare_worker(await connect(TemporalSettings()), QUEUE):
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(main())
    # Temporal's native threads may abort a Python that is shutting down.
    os._exit(0)
