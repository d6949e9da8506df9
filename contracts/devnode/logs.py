"""Every log of the chain, found by block, address and topic without looking at the others."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

Key = tuple[int, bytes]  # (position of the topic, topic); -1 for the address
_ADDRESS = -1


@dataclass(frozen=True, slots=True)
class IndexedLog:
    """A log with its place; `log_index` counts through the block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    block_timestamp: int
    transaction_hash: bytes
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Blocks from `first` to `last`; any of `addresses`, if there are some; at each position any of the topics, or
    anything where there is None."""

    first: int
    last: int
    addresses: Collection[bytes] = ()
    topics: Sequence[Collection[bytes] | None] = ()

    def takes(self, log: IndexedLog) -> bool:
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(wanted is None or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False))


class LogIndex:
    """Logs are appended when their block is mined, so every list here is in the order of the chain."""

    def __init__(self) -> None:
        self._logs: list[IndexedLog] = []
        self._blocks: list[int] = []  # of each log
        self._places: dict[Key, list[int]] = {}

    def append(self, logs: Iterable[IndexedLog]) -> None:
        for log in logs:
            place = len(self._logs)
            self._logs.append(log)
            self._blocks.append(log.block_number)
            for key in ((_ADDRESS, log.address), *enumerate(log.topics)):
                self._places.setdefault(key, []).append(place)

    def find(self, wanted: LogFilter) -> Iterator[IndexedLog]:
        """In the order of the chain. The rarest of what is asked for says where to look."""
        start, end = bisect_left(self._blocks, wanted.first), bisect_left(self._blocks, wanted.last + 1)
        ranges: list[list[Sequence[int]]] = [
            [self._within(key, start, end) for key in keys] for keys in _alternatives(wanted)
        ]
        rarest = min(ranges, key=lambda places: sum(map(len, places)), default=[range(start, end)])
        return (log for place in merge(*rarest) if wanted.takes(log := self._logs[place]))

    def _within(self, key: Key, start: int, end: int) -> list[int]:
        places = self._places.get(key, [])
        return places[bisect_left(places, start) : bisect_left(places, end)]


def _alternatives(wanted: LogFilter) -> Iterator[set[Key]]:
    """One set of keys for each thing that is asked for; a log must have one of each."""
    if wanted.addresses:
        yield {(_ADDRESS, address) for address in wanted.addresses}
    for position, topics in enumerate(wanted.topics):
        if topics is not None:
            yield {(position, topic) for topic in topics}
