"""What a player sees of sympathetic loops: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.filters import COEFFICIENTS
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, Setting, Toggle, along
from engine.plugin import Extern, Plugin, Setup, State, zeros
from plugins.sympathy.bands import HEARD_MS, LOOK, aim, follow, hear, set_bands, sound
from plugins.sympathy.loops import MOST, open_loops

GOLDEN = 0.618033988749895
AT_ONCE = 4.0
"""Loops that together are about as loud as one was made."""


class Sympathy(Plugin):
    """Loops that swell when you play what they sound of, as strings under a sitar's do.

    After Pfalz's piece "Like two strings speaking in sympathy" (2018): a bank of band-pass
    filters on the live input decides how loud each of many loops is. With ``modulation`` they
    pulsate, each the faster the louder it is: a second layer. The loops are dreams of a sampler,
    or any sound.
    """

    loops = Setting(
        "strings", "file", help="strings: bowed ones that come with taraf; a folder; files with ;"
    )
    voices = Setting(0, "count", 0, MOST, help="Bands, and loops that play; 0: one for each loop")

    sensitivity_db = Param(
        24.0, -12.0, 72.0, "dB", help="A band at so much below full scale is answered in full"
    )
    low_hz = Param(90.0, 30.0, 1000.0, "Hz", taper="log", help="The lowest band")
    high_hz = Param(2500.0, 500.0, 12_000.0, "Hz", taper="log", help="The highest band")
    tuning = Param(1.0, help="0: bands evenly spaced; 1: each where its loop is strongest")
    bandwidth = Param(1.0, 0.1, 4.0, taper="log", help="Of a band, in distances to the next one")
    attack_ms = Param(500.0, 2.0, 10_000.0, "ms", taper="log", help="Time in which a loop swells")
    release_ms = Param(2500.0, 10.0, 30_000.0, "ms", taper="log", help="And dies away")
    density = Param(0.6, help="0: the loudest loop alone; 1: all that hear something")
    modulation = Param(0.0, help="0: loops swell; 1: they pulsate down to silence")
    slow_hz = Param(0.5, 0.05, 5.0, "Hz", taper="log", help="Pulse of a soft loop")
    fast_hz = Param(9.0, 1.0, 40.0, "Hz", taper="log", help="Pulse of a loud one")
    spread = Param(0.7, help="How far apart the loops are between left and right")
    answer_db = Param(0.0, -60.0, 24.0, "dB", help="Level of the loops")
    dry_db = Param(0.0, -60.0, 12.0, "dB", help="Level of your own sound; -60 is off")
    hold = Toggle(help="The loops stay as loud as they are")

    readouts = ("sounding", "loudest")
    tail = 2.0

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        found = open_loops(str(self.loops), setup.folder, setup.sample_rate)
        self.warnings = found.warnings
        voices = int(self.voices) or len(found.starts)
        which = [k * len(found.starts) // voices for k in range(voices)]
        turns = (GOLDEN * np.arange(1, voices + 1)) % 1.0
        lengths = np.array([found.lengths[k] for k in which], np.int64)
        return {
            "rate": float(setup.sample_rate),
            "quick": -math.expm1(-1000.0 * LOOK / (HEARD_MS * setup.sample_rate)),
            "scale": 1.0 / math.sqrt(max(1.0, voices / AT_ONCE)),
            "loops": Extern(found.sound),
            "starts": np.array([found.starts[k] for k in which], np.int64),
            "lengths": lengths,
            "offsets": (turns * lengths).astype(np.int64),
            "own_hz": np.array([found.own_hz[k] for k in which]),
            "pan": 1.0 - 2.0 * turns,
            "keys": np.full(4, -1.0),
            "rows": np.zeros((voices, COEFFICIENTS)),
            "memory": np.zeros((voices, 4)),
            "sums": np.zeros(voices),
            "power": np.zeros(voices),
            "wanted": np.zeros(voices),
            "drive": np.zeros(voices),
            "phase": turns.copy(),
            "gains": zeros(voices + 1, 6),
            "count": np.zeros(1, np.int64),
            "heard": zeros(CELL),
            "mix": zeros(2, CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, done = audio.shape[1], np.int64(0)
        while done < frames:
            now = state.count[0]
            if now % LOOK == 0:
                turn(knobs, state, done)
                if now > 0:
                    follow(knobs, state, done)
                aim(knobs, state, done)
            count = min(frames - done, LOOK - now % LOOK)
            hear(audio, state, done, count)
            sound(audio, state, now, done, count)
            state.count[0] = now + count
            done += count


@kernel
def turn(knobs: Any, state: Any, i: int) -> None:
    """Tune the bands if a knob of theirs has moved."""
    low, high = float(along(knobs.low_hz, i)), float(along(knobs.high_hz, i))
    tuning, width = float(along(knobs.tuning, i)), float(along(knobs.bandwidth, i))
    keys = state.keys
    if keys[0] != low or keys[1] != high or keys[2] != tuning or keys[3] != width:
        keys[0], keys[1], keys[2], keys[3] = low, high, tuning, width
        set_bands(state, low, high, tuning, width)


__all__ = ["Sympathy"]
