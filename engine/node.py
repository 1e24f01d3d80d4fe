"""A plugin as the audio thread sees it: an address of code and an address of memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.layout import CELL, KNOB, LEAD, NOTES, WIDTH
from engine.plugin import Extern, Plugin, PluginError, Setup
from engine.shared import address, aligned

Array = npt.NDArray[Any]
MAX_STATE_BYTES = 1 << 30


class Node:
    """One plugin, prepared: its compiled kernel, its knobs, its state and the state's image."""

    def __init__(
        self, plugin: Plugin, setup: Setup, knobs: dict[str, float] | None = None, **extern: Extern
    ) -> None:
        self.plugin = plugin
        self.setup = setup
        self.knobs = _make_knobs(plugin, setup.sample_rate, knobs or {})
        fields = {**plugin.prepare(setup), **extern}
        if plugin.raw_knobs:
            fields["n_knobs"] = len(self.knobs)
        if plugin.plays_notes:
            fields["notes"] = np.zeros((NOTES, 2), np.int64)
            fields["noted"] = np.zeros(4, np.int64)
        if plugin.leads_beat:
            fields["lead"] = np.zeros(LEAD)
        if plugin.makes_notes:
            fields["made"] = np.zeros((NOTES, 2), np.int64)
            fields["made_count"] = np.zeros(3, np.int64)
        self._fields = [(name, *_kind(name, value)) for name, value in fields.items()]
        self._pack(fields)
        self.latency = int(plugin.latency_samples)
        assert self.latency >= 0
        self._line = aligned(4 * WIDTH * max(self.latency, 1))
        self.address = _compile(plugin, tuple(self._fields))

    def _pack(self, fields: dict[str, Any]) -> None:
        """Lay the state out in one block: words the wrapper reads, then the arrays."""
        words = sum(1 + dimensions for _, _, dimensions in self._fields)
        places, size = {}, _up(8 * max(words, 1))
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                places[name] = size
                size += _up(max(value.nbytes, 1))
        if size > MAX_STATE_BYTES:
            raise PluginError(f"{type(self.plugin).__name__} asks for {size >> 20} MiB of memory")
        self.arena = aligned(size)
        self.arrays: dict[str, Array] = {}
        header, word = self.arena[: 8 * max(words, 1)].view(np.int64), 0
        for name, value in fields.items():
            if isinstance(value, (np.ndarray, Extern)):
                if isinstance(value, Extern):
                    array = value.array
                    self._keep = [*getattr(self, "_keep", []), array]
                else:
                    at = places[name]
                    array = self.arena[at : at + value.nbytes].view(value.dtype)
                    array = array.reshape(value.shape)
                    array[...] = value
                self.arrays[name] = array
                header[word] = address(array)
                header[word + 1 : word + 1 + array.ndim] = array.shape
                word += 1 + array.ndim
            elif isinstance(value, (bool, int, np.integer)):
                header[word] = int(value)
                word += 1
            else:
                header[word : word + 1].view(np.float64)[0] = float(value)
                word += 1
        self.plugin.bind(self.arrays)
        self.image = aligned(size)
        self.image[:] = self.arena

    def reset(self) -> None:
        """Forget past audio, keep the knobs where they aim."""
        self.arena[:] = self.image
        self._line[:] = 0
        waits = self.knobs["due"] >= 0
        self.knobs["target"][waits] = self.knobs["pending"][waits]
        self.knobs["value"] = self.knobs["target"]
        self.knobs["left"] = 0
        self.knobs["due"] = -1

    def fill(self, row: Any, starts: int) -> None:
        """Write this node into its row of a table."""
        row["process"], row["state"] = self.address, address(self.arena)
        row["knobs"], row["n_knobs"] = address(self.knobs), len(self.knobs)
        row["channels"], row["starts"] = self.setup.channels, starts
        row["latency"], row["line"] = self.latency, address(self._line)
        row["image"], row["state_bytes"] = address(self.image), len(self.arena)
        row["moving"] = row["mixing"] = 1
        row["heal"] = 0
        if self.plugin.plays_notes:
            row["notes"] = address(self.arrays["notes"])
            row["noted"] = address(self.arrays["noted"])
        if self.plugin.leads_beat:
            row["lead"] = address(self.arrays["lead"])
        if self.plugin.makes_notes:
            row["made"] = address(self.arrays["made"])
            row["made_count"] = address(self.arrays["made_count"])

    def knob(self, name: str) -> int:
        """The number of the knob called ``name``."""
        return list(self.plugin.params).index(name)


def _up(size: int) -> int:
    return (size + 63) // 64 * 64


def _make_knobs(plugin: Plugin, sample_rate: int, values: dict[str, float]) -> Array:
    knobs = aligned(KNOB.itemsize * len(plugin.params)).view(KNOB)
    for knob, (name, param) in zip(knobs, plugin.params.items(), strict=True):
        value = values.get(name, param.default)
        knob["value"] = knob["target"] = knob["start"] = value
        knob["due"] = -1
        knob["cells"] = math.ceil(param.smooth_ms * sample_rate / 1000 / CELL)
    return knobs


def _kind(name: str, value: Any) -> tuple[str, int]:
    if isinstance(value, Extern):
        value = value.array
    if isinstance(value, np.ndarray):
        code = value.dtype.kind + str(value.dtype.itemsize)
        if code not in ("f4", "f8", "i2", "i4", "i8", "u4", "u8", "c8") or value.ndim == 0:
            raise PluginError(f"state {name}: an array of {value.dtype} is not supported")
        return code, value.ndim
    if isinstance(value, (bool, int, np.integer)):
        return "i8", 0
    if isinstance(value, (float, np.floating)):
        return "f8", 0
    raise PluginError(f"state {name}: {type(value).__name__} is neither a number nor an array")


def _compile(plugin: Plugin, fields: tuple[tuple[str, str, int], ...]) -> int:
    params = None if plugin.raw_knobs else tuple(plugin.params)
    kernel = plugin.process

    def build() -> bytes:
        from engine import compiler

        return compiler.compile_node(kernel, params, fields)

    name = type(plugin).__name__.lower()
    fingerprint = f"{kernel.fingerprint()} {params} {fields} {native.digest()} {KNOB}"
    return native.load(name, fingerprint, build)
