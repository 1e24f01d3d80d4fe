"""The late part of a long reverberation: a feedback delay network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import Array, Box, BoxError, State
from engine.boxes.echo import filter_line
from engine.kernel import Audio, Kernel, kernel

CHUNK = 64
LINES = 8
LONGEST = 1 << 16
MOST_TAPS = 1024
SHORTEST = 8
SIXTY_DB_OF = 6.9  # natural logarithm of 1000


@kernel
def tail_process(audio: Audio, state: Any) -> None:
    """Replace the sound by its reverberation."""
    frames = audio.shape[1]
    done = 0
    while done < frames:
        count = min(frames - done, CHUNK, state.shortest)
        tail_chunk(audio[0, done : done + count], count, state)
        state.clock[0] += count
        done += count


@kernel
def tail_chunk(sound: Any, count: int, state: Any) -> None:
    """Up to ``shortest`` frames: read all lines, hear them, mix them, write them."""
    now, rows, given = state.clock[0], state.rows, state.given
    size = state.heard.shape[0]
    for i in range(count):
        state.heard[(now + i) & (size - 1)] = sound[i]
        given[i] = 0.0
    filter_line(state.heard, now, state.tone, given, count)
    for i in range(count):
        sound[i] = 0.0
    for k in range(LINES):
        row = rows[k]
        for i in range(count):
            row[i] = 0.0
        filter_line(state.lines[k], now - state.delays[k], state.absorb[k], row, count)
        for i in range(count):
            sound[i] += np.float32(row[i])
    mix_eight(rows, count)
    size = state.lines.shape[1]
    for k in range(LINES):
        line, row, sign = state.lines[k], rows[k], state.signs[k]
        for i in range(count):
            line[(now + i) & (size - 1)] = row[i] + sign * given[i]


@kernel
def mix_eight(rows: Any, count: int) -> None:
    """Hadamard's matrix of 8, scaled to keep the energy."""
    scale = 0.35355339059327373
    for step in (1, 2, 4):
        for k in range(LINES):
            if k & step == 0:
                a, b = rows[k], rows[k + step]
                for i in range(count):
                    p, q = a[i], b[i]
                    a[i], b[i] = p + q, p - q
    for k in range(LINES):
        for i in range(count):
            rows[k, i] *= scale


@dataclass(frozen=True, eq=False)
class Tail(Box):
    """Eight delay lines fed back through a Hadamard matrix; only reverberation comes out.

    ``delays`` (8,) are whole samples; ``absorb`` (8 * n,) one impulse response for each line,
    the losses of one way through it; ``tone`` (m,) is what the sound goes through before.
    Source: Jot, An analysis/synthesis approach to real-time artificial reverberation, ICASSP
    1992.
    """

    kind: ClassVar[str] = "tail"
    process: ClassVar[Kernel] = tail_process

    delays: Array
    absorb: Array
    tone: Array

    def __post_init__(self) -> None:
        self.need_array("delays", LINES, LINES)
        self.need_array("absorb", LINES * MOST_TAPS, LINES)
        self.need_array("tone", MOST_TAPS)
        if self.delays.min() < SHORTEST or self.delays.max() > LONGEST:
            raise BoxError(
                f"tail: delays of {self.delays.min():g} to {self.delays.max():g} samples; "
                f"they may be {SHORTEST} to {LONGEST}"
            )
        if len(self.absorb) % LINES:
            raise BoxError(f"tail: absorb has {len(self.absorb)} numbers, not 8 rows of them")
        if self.largest >= 1.0:
            raise BoxError(f"tail: a line with a gain of {self.largest:.4g}; it must be below 1")

    @property
    def filters(self) -> Array:
        """The losses of each line: (8, taps)."""
        return self.absorb.reshape(LINES, -1)

    @property
    def largest(self) -> float:
        """The largest gain of any line at any frequency."""
        spectra = np.fft.rfft(self.filters.astype(np.float64), 8 * MOST_TAPS, axis=1)
        return float(np.abs(spectra).max())

    def settle_frames(self, sample_rate: int) -> int:
        turns = 2.0 * SIXTY_DB_OF / -np.log(min(max(self.largest, 1e-3), 1.0 - 1e-5))
        return int(min(turns * float(self.delays.max()), 1 << 20))

    def state(self, sample_rate: int) -> State:
        size = 1 << (int(self.delays.max()) + MOST_TAPS + 2 * CHUNK).bit_length()
        return {
            "shortest": int(self.delays.min()),
            "delays": self.delays.astype(np.int64),
            "absorb": self.filters.astype(np.float64),
            "tone": self.tone.astype(np.float64),
            "signs": np.array([1.0, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0]) / np.sqrt(LINES),
            "lines": np.zeros((LINES, size)),
            "heard": np.zeros(1 << (MOST_TAPS + CHUNK).bit_length()),
            "rows": np.zeros((LINES, CHUNK)),
            "given": np.zeros(CHUNK),
            "clock": np.zeros(1, np.int64),
        }
