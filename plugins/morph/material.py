"""What of a model the audio thread reads while notes sound: paths, places, sounds, conditions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import FLOOR_DB, Grid
from engine.morph.model import MorphModel, Note, conditions_of
from engine.morph.sounds import Sound, sounds_of
from engine.plugin import Extern

ROW, BEGIN, ATTACK, LOOP, LOOP_END, CROSS, LAST, RELEASE, FRAMES, PITCH, VELOCITY = range(11)
"""Columns of ``note_places``. A note's first row in ``paths``; then frames from there: where it is
first heard, the end of its attack, its loop (equal: it has none), how much of the loop's end fades
into what is before its beginning, the last one while a key is held without a loop, where it is let
go (as FRAMES: never), how many there are. Its pitch and velocity."""
HEARD_DB = -50.0
"""Under a note's loudest bin: before that there is nothing to wait for."""
SILENCE_S = 0.1
"""At most so much of a beginning is left out."""
CROSS_S = 0.25

Wide = npt.NDArray[np.int64]


@lru_cache(maxsize=2)
def material(model: MorphModel) -> dict[str, Any]:
    """State arrays, never written, so they may be several plugins': see ``blend``."""
    sounds = sounds_of(model)
    starts = np.cumsum([0, *(note.frames for note in model.notes)])
    paths = np.empty((int(starts[-1]), model.latents + 1), np.float32)
    for note, start in zip(model.notes, starts[:-1], strict=True):
        paths[start : start + note.frames, :-1] = note.path
        paths[start : start + note.frames, -1] = note.gain_db
    hear = _Ear(model)
    places = [
        place_of(note, int(start), hear.first(note), model.grid)
        for note, start in zip(model.notes, starts[:-1], strict=True)
    ]
    pitches = [conditions_of(pitch, 0.0, model.conditions) for pitch in range(128)]
    return {
        "reach": Extern(np.array(reach_of(model), np.int64)),
        "paths": Extern(paths),
        "note_places": Extern(np.array(places, np.int64)),
        "sound_notes": Extern(_rows(sounds)),
        "pitches": Extern(np.array(pitches, np.float32)),
    }


def reach_of(model: MorphModel) -> tuple[int, int]:
    """The lowest and the highest pitch that a decoder has learnt, or nearly.

    Its job may tell them; else its notes do, and a semitone more, where they are of two octaves: a
    model that keeps few notes of each sound has learnt others, too.
    """
    told = model.job.get("lowest"), model.job.get("highest")
    if isinstance(told[0], int) and isinstance(told[1], int) and 0 <= told[0] <= told[1] <= 127:
        return told[0], told[1]
    known = [note.pitch for note in model.notes]
    if max(known) - min(known) >= 24:
        return max(0, min(known) - 1), min(127, max(known) + 1)
    return 0, 127


def place_of(note: Note, row: int, begin: int, grid: Grid) -> list[int]:
    """A note's row of ``note_places``."""
    second = grid.rate / grid.hop
    attack = max(note.attack, begin)
    loop, end = note.loop_start, note.loop_end
    if loop < attack or end - loop < 2:
        loop = end = 0
    cross = max(0, min((end - loop) // 2, loop - attack, round(CROSS_S * second)))
    # what sees the end of a key's time already dies away
    last = note.release - grid.overlap if note.release < note.frames else note.frames - 1
    return [
        row, begin, attack, loop, end, cross, max(last, attack), note.release, note.frames,
        note.pitch, note.velocity,
    ]  # fmt: skip


class _Ear:
    """Hears where notes begin."""

    def __init__(self, model: MorphModel) -> None:
        self._model, self._coder = model, Coder(decoder_state(model))
        self._most = round(SILENCE_S * model.grid.rate / model.grid.hop)

    def first(self, note: Note) -> int:
        """The first frame that is heard; levels rise until then, so the way there is halved."""
        low, high = 0, min(self._most, note.attack, note.frames - 1)
        silent = note.gain_db <= note.gain_db.max() + FLOOR_DB / 2
        low = min(high, int(np.argmin(silent)))
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._heard(note, middle) else (middle + 1, high)
        return low

    def _heard(self, note: Note, frame: int) -> bool:
        told = conditions_of(note.pitch, note.velocity, self._model.conditions)
        scale = 255.0 if note.latents.dtype == np.uint8 else 1.0
        latents = note.latents[frame].astype(np.float32) / scale
        made = self._coder(np.concatenate([latents, told])[None])
        return float(made.max()) > HEARD_DB


def _rows(sounds: tuple[Sound, ...]) -> Wide:
    """Numbers of each sound's notes (sounds, most), -1 where there are no more."""
    made = np.full((len(sounds), max(len(sound.notes) for sound in sounds)), -1, np.int64)
    for row, sound in zip(made, sounds, strict=True):
        row[: len(sound.notes)] = sound.notes
    return made


__all__ = [
    "ATTACK", "BEGIN", "CROSS", "FRAMES", "LAST", "LOOP", "LOOP_END", "PITCH", "RELEASE", "ROW",
    "VELOCITY", "material", "place_of",
]  # fmt: skip
