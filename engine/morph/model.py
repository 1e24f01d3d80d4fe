"""A morph as it is kept and played: an encoder, a decoder and notes as paths of latents.

A frame (engine.morph.grid) is dB against its note's loudest bin, FLOOR_DB to 0, as 0 to 1.

    latents = encoder(frame, conditions)      each 0 to 1
    frame   = decoder(latents, conditions)    held to 0 to 1

Both are lists of Dense. Anything linear in frequency (convolutions, transposed convolutions, batch
normalisation) is folded into their matrices by whoever exports. What a network was given first is
its vector ``given``, in the order above; layers with ``joined`` see it again.

    x = activation(kernel [x; given if joined] + bias) + (x if residual)

Conditions, each a number from 0 to 1, of a pitch in semitones (MIDI's) and a velocity:

    chroma   12 chroma, 1 where the pitch is (Colonel 2017); octave / 10; pitch / 127; velocity
    notes    128 notes, 1 where the pitch is; velocity

Between two semitones both are there in part, as is the octave between b and c.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid

ACTIVATIONS = ("none", "relu", "leaky_relu", "tanh", "sigmoid", "silu")
LEAK = 0.01
"""Slope of ``leaky_relu`` below 0: torch's default."""
CONDITIONS = {"chroma": 15, "notes": 129}
STORAGES = ("float32", "bfloat16")
LATENTS = (1, 64)
MOST = {"layers": 16, "units": 8192, "notes": 65_536, "frames": 1 << 24}
"""More of anything is no morph."""
MOST_PLACES = 1 << 27
"""Latents and gains of all frames together: half a gigabyte where they are played."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer: see the equation above."""

    kernel: Array  # (units, inputs)
    bias: Array  # (units,)
    activation: str = "none"  # one of ACTIVATIONS
    joined: bool = False
    residual: bool = False


@dataclass(frozen=True, eq=False)
class Note:
    """A recording as the morph knows it; places are frames from its beginning.

    Until ``attack`` it begins; from ``loop_start`` to ``loop_end`` it may be repeated while a key
    is held (equal where it may not); from ``release`` on it ends. ``gain_db`` is added to what is
    decoded of each frame, so that it is as loud as it was.
    """

    name: str
    family: str
    pitch: int  # MIDI's
    velocity: int
    latents: NDArray[np.uint8] | NDArray[np.float16]  # (frames, latents); uint8: 255 is 1
    gain_db: NDArray[np.float16]  # (frames,)
    attack: int = 0
    loop_start: int = 0
    loop_end: int = 0
    release: int = 0

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return len(self.latents)

    @property
    def path(self) -> Array:
        """Latents as numbers from 0 to 1 (frames, latents)."""
        scale = np.float32(1.0 / 255.0 if self.latents.dtype == np.uint8 else 1.0)
        return np.asarray(self.latents.astype(np.float32) * scale, np.float32)


@dataclass(frozen=True, eq=False)
class MorphModel:
    """Networks, notes, and what must be known to play them."""

    grid: Grid
    latents: int
    conditions: str  # one of CONDITIONS
    encoder: tuple[Dense, ...]
    decoder: tuple[Dense, ...]
    notes: tuple[Note, ...] = ()
    storage: str = "float32"
    job: Mapping[str, Any] = field(default_factory=dict)  # as it was trained, for the record

    def networks(self) -> Iterator[tuple[str, tuple[Dense, ...], int, int]]:
        """Name, layers, how many numbers go in and how many come out."""
        more = CONDITIONS[self.conditions]
        yield "encoder", self.encoder, self.grid.bins + more, self.latents
        yield "decoder", self.decoder, self.latents + more, self.grid.bins

    def check(self) -> None:
        """Raise MorphError, one line, if this can not be played."""
        self.grid.check()
        _within("latents", self.latents, *LATENTS)
        _one_of("conditions", self.conditions, tuple(CONDITIONS))
        _one_of("storage", self.storage, STORAGES)
        for name, layers, inputs, outputs in self.networks():
            _check_network(name, layers, inputs, outputs)
        _within("notes", len(self.notes), 0, MOST["notes"])
        frames = sum(note.frames for note in self.notes)
        _within("frames", frames, 0, min(MOST["frames"], MOST_PLACES // (self.latents + 1)))
        for number, note in enumerate(self.notes):
            _check_note(f"note {number} ({note.name})", note, self.latents)


def conditions_of(pitch: float, velocity: float, kind: str = "chroma") -> Array:
    """Conditions of a pitch in semitones and a velocity, both 0 to 127; held to that."""
    p, v = (min(max(float(x), 0.0), 127.0) if x == x else 0.0 for x in (pitch, velocity))
    low, share = math.floor(p), p - math.floor(p)
    made = np.zeros(CONDITIONS[kind], np.float32)
    made[-1] = v / 127.0
    if kind == "notes":
        made[low], made[min(low + 1, 127)] = 1.0 - share, share if low < 127 else 1.0
        return made
    made[low % 12] += 1.0 - share
    made[(low + 1) % 12] += share
    made[12] = (low // 12 * (1.0 - share) + (low + 1) // 12 * share) / 10.0
    made[13] = p / 127.0
    return made


def _check_network(name: str, layers: tuple[Dense, ...], inputs: int, outputs: int) -> None:
    _within(f"layers of the {name}", len(layers), 1, MOST["layers"])
    before = inputs
    for number, layer in enumerate(layers):
        where = f"layer {number} of the {name}"
        _one_of(f"activation of {where}", layer.activation, ACTIVATIONS)
        units = len(layer.bias)
        _within(f"units of {where}", units, 1, MOST["units"])
        seen = before + (inputs if layer.joined else 0)
        _array(f"kernel of {where}", layer.kernel, (units, seen), np.float32)
        _array(f"bias of {where}", layer.bias, (units,), np.float32)
        if layer.residual and units != before:
            raise MorphError(f"{where} is residual, but {before} numbers go in and {units} out")
        before = units
    if before != outputs:
        raise MorphError(f"the {name} makes {before} numbers; {outputs} are wanted")


def _check_note(where: str, note: Note, latents: int) -> None:
    for name in ("pitch", "velocity"):
        _within(f"{name} of {where}", getattr(note, name), 0, 127)
    kind = np.uint8 if note.latents.dtype == np.uint8 else np.float16
    if note.latents.ndim != 2 or not note.frames:
        raise MorphError(f"latents of {where} have the shape {note.latents.shape}")
    _array(f"latents of {where}", note.latents, (note.frames, latents), kind)
    _array(f"gain_db of {where}", note.gain_db, (note.frames,), np.float16)
    path = note.path
    if path.min() < 0.0 or path.max() > 1.0:
        raise MorphError(f"latents of {where} are outside 0 to 1")
    places = (note.attack, note.loop_start, note.loop_end, note.release, note.frames)
    if list(places) != sorted(places) or note.attack < 0:
        raise MorphError(
            f"{where}: attack, loop_start, loop_end, release = {places[:4]} "
            f"are not in order within {note.frames} frames"
        )


def _array(name: str, given: NDArray[Any], shape: tuple[int, ...], kind: type) -> None:
    if given.shape != shape or given.dtype != kind:
        wanted = f"{np.dtype(kind).name} {shape}"
        raise MorphError(f"{name} is {given.dtype} {given.shape}, not {wanted}")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise MorphError(f"{name} holds values that are not finite")


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise MorphError(f"{name} = {given!r} is not one of {', '.join(known)}")


def _within(name: str, given: int, low: int, high: int) -> None:
    if not low <= given <= high:
        raise MorphError(f"{name} = {given} is outside {low} to {high}")


__all__ = [
    "ACTIVATIONS", "CONDITIONS", "LEAK", "STORAGES", "Dense", "MorphModel", "Note",
    "conditions_of",
]  # fmt: skip
