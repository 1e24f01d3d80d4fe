"""A click on the beat."""

import math
from typing import Any

import numpy as np

from engine.dsp.beats import NOTES, beat_at, beats_of
from engine.kernel import Audio, kernel
from engine.params import Choice, Param
from engine.plugin import Plugin, Setup, State

LENGTH_MS = 60.0
DECAY_MS = 9.0  # to a third: dry enough to be heard between strokes
ATTACK_MS = 0.5
DROP, DROP_MS = 0.35, 3.0  # the pitch begins higher, as a struck block's does
FIRST = 1.5  # times as high is the first of a bar
CLOSEST = 0.6  # of a note: one that is moved after it was clicked is not clicked again
LATEST = 0.25  # of a note: one that the beat jumps over by more is left out
NEVER = 1 << 60


class Click(Plugin):
    """Click on the beat, higher on the first of a bar; what comes in passes beside it."""

    level = Param(0.3, 0.0, 1.0, help="How loud the first of a bar is")
    pitch_hz = Param(1100.0, 200.0, 4000.0, "Hz", taper="log", help="Pitch of all but the first")
    accent = Param(0.5, 0.0, 1.0, help="How much softer all but the first are")
    division = Choice("1/4", NOTES, help="Which notes of the musical clock are clicked")
    follows_beat = True

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        return {
            "ms": 1000.0 / rate,
            "turn": 2.0 * math.pi / rate,
            "length": round(LENGTH_MS * rate / 1000.0),
            # the last note that was passed, where the beat is expected next, a note's length
            "note": np.zeros(3),
            "age": np.array([NEVER], np.int64),  # frames since the last click
            "voice": np.zeros(3),  # its phase, turn a frame, gain
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        note = beats_of(knobs.division.start)
        if note > 0.0:
            count_anew(state.beat, note, state)
        for i in range(audio.shape[1]):
            if note > 0.0 and passed(beat_at(state.beat, i), note, state):
                strike(note, knobs, state)
            if state.age[0] < state.length:
                sound = ring(state)
                for c in range(audio.shape[0]):
                    audio[c, i] += sound
            state.age[0] += 1
        state.note[1], state.note[2] = beat_at(state.beat, audio.shape[1]), note


@kernel
def count_anew(beat: Any, note: float, state: Any) -> None:
    """Whoever leads may count from elsewhere on: a jump by whole beats is no note to click."""
    here = beat_at(beat, 0)
    if state.note[2] != note:
        state.note[0] = math.ceil(here / note - 1e-9) - 1.0
        return
    whole = math.floor(here - state.note[1] + 0.5)
    if whole != 0.0:
        state.note[0] = max(state.note[0] + whole / note, math.floor(here / note - 1e-9))


@kernel
def passed(here: float, note: float, state: Any) -> bool:
    """Whether a note begins at this frame: the first one after the last that has begun."""
    latest = math.floor(here / note + 1e-9)
    if latest <= state.note[0]:
        return False
    state.note[0] = latest
    a_note = note / max(state.beat[2], 1e-12)  # in frames
    return here / note - latest < LATEST and state.age[0] >= CLOSEST * a_note


@kernel
def strike(note: float, knobs: Any, state: Any) -> None:
    """Begin a click."""
    place = state.note[0] * note
    bar = max(state.beat[4], 1.0)
    first = abs(place - bar * math.floor(place / bar + 0.5)) < 1e-6
    pitch, level = float(knobs.pitch_hz.start), float(knobs.level.start)
    state.age[0], state.voice[0] = 0, 0.0
    state.voice[1] = state.turn * min(pitch * (FIRST if first else 1.0), 0.4 / state.ms * 1000.0)
    state.voice[2] = level if first else level * (1.0 - float(knobs.accent.start))


@kernel
def ring(state: Any) -> float:
    """One frame of the click that sounds."""
    ms = state.age[0] * state.ms
    state.voice[0] += state.voice[1] * (1.0 + DROP * math.exp(-ms / DROP_MS))
    shape = min(ms / ATTACK_MS, 1.0) * math.exp(-ms / DECAY_MS)
    return np.float32(state.voice[2] * shape * math.sin(state.voice[0]))
