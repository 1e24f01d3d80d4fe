"""JSON lines that grow: only what is new is read, however long the file has become."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

AT_ONCE = 1 << 22
"""Bytes that are read at a time: a long training's file does not hold up the page."""


class Tail:
    """The rows of a file of JSON lines, kept up with by ``read``."""

    def __init__(self, path: Path) -> None:
        self._path, self.rows = path, list[dict[str, Any]]()
        self._at, self._is, self._rest = 0, (0, 0), b""
        self.epoch = 0  # rises where the file was replaced: what was read before is not so

    def read(self) -> list[dict[str, Any]]:
        """All rows there are now; broken lines and a missing file are none."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if (found.st_dev, found.st_ino) != self._is or found.st_size < self._at:
                    self._anew((found.st_dev, found.st_ino))
                file.seek(self._at)
                text = file.read(AT_ONCE)
        except OSError:
            self._anew((0, 0))
            return self.rows
        self._at += len(text)
        *whole, self._rest = (self._rest + text).split(b"\n")
        for line in whole:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    self.rows.append(row)
        return self.rows

    def _anew(self, which: tuple[int, int]) -> None:
        if self._is != which:
            self.epoch += bool(self.rows)
        self._at, self._is, self._rest, self.rows = 0, which, b"", []


__all__ = ["Tail"]
