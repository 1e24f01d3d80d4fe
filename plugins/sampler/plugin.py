"""What a player sees of the sampler: settings, knobs, and how a part of a block goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.rates import converter, most_frames
from engine.kernel import Audio, kernel
from engine.params import CELL, Choice, Param, Setting, Toggle, along
from engine.plugin import Extern, Plugin, PluginError, Setup, State, zeros
from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler
from plugins.sampler.cores import ADDRESSES, level_of, pair, share_of
from plugins.sampler.listening import LOOK, listen, listening, weigh
from plugins.sampler.mixing import hear, mix
from plugins.sampler.sounding import restarts, sound, tell
from plugins.sampler.sources import source_of
from plugins.sampler.swapping import Swapper
from plugins.sampler.turns import (
    ANSWERS,
    EAR,
    FRONT,
    NOBODY,
    NOW,
    VERSION,
    Wanted,
    decide,
    tell_who_sounds,
    turns,
)

TOO_MUCH = 0.7
LATE_SECONDS = 0.09


class Sampler(Plugin):
    """Answer with what a network that learnt a recording makes of your last seconds.

    After Pfalz's samplers (2018), but live: while you play the network follows, and when you
    pause, or all the time, it goes on from there by itself, in the sound that it has learnt. What
    it plays depends on your playing and on chance, and nothing is recorded beforehand. If a
    training writes its file anew, the better weights take over with the next answer.
    """

    model = Setting(
        "dream", "model", help="A sampler's name, its file, or the folder of a training under way"
    )
    until = Setting(
        "dream", "model",
        help="Plays until a training's folder, as model, holds one; empty: it must be there",
    )  # fmt: skip
    seed = Setting(1, "count", 0, 1_000_000, help="Another number, other chances")

    mode = Choice(
        "answer", ("answer", "continuous"), help="When you pause, or beside you all the time"
    )
    threshold_db = Param(
        -45.0, -80.0, 0.0, "dB", smooth_ms=0.0, help="Softer than this is a pause of yours"
    )
    pause_ms = Param(
        150.0, 20.0, 3000.0, "ms", taper="log", smooth_ms=0.0, help="How long, before it answers"
    )
    answer_s = Param(
        8.0, 0.0, 120.0, "s", smooth_ms=0.0, help="Length of an answer; 0: until you play again"
    )
    gives_way = Toggle(True, help="An answer ends when you begin to play")
    seed_s = Param(
        4.0, 0.2, 30.0, "s", taper="log", smooth_ms=0.0,
        help="continuous: after so much of your playing it goes on from there",
    )  # fmt: skip
    return_s = Param(
        2.0, 0.0, 60.0, "s", smooth_ms=0.0,
        help="An answer returns to what you played after so long, to stay near it; 0: never",
    )  # fmt: skip
    temperature = Param(
        1.0, 0.0, 2.0, smooth_ms=0.0,
        help="0 is likeliest, and stays where it is; above 1 is wilder",
    )  # fmt: skip
    dropout = Toggle(True, help="The dropout of its training goes on as chance")
    in_key = Toggle(True, help="Answers come in your key; of models that make spectra")
    crossfade_ms = Param(
        150.0, 5.0, 5000.0, "ms", taper="log", smooth_ms=0.0, help="From one answer to the next"
    )
    freeze = Toggle(help="It goes on alone, whatever you play")
    again = Toggle(help="Switched on, it begins anew: from what you just played, or elsewhere")
    match = Toggle(True, help="It hears you as loud as it learnt, and answers as loud as you play")
    answer_db = Param(0.0, -60.0, 24.0, "dB", help="Level of the answer")
    dry_db = Param(0.0, -60.0, 12.0, "dB", help="Level of your own sound; -60 is off")

    readouts = ("answers", "sounds", "restarts", "models")
    _cores: npt.NDArray[np.int64] | None = None
    _swapper: Swapper | None = None
    _awaits = ""

    def prepare(self, setup: Setup) -> State:
        source = source_of(str(self.model), str(self.until), setup.folder)
        path = source.path
        try:
            model = read_sampler(path)
            self._pair = pair(model, 2 * int(self.seed))
            self.share = 2.0 * share_of(model)
        except SamplerError as error:
            raise PluginError(str(error)) from None
        watched, *others = source.watched
        self._swapper = Swapper(watched, model.rate, 2 * int(self.seed), *others)
        self._watches = not setup.offline
        self.warnings = self._warn(path.name, model.hop_size / model.rate)
        if source.awaited:
            ends = "" if setup.offline else " until it holds a model"
            self._awaits = f"{self.model}: {source.lacks}; {self.until} plays{ends}"
            self.warnings = (*self.warnings, self._awaits)
        rates = setup.sample_rate, model.rate
        most = most_frames(*rates)
        return {
            **listening(setup.sample_rate),
            **turns(model.rate),
            **converter(*rates),
            "rate": float(setup.sample_rate),
            "model_rate": float(model.rate),
            "learnt": np.full(2, level_of(model)),
            "dream_a": np.zeros(self._pair[0].size),
            "dream_b": np.zeros(self._pair[1].size),
            "cores": np.zeros((2, ADDRESSES + 1), np.int64),
            "offer": Extern(self._swapper.offer),
            "ready": zeros(1, most),
            "answer": zeros(1, most),
            "front": zeros(most),
            "sung": zeros(most),
            "late": zeros(-(-LOOK * model.rate // setup.sample_rate)),
            "late_at": np.zeros(1, np.int64),
            "heard": zeros(CELL),
            "made": zeros(CELL),
        }

    def _warn(self, name: str, hop_seconds: float) -> tuple[str, ...]:
        found = []
        if self.share > TOO_MUCH:
            found.append(
                f"{name}: two dreams of it at once take about {100 * self.share:.0f} % of the time "
                "there is on this computer; a smaller model or one at a lower rate takes less"
            )
        if hop_seconds > LATE_SECONDS:
            found.append(
                f"{name}: makes {1000 * hop_seconds:.0f} ms at a time, so its answers come as much "
                "later; a model with a shorter hop answers sooner"
            )
        return tuple(found)

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._cores = state["cores"]
        for k, block in enumerate((state["dream_a"], state["dream_b"])):
            state["cores"][k, :ADDRESSES] = self._pair[k].lay(block)

    def tick(self, load: float) -> None:
        """Look whether there are better weights."""
        if self._watches and self._swapper is not None and self._cores is not None:
            self._swapper.look(self._cores)
            trouble = self._swapper.trouble
            if (self._swapper.version or trouble) and self._awaits in self.warnings:
                self.warnings = tuple(one for one in self.warnings if one != self._awaits)
            if trouble and trouble not in self.warnings:
                self.warnings = (*self.warnings, trouble)

    def reload(self) -> None:
        """Open the model's file anew, now; the next answer is its."""
        assert self._swapper is not None
        self._swapper.reload()

    def close(self) -> None:
        if self._swapper is not None:
            self._swapper.close()

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, turn, done = audio.shape[1], state.turn, np.int64(0)
        while done < frames:
            if turn[NOW] % LOOK == 0:
                look(knobs, state, done)
            count = min(frames - done, LOOK - turn[NOW] % LOOK)
            heard, made = state.heard[:count], state.made[:count]
            hear(audio, done, heard)
            weigh(state.ear, heard)
            sound(state, heard, made)
            mix(audio, done, knobs, made)
            turn[NOW] += count
            done += count


@kernel
def look(knobs: Any, state: Any, i: int) -> None:
    """Sixty-four frames have passed: what the performer does, and who sounds now."""
    half = np.float32(0.5)
    wanted = Wanted(
        int(knobs.mode.start),
        float(along(knobs.answer_s, i)),
        float(along(knobs.seed_s, i)),
        float(along(knobs.return_s, i)),
        0.001 * float(along(knobs.crossfade_ms, i)),
        knobs.gives_way.start > half,
        knobs.freeze.start > half,
        knobs.again.start > half,
    )
    tell(
        state, float(knobs.temperature.start), knobs.dropout.start > half, knobs.in_key.start > half
    )
    happened = 0
    if state.turn[NOW] > 0:
        pause = 0.001 * float(along(knobs.pause_ms, i)) * state.rate
        happened = listen(
            state, float(along(knobs.threshold_db, i)), pause, state.learnt[state.turn[EAR]],
            knobs.match.start > half,
        )  # fmt: skip
    decide(state, wanted, happened)
    tell_who_sounds(state)
    readout = state.readout
    readout[0], readout[2] = state.turn[ANSWERS], restarts(state)
    readout[1] = 1.0 if state.turn[FRONT] != NOBODY else 0.0
    readout[3] = max(state.cores[0, VERSION], state.cores[1, VERSION])


__all__ = ["Sampler"]
