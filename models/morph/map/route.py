"""A held note that goes from one sound to another, rendered by the kernels that play."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.morph.decode import Coder, decoder_state
from engine.morph.errors import MorphError
from engine.morph.grid import Array, from_db
from engine.morph.map import held
from engine.morph.model import MorphModel, Note, conditions_of
from engine.morph.phase import Phaser, levels_of
from engine.morph.sounds import Sound
from engine.morph.way import Way, octaves, straight, way

SECONDS = (0.2, 600.0)
STILL = 0.15
"""Of the time: so long it is one sound, then so long it goes, then it is the other."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Route:
    """The sound (samples,) at ``rate``, the notes it goes between, and how evenly."""

    sound: Array
    rate: int
    ends: tuple[Note, Note]
    way: Way  # where the morph is at equal steps, and what mends it there


def route(
    model: MorphModel, one: Sound, other: Sound, pitch: int = 60, velocity: int = 100,
    seconds: float = 6.0, spaced: bool = True,
) -> Route:  # fmt: skip
    """Render it. ``spaced``: in steps that are equal to the ear, brightness going one way;
    otherwise along the straight line of the latents.

    Raises MorphError for a time or a pitch that there is not.
    """
    for name, value, (low, high) in (
        ("seconds", seconds, SECONDS), ("pitch", pitch, (0, 127)), ("velocity", velocity, (1, 127)),
    ):  # fmt: skip
        if not low <= value <= high:
            raise MorphError(f"{name} = {value:g} is outside {low:g} to {high:g}")
    notes = nearest(model, one, pitch, velocity), nearest(model, other, pitch, velocity)
    count = max(round(seconds * model.grid.rate / model.grid.hop), 2)
    at = [stretched(note, count) for note in notes]
    told, decode = conditions_of(pitch, velocity, model.conditions), Coder(decoder_state(model))
    paths = [note.path[rows] for note, rows in zip(notes, at, strict=True)]
    gains = [note.gain_db[rows].astype(np.float32) for note, rows in zip(notes, at, strict=True)]
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    found = straight()
    if spaced:
        ends = gains[0], gains[1]
        found = way(decode, model.grid, told, hertz, paths[0], paths[1], gains_db=ends)
    knob = np.clip((np.arange(count) / (count - 1) - STILL) / (1.0 - 2.0 * STILL), 0.0, 1.0)
    share, tilt, gain = np.array([found.at(place) for place in knob], np.float32).T[:, :, None]
    latents = paths[0] + share * (paths[1] - paths[0])
    gain = gain + gains[0][:, None] + share * (gains[1] - gains[0])[:, None]
    made = decode(np.concatenate([latents, np.tile(told, (count, 1))], axis=1))
    loud = from_db(made) * 10.0 ** ((gain + tilt * octaves(model.grid)) / 20.0)
    levels, most = levels_of(loud)
    sound = Phaser(model.grid, hertz=hertz).frames(levels)[model.grid.lead :] * np.float32(most)
    return Route(_unclipped(sound), model.grid.rate, notes, found)


def nearest(model: MorphModel, sound: Sound, pitch: int, velocity: int) -> Note:
    """The note of a sound that is nearest in pitch, then in velocity."""
    notes = [model.notes[number] for number in sound.notes]
    return min(notes, key=lambda note: (abs(note.pitch - pitch), abs(note.velocity - velocity)))


def stretched(note: Note, count: int) -> Places:
    """Which of a note's frames are heard if it lasts ``count``: as while a key is held,
    then how it ends."""
    end = min(note.frames - note.release, count // 4)
    held_for = held(note, np.arange(count - end))
    return np.concatenate([held_for, note.release + np.arange(end)]).astype(np.intp)


def _unclipped(sound: Array) -> Array:
    """As loud as can be told without clipping, at most."""
    most = float(np.abs(sound).max(initial=0.0))
    return np.asarray(sound * np.float32(min(1.0, 0.98 / max(most, 1e-9))), np.float32)


__all__ = ["Route", "nearest", "route", "stretched"]
