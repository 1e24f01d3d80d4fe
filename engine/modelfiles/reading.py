"""Reads a model's file within bounds, and fetches values from it that are what they must be.

Whatever stands in a file, the worst it can do here is to raise ``ModelFileError`` with one
printable line: which file, where in it, what was given and what is allowed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np

from engine.modelfiles.model import ModelFileError
from engine.neural.network import Array

FILE_BYTES = 16 << 20
# A file of brackets or of short numbers takes twenty times its size in memory. Models have up
# to a million weights and a few thousand rows; these keep any file under 200 MB and 1 s.
COUNTS = {b",": 1_500_000, b'"': 2_000_000, b"[": 200_000, b"{": 100_000}

CHANNELS, TAPS, DILATIONS, LAYERS = (1, 4096), (1, 65_536), (1, 1 << 20), (1, 1000)
SAMPLE_RATES = (8_000, 384_000)
_MISSING = object()


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file of at most ``FILE_BYTES``; ModelFileError if there is none."""
    try:
        if not path.is_file():
            refuse(path, "is a folder" if path.is_dir() else "no such file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(FILE_BYTES + 1) if size <= FILE_BYTES else b""
    except (OSError, ValueError) as error:  # a name with a zero in it is a ValueError
        if isinstance(error, ModelFileError):
            raise
        refuse(path, getattr(error, "strerror", None) or "cannot be read")
    if max(size, len(data)) > FILE_BYTES:
        given = max(size, len(data)) / (1 << 20)
        refuse(path, f"has {given:.1f} MiB, a model may have {FILE_BYTES >> 20} MiB")
    return data


def read_json(path: Path, data: bytes) -> Node:
    """Return the object a JSON file holds."""
    for mark, limit in COUNTS.items():
        if (count := data.count(mark)) > limit:
            refuse(path, f"has {count} of {show(mark.decode())}, a model has at most {limit}")
    try:
        values = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        refuse(path, "is nested too deep for a model")
    except UnicodeDecodeError as error:
        refuse(path, f"is neither UTF-8 text nor .namb: {error.reason} at byte {error.start}")
    except ValueError as error:  # no JSON, or a number of too many digits
        refuse(path, f"is not JSON: {error}")
    if not isinstance(values, dict):
        refuse(path, f"holds {show(values)}, a model is an object {{...}}")
    return Node(path, values)


@dataclass(frozen=True)
class Node:
    """An object in a file and where it stands, so that every complaint can say where.

    In all that fetches, null counts as absent, and a bool is no number.
    """

    path: Path
    values: Mapping[str, Any]
    where: str = ""  # as "config.layers[1]."

    def refuse(self, complaint: str) -> NoReturn:
        """Raise ModelFileError about something in this object."""
        refuse(self.path, self.where + complaint)

    def has(self, key: str) -> bool:
        """Whether there is a value, null not counted."""
        return self.values.get(key) is not None

    def given(self, key: str, default: Any = _MISSING) -> Any:
        """Return a value as it stands, or the default; refuse if there is neither."""
        value = self.values.get(key)
        if value is None:
            if default is _MISSING:
                self.refuse(f"{key} is missing")
            return default
        return value

    def text(self, key: str, default: Any = _MISSING) -> str:
        """Return a text."""
        value = self.given(key, default)
        if not isinstance(value, str):
            self.refuse(f"{key} = {show(value)} is not a text")
        return value

    def flag(self, key: str, default: Any = _MISSING) -> bool:
        """Return whether something is on: true, false, 1 or 0."""
        value = self.given(key, default)
        if not isinstance(value, int | float) or value not in (0, 1):
            self.refuse(f"{key} = {show(value)} is neither true nor false")
        return bool(value)

    def whole(self, key: str, limits: tuple[int, int], default: Any = _MISSING) -> int:
        """Return a whole number within the limits."""
        return self.as_whole(key, self.given(key, default), limits)

    def number(self, key: str, limits: tuple[float, float], default: Any = _MISSING) -> float:
        """Return a number within the limits."""
        value = self.given(key, default)
        if not is_number(value):
            self.refuse(f"{key} = {show(value)} is not a number")
        if not limits[0] <= value <= limits[1]:  # NaN is within none
            self.refuse(f"{key} = {show(value)} is outside {limits[0]:g} to {limits[1]:g}")
        return float(value)

    def as_whole(self, name: str, value: Any, limits: tuple[int, int]) -> int:
        """Return a value found under a name as a whole number within the limits."""
        if not is_number(value) or (isinstance(value, float) and not value.is_integer()):
            self.refuse(f"{name} = {show(value)} is not a whole number")
        if not limits[0] <= value <= limits[1]:
            self.refuse(f"{name} = {show(value)} is outside {limits[0]} to {limits[1]}")
        return int(value)

    def wholes(self, key: str, limits: tuple[int, int], counts: tuple[int, int]) -> list[int]:
        """Return a list of whole numbers, each within ``limits``, their count in ``counts``."""
        items = self.items(key, counts)
        return [self.as_whole(f"{key}[{i}]", item, limits) for i, item in enumerate(items)]

    def items(self, key: str, counts: tuple[int, int]) -> list[Any]:
        """Return a list whose length is within ``counts``."""
        return self.as_list(key, self.given(key), counts)

    def as_list(self, name: str, value: Any, counts: tuple[int, int]) -> list[Any]:
        """Return a value found under a name as a list whose length is within ``counts``."""
        if not isinstance(value, list):
            self.refuse(f"{name} = {show(value)} is not a list")
        if not counts[0] <= len(value) <= counts[1]:
            self.refuse(f"{name} has {len(value)} items, must have {counts[0]} to {counts[1]}")
        return value

    def node(self, key: str) -> Node:
        """Return the object under a key."""
        return self.as_node(key, self.given(key))

    def optional_node(self, key: str) -> Node | None:
        """Return the object under a key, or None where there is none."""
        return self.node(key) if self.has(key) else None

    def nodes(self, key: str, counts: tuple[int, int]) -> list[Node]:
        """Return a list of objects."""
        items = self.items(key, counts)
        return [self.as_node(f"{key}[{i}]", item) for i, item in enumerate(items)]

    def as_node(self, name: str, value: Any) -> Node:
        """Return a value found under a name as an object."""
        if not isinstance(value, dict):
            self.refuse(f"{name} = {show(value)} is not an object")
        return Node(self.path, value, f"{self.where}{name}.")

    def weights(self, count: int, key: str = "weights") -> Array:
        """Return a flat list of exactly ``count`` finite numbers."""
        value = self.given(key)
        if not isinstance(value, list | np.ndarray):
            self.refuse(f"{key} = {show(value)} is not a list of numbers")
        if len(value) != count:
            self.refuse(f"{key}: the file has {len(value)}, this architecture needs {count}")
        return self.as_array(key, value)

    def tensor(self, name: str, value: Any, *shape: int) -> Array:
        """Return nested lists of numbers of exactly this shape as an array."""
        level: list[Any] = [value]
        for depth, length in enumerate(shape):
            for part in level:
                if not isinstance(part, list):
                    self.refuse(f"{name} is not a list of {depth + 1} levels")
                if len(part) != length:
                    given = f"has {len(part)} items at level {depth + 1}"
                    self.refuse(f"{name} {given}, must be {' x '.join(map(str, shape))}")
            level = [item for part in level for item in part]
        return self.as_array(name, level).reshape(shape)

    def as_array(self, name: str, values: Sequence[Any] | Array) -> Array:
        """Return numbers in single precision; refuse what is none or not finite in it."""
        if not isinstance(values, np.ndarray) and not set(map(type, values)) <= {int, float}:
            bad = next(i for i, value in enumerate(values) if type(value) not in (int, float))
            self.refuse(f"{name}[{bad}] = {show(values[bad])} is not a number")
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                array = np.array(values, np.float64).astype(np.float32)
        except OverflowError:
            self.refuse(f"{name} has a number too large for single precision")
        if not np.isfinite(array).all():
            bad = int(np.argmin(np.isfinite(array)))
            self.refuse(f"{name}[{bad}] = {show(values[bad])} is not finite in single precision")
        return array


def refuse(path: Path, complaint: str) -> NoReturn:
    """Raise ModelFileError about a file, in one printable line whatever is in it."""
    complaint = " ".join(printable(complaint[:400]).split())
    raise ModelFileError(f"{printable(str(path))}: {complaint}") from None


def printable(text: str) -> str:
    """Return a text with a space for every character that cannot be shown in a line."""
    return "".join(c if c.isprintable() else " " for c in text)


def show(value: object) -> str:
    """Return a value in a few words, however large it is."""
    if isinstance(value, str):
        return ascii(value) if len(value) <= 40 else ascii(value[:37]) + "..."
    if isinstance(value, list | tuple | np.ndarray):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    return ascii(value)[:60]


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is an int or a float; a bool is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)
