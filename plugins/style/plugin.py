"""What a player sees of the style layer: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.beats import Sync, beats_of
from engine.kernel import Audio, kernel
from engine.params import CELL, Choice, Param, Setting, Toggle, along
from engine.plugin import Extern, Plugin, PluginError, Setup, State, zeros
from engine.worker_life import WorkerLife
from plugins.sampler.listening import listen, listening, weigh
from plugins.sampler.mixing import hear, mix
from plugins.style.answer import division
from plugins.style.hearing import SIZE
from plugins.style.sharing import ITERATIONS, STYLE, TOOK, Memory, ring_of
from plugins.style.sources import find_style
from plugins.style.turns import (
    ANSWERS,
    LATE,
    LATER,
    LOOK,
    NOW,
    TURN,
    Wanted,
    ask_and_take,
    read_out,
    turns,
    who_reads,
)
from plugins.style.wanted import NAMES

FADE_S = 0.05
READY = 0.9
"""Of the time between two answers, after which one is due; the worker stops at WORKS of it."""
WORKS = 0.75
FEW = 0.5
HUNG_SECONDS, END_SECONDS = 10.0, 1.0
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker's matrices keep to one core: the others play."""


class Style(Plugin):
    """Answer with your last seconds in the style of a recording, with nothing learnt before.

    After Barry and Kim (2017), but live: a worker beside the sound makes your last seconds into
    the style again and again, each time from its last result. What you played is heard in it a
    second later, all the time or when you rest; the later, the nearer it has come.
    """

    style = Setting("glass", "file", help="A sound file, or a name: glass comes with taraf")
    seconds = Setting(
        4, "count", 2, 20, help="How much of your playing is made into the style at once"
    )
    renew_ms = Setting(
        500, "count", 100, 4000, help="Time between two answers: shorter is sooner, and rougher"
    )
    iterations = Setting(
        10, "count", 1, 400, help="Steps towards the style in each answer, if there is time"
    )

    when = Choice("always", ("always", "rests"), help="All the time, or in your rests")
    after_s = Param(
        0.0, 0.0, 20.0, "s", smooth_ms=0.0,
        help="How long after you it is heard: 0 is as soon as can be, later is nearer the style",
    )  # fmt: skip
    sync = Sync("Begins on this note of the beat, or is so many of them behind you")
    threshold_db = Param(
        -45.0, -80.0, 0.0, "dB", smooth_ms=0.0, help="Softer than this is a rest of yours"
    )
    pause_ms = Param(
        200.0, 20.0, 3000.0, "ms", taper="log", smooth_ms=0.0, help="How long, before it is one"
    )
    gives_way = Toggle(True, help="In rests: it ends when you begin to play")
    harmony = Param(1.0, 0.0, 10.0, smooth_ms=0.0, help="Pull to the style's notes and textures")
    timbre = Param(3.0, 0.0, 10.0, smooth_ms=0.0, help="Pull to the style's colours")
    pitch = Param(0.3, 0.0, 10.0, smooth_ms=0.0, help="How much your notes are kept")
    onsets = Param(0.3, 0.0, 10.0, smooth_ms=0.0, help="How much your attacks are kept")
    answer_db = Param(0.0, -60.0, 24.0, "dB", help="Level of the answer")
    dry_db = Param(0.0, -60.0, 12.0, "dB", help="Level of your own sound; -60 is off")

    readouts = ("answers", "behind_s", "left", "iterations", "took_ms", "late")
    counts_misses = True
    follows_beat = True
    _worker: WorkerLife | None = None
    _fact: npt.NDArray[np.float64] | None = None

    def prepare(self, setup: Setup) -> State:
        path = find_style(str(self.style), setup.folder)
        parts, rate = division(setup.sample_rate), setup.sample_rate
        grain = LOOK * parts
        window = round(int(self.seconds) * rate / grain) * grain
        period = max(1, round(0.001 * int(self.renew_ms) * rate / grain)) * grain
        lag = max(1, int(READY * period / LOOK)) * LOOK
        fade, edge = round(FADE_S * rate), SIZE // 2 * parts
        longest = (window - 2 * edge - fade - 2 * LOOK) // grain * grain
        if period > longest:  # answers would end before the next one is due
            raise PluginError(
                f"renew_ms = {self.renew_ms} is too long for seconds = {self.seconds}; "
                f"at most {1000 * longest // rate} is allowed"
            )
        memory = Memory(ring_of(window, rate), window, len(NAMES))
        order = {
            "style": str(path.absolute()), "rate": rate, "ring": len(memory["heard"]),
            "window": window, "iterations": int(self.iterations), "offline": setup.offline,
            "seconds": WORKS * period / rate,
        }  # fmt: skip
        self._worker = WorkerLife(
            "plugins.style.worker", order, memory.block, memory["header"],
            hung_s=HUNG_SECONDS, end_s=END_SECONDS, environment=ALONE,
        )  # fmt: skip
        self._worker.wait()
        least = period + lag + fade + 2 * LOOK + edge
        return {
            **listening(rate),
            **turns(window),
            "rate": float(rate),
            "period": period,
            "lag": lag,
            "fade": float(fade),
            "edge": edge,
            "least": least,
            "most": max(least, window - edge - fade),
            "offline": int(setup.offline),
            "clock": np.zeros(4, np.int64),
            "at": np.zeros(1, np.int64),
            "sound": zeros(CELL),
            "own": zeros(CELL),
            **{name: Extern(array) for name, array in memory.arrays.items()},
        }

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._fact = state["fact"]

    def tick(self, load: float) -> None:
        """Start the worker again if it is not well; say so where there is too little time."""
        assert self._worker is not None
        self._worker.look()
        self.restarts = self._worker.restarts
        made = 0 if self._fact is None else int(self._fact[ITERATIONS])
        if made >= FEW * int(self.iterations):
            self.warnings = ()
        elif made:  # silence is answered with none, and tells nothing of the time
            self.warnings = (
                f"only {made} of {self.iterations} iterations fit; a longer renew_ms or fewer "
                "seconds make room",
            )

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, turn, done = audio.shape[1], state.turn, np.int64(0)
        mask = state.heard.shape[0] - 1
        while done < frames:
            if turn[NOW] % LOOK == 0:
                look(knobs, state, done)
            count = min(frames - done, LOOK - turn[NOW] % LOOK)
            own, sound = state.own[:count], state.sound[:count]
            hear(audio, done, own)
            for i in range(count):
                state.heard[(turn[NOW] + i) & mask] = own[i]
            weigh(state.ear, own)
            read_out(state, sound)
            mix(audio, done, knobs, sound)
            turn[NOW] += count
            done += count


@kernel
def look(knobs: Any, state: Any, i: int) -> None:
    """Sixty-four frames have passed: what the performer does, what there is, and who reads."""
    rate, turn, happened = state.rate, state.turn, 0
    state.at[0] = i
    pause = 0.001 * float(along(knobs.pause_ms, i)) * rate
    if turn[NOW] > 0:
        happened = listen(state, float(along(knobs.threshold_db, i)), pause, 1.0, False)
    length = beats_of(float(knobs.sync.start)) / state.beat[2] if knobs.sync.start > 0.5 else 0.0
    wanted = Wanted(
        int(knobs.when.start),
        int(float(along(knobs.after_s, i)) * rate),
        int(pause),
        knobs.gives_way.start > np.float32(0.5),
        length,
    )
    ask_and_take(state, knobs)
    who_reads(state, wanted, happened)
    readout, fact = state.readout, state.fact
    readout[0], readout[5] = turn[ANSWERS], turn[LATE]
    readout[1] = state.reader[turn[TURN], LATER] / rate
    readout[2], readout[3], readout[4] = fact[STYLE], fact[ITERATIONS], 1000.0 * fact[TOOK]


__all__ = ["Style"]
