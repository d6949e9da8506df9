"""Passwords and keys of the embedded stack: made once, kept in a file only its owner may read."""

import json
import os
import secrets
from pathlib import Path


class Secrets:
    """A secret for every name that is asked for; the same one the next time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self[name] = secrets.token_urlsafe(24)
        return self._known[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._known[name] = value
        fresh = self._file.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(self._known, out, indent=2)
        fresh.replace(self._file)

    def get(self, name: str) -> str | None:
        return self._known.get(name)
