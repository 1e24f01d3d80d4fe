"""The sound that one is pulled towards: latents of its notes, held or as they go by."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.morph.model import MorphModel, Note
from engine.morph.sounds import Sound
from engine.plugin import Extern

HELD_S = 0.6
"""Of a note that has no loop, after its attack: what counts as its sound."""
LONGEST_S = 12.0
SLEW_S = 0.012
"""In which the goal follows another note or another sound."""
ONSET_DB, REST_DB, SLOW_S = 9.0, 3.0, 0.05
"""A note begins where the level is so far above its slow mean; the next one not before it is near
to it again."""
VELOCITY = 100

ROW, LOOP, END, TURNS = range(4)
"""Columns of ``note_places``: the first row in ``paths``; frames from there: where to return to,
and from where; whether it returns."""
PLACE, ARMED, BEGUN = range(3)
"""``going``: frames since the note began, whether another may begin, whether there was a goal."""

Pulled = namedtuple("Pulled", "sound moves")  # noqa: PYI024 - kernels infer its types


def targets(model: MorphModel, sounds: tuple[Sound, ...]) -> dict[str, Any]:
    """State of ``aim``: a sound's notes lie side by side, one of each pitch, from low to high."""
    grid = model.grid
    second = grid.rate / grid.hop
    rows: list[tuple[int, int]] = []
    places: list[tuple[int, int, int, int]] = []
    pitches: list[float] = []
    means, paths, at = [], [], 0
    for sound in sounds:
        chosen = one_a_pitch([model.notes[number] for number in sound.notes])
        rows.append((len(pitches), len(chosen)))
        for note in chosen:
            first, last, turns = held(note, second)
            path = note.path[: min(last, round(LONGEST_S * second))]
            places.append((at, min(first, len(path) - 1), len(path), int(turns)))
            pitches.append(float(note.pitch))
            means.append(note.path[first:last].mean(0))
            paths.append(in_bytes(path))
            at += len(path)
    return {
        "sound_notes": np.array(rows, np.int64),
        "note_places": np.array(places, np.int64),
        "note_pitches": np.array(pitches),
        "note_means": np.array(means, np.float32),
        "paths": Extern(np.concatenate(paths)),
        "going": np.zeros(3, np.int64),
        "slow_db": np.full(1, -120.0),
        "slow_step": -math.expm1(-1.0 / (SLOW_S * second)),
        "slew": -math.expm1(-1.0 / (SLEW_S * second)),
        "goal": np.zeros(model.latents, np.float32),
        "aimed": np.zeros(model.latents, np.float32),
    }


def one_a_pitch(notes: list[Note]) -> list[Note]:
    """Of the notes of a sound those nearest to VELOCITY, one of each pitch, from low to high."""
    found: dict[int, Note] = {}
    for note in notes:
        known = found.get(note.pitch)
        if known is None or abs(note.velocity - VELOCITY) < abs(known.velocity - VELOCITY):
            found[note.pitch] = note
    return [found[pitch] for pitch in sorted(found)]


def held(note: Note, second: float) -> tuple[int, int, bool]:
    """First frame of what is held of a note, the one after its last, and whether that repeats."""
    if note.loop_end > note.loop_start:
        return note.loop_start, note.loop_end, True
    last = min(max(note.release, note.attack + 1), note.frames)
    first = min(note.attack, last - 1)
    return first, min(last, first + max(1, round(HELD_S * second))), False


def in_bytes(path: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Latents (frames, latents), a byte each, four to a word."""
    codes = np.zeros((len(path), -(-path.shape[1] // 4) * 4), np.uint8)
    codes[:, : path.shape[1]] = np.rint(path * 255.0)
    return codes.view("<u4").astype(np.uint32)


@kernel
def aim(state: Any, pulled: Any, pitch: float, level_db: float) -> None:
    """Once a hop: ``goal`` (latents,) goes to where the sound is at this pitch, in semitones."""
    going, goal, aimed = state.going, state.goal, state.aimed
    sound = min(max(pulled.sound, 0), state.sound_notes.shape[0] - 1)
    begin, count = state.sound_notes[sound, 0], state.sound_notes[sound, 1]
    going[PLACE] += 1
    if begins(state, level_db):
        going[PLACE] = 0
    if pulled.moves:
        go_on(state, nearest(state.note_pitches[begin : begin + count], pitch) + begin)
    else:
        between(state, begin, count, pitch)
    step = np.float32(state.slew)
    if going[BEGUN] == 0:
        going[BEGUN], step = 1, np.float32(1.0)
    for k in range(goal.shape[0]):
        goal[k] += step * (aimed[k] - goal[k])


@kernel
def begins(state: Any, level_db: float) -> bool:
    """Whether a note of the player's begins with this frame."""
    going, slow = state.going, state.slow_db
    above = level_db - slow[0]
    slow[0] += state.slow_step * above
    if above < REST_DB:
        going[ARMED] = 1
    elif above > ONSET_DB and going[ARMED] != 0:
        going[ARMED] = 0
        return True
    return False


@kernel
def nearest(pitches: Any, pitch: float) -> int:
    """The number of the note nearest to ``pitch``."""
    best = 0
    for n in range(1, pitches.shape[0]):
        if abs(pitches[n] - pitch) < abs(pitches[best] - pitch):
            best = n
    return best


@kernel
def go_on(state: Any, note: int) -> None:
    """``aimed`` are latents of the note, as long after it began as the player's did."""
    going, places, aimed = state.going, state.note_places, state.aimed
    loop, end, place = places[note, LOOP], places[note, END], going[PLACE]
    if place >= end:
        place = end - 1
        if places[note, TURNS] != 0:
            place = loop + (going[PLACE] - loop) % (end - loop)
    words = state.paths[places[note, ROW] + place]
    for k in range(aimed.shape[0]):
        code = (np.int64(words[k >> 2]) >> (8 * (k & 3))) & 255
        aimed[k] = np.float32(code) * np.float32(1.0 / 255.0)


@kernel
def between(state: Any, begin: int, count: int, pitch: float) -> None:
    """``aimed`` is what is held of the notes below and above ``pitch``, each by its nearness."""
    pitches, means, aimed = state.note_pitches, state.note_means, state.aimed
    low = begin
    while low + 1 < begin + count and pitches[low + 1] <= pitch:
        low += 1
    high = min(low + 1, begin + count - 1)
    share = np.float32(0.0)
    if high > low and pitch > pitches[low]:
        share = np.float32((pitch - pitches[low]) / (pitches[high] - pitches[low]))
    a, b = means[low], means[high]
    for k in range(aimed.shape[0]):
        aimed[k] = a[k] + share * (b[k] - a[k])


__all__ = ["Pulled", "aim", "held", "in_bytes", "one_a_pitch", "targets"]
