"""The file of a morph: one ``.npz`` of arrays and ``header``, JSON in bytes.

The header has ``format`` "taraf-morph", ``version`` 1, the grid, and what of MorphModel, its
layers and its notes are no arrays. Kernels lie as float32 or as uint16 (upper halves: bfloat16);
``latents`` and ``gain_db`` are those of all notes, one after the other. Whatever is in a file,
MorphError in one line is the worst that comes of it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from engine.artefact.golden import FOREIGN, PACKED, TORN
from engine.morph.errors import MorphError
from engine.morph.grid import Grid
from engine.morph.model import MOST, STORAGES, Dense, MorphModel, Note
from engine.sampler.storage import from_bfloat16, to_bfloat16
from engine.whole import write_whole

FORMAT, VERSION = "taraf-morph", 1
FILE_BYTES = 1 << 30
HEADER_BYTES = 1 << 25
UNKNOWN = "is damaged, or no morph; wanted is an .npz that a training of a morph wrote"
PLAIN = {"latents": int, "conditions": str, "storage": str, "job": dict}
GRID = {"size": int, "hop": int, "rate": int}
LAYER = {"activation": str, "joined": bool, "residual": bool}
NOTE = {
    "name": str, "family": str, "pitch": int, "velocity": int, "frames": int, "attack": int,
    "loop_start": int, "loop_end": int, "release": int,
}  # fmt: skip
NETWORKS = ("encoder", "decoder")


def write_morph(path: Path | str, model: MorphModel, storage: str = "float32") -> MorphModel:
    """Write ``model``, whole or not at all; returns it as ``read_morph`` will.

    Raises MorphError if it can not be played, or not be written.
    """
    path = Path(path)
    if storage not in STORAGES:
        _refuse(path, f"storage = {storage!r} is not one of {', '.join(STORAGES)}")
    _check(path, model)
    kept = _rounded(model, storage)
    kinds = {note.latents.dtype for note in kept.notes}
    if len(kinds) > 1:
        _refuse(path, "some notes have latents in uint8, others in float16")
    header: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    header |= {name: getattr(kept, name) for name in PLAIN} | {"job": dict(kept.job)}
    header["grid"] = {name: getattr(kept.grid, name) for name in GRID}
    arrays: dict[str, NDArray[Any]] = {}
    for name in NETWORKS:
        layers: tuple[Dense, ...] = getattr(kept, name)
        header[name] = [{key: getattr(layer, key) for key in LAYER} for layer in layers]
        for number, layer in enumerate(layers):
            brief = storage == "bfloat16"
            arrays[f"{name}{number}"] = to_bfloat16(layer.kernel) if brief else layer.kernel
            arrays[f"{name}{number}_bias"] = layer.bias
    header["notes"] = [{key: getattr(note, key) for key in NOTE} for note in kept.notes]
    if kept.notes:
        arrays["latents"] = np.concatenate([note.latents for note in kept.notes])
        arrays["gain_db"] = np.concatenate([note.gain_db for note in kept.notes])
    _save(path, header, arrays)
    return kept


def read_morph(path: Path | str) -> MorphModel:
    """Open a morph; MorphError, one line that names the file, if it is none."""
    path = Path(path)
    arrays = _arrays(path)
    header = _header(path, arrays)
    plain = _fields(path, "the header", header, PLAIN)
    model = MorphModel(
        grid=Grid(**_fields(path, "grid", header.get("grid"), GRID)),
        encoder=_layers(path, "encoder", header, arrays),
        decoder=_layers(path, "decoder", header, arrays),
        notes=_notes(path, header, arrays),
        **plain,
    )
    _check(path, model)
    return model


def _refuse(path: Path, why: str) -> NoReturn:
    """Raise MorphError about a file, in one printable line."""
    told = "".join(letter if letter.isprintable() else " " for letter in f"{path}: {why}")
    raise MorphError(told[:500]) from None


def _check(path: Path, model: MorphModel) -> None:
    try:
        model.check()
    except MorphError as error:
        _refuse(path, str(error))


def _rounded(model: MorphModel, storage: str) -> MorphModel:
    """The model with weights that can be kept exactly in ``storage``."""
    if storage == "float32":
        return replace(model, storage=storage)
    made = {
        name: tuple(
            replace(layer, kernel=from_bfloat16(to_bfloat16(layer.kernel)))
            for layer in getattr(model, name)
        )
        for name in NETWORKS
    }
    return replace(model, storage=storage, **made)  # type: ignore[arg-type]


def _save(path: Path, header: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    try:
        text = json.dumps(header, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        _refuse(path, f"the job can not be kept: {error}")
    held = io.BytesIO()
    np.savez_compressed(held, header=np.frombuffer(text, np.uint8), **arrays)  # type: ignore[arg-type]
    try:
        write_whole(path, held.getvalue())
    except OSError as error:
        _refuse(path, f"cannot be written: {error.strerror or error}")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if not path.is_file():
            _refuse(path, "is a folder" if path.is_dir() else "no such file")
        if path.stat().st_size > FILE_BYTES:
            _refuse(path, f"is larger than {FILE_BYTES >> 20} MiB; no morph is")
        with np.load(path, allow_pickle=False) as held:
            if not hasattr(held, "files"):
                _refuse(path, "is one array, not a morph")
            sizes = [entry.file_size for entry in held.zip.infolist()]
            if sum(sizes) > FILE_BYTES:
                _refuse(path, f"unpacks to more than {FILE_BYTES >> 20} MiB; no morph does")
            return {name: np.ascontiguousarray(held[name]) for name in held.files}
    except MorphError:
        raise
    except OSError as error:
        _refuse(path, error.strerror or UNKNOWN)
    except (*TORN, *FOREIGN, *PACKED, KeyError, NotImplementedError):
        _refuse(path, UNKNOWN)


def _header(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    held = arrays.get("header")
    if held is None or held.dtype != np.uint8 or held.size > HEADER_BYTES:
        _refuse(path, "is no morph: it has no header")
    try:
        header = json.loads(held.tobytes().decode())
    except (ValueError, RecursionError) as error:
        _refuse(path, f"is damaged: its header is no JSON ({error})")
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        _refuse(path, f"is no morph: its format is not {FORMAT!r}")
    if header.get("version") != VERSION:
        _refuse(path, f"is of version {header.get('version')!r}; supported: {VERSION}")
    return header


def _fields(path: Path, where: str, given: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The fields that ``kinds`` names, each of its kind; what else is there is left out."""
    if not isinstance(given, dict):
        _refuse(path, f"is damaged: {where} is no table")
    for name, kind in kinds.items():
        if type(given.get(name)) is not kind:
            told = f"{given.get(name)!r}"[:80]
            _refuse(path, f"{name} = {told} in {where} is no {kind.__name__}")
    return {name: given[name] for name in kinds}


def _rows(path: Path, header: Mapping[str, Any], name: str, most: int) -> list[Any]:
    rows = header.get(name)
    if not isinstance(rows, list) or len(rows) > most:
        _refuse(path, f"{name} in its header is no list of at most {most}")
    return rows


def _layers(
    path: Path, name: str, header: Mapping[str, Any], arrays: dict[str, NDArray[Any]]
) -> tuple[Dense, ...]:
    made = []
    for number, row in enumerate(_rows(path, header, name, MOST["layers"])):
        at = f"{name}{number}"
        fields = _fields(path, at, row, LAYER)
        kernel = _array(path, arrays, at)
        if kernel.dtype == np.uint16:
            kernel = from_bfloat16(kernel)
        made.append(Dense(kernel, _array(path, arrays, f"{at}_bias"), **fields))
    return tuple(made)


def _notes(
    path: Path, header: Mapping[str, Any], arrays: dict[str, NDArray[Any]]
) -> tuple[Note, ...]:
    rows = [
        _fields(path, f"note {n}", row, NOTE)
        for n, row in enumerate(_rows(path, header, "notes", MOST["notes"]))
    ]
    if not rows:
        return ()
    latents, gain = (_array(path, arrays, name) for name in ("latents", "gain_db"))
    total = sum(row["frames"] for row in rows)
    if any(row["frames"] < 1 for row in rows) or not len(latents) == len(gain) == total:
        _refuse(path, f"{len(latents)} latents, {len(gain)} gains; the notes have {total} frames")
    made, at = [], 0
    for row in rows:
        count = row.pop("frames")
        part = slice(at, at + count)
        made.append(Note(latents=latents[part], gain_db=gain[part], **row))
        at += count
    return tuple(made)


def _array(path: Path, arrays: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.ndim < 1:
        _refuse(path, f"{name} is missing")
    return array


__all__ = ["FORMAT", "VERSION", "read_morph", "write_morph"]
