"""What a restart needs: the transactions of every block, in a file that only grows.

One line of JSON per block, on disk before anybody is told of the block. Executing the lines again makes the same blocks
with the same hashes. What waits in the pool is not kept: whoever sent it sends it again, as with any node.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from contracts.trouble import ChainTrouble

FORMAT = 1


class JournalRefused(ChainTrouble):
    """The file cannot be gone on with, and why."""


class JournalFailed(ChainTrouble):
    """The file cannot be written any more, so no further block may be promised."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """How the chain began."""

    chain_id: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class JournaledBlock:
    """A block as it was mined. `clock_offset` is how far the chain's clock was ahead of the world's."""

    timestamp: int
    clock_offset: int
    hash: bytes
    transactions: tuple[bytes, ...]


class Journal:
    """The file, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise JournalRefused(f"{path} is held by another node: stop it, or choose another file") from None
        self._drop_torn_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def begin(self, otherwise: Genesis) -> Genesis:
        """The beginning on record; a new file records the one given."""
        self._file.seek(0)
        if not (line := self._file.readline()):
            self._write({"format": FORMAT, "chain_id": otherwise.chain_id, "timestamp": otherwise.timestamp})
            return otherwise
        first = self._parsed(line)
        if first.get("format") != FORMAT:
            raise JournalRefused(f"{self.path} is of format {first.get('format')}, and this node knows {FORMAT}")
        if first["chain_id"] != otherwise.chain_id:
            raise JournalRefused(
                f"{self.path} is the journal of chain {first['chain_id']}, and this node is chain {otherwise.chain_id}"
            )
        return Genesis(first["chain_id"], first["timestamp"])

    def blocks(self) -> Iterator[JournaledBlock]:
        """In their order."""
        self._file.seek(0)
        self._file.readline()
        for line in self._file:
            block = self._parsed(line)
            yield JournaledBlock(
                block["timestamp"],
                block["clock_offset"],
                bytes.fromhex(block["hash"]),
                tuple(bytes.fromhex(raw) for raw in block["transactions"]),
            )

    def append(self, block: JournaledBlock) -> None:
        """Return when the block is on disk."""
        self._write(
            {
                "timestamp": block.timestamp,
                "clock_offset": block.clock_offset,
                "hash": block.hash.hex(),
                "transactions": [raw.hex() for raw in block.transactions],
            }
        )

    def _write(self, record: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as trouble:
            raise JournalFailed(f"{self.path} cannot be written: {trouble}") from trouble

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            return dict(json.loads(line))
        except ValueError:
            raise JournalRefused(f"{self.path} has a line that is no JSON: {line[:60]!r}") from None

    def _drop_torn_line(self) -> None:
        """A line without its end was cut off by a kill before anybody was told of it."""
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)
