"""A store that all machines reach: a shared folder, or an object store by its fsspec URL.

inputs/<sha256>         what units read
units/<key>/<name>      what a unit wrote
units/<key>.json        its answer, written last: with it the unit is done, for whoever asks again
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import lru_cache
from typing import Any

from models.cluster.errors import ClusterError


class Store:
    """Objects by name under one URL; ClusterError, one line, for all that goes wrong there."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            from fsspec.core import url_to_fs
        except ModuleNotFoundError:
            told = "needs fsspec, which is not installed: pip install 'taraf[cluster]'"
            raise ClusterError(f"--store {url}: {told}") from None
        try:
            self._files, self._root = url_to_fs(self.url)
        except (ValueError, ImportError, OSError) as error:
            raise ClusterError(f"--store {url}: {_line(error)}") from None
        self._renames = "file" in _names(self._files.protocol)

    def get(self, name: str) -> bytes | None:
        """What is stored by a name, or None."""
        try:
            found: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        except Exception as error:  # each file system raises its own
            raise ClusterError(f"{self.url}/{name}: cannot be read: {_line(error)}") from None
        return found

    def has(self, name: str) -> bool:
        """Whether something is stored by a name."""
        with suppress(Exception):
            return bool(self._files.exists(self._path(name)))
        return False

    def put(self, name: str, data: bytes) -> None:
        """Store, whole or not at all: object stores do that by themselves, folders by renaming."""
        path = self._path(name)
        try:
            if not self._renames:
                self._files.pipe_file(path, data)
                return
            part = f"{path}.{os.urandom(4).hex()}.part"
            self._files.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._files.pipe_file(part, data)
            os.replace(part, path)
        except Exception as error:
            raise ClusterError(f"{self.url}/{name}: cannot be written: {_line(error)}") from None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    # --- units

    def answer(self, key: str) -> dict[str, Any] | None:
        """What a unit that is done was answered; None where it is not."""
        data = self.get(f"units/{key}.json")
        if data is None:
            return None
        try:
            told: dict[str, Any] = json.loads(data)
        except ValueError:
            return None
        return told

    def keep(self, key: str, answer: dict[str, Any], files: dict[str, bytes]) -> None:
        """Store what a unit wrote, then its answer."""
        for name, data in files.items():
            self.put(f"units/{key}/{name}", data)
        self.put(f"units/{key}.json", json.dumps(answer).encode())

    def file(self, key: str, name: str) -> bytes:
        """One of the things that a unit wrote."""
        data = self.get(f"units/{key}/{name}")
        if data is None:
            raise ClusterError(f"{self.url}/units/{key}/{name}: is gone")
        return data


@lru_cache(maxsize=8)
def opened(url: str) -> Store:
    """The store of a URL, opened once a process."""
    return Store(url)


def _names(protocol: Any) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


__all__ = ["Store", "opened"]
