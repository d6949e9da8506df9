"""Child processes: each in a group of its own, with its own log, and never alive for long after its parent."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from workers.embedded.errors import ChildDied, ChildSilent

PROBE_INTERVAL_SECONDS = 0.05
CLOCK_SLACK_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and the signal that asks it to end."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """A running process of the stack."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process, log: Path, pid_file: Path) -> None:
        self.name = command.name
        self.log = log
        self.exit = asyncio.create_task(process.wait(), name=f"exit of {command.name}")
        self._command = command
        self._process = process
        self._pid_file = pid_file

    @classmethod
    async def spawn(cls, command: Command, state_dir: Path) -> Self:
        log = state_dir / "logs" / f"{command.name}.log"
        pid_file = state_dir / "run" / f"{command.name}.pid"
        for file in (log, pid_file):
            file.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *dying_with_parent(command),
                env=command.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        remember(pid_file, process.pid)
        return cls(command, process, log, pid_file)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answers(self, probe: Callable[[], Awaitable[bool]], *, patience_seconds: float = 60) -> None:
        """Return when the probe says yes; raise when the process ends or stays silent."""
        try:
            async with asyncio.timeout(patience_seconds):
                while not await probe():
                    self.raise_if_dead()
                    await asyncio.sleep(PROBE_INTERVAL_SECONDS)
        except TimeoutError:
            raise ChildSilent(self.name, patience_seconds, self.log) from None

    def raise_if_dead(self) -> None:
        if self.exit.done():
            raise ChildDied(self.name, outcome(self.exit.result()), self.log)

    async def stop(self, *, patience_seconds: float = 15) -> None:
        """Ask, wait, then insist."""
        self._signal(self._command.stop_signal)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.exit), patience_seconds)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL to the whole group, whatever state it is in."""
        self._signal(signal.SIGKILL)
        await self.exit
        self._pid_file.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def outcome(exit_code: int) -> str:
    return f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exited with {exit_code}"


def dying_with_parent(command: Command) -> list[str]:
    """On Linux the kernel passes the stop signal on when the parent is killed; elsewhere `stop_orphans` tidies up."""
    if (setpriv := shutil.which("setpriv")) is None or sys.platform != "linux":
        return list(command.arguments)
    return [setpriv, "--pdeathsig", command.stop_signal.name.removeprefix("SIG"), "--", *command.arguments]


def remember(pid_file: Path, pid: int) -> None:
    """A pid alone is not enough: numbers are used again, so the moment of birth goes with it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        pid_file.write_text(json.dumps({"pid": pid, "born_at": psutil.Process(pid).create_time()}))


def stop_orphans(state_dir: Path, *, patience_seconds: float = 15) -> list[str]:
    """End what a killed predecessor left running in this state directory; returns the names of those it found alive."""
    orphans = {file.stem: orphan for file in (state_dir / "run").glob("*.pid") if (orphan := survivor(file))}
    for orphan in orphans.values():
        # SIGINT ends all of them soon: PostgreSQL would wait for its clients on SIGTERM.
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.send_signal(signal.SIGINT)
    _, stubborn = psutil.wait_procs(list(orphans.values()), timeout=patience_seconds)
    for orphan in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(stubborn, timeout=patience_seconds)
    for file in (state_dir / "run").glob("*.pid"):
        file.unlink()
    return sorted(orphans)


def survivor(pid_file: Path) -> psutil.Process | None:
    try:
        record = json.loads(pid_file.read_text())
        process = psutil.Process(record["pid"])
        return process if abs(process.create_time() - record["born_at"]) < CLOCK_SLACK_SECONDS else None
    except (ValueError, KeyError, psutil.NoSuchProcess):
        return None


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process, of its children and of those of them that have ended."""
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    times = [process.cpu_times() for process in family]
    ended = root.cpu_times()
    return float(sum(t.user + t.system for t in times) + ended.children_user + ended.children_system)
