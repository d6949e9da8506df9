"""Where the outside world keeps its things: tables in memory, and a file of changes that a restart reads back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Shelf:
    def __init__(self, path: Path | None = None) -> None:
        self._tables: dict[str, dict[str, Row]] = {}
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read_back(path)

    def rows(self, table: str) -> Mapping[str, Row]:
        return self._tables.setdefault(table, {})

    def put(self, table: str, key: str, row: Row) -> Row:
        self._tables.setdefault(table, {})[key] = row
        self._write(table, key, row)
        return row

    def change(self, table: str, key: str, **changes: Any) -> Row:
        return self.put(table, key, self._tables[table][key] | changes)

    def append(self, table: str, row: Row) -> Row:
        return self.put(table, str(len(self.rows(table)) + 1), row)

    def clear(self, table: str) -> None:
        self._tables.pop(table, None)
        self._write(table, None, None)

    def _write(self, table: str, key: str | None, row: Row | None) -> None:
        """One line a change: rewriting everything each time would make the hundredth loan slower than the first."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([table, key, row]) + "\n")

    def _read_back(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_text(encoding="utf-8").split("\n"):
            try:
                table, key, row = json.loads(line)
            except ValueError:
                continue  # the line that was being written when the process was killed
            if key is None:
                self._tables.pop(table, None)
            else:
                self._tables.setdefault(table, {})[key] = row
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")  # closes such a line, so that the next change does not run into it
