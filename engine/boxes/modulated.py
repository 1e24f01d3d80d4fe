"""Chorus, flanger and vibrato: a delay line whose length sways, with what goes round it.

One structure serves all three (Dattorro, Effect design part 2: delay-line modulation and chorus,
JAES 45(10), 1997): the line hears the sound and what is fed back of its output; the output is a
filtered share of the sound and a filtered share of the line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import Array, BoxError, State
from engine.boxes.lfo import FRAMES, Swept, four, sweep
from engine.kernel import Audio, Kernel, kernel

INTERPOLATIONS = ("linear", "cubic", "allpass")
NEAREST = (0.0, 1.0, 0.5)  # frames: the shortest delay each of them can read
LONGEST_MS = 2000.0
MOST_TAPS = 4096
MOST_LOOP_TAPS = 128


def one() -> Array:
    """A filter that changes nothing."""
    return np.ones(1, np.float32)


@kernel
def remember(past: Any, sound: Any, frames: int) -> None:
    """Move ``past`` on by ``frames`` of ``sound``, which become its last ones."""
    kept = past.shape[0] - frames
    for i in range(kept):
        past[i] = past[i + frames]
    for i in range(frames):
        past[kept + i] = sound[i]


@kernel
def filtered(taps: Any, past: Any, gain: float, out: Any, frames: int) -> None:
    """Add to ``out`` the last ``frames`` of ``past`` through ``taps``; tap by tap, as vectors."""
    first = past.shape[0] - frames
    for k in range(taps.shape[0]):
        tap = np.float32(gain * taps[k])
        x = past[first - k : first - k + frames]
        for i in range(frames):
            out[i] += tap * x[i]


@kernel
def read_line(line: Any, now: int, delay: float, way: int, last: Any) -> float:
    """The line's sound ``delay`` frames before frame ``now``; ``last`` is the allpass's."""
    mask = line.shape[0] - 1
    if way == 2:
        whole = int(delay - 0.5)
        part = delay - whole
        eta = (1.0 - part) / (1.0 + part)
        new, old = line[(now - whole) & mask], line[(now - whole - 1) & mask]
        last[0] = eta * (new - last[0]) + old
        return float(last[0])
    whole = int(delay)
    part = delay - whole
    new, old = float(line[(now - whole) & mask]), float(line[(now - whole - 1) & mask])
    if way == 0:
        return new + part * (old - new)
    newer, older = line[(now - whole + 1) & mask], line[(now - whole - 2) & mask]
    return float(four(float(newer), new, old, float(older), part))


@kernel
def modulated_process(audio: Audio, state: Any) -> None:
    """The line frame by frame, since it hears itself; the filters around it block by block."""
    frames = audio.shape[1]
    first = state.clock[0]
    sweep(state, frames)
    line, loop, made, came = state.line, state.loop, state.made, state.came
    mask, taps, size = line.shape[0] - 1, loop.shape[0], state.came.shape[0] - 1
    for i in range(frames):
        now = first + i
        x = float(audio[0, i])
        for k in range(taps):
            x += loop[k] * came[(now - 1 - k) & size]
        state.slow[0] += state.slowness * (x - state.slow[0])
        x -= state.slow[0]
        if state.drive > 0.0:
            x = math.tanh(state.drive * (x + state.bias)) / state.drive - state.rest
        line[now & mask] = x
        delay = state.centre + state.depth * state.swept[i]
        delay = min(max(delay, state.nearest), state.longest)
        y = read_line(line, now, delay, state.interpolation, state.allpass)
        came[now & size] = y
        made[i] = np.float32(y)
    remember(state.past_dry, audio[0], frames)
    remember(state.past_wet, made, frames)
    for i in range(frames):
        audio[0, i] = np.float32(0.0)
    filtered(state.dry_taps, state.past_dry, state.dry, audio[0], frames)
    filtered(state.wet_taps, state.past_wet, state.wet, audio[0], frames)


@dataclass(frozen=True, eq=False, kw_only=True)
class Modulated(Swept):
    """A line of ``centre_ms`` + ``depth_ms`` * value; see ``Swept`` for the value.

    Into it go the sound and ``feedback`` times ``loop_taps`` over its own output (the first tap
    for the sample before), less what is below ``highpass_hz`` (one pole, as of a coupling
    capacitor); then, where ``drive`` is above 0, tanh(drive (x + bias)) / drive without its rest.
    Out come ``dry`` * ``dry_taps`` over the sound and ``wet`` * ``wet_taps`` over the line, the
    first tap for the present sample. No delay is below ``nearest_ms``.
    """

    kind: ClassVar[str] = "modulated"
    process: ClassVar[Kernel] = modulated_process

    centre_ms: float = 7.0
    depth_ms: float = 2.5
    nearest_ms: float = 0.0
    interpolation: str = "cubic"
    feedback: float = 0.0
    highpass_hz: float = 0.0
    drive: float = 0.0
    bias: float = 0.0
    dry: float = 0.5
    wet: float = 0.5
    loop_taps: Array = field(default_factory=one)
    dry_taps: Array = field(default_factory=one)
    wet_taps: Array = field(default_factory=one)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise BoxError(f"{self.kind}: interpolation {self.interpolation!r} is none of {known}")
        self.need("centre_ms", 0.0, LONGEST_MS)
        self.need("depth_ms", -LONGEST_MS, LONGEST_MS)
        self.need("nearest_ms", 0.0, LONGEST_MS)
        self.need("drive", 0.0, 1000.0)
        self.need("highpass_hz", 0.0, 20000.0)
        for name in ("feedback", "bias", "dry", "wet"):
            self.need(name, -100.0, 100.0)
        self.need_array("loop_taps", MOST_LOOP_TAPS)
        self.need_array("dry_taps", MOST_TAPS)
        self.need_array("wet_taps", MOST_TAPS)
        if self.loop_gain >= 1.0:
            raise BoxError(f"{self.kind}: the loop's gain is {self.loop_gain:.3g}, must be under 1")

    @property
    def loop_gain(self) -> float:
        """The most any frequency gains on its way round."""
        return abs(self.feedback) * float(abs(np.fft.rfft(self.loop_taps, 1024)).max())

    @property
    def longest_ms(self) -> float:
        """The longest delay that can come."""
        low, high = self.reach
        ends = (self.centre_ms + self.depth_ms * low, self.centre_ms + self.depth_ms * high)
        return min(max(*ends, self.nearest_ms, 0.0), LONGEST_MS)

    def settle_frames(self, sample_rate: int) -> int:
        """Until what goes round has lost 100 dB."""
        once = self.longest_ms * sample_rate / 1000.0 + len(self.loop_taps)
        rounds = 1.0 + (math.log(1e-5) / math.log(self.loop_gain) if self.loop_gain > 0 else 0.0)
        return int(once * rounds) + max(len(self.dry_taps), len(self.wet_taps)) + 4

    def state(self, sample_rate: int) -> State:
        way, per_ms = INTERPOLATIONS.index(self.interpolation), sample_rate / 1000.0
        longest = max(self.longest_ms * per_ms, NEAREST[way])
        drive, bias = float(self.drive), float(self.bias)
        return {
            **{name: float(getattr(self, name)) for name in ("dry", "wet")},
            "centre": self.centre_ms * per_ms,
            "depth": self.depth_ms * per_ms,
            "nearest": min(max(self.nearest_ms * per_ms, NEAREST[way]), longest),
            "longest": longest,
            "interpolation": way,
            "slowness": 1.0 - math.exp(-2.0 * math.pi * self.highpass_hz / sample_rate),
            "slow": np.zeros(1),
            "drive": drive,
            "bias": bias,
            "rest": math.tanh(drive * bias) / drive if drive > 0 else 0.0,
            "loop": self.feedback * self.loop_taps.astype(np.float64),
            "dry_taps": self.dry_taps.astype(np.float32),
            "wet_taps": self.wet_taps.astype(np.float32),
            "line": np.zeros(1 << int(longest + 4).bit_length(), np.float32),
            "came": np.zeros(1 << (len(self.loop_taps) + 1).bit_length(), np.float64),
            "made": np.zeros(FRAMES, np.float32),
            "allpass": np.zeros(1),
            "past_dry": np.zeros(len(self.dry_taps) + FRAMES, np.float32),
            "past_wet": np.zeros(len(self.wet_taps) + FRAMES, np.float32),
            **self.sweep(sample_rate),
        }
