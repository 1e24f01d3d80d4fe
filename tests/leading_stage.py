"""What the tests of leading share: plugins that lead and follow, a stage without a device."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conftest import noise

from engine.kernel import Audio, kernel
from engine.layout import BEAT
from engine.params import Choice, Param, along
from engine.plugin import Plugin, Setup, State, zeros
from engine.rack import Rack
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull

RATE = 48000


class Swing(Plugin):
    """Lead at a tempo that sways, from 0.1 s on; counted in its own frames."""

    tempo_bpm = Param(120.0, 30.0, 300.0, "bpm", help="In the middle")
    on = Choice("on", ("off", "on"), help="Whether it leads")
    bar = Param(3.0, 1.0, 9.0, help="Beats a bar")
    leads_beat = True

    def prepare(self, setup: Setup) -> State:
        return {"rate": setup.sample_rate, "now": zeros(2, dtype=np.float64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        lead, now = state.lead, state.now
        for i in range(audio.shape[1]):
            tempo = float(along(knobs.tempo_bpm, i)) * (1.0 + 0.2 * math.sin(now[0] * 1e-4))
            now[0] += 1.0
            now[1] += tempo / (60.0 * state.rate)
            lead[1] = tempo
        lead[0] = 1.0 if now[0] > 0.1 * state.rate and knobs.on.start > np.float32(0.5) else 0.0
        lead[2], lead[3] = now[1], now[0]
        lead[4], lead[5] = float(knobs.bar.start), 0.75


class Reads(Plugin):
    """Put out the beat, over a thousand, as sound; on the right the beats a bar."""

    follows_beat = True

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            beat = state.beat[1] + (state.beat[3] + i) * state.beat[2]
            audio[0, i] = np.float32(beat * 1e-3)
            audio[1, i] = np.float32(state.beat[4] * 1e-3)


class Late(Plugin):
    """Sound that is late by an odd number of frames."""

    def prepare(self, setup: Setup) -> State:
        self.latency_samples = 101
        return {"line": zeros(setup.channels, 101), "at": zeros(1, dtype=np.int64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            at = (state.at[0] + i) % 101
            for c in range(audio.shape[0]):
                out = state.line[c, at]
                state.line[c, at] = audio[c, i]
                audio[c, i] = out
        state.at[0] += audio.shape[1]


class Told(Plugin):
    """Lead where it was told to, once it was told."""

    leads_beat = True

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        lead = state.lead
        lead[0] = 1.0 if lead[8] > 0.0 else 0.0
        lead[1], lead[2], lead[3], lead[4] = lead[9], lead[10], lead[11], 4.0


class Steady(Plugin):
    """Lead at 120 bpm, beat 0 at the first frame there ever was."""

    leads_beat = True

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        lead = state.lead
        lead[0], lead[1], lead[4] = 1.0, 120.0, 4.0
        lead[2], lead[3] = lead[12] / 24000.0, lead[12]


class Drums(Plugin):
    """Make a note every thousand frames, told 300 frames before it is due."""

    makes_notes = True

    def prepare(self, setup: Setup) -> State:
        return {"now": zeros(1, dtype=np.int64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        for _ in range(audio.shape[1]):
            if state.now[0] % 1000 == 700:
                row = state.made_count[0] % 256
                state.made[row, 0] = state.now[0] + 300
                state.made[row, 1] = 0x99 | 38 << 8 | (100 << 16)
                state.made_count[0] += 1
            state.now[0] += 1


class Live:
    """A stage without a device, which can be told things between blocks."""

    def __init__(self, first: Rack, block: int = 64) -> None:
        self.shared = Shared.private()
        self.shared.control["offline"] = 1
        self.stage = Stage(self.shared, RATE, block)
        self.go(first)
        self._pull = Pull(self.shared, block, 2)

    def go(self, to: Rack) -> None:
        self.stage.publish(self.stage.build(to))

    def run(self, frames: int) -> Any:
        self.stage.tick()
        return self._pull.run(noise(frames, 2))

    def beat(self, tempo_bpm: float, beat: float, frame: int, told: int = 1) -> None:
        assert self.shared.send(told, BEAT, frame, tempo_bpm, beat=beat)

    def at(self, frame: int) -> float:
        control = self.shared.control[0]
        return float(control["beat"][1] + (frame - int(control["beat_frame"])) * control["beat"][2])

    def record(self) -> Any:
        control = self.shared.control[0]
        return control["lead"][int(control["lead_count"]) % 2]
