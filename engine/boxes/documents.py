"""Boxes as they are kept in a model's file: tables of numbers, texts and packed arrays."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from engine.boxes.box import Array, Box, BoxError

BOXES: dict[str, str] = {
    "fir": "engine.boxes.fir:Fir",
    "pitch": "engine.boxes.pitch:PitchShift",
    "echo": "engine.boxes.echo:Echo",
    "compressor": "engine.boxes.compressor:Compressor",
    "tail": "engine.boxes.tail:Tail",
    "modulated": "engine.boxes.modulated:Modulated",
    "phaser": "engine.boxes.phaser:Phaser",
    "tremolo": "engine.boxes.tremolo:Tremolo",
}
"""Each kind of box and where it is; imported when a file has one."""

LARGEST = 1e30  # no number of a box comes near; NaN and infinity are not below it
TOLD = {"float": "a number", "int": "a whole number", "str": "a text", "Array": "packed numbers"}
"""What a field of a box may be, by its annotation."""


@cache
def find_box(kind: str) -> type[Box]:
    """The class of boxes called ``kind``; BoxError naming what there is."""
    if kind not in BOXES:
        raise BoxError(f"no grey box is called {kind!r}; there are {', '.join(BOXES)}")
    module, _, name = BOXES[kind].partition(":")
    found: type[Box] = getattr(import_module(module), name)
    return found


def document(box: Box) -> dict[str, Any]:
    """A box as JSON can hold it."""
    values = {
        name: {"f32": pack(value)} if isinstance(value, np.ndarray) else value
        for name, value in box.numbers().items()
    }
    return {"kind": box.kind, **values}


def read_box(given: object) -> Box:
    """The box of a document; BoxError, in one line, for anything that does not make one."""
    if not isinstance(given, Mapping) or not isinstance(given.get("kind"), str):
        raise BoxError("a box is a table with a kind")
    kind = find_box(given["kind"])
    known = {field.name: field for field in fields(kind)}
    values = {str(name): value for name, value in given.items() if name != "kind"}
    for name in values:
        if name not in known:
            raise BoxError(f"{kind.kind}: has no {name!r}; it has {', '.join(sorted(known))}")
    for name, field in known.items():
        if name not in values and field.default is field.default_factory is MISSING:
            raise BoxError(f"{kind.kind}: {name} is missing")
    return kind(**{name: _value(kind.kind, known[name], value) for name, value in values.items()})


def pack(array: Array) -> str:
    """Numbers as text: base64 of little-endian 32-bit floats."""
    return base64.b64encode(np.asarray(array, "<f4").tobytes()).decode("ascii")


def unpack(text: object) -> Array:
    """The numbers in a text of ``pack``; BoxError if it is none."""
    if not isinstance(text, str):
        raise BoxError("packed numbers are a text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BoxError("packed numbers are not base64") from None
    if len(data) % 4:
        raise BoxError("packed numbers are cut short")
    return np.frombuffer(data, "<f4").astype(np.float32)


def _value(kind: str, field: Field[Any], value: object) -> Any:
    """A value as its field holds it; BoxError, naming the field, if it is of another type."""
    wanted = TOLD[str(field.type)]
    if isinstance(value, Mapping) and field.type == "Array":
        try:
            return unpack(value.get("f32"))
        except BoxError as error:
            raise BoxError(f"{kind}: {field.name}: {error}") from None
    if isinstance(value, str) and field.type == "str":
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if field.type == "float" and abs(value) < LARGEST:
            return float(value)
        if field.type == "int" and abs(value) < LARGEST and value == int(value):
            return int(value)
    raise BoxError(f"{kind}: {field.name} is not {wanted}")
