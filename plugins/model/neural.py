"""A network compiled for this machine, at its own sample rate, on the audio thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.rates import converter, latency, most_frames
from engine.loudness import loudness_of
from engine.modelfiles import Knob, ModelFile
from engine.neural.compiled import Compiled, compile_network
from engine.neural.tile import FRAMES
from engine.plugin import PluginError, Setup
from plugins.model.kernels import COMING, KNOB_ROWS, SIDE_WORDS, UNHEARD, model_process
from plugins.model.levels import Levels, levels
from plugins.model.plugin import Model
from plugins.model.sources import find_source

SIZES = 4
"""Most sizes of a slimmable model that are kept ready; of more, these are spread evenly."""
FADE_SECONDS = 0.02
BUSY, IDLE = 0.75, 0.65
"""Load above which a model steps down, and below which it must stay if it steps up."""
BUSY_TICKS, IDLE_TICKS = 2, 60
"""How long it must last, in ticks of 50 ms: soon down, slowly up."""
TOO_MUCH = 0.7


@dataclass
class Side:
    """One of the two models that may be blended, ready to run."""

    file: ModelFile
    sizes: list[Compiled]
    edges: list[float]
    levels: Levels
    latency: int
    shares: list[float] = field(default_factory=list)


class NeuralModel(Model):
    """A model's file whose network we compile."""

    process = model_process

    def prepare(self, setup: Setup) -> dict[str, Any]:
        sources = [self.source]
        if self.blend_with:
            sources.append(find_source(str(self.blend_with), setup.folder))
        for source in sources:
            if source.kind != "network":
                raise PluginError(f"{source.path}: only networks that we compile can be blended")
        files = [source.read(self.core_compatible == "on") for source in sources]
        self._rate = setup.sample_rate
        self.sides = [self._side(file, setup) for file in files]
        self.latency_samples = max(side.latency for side in self.sides)
        self.share = sum(side.shares[-1] for side in self.sides)
        self.warnings = tuple(self._warn())
        self._load = _Load()
        return self._state(setup)

    def _side(self, file: ModelFile, setup: Setup) -> Side:
        chosen = sorted({round(i) for i in np.linspace(0, len(file.sizes) - 1, SIZES)})
        if file.network.knobs > KNOB_ROWS:
            raise PluginError(
                f"{file.path}: has {file.network.knobs} knobs; at most {KNOB_ROWS} can be turned"
            )
        best = compile_network(file.sizes[chosen[-1]].network, str(self.tanh))
        sizes = [
            compile_network(file.sizes[k].network, str(self.tanh), best.plan.tile)
            for k in chosen[:-1]
        ] + [best]
        knobs = [_middle(knob) for knob in file.knobs]
        for size in sizes:
            size.settle(file.sample_rate, knobs)
        measured = loudness_of(best, file.sample_rate, knobs)
        rates = (setup.sample_rate, file.sample_rate, int(self.oversample))
        side = Side(
            file,
            sizes,
            [file.sizes[k].up_to for k in chosen],
            levels(str(self.levels), file, measured),
            latency(*rates),
        )
        for size in sizes:
            work = size.seconds(FRAMES) / FRAMES * file.sample_rate * int(self.oversample)
            side.shares.append(work)
        return side

    def _warn(self) -> list[str]:
        found = []
        for side in self.sides:
            found += [f"{side.file.name}: {warning}" for warning in side.file.warnings]
            found += side.levels.warnings
            if side.file.sample_rate != self._rate:
                found.append(
                    f"{side.file.name} runs at its own {side.file.sample_rate} Hz; converting to "
                    f"{self._rate} Hz makes it {1000 * side.latency / self._rate:.1f} ms later"
                )
        if self.share > TOO_MUCH:
            found.append(
                f"{self.sides[0].file.name} takes about {100 * self.share:.0f} % of the time there "
                "is on this computer; a smaller model, quality or oversample takes less"
            )
        return found

    def _state(self, setup: Setup) -> dict[str, Any]:
        folds = int(self.oversample)
        state: dict[str, Any] = {}
        memory: list[npt.NDArray[np.float32]] = []
        calls: list[tuple[int, int]] = []
        at = 0
        for name, side in zip("ab", [*self.sides, self.sides[0]], strict=False):
            first = len(calls)
            shared = name == "b" and len(self.sides) == 1  # never run: as small as can be
            for size in side.sizes if not shared else []:
                for _ in range(folds):
                    calls.append((size.address, 4 * at))
                    memory.append(size.image)
                    at += len(size.image)
            state |= self._side_state(name, side, setup, first)
        return state | {
            "nets": np.concatenate(memory),
            "calls": np.array(calls, np.int64),
            "heard": np.zeros((1 + KNOB_ROWS, FRAMES), np.float32),
            "made": np.zeros((2, FRAMES), np.float32),
            "mixed": np.zeros((3, FRAMES), np.float32),
            "turned": np.zeros(KNOB_ROWS, np.float32),
            "ceiling": np.full(2, SIZES, np.int64),
            "fade": max(1, round(FADE_SECONDS * setup.sample_rate)),
            "blended": int(len(self.sides) == 2),
        }

    def _side_state(self, name: str, side: Side, setup: Setup, first: int) -> dict[str, Any]:
        folds = int(self.oversample)
        rates = (setup.sample_rate, side.file.sample_rate, folds)
        convert = converter(*rates)
        silence = side.sizes[-1].play(self._silence(side))[-1]
        side.sizes[-1].reset()
        convert["from_line"][:] = silence  # its past, like the network's, is that of silence
        words = np.zeros(SIDE_WORDS, np.int64)
        words[COMING] = UNHEARD
        reach = max(size.network.receptive_field for size in side.sizes)
        given = {
            "words": words,
            "rows": np.zeros((folds, most_frames(*rates)), np.float32),
            "edges": np.array(side.edges, np.float64),
            "knobs": self._knob_rows(side),
            "late": np.full(max(1, self.latency_samples - side.latency), silence, np.float32),
            "wait": self.latency_samples - side.latency,
            "first": first,
            "warm": max(reach, round(FADE_SECONDS * side.file.sample_rate)),
            "direct": int(side.file.sample_rate == setup.sample_rate and folds == 1),
            "in_db": side.levels.in_db,
            "in_interface": side.levels.in_interface,
            "out_db": side.levels.out_db,
            "out_interface": side.levels.out_interface,
        }
        return {f"{name}_{key}": value for key, value in {**convert, **given}.items()}

    def _silence(self, side: Side) -> npt.NDArray[np.float32]:
        rows = np.zeros((side.file.network.input.channels, FRAMES), np.float32)
        for row, knob in zip(rows[1:], side.file.knobs, strict=False):
            row[:] = _middle(knob)
        return rows

    def _knob_rows(self, side: Side) -> npt.NDArray[np.float64]:
        """What each knob adds to its row, and times what it is multiplied: (knobs, 2)."""
        rows = np.zeros((KNOB_ROWS, 2))
        for row, knob in zip(rows, side.file.knobs, strict=False):
            row[:] = knob.low, knob.high - knob.low
        return rows

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._ceiling, self._words = state["ceiling"], [state["a_words"], state["b_words"]]

    def tick(self, load: float) -> None:
        """Step a slimmable model down while the computer is too busy, and up again."""
        for k, side in enumerate(self.sides):
            top = len(side.sizes) - 1
            if top:
                now = min(int(self._ceiling[k]), top)
                dearer = side.shares[min(now + 1, top)] - side.shares[now]
                self._ceiling[k] = self._load.step(now, top, load, dearer)


def _middle(knob: Knob) -> float:
    """What the network hears of a knob that stands where the plugin's knobs begin."""
    return knob.low + (knob.high - knob.low) * 0.5


class _Load:
    """Decides on steps: down at once, up only where there will be room."""

    def __init__(self) -> None:
        self.busy = self.idle = 0

    def step(self, now: int, top: int, load: float, dearer: float) -> int:
        """The size to go to."""
        self.busy = self.busy + 1 if load > BUSY else 0
        self.idle = self.idle + 1 if load + dearer < IDLE else 0
        if self.busy >= BUSY_TICKS and now > 0:
            self.busy = 0
            return now - 1
        if self.idle >= IDLE_TICKS and now < top:
            self.idle = 0
            return now + 1
        return now
