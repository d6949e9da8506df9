import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2

from tests.sandbox.worlds import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_the_outside_world_is_a_process_that_answers_and_stops_when_told(tmp_path: Path) -> None:
    port = free_port()
    settings = {"CAAS_SANDBOX_PORT": str(port), "CAAS_SANDBOX_SMTP_PORT": "0"}
    settings |= {"CAAS_SANDBOX_STATE": str(tmp_path / "world.jsonl")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "sandbox", env=os.environ | settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with httpx2.AsyncClient() as client:

            async def answers() -> bool:
                try:
                    return (await client.get(f"http://127.0.0.1:{port}/health")).is_success
                except httpx2.TransportError:
                    return False

            await until(answers, within_seconds=20)
    finally:
        process.send_signal(signal.SIGTERM)
        _, complaints = await asyncio.wait_for(process.communicate(), timeout=10)

    assert complaints == b""
    assert process.returncode in {0, -signal.SIGTERM}
