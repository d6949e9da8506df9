"""What can go wrong with the stack itself; each says in one sentence what to do."""

from pathlib import Path


class StackError(RuntimeError):
    """Printed as it is, without a traceback."""


class AlreadyRunning(StackError):
    """Another stack holds the state directory."""

    def __init__(self, state_dir: Path, holder: str) -> None:
        self.state_dir, self.holder = state_dir, holder
        super().__init__(
            f"a stack already runs on {state_dir} (process {holder}): stop it, or choose another CAAS_STATE_DIR"
        )


class NotInstalled(StackError):
    """A binary that a Python package should have brought is not there."""

    def __init__(self, binary: str, package: str) -> None:
        super().__init__(f"no {binary} here, which comes with the package {package}: run `make setup`")


class WrongVersion(StackError):
    """The data directory was made by another major version of PostgreSQL."""

    def __init__(self, data_dir: Path, made_by: str, ours: str) -> None:
        super().__init__(f"{data_dir} was made by PostgreSQL {made_by} and this is {ours}: move it away to start anew")


class InitializationFailed(StackError):
    """`initdb` said no."""

    def __init__(self, output: str) -> None:
        super().__init__(f"PostgreSQL could not be initialized:\n{output}")


class ChainRefused(StackError):
    """The chain that was asked for cannot be had, or its contracts cannot be deployed."""


class ChainForgotten(StackError):
    """The node does not have the chain on which the loans are."""

    def __init__(self, state_dir: Path, read: str, rpc_url: str, shown: str) -> None:
        super().__init__(
            f"the loans of {state_dir} are on the chain that began with block {read}, and the node at {rpc_url} began"
            f" with {shown}: put back what was in {state_dir / 'chain'}, set CAAS_CHAIN=off to go on without their"
            " chain, or start anew with another CAAS_STATE_DIR"
        )


class ChildDied(StackError):
    """A process of the stack ended although nobody asked it to."""

    def __init__(self, name: str, how: str, log: Path) -> None:
        self.name, self.log = name, log
        super().__init__(f"{name} {how}; the end of {log}:\n{tail(log)}")


class ChildSilent(StackError):
    """A process of the stack runs but does not answer."""

    def __init__(self, name: str, patience_seconds: float, log: Path) -> None:
        self.name, self.log = name, log
        super().__init__(f"{name} did not answer within {patience_seconds:g} s; the end of {log}:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, indented to stand under the sentence that names it."""
    last = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in last) or "    (empty)"
