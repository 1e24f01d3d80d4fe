"""The file of a sampler: one ``.npz`` of arrays and ``header``, JSON in bytes.

The header has ``format`` "taraf-sampler", ``version`` 1, and the fields of SamplerModel that are
no arrays. Weights lie as float32, as uint16 (upper halves: bfloat16) or as int8 with a second
array, ``<name>_factor``, beside them. Whatever is in a file, SamplerError in one line is the
worst that comes of it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from engine.artefact.golden import FOREIGN, PACKED, TORN
from engine.sampler.errors import SamplerError
from engine.sampler.model import MOST, STORAGES, Array, Head, Layer, SamplerModel
from engine.sampler.storage import (
    WORTH_ROWS,
    factors_of,
    from_bfloat16,
    from_int8,
    rounded,
    to_bfloat16,
    to_int8,
)
from engine.whole import write_whole

FORMAT, VERSION = "taraf-sampler", 1
FILE_BYTES = 1 << 30
HEADER_BYTES = 1 << 20
MOST_NUMBERS = FILE_BYTES // 4
"""In all arrays, whatever they are kept in: they are played as float32."""
UNKNOWN = "is damaged, or no sampler; wanted is an .npz that a training of a sampler wrote"
PLAIN: dict[str, type] = {
    "approach": str, "rate": int, "job": dict, "residual": bool, "squash": str,
    "input_dropout": float, "output_dropout": float, "log": bool, "learns_spread": bool,
    "taps_bias": float, "storage": str,
}  # fmt: skip
LOOSE = ("input_mean", "input_scale", "output_mean", "output_scale", "taps", "spread")


def write_sampler(path: Path | str, model: SamplerModel, storage: str = "float32") -> SamplerModel:
    """Write ``model``, whole or not at all; returns it as ``read_sampler`` will.

    Raises SamplerError if it can not be played, or not be written.
    """
    path = Path(path)
    if storage not in STORAGES:
        refuse(path, f"storage = {storage!r} is not one of {', '.join(STORAGES)}")
    _guarded(path, model.check)
    kept = rounded(model, storage)
    header = {"format": FORMAT, "version": VERSION, "layers": len(kept.layers)}
    header |= {name: getattr(kept, name) for name in PLAIN} | {"job": dict(kept.job)}
    try:
        text = json.dumps(header, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        refuse(path, f"the job can not be kept: {error}")
    arrays: dict[str, NDArray[Any]] = {"header": np.frombuffer(text, np.uint8)}
    shared = _factors(kept) if storage == "int8" else {}
    for name, array, _ in kept.arrays():
        arrays |= _packed(name, array, storage, shared)
    held = io.BytesIO()
    np.savez(held, **arrays)  # type: ignore[arg-type]
    try:
        write_whole(path, held.getvalue())
    except OSError as error:
        refuse(path, f"cannot be written: {error.strerror or error}")
    return kept


def read_sampler(path: Path | str) -> SamplerModel:
    """Open a sampler; SamplerError, one line that names the file, if it is none."""
    path = Path(path)
    arrays = _arrays(path)
    header = _header(path, arrays)
    fetch = _Fetch(path, arrays)
    layers = tuple(
        Layer(fetch(f"kernel{n}", 2), fetch(f"recurrent{n}", 2), fetch(f"bias{n}", 1))
        for n in range(header.pop("layers"))
    )
    loose: dict[str, Any] = {name: fetch(name, 1) for name in LOOSE}
    head = Head(fetch("head", 2), fetch("head_bias", 1))
    model = SamplerModel(layers=layers, head=head, **loose, **header)
    _guarded(path, model.check)
    return model


def refuse(path: Path, why: str) -> NoReturn:
    """Raise SamplerError about a file, in one printable line."""
    told = "".join(letter if letter.isprintable() else " " for letter in f"{path}: {why}")
    raise SamplerError(told[:500]) from None


def _guarded(path: Path, check: Callable[[], None]) -> None:
    try:
        check()
    except SamplerError as error:
        refuse(path, str(error))


def _factors(model: SamplerModel) -> dict[str, Array]:
    """The factors of int8 by the matrix's name."""
    found = {"head": factors_of(model.head.kernel)}
    for number, layer in enumerate(model.layers):
        shared = factors_of(layer.kernel, layer.recurrent)
        found |= {f"kernel{number}": shared, f"recurrent{number}": shared}
    return found


def _packed(
    name: str, array: Array, storage: str, factors: dict[str, Array]
) -> dict[str, NDArray[Any]]:
    if array.ndim != 2 or storage == "float32" or (name == "head" and len(array) < WORTH_ROWS):
        return {name: array}
    if storage == "bfloat16":
        return {name: to_bfloat16(array)}
    return {name: to_int8(array, factors[name]), f"{name}_factor": factors[name]}


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if not path.is_file():
            refuse(path, "is a folder" if path.is_dir() else "no such file")
        if path.stat().st_size > FILE_BYTES:
            refuse(path, f"is larger than {FILE_BYTES >> 20} MiB; no sampler is")
        with np.load(path, allow_pickle=False) as held:
            if not hasattr(held, "files"):
                refuse(path, "is one array, not a sampler")
            sizes = [entry.file_size for entry in held.zip.infolist()]
            if sum(sizes) > FILE_BYTES:
                refuse(path, f"unpacks to more than {FILE_BYTES >> 20} MiB; no sampler does")
            return {name: np.ascontiguousarray(held[name]) for name in held.files}
    except SamplerError:
        raise
    except OSError as error:
        refuse(path, error.strerror or UNKNOWN)
    except (*TORN, *FOREIGN, *PACKED, KeyError, NotImplementedError):
        refuse(path, UNKNOWN)


def _header(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The header's fields that SamplerModel has, and how many layers there are."""
    held = arrays.get("header")
    if held is None or held.dtype != np.uint8 or held.size > HEADER_BYTES:
        refuse(path, "is no sampler: it has no header")
    try:
        header = json.loads(held.tobytes().decode())
    except (ValueError, RecursionError) as error:
        refuse(path, f"is damaged: its header is no JSON ({error})")
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        refuse(path, f"is no sampler: its format is not {FORMAT!r}")
    if header.get("version") != VERSION:
        refuse(path, f"is of version {header.get('version')!r}; supported: {VERSION}")
    found: dict[str, Any] = {}
    for name, kind in {**PLAIN, "layers": int}.items():
        value = header.get(name)
        if kind is float and type(value) is int and abs(value) < 1 << 53:
            value = float(value)
        if type(value) is not kind:
            told = f"{value!r}"[:80]
            refuse(path, f"{name} = {told} in its header is no {kind.__name__}")
        found[name] = value
    if not 1 <= found["layers"] <= MOST["layers"]:
        refuse(path, f"layers = {found['layers']} is outside 1 to {MOST['layers']}")
    return found


class _Fetch:
    """Arrays of a file by name, as float32, whatever they were kept in."""

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]) -> None:
        self._path, self._arrays, self._numbers = path, arrays, 0

    def __call__(self, name: str, dimensions: int) -> NDArray[np.float32]:
        array = self._one(name, dimensions)
        self._numbers += array.size
        if self._numbers > MOST_NUMBERS:
            refuse(self._path, f"holds more than {MOST_NUMBERS} numbers; no sampler does")
        if array.dtype == np.uint16 and dimensions == 2:
            return from_bfloat16(array)
        if array.dtype == np.int8 and dimensions == 2:
            factors = self._one(f"{name}_factor", 1)
            if factors.shape != array.shape[:1] or factors.dtype != np.float32:
                refuse(self._path, f"{name}_factor is not float32 {array.shape[:1]}")
            return from_int8(array, factors)
        if array.dtype != np.float32:
            refuse(self._path, f"{name} is {array.dtype}; float32 is wanted")
        return array

    def _one(self, name: str, dimensions: int) -> NDArray[Any]:
        array = self._arrays.get(name)
        if array is None:
            refuse(self._path, f"{name} is missing")
        if array.ndim != dimensions or (dimensions == 2 and 0 in array.shape):
            refuse(self._path, f"{name} has the shape {array.shape}")
        return array


__all__ = ["FORMAT", "VERSION", "read_sampler", "refuse", "write_sampler"]
