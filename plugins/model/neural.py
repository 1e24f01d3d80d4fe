"""A network compiled for this machine, at its own sample rate, on the audio thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.rates import converter, latency, most_frames
from engine.loudness import knob_values, loudness_of
from engine.modelfiles import ModelFile
from engine.neural.compiled import Compiled, compile_network
from engine.neural.tile import FRAMES
from engine.node import MAX_STATE_BYTES
from engine.plugin import PluginError, Setup
from engine.stage import TOO_MUCH
from plugins.model.kernels import COMING, KNOB_ROWS, SIDE_WORDS, UNHEARD, model_process
from plugins.model.levels import Levels, levels
from plugins.model.plugin import Model
from plugins.model.sources import Source, find_source

SIZES = 4
"""Most sizes of a slimmable model that are kept ready; of more, these are spread evenly."""
FADE_SECONDS, WARM_SECONDS = 0.02, 0.2
"""How long a size fades in, and at most how long it hears the sound before, unheard itself."""
BUSY, IDLE = 0.75, 0.65
"""Load above which a model steps down, and below which it must stay if it steps up."""
BUSY_TICKS, IDLE_TICKS = 2, 60
"""How long it must last, in ticks of 50 ms: soon down, slowly up."""


RINGS_SECONDS = 0.25  # a cabinet does not, an echo or a reverb does


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
        self._rate = setup.sample_rate
        self.sides = [self._side(source, setup) for source in sources]
        self.latency_samples = max(side.latency for side in self.sides)
        self.share = sum(side.shares[-1] for side in self.sides)
        self.warnings = tuple(self._warn())
        ringing = max(
            side.sizes[-1].network.ringing_frames / side.file.sample_rate for side in self.sides
        )
        self.tail = ringing if ringing > RINGS_SECONDS else 0.0
        self._loads = [_Load() for _ in self.sides]
        return self._state(setup)

    def _side(self, source: Source, setup: Setup) -> Side:
        file = source.read(self.core_compatible == "on")
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
        knobs = knob_values(file.knobs)
        for size in sizes:
            size.settle(file.sample_rate, knobs)
        measured = None
        if self.levels == "normalised":
            measured = loudness_of(best, file.sample_rate, knobs)
        rates = (setup.sample_rate, file.sample_rate, int(self.oversample))
        late = source.latency_samples if source.artefact else file.latency_samples
        side = Side(
            file,
            sizes,
            [file.sizes[k].up_to for k in chosen],
            levels(str(self.levels), file, measured),
            latency(*rates) + round(late * setup.sample_rate / file.sample_rate),
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
            names = " and ".join(side.file.name for side in self.sides)
            found.append(
                f"{names} take about {100 * self.share:.0f} % of the time there is on this "
                "computer; a smaller model, quality or oversample takes less"
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
        if 4 * at > MAX_STATE_BYTES // 4:
            path, needs = self.sides[0].file.path, 4 * at >> 20
            raise PluginError(f"{path}: needs {needs} MiB of memory; that is too much")
        return state | {
            "nets": np.concatenate(memory),
            "calls": np.array(calls, np.int64),
            "heard": np.zeros((1 + KNOB_ROWS, FRAMES), np.float32),
            "made": np.zeros((2, FRAMES), np.float32),
            "mixed": np.zeros((3, FRAMES), np.float32),
            "turned": np.zeros(KNOB_ROWS, np.float32),
            "ceiling": np.full(2, SIZES, np.int64),
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
        rate, fade = side.file.sample_rate, round(FADE_SECONDS * side.file.sample_rate)
        longest = round(WARM_SECONDS * rate)
        warm = [max(fade, min(size.network.receptive_field, longest)) for size in side.sizes]
        given = {
            "words": words,
            "rows": np.zeros((folds, most_frames(*rates)), np.float32),
            "edges": np.array(side.edges, np.float64),
            "knobs": self._knob_rows(side),
            "late": np.full(max(1, self.latency_samples - side.latency), silence, np.float32),
            "wait": self.latency_samples - side.latency,
            "first": first,
            "warm": np.array(warm, np.int64),
            "fade": max(1, fade),
            "direct": int(side.file.sample_rate == setup.sample_rate and folds == 1),
            "in_db": side.levels.in_db,
            "in_interface": side.levels.in_interface,
            "out_db": side.levels.out_db,
            "out_interface": side.levels.out_interface,
        }
        return {f"{name}_{key}": value for key, value in {**convert, **given}.items()}

    def _silence(self, side: Side) -> npt.NDArray[np.float32]:
        rows = np.zeros((side.file.network.input.channels, FRAMES), np.float32)
        rows[1:] = np.reshape(knob_values(side.file.knobs), (-1, 1))
        return rows

    def _knob_rows(self, side: Side) -> npt.NDArray[np.float64]:
        """What the network hears of each knob at 0, 0.5 and 1: the middle is its maker's."""
        rows = np.zeros((KNOB_ROWS, 3))
        middles = knob_values(side.file.knobs)
        for row, knob, middle in zip(rows, side.file.knobs, middles, strict=False):
            row[:] = knob.low, middle, knob.high
        return rows

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._ceiling, self._words = state["ceiling"], [state["a_words"], state["b_words"]]

    def tick(self, load: float) -> None:
        """Step a slimmable model down while the computer is too busy, and up again.

        One model at a time: what a step changes must be seen before the next.
        """
        for k, (side, decide) in enumerate(zip(self.sides, self._loads, strict=True)):
            top = len(side.sizes) - 1
            now = min(int(self._ceiling[k]), top)
            dearer = side.shares[min(now + 1, top)] - side.shares[now]
            wanted = decide.step(now, top, load, dearer)
            if wanted != now:
                self._ceiling[k] = wanted
                return


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
