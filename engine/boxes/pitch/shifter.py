"""The pitch shifter: its numbers, its memory, the kernel that runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import Array, Box, BoxError, State
from engine.boxes.pitch import places as at
from engine.boxes.pitch.chunks import OVERLAP, tick
from engine.boxes.pitch.onsets import PAST, steady_shift
from engine.boxes.pitch.rates import Conversion, conversion, sample_at, sinc_table
from engine.dsp.fft import real_tables
from engine.kernel import Audio, Kernel, kernel

WINDOWS = (512, 1024, 2048, 4096)
AUDIBLE_HZ = 16_000
LOCK_HZ = 600.0
LOCKS = (1.0, 2.0, 20.0)
"""Up to these multiples of the lowest, bins are locked over no, 1 and 3 others; then ``spread``."""

HOPS_UP, HOPS_DOWN = 8, 6
"""Hops a window: of synthesis where pitch goes up, of analysis where it goes down."""

LATE, BEHIND = 200, 8
"""Input samples that onsets may delay the sound by, going up; rounding, going down."""

EARLY = 2200
"""Input samples that onsets may hurry the sound by, going down."""

MOST_TAPS = 64


@kernel
def pitch_process(audio: Audio, state: Any) -> None:
    """Shift ``audio`` (1, frames) in place."""
    counts, given, heard = state.counts, state.given, state.heard_ring
    given_mask, heard_mask = given.shape[0] - 1, heard.shape[0] - 1
    recent, taps = state.recent, state.taps
    for i in range(audio.shape[1]):
        if state.raises:
            given[counts[at.GIVEN] & given_mask] = audio[0, i]
            counts[at.GIVEN] += 1
            while counts[at.RAISED] * state.step <= (counts[at.GIVEN] - state.reach) * state.grid:
                heard[counts[at.HEARD] & heard_mask] = resampled(counts[at.RAISED], state, given)
                counts[at.RAISED] += 1
                counts[at.HEARD] += 1
                tick(state)
            made = state.stretched[counts[at.READ] & (state.stretched.shape[0] - 1)]
        else:
            heard[counts[at.HEARD] & heard_mask] = audio[0, i]
            counts[at.HEARD] += 1
            tick(state)
            made = np.float32(resampled(counts[at.READ], state, state.stretched))
        slot = counts[at.READ] & (MOST_TAPS - 1)
        counts[at.READ] += 1
        recent[slot] = made
        total = np.float32(0.0)
        for k in range(taps.shape[0]):
            total += taps[k] * recent[(slot - k) & (MOST_TAPS - 1)]
        audio[0, i] = total


@kernel
def resampled(number: int, state: Any, ring: Any) -> float:
    """Output sample ``number`` of the resampler, made of the sound in ``ring``."""
    s, when = state, number * state.step
    made: float = sample_at(when, s.grid, s.half, s.spacing, s.gain, s.table, ring)
    return made


@dataclass(frozen=True, eq=False)
class PitchShift(Box):
    """Pitch times ``ratio``, 1/4 to 4, at the same speed.

    Going up, sound is stretched, then resampled; going down, it is resampled, then squeezed.
    ``window`` samples of the stretcher's input are looked at together: half of them, half the
    latency, and less clear low notes. Phases restart where a share ``onset`` of all bins rises
    at once, above 1 never. Partials are held together loosely, over ``spread`` bins, as Rubber
    Band does; at 0 rigidly. A steady tone without any noise is in tune only with ``onset`` 2 and
    ``spread`` 0: rounding looks like onsets to it, in Rubber Band too.

    ``primed`` frames of silence are taken to have gone before, which places the chunks; ``lead``
    frames are what the imitated effect is early by. ``taps`` (up to 64) filter the result.
    """

    kind: ClassVar[str] = "pitch"
    process: ClassVar[Kernel] = pitch_process
    clocks: ClassVar[tuple[str, ...]] = ("counts", "levels", "weight")

    ratio: float
    window: int = 2048
    onset: float = 0.35
    spread: float = 8.0
    primed: int = 48_000
    lead: int = 0
    taps: Array = field(default_factory=lambda: np.ones(1, np.float32))

    def __post_init__(self) -> None:
        self.need("ratio", 0.25, 4.0)
        if self.window not in WINDOWS:
            allowed = ", ".join(map(str, WINDOWS))
            raise BoxError(f"pitch: window = {self.window!r} is none of {allowed}")
        self.need("onset", 0.0, 2.0)
        self.need("spread", 0.0, 32.0)
        for name, low, high in (("primed", 0, 480_000), ("lead", -self.delay, 9600)):
            self.need(name, low, high)
            if getattr(self, name) != int(getattr(self, name)):
                raise BoxError(f"pitch: {name} = {getattr(self, name)!r} is not a whole number")
        self.need_array("taps", MOST_TAPS)

    @property
    def raises(self) -> bool:
        """Whether sound is resampled before it is stretched, not after."""
        return self.ratio < 1.0

    @property
    def hop(self) -> int:
        """Samples of the stretcher's input from chunk to chunk."""
        if self.raises:
            return self.window // HOPS_DOWN
        return int(self.window // HOPS_UP / self.ratio)

    @property
    def conversion(self) -> Conversion:
        """How it resamples."""
        return conversion(self.ratio)

    @property
    def delay(self) -> int:
        """Frames after which what was heard is ready whatever onsets there are."""
        quarter = self.window / 4.0 * (1.0 / self.ratio - 1.0)
        samples = self.window + self.hop + quarter + (BEHIND if self.raises else LATE)
        frames = samples * self.ratio if self.raises else samples
        return math.ceil(frames) + math.ceil(self.conversion.half / self.conversion.grid) + 2

    @property
    def latency_samples(self) -> int:
        return self.delay + int(self.lead)

    def state(self, sample_rate: int) -> State:
        window, bins, way = self.window, self.window // 2 + 1, self.conversion
        span = (self.delay + EARLY) * max(1.0, self.ratio) + 2 * window
        first = LOCK_HZ * (1.0 + 2.0 * max(0.0, self.ratio - 1.0) ** 3)
        memory = {
            "counts": np.zeros(at.COUNTS, np.int64),
            "levels": np.zeros(at.LEVELS),
            "locks": np.round(np.array(LOCKS) * first * window / sample_rate),
            "given": np.zeros(256, np.float32),
            "heard_ring": np.zeros(2 * window, np.float32),
            "stretched": np.zeros(1 << math.ceil(math.log2(span)), np.float32),
            "shape": (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)).astype("f4"),
            "folded": np.zeros(window),
            "spectrum": np.zeros((2, bins)),
            **{name: np.zeros(bins) for name in ("magnitude", "before", "phase")},
            **{name: np.zeros(bins) for name in ("moved", "earlier", "drift")},
            "past": np.zeros((2, PAST)),
            "scratch": np.zeros(PAST),
            "total": np.zeros(2 * window),
            "weight": np.zeros(2 * window),
            "recent": np.zeros(MOST_TAPS, np.float32),
            "taps": np.asarray(self.taps, np.float32),
            "table": sinc_table(),
            **real_tables(window, "fft_", np.float64),
        }
        self._prime(memory, sample_rate)
        return {
            "ratio": float(way.step / way.grid),
            "window": window,
            "hop": self.hop,
            "rate": sample_rate,
            "raises": self.raises,
            "onset": float(self.onset),
            "spread": float(self.spread),
            "audible": min(AUDIBLE_HZ * window // sample_rate, window // 2),
            "amnesty": math.ceil(sample_rate / (20 * self.hop)),
            "grid": way.grid,
            "step": way.step,
            "half": way.half,
            "reach": way.reach,
            "spacing": way.spacing,
            "gain": way.gain,
            **memory,
        }

    def _prime(self, memory: State, sample_rate: int) -> None:
        """Let ``primed`` frames of silence have passed."""
        way, counts, shape = self.conversion, memory["counts"], memory["shape"]
        primed = int(self.primed)
        counts[at.GIVEN], counts[at.HEARD] = primed, primed
        if self.raises:
            ready = (primed - way.reach) * way.grid // way.step + 1
            counts[at.RAISED] = counts[at.HEARD] = max(0, ready)
        ratio, quarter = way.step / way.grid, self.window // 4
        mask = len(memory["weight"]) - 1
        while counts[at.START] + self.window <= counts[at.HEARD]:
            reached = math.floor(memory["levels"][at.REACHED] + quarter / ratio + 0.5)
            ahead = reached - int(counts[at.START]) - quarter
            shift = steady_shift(ahead, self.hop, ratio, sample_rate)
            place = np.arange(counts[at.WRITTEN], counts[at.WRITTEN] + self.window) & mask
            memory["weight"][place] += OVERLAP * shape
            memory["weight"][place[:shift]] = 0.0
            memory["levels"][at.REACHED] += shift / ratio
            counts[at.WRITTEN] += shift
            counts[at.LAST_SHIFT] = counts[at.SHIFT] = shift
            counts[at.START] += self.hop
            counts[at.SILENT] += 1
            counts[at.RISING] += 1
        counts[at.READ] = primed - self.delay
