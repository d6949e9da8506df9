"""Child processes of the stack."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from workers.embedded.errors import ChildDied, ChildSilent
from workers.embedded.processes import Child, Command, stop_orphans

ENDLESS = "import time; print('awake', flush=True); time.sleep(60)"


def python(program: str, name: str = "lender") -> Command:
    return Command(name, [sys.executable, "-c", program], dict(os.environ))


async def never() -> bool:
    return False


async def test_a_child_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = await Child.spawn(python("print('no money left'); raise SystemExit(7)"), tmp_path)

    with pytest.raises(ChildDied) as death:
        await child.answers(never)

    assert str(death.value) == f"lender exited with 7; the end of {tmp_path}/logs/lender.log:\n    no money left"
    await child.stop()


async def test_a_killed_child_is_named_with_the_signal(tmp_path: Path) -> None:
    child = await Child.spawn(python(ENDLESS), tmp_path)

    os.kill(child.pid, signal.SIGKILL)
    await child.exit

    with pytest.raises(ChildDied, match="lender was killed by SIGKILL"):
        child.raise_if_dead()
    await child.stop()


async def test_a_child_that_stays_silent_is_named_too(tmp_path: Path) -> None:
    child = await Child.spawn(python(ENDLESS), tmp_path)

    with pytest.raises(ChildSilent, match=r"lender did not answer within 0\.2 s"):
        await child.answers(never, patience_seconds=0.2)

    await child.stop()


async def test_a_child_that_ignores_the_request_is_killed_with_its_own_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(grandchild.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    child = await Child.spawn(python(stubborn), tmp_path)
    await child.answers(lambda: said_something(child))
    grandchild = psutil.Process(int(child.log.read_text()))

    await child.stop(patience_seconds=0.2)

    assert child.exit.result() == -signal.SIGKILL
    assert await asyncio.to_thread(gone, grandchild)


async def test_what_a_killed_parent_left_behind_is_stopped(tmp_path: Path) -> None:
    child = await Child.spawn(python(ENDLESS), tmp_path)
    await child.answers(lambda: said_something(child))

    assert await asyncio.to_thread(stop_orphans, tmp_path) == ["lender"]

    assert await child.exit != 0
    assert stop_orphans(tmp_path) == []


async def test_a_stranger_with_the_pid_of_a_dead_child_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "run" / "lender.pid"
    pid_file.parent.mkdir()
    pid_file.write_text(f'{{"pid": {os.getpid()}, "born_at": 1.0}}')

    assert stop_orphans(tmp_path) == []

    assert not pid_file.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent = (
        "import asyncio, os, pathlib, sys, time\n"
        "from workers.embedded.processes import Child, Command\n"
        f"command = Command('lender', [sys.executable, '-c', {ENDLESS!r}], dict(os.environ))\n"
        "async def main():\n"
        f"    child = await Child.spawn(command, pathlib.Path({str(tmp_path)!r}))\n"
        "    print(child.pid, flush=True)\n"
        "    await child.exit\n"
        "asyncio.run(main())\n"
    )
    middle = await Child.spawn(python(parent, "parent"), tmp_path)
    await middle.answers(lambda: said_something(middle))
    orphan = psutil.Process(int(middle.log.read_text()))

    await middle.kill()

    assert await asyncio.to_thread(gone, orphan)


async def said_something(child: Child) -> bool:
    return child.log.stat().st_size > 0


def gone(process: psutil.Process) -> bool:
    """Ended, whoever its parent is now."""
    _, alive = psutil.wait_procs([process], timeout=10)
    return not alive
