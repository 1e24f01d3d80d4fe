"""Echoes without end: a delay line with a filter of its own in the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import Array, Box, BoxError, State
from engine.kernel import Audio, Kernel, kernel

CHUNK = 64
LONGEST = 1 << 20
MOST_TAPS = 512
SETTLED = 1e-6
"""Echoes this much softer than the first are not counted."""


@kernel
def echo_process(audio: Audio, state: Any) -> None:
    """Echo the sound; the loop is never heard before it is written."""
    frames = audio.shape[1]
    done = 0
    while done < frames:
        count = min(frames - done, CHUNK, state.delay)
        echo_chunk(audio[0, done : done + count], count, state)
        state.clock[0] += count
        done += count


@kernel
def echo_chunk(sound: Any, count: int, state: Any) -> None:
    """Up to ``delay`` frames: direct sound, echo of what was, and the loop's memory."""
    size = state.dry_line.shape[0]
    now = state.clock[0]
    echo = state.echo_row
    for i in range(count):
        state.dry_line[(now + i) & (size - 1)] = sound[i]
        echo[i] = 0.0
    filter_line(state.dry_line, now - state.delay, state.echo_taps, echo, count)
    filter_line(state.wet_line, now - state.delay, state.loop_taps, echo, count)
    for i in range(count):
        state.wet_line[(now + i) & (size - 1)] = echo[i]
    filter_line(state.dry_line, now, state.dry_taps, echo, count)
    for i in range(count):
        sound[i] = echo[i]


@kernel
def filter_line(line: Any, first: int, taps: Any, out: Any, count: int) -> None:
    """Add the FIR of ``line`` from place ``first`` on to ``out`` (count,), float64."""
    mask = line.shape[0] - 1
    for k in range(taps.shape[0]):
        tap = taps[k]
        place = (first - k) & mask
        whole = min(count, line.shape[0] - place)
        x = line[place : place + whole]
        for i in range(whole):
            out[i] += tap * x[i]
        for i in range(count - whole):
            out[whole + i] += tap * line[i]


@dataclass(frozen=True, eq=False)
class Echo(Box):
    """A delay with feedback: ``y = dry * x + w``, ``w[t] = (echo * x)[t - D] + (loop * w)[t - D]``.

    ``dry``, ``echo`` and ``loop`` are short impulse responses, so a delay that lies between two
    samples, a tone control and a level are in them. ``delay_samples`` D is at least 1. The loop
    must lose energy at every frequency.
    """

    kind: ClassVar[str] = "echo"
    process: ClassVar[Kernel] = echo_process

    delay_samples: int
    dry: Array
    echo: Array
    loop: Array

    def __post_init__(self) -> None:
        self.need("delay_samples", 1, LONGEST)
        if int(self.delay_samples) != self.delay_samples:
            raise BoxError(f"echo: delay_samples = {self.delay_samples!r} is not whole")
        for name in ("dry", "echo", "loop"):
            self.need_array(name, MOST_TAPS)
        if self.largest >= 1.0:
            raise BoxError(f"echo: a loop with a gain of {self.largest:.4g}; it must be below 1")

    @property
    def largest(self) -> float:
        """The loop's gain at the frequency where it is largest."""
        return float(np.abs(np.fft.rfft(self.loop.astype(np.float64), 8 * MOST_TAPS)).max())

    def settle_frames(self, sample_rate: int) -> int:
        loops = np.log(SETTLED) / np.log(min(max(self.largest, 1e-3), 1.0 - 1e-6))
        once = int(self.delay_samples) + len(self.loop)
        return min(LONGEST, int((1.0 + loops) * once) + len(self.echo))

    def state(self, sample_rate: int) -> State:
        delay = int(self.delay_samples)
        size = 1 << (delay + MOST_TAPS + 2 * CHUNK).bit_length()
        return {
            "delay": delay,
            "dry_taps": self.dry.astype(np.float64),
            "echo_taps": self.echo.astype(np.float64),
            "loop_taps": self.loop.astype(np.float64),
            "dry_line": np.zeros(size, np.float32),
            "wet_line": np.zeros(size, np.float64),
            "echo_row": np.zeros(CHUNK),
            "clock": np.zeros(1, np.int64),
        }
