"""Ports on the loopback: the usual one when it is free, another one when it is not, the same one next time."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from random import randrange

LOOPBACK = "127.0.0.1"
# Above the well-known ones, below 32768, where Linux begins to give ports to whoever asks for any.
_OURS = (20_000, 32_000)


class Ports:
    """Hands out ports and remembers them: a row may hold an address, and it must still be right tomorrow."""

    def __init__(self, remembered: Path, report: Callable[[str], None]) -> None:
        self._file = remembered
        self._report = report
        self._known: dict[str, int] = json.loads(remembered.read_text()) if remembered.exists() else {}
        self._handed_out: set[int] = set()

    def take(self, name: str, usual: int) -> int:
        """A free port for `name`; 0 as the usual one means any."""
        wanted = self._known.get(name, usual)
        port = wanted if wanted not in self._handed_out and is_free(wanted) else self._any()
        if wanted not in (0, port):
            self._report(f"port {wanted} is taken: {name} listens on {port}")
        self._handed_out.add(port)
        self._known[name] = port
        self._file.write_text(json.dumps(self._known, indent=2))
        return port

    def _any(self) -> int:
        while (port := any_free()) in self._handed_out:
            pass
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen there now; servers set SO_REUSEADDR, so a port in TIME_WAIT counts as free."""
    if port == 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """A free port below those the system gives to whoever asks for any: between our asking and our listening it could
    give one of them away, and Temporal's server alone asks for several while it starts."""
    while not is_free(port := randrange(*_OURS)):  # noqa: S311 - a port is no secret
        pass
    return port
