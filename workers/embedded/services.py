"""Our own processes, as the stack starts them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from workers.embedded.processes import Command


@dataclass(frozen=True, slots=True)
class Service:
    """A `caas` command that runs until it is stopped, and the page by which it shows that it is up."""

    name: str
    health_url: str
    needs_engine: bool
    needs_chain: bool = False

    def command(self, environment: Mapping[str, str]) -> Command:
        return Command(self.name, [sys.executable, "-m", "workers.cli", self.name], environment)

    async def answers(self) -> bool:
        """Whether the page is there. Being up is the process's affair, being well is what the page says: 503 will do.

        A page that is not there is somebody else's: a stranger may have taken the port before us.
        """
        # A client per call: the stack outlives no connection pool, and starts are rare.
        async with httpx2.AsyncClient(trust_env=False) as http:
            try:
                answer = await http.get(self.health_url, timeout=5)
            except httpx2.TransportError:
                return False
            return answer.status_code != httpx2.codes.NOT_FOUND


def all_services(api_url: str, sandbox_url: str, metrics_url: str) -> dict[str, Service]:
    listed = (
        Service("worker", f"{metrics_url}/metrics", needs_engine=True, needs_chain=True),
        Service("api", f"{api_url}/health", needs_engine=True),
        Service("sandbox", f"{sandbox_url}/health", needs_engine=False),
    )
    return {service.name: service for service in listed}
