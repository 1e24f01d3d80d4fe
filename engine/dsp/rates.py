"""A network at its own sample rate inside a host at another, and oversampled: no drift, no jitter.

``to_model`` turns the host's frames into the model's, ``from_model`` turns what the model made of
them back into exactly as many frames as the host gave, a fixed whole number of frames later. With
oversampling by M the model's side is M rows: row m holds the frames m / M of a model frame late,
and M copies of the network, each at its own rate, hear a row each.

Both ways are windowed sinc filters (Kaiser's, after Oppenheim and Schafer, Discrete-Time Signal
Processing, 7.5) at exact rational times. Sixteen outputs in a row share one run of inputs, so a
table holds, for every input of the run, its weight in each of the sixteen: the loop over outputs
is the one a processor runs side by side, at 4 ns an output of 80 taps. A lone output costs as
much as sixteen. The order of each output's sum is in the table: no chunk edge can change it.

Neighbouring spectra may reach into what nobody hears: all is flat to 20 kHz (or 0.907 of the
lower Nyquist frequency), and what would fold to below that is 100 dB down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel

LANES = 16
"""Outputs made side by side; 8 are no faster, as LLVM then unrolls instead."""

AUDIBLE_HZ = 20_000.0
PASS = AUDIBLE_HZ / 22_050.0
"""Of the lower Nyquist frequency, where that is less than ``AUDIBLE_HZ``."""

STOP_DB = 100.8
"""Asked of Kaiser's formula; measured: 100.4 dB and more, and flat to 99.5 dB below the sound."""

LONGEST = 1280
"""Frames after which two rates must meet again (22 050 and 48 000 x 4 do): tables below 8 MB."""

NEAR = 640
"""The same for rates that do not. The network then runs at a rate that does, near its own: 0.08 %
off at worst, so its filters are. Pitch is as it was, as the way back is off by the same."""

CHUNK = 64
"""The most host frames at once."""

END, HISTORY, BLOCK, LANE, AT, WAIT, GROUP, PER, STEPS = range(9)
"""Words of a clock.

Where new frames go in the line, frames the line keeps, the block and lane of the next output and
where the block's run begins in the line. Then, only to the model: in PER-ths of a host frame,
when the next model frame is due and how far they lie apart. From STEPS on, for each block, how
much later the run after it begins. All stay small however long the sound is.
"""


@dataclass(frozen=True)
class Way:
    """A filter whose output number n lies at ``n * step / parts`` of its inputs."""

    parts: int
    step: int
    half: int = 0
    """Inputs it looks ahead, and back."""
    cutoff: float = 1.0
    beta: float = 0.0

    @property
    def blocks(self) -> int:
        return self.parts // math.gcd(self.parts, LANES)

    @property
    def span(self) -> int:
        """Inputs in the run that a block of outputs shares."""
        least = 2 * self.half + 2 + -(-(LANES - 1) * self.step // self.parts)
        return -(-least // 8) * 8

    def begin(self, block: int) -> int:
        """Number of the first input in a block's run."""
        return LANES * block * self.step // self.parts - self.half

    def table(self) -> npt.NDArray[np.float32]:
        """Weights (blocks, span * LANES): of the first input in each output, of the second..."""
        made = np.empty((self.blocks, self.span * LANES), np.float32)
        for block in range(self.blocks):
            inputs = self.begin(block) + np.arange(self.span)[:, None]
            outputs = LANES * block + np.arange(LANES)
            weights = self._weights((inputs * self.parts - outputs * self.step) / self.parts)
            made[block] = (weights / weights.sum(axis=0)).ravel()
        return made

    def _weights(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        if self.half == 0:
            return np.asarray(t == 0.0, np.float64)
        inside = np.maximum(0.0, 1.0 - (t / self.half) ** 2)
        window = np.where(np.abs(t) <= self.half, np.i0(self.beta * np.sqrt(inside)), 0.0)
        return np.asarray(np.sinc(self.cutoff * t) * window)

    def start(
        self, output: int, given: int, spare: int, most: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Clock and line before the first call.

        The next output is number ``output``, the next input number ``given``. Before a call the
        newest input that its first output needs is at most ``spare`` frames old; the call brings
        no more than ``most``.
        """
        block = output // LANES
        history = self.span + spare
        clock = np.zeros(STEPS + self.blocks, np.int64)
        clock[END] = clock[HISTORY] = history
        clock[BLOCK], clock[LANE] = block % self.blocks, output % LANES
        clock[AT] = history + self.begin(block) - given
        clock[STEPS:] = np.diff([self.begin(b) for b in range(self.blocks + 1)])
        assert clock[AT] >= 0
        # moved back once in about 1024 frames, and never onto itself
        return clock, np.zeros(2 * history + max(1024, 2 * most) + self.span, np.float32)


@dataclass(frozen=True)
class Plan:
    """What two rates come to: ``up`` inner frames last as long as ``down`` of the host's.

    An inner frame is one of the ``folds`` (oversampling) that make up a model frame.
    """

    up: int
    down: int
    folds: int
    to: Way
    back: Way

    @property
    def latency(self) -> int:
        """Host frames; the least that never leaves ``from_model`` short.

        Host frame k plays time k - latency. It looks ``back.half`` inner frames ahead, to the end
        of that model frame, which in turn looks ``to.half`` host frames ahead. The longest such
        look in the ``down * folds`` frames after which all repeats is the latency.
        """
        k = np.arange(self.down * self.folds, dtype=np.int64)
        ahead = (k * self.up // self.down + self.back.half) // self.folds * self.folds
        needs = (ahead + self.folds - 1) * self.down // self.up + self.to.half
        return int((needs - k).max())


def plan(host_rate: int, model_rate: int, oversampling: int = 1) -> Plan:
    """Choose ratio and filters; raises ValueError for rates that are none."""
    if host_rate < 1 or model_rate < 1 or oversampling not in (1, 2, 4):
        raise ValueError(
            f"{host_rate} Hz to {model_rate} Hz by {oversampling}: rates are 1 or more, "
            "oversampling is 1, 2 or 4"
        )
    up, down = ratio(host_rate, model_rate * oversampling)
    if up == down:
        return Plan(1, 1, oversampling, Way(1, 1), Way(1, 1))
    inner_rate = host_rate * up / down
    lower = min(float(host_rate), inner_rate)
    to = Way(up, down, *_filter(host_rate, lower))
    return Plan(up, down, oversampling, to, Way(down, up, *_filter(inner_rate, lower)))


def ratio(host_rate: int, inner_rate: int) -> tuple[int, int]:
    """Inner frames that last as long as so many host frames: exact, or near if that is far."""
    exact = Fraction(inner_rate, host_rate)
    if max(exact.numerator, exact.denominator) <= LONGEST:
        return exact.numerator, exact.denominator
    below = max(min(exact, 1 / exact).limit_denominator(NEAR), Fraction(1, NEAR))
    near = below if exact < 1 else 1 / below
    return near.numerator, near.denominator


def _filter(rate: float, lower: float) -> tuple[int, float, float]:
    """Half, cutoff and beta of a low-pass at ``rate`` for sounds of the ``lower`` rate."""
    transition = (lower - 2.0 * min(AUDIBLE_HZ, PASS * lower / 2.0)) / rate
    per_half = 2.0 * 2.285 * 2.0 * np.pi * transition
    # the formula is for narrow transitions: of wide ones it promises up to 7 dB too much
    half = math.ceil((STOP_DB - 7.95) / per_half + transition)
    stop_db = 7.95 + half * per_half  # with what the rounding up gives
    return half, lower / rate, 0.1102 * (stop_db - 8.7)


def latency(host_rate: int, model_rate: int, oversampling: int = 1) -> int:
    """Host frames from the input of ``to_model`` to the output of ``from_model``."""
    return plan(host_rate, model_rate, oversampling).latency


def most_frames(host_rate: int, model_rate: int, oversampling: int = 1, frames: int = CHUNK) -> int:
    """The most model frames that ``to_model`` makes at once of ``frames`` host frames."""
    p = plan(host_rate, model_rate, oversampling)
    return -(-frames * p.up // (p.down * p.folds))


def converter(
    host_rate: int, model_rate: int, oversampling: int = 1
) -> dict[str, npt.NDArray[Any]]:
    """State arrays of one channel for ``to_model`` and ``from_model``.

    ``to_table``, ``to_line`` and ``to_clock``, the same with ``from_``, and ``work`` for both.
    """
    return converter_of(plan(host_rate, model_rate, oversampling))


def converter_of(p: Plan) -> dict[str, npt.NDArray[Any]]:
    """The same by a plan of one's own, with other filters."""
    most = -(-CHUNK * p.up // (p.down * p.folds)) * p.folds
    group, ahead = p.folds * p.down, p.to.half * p.up  # in up-ths of a host frame
    # the first model frame to look at host frame 0 or a later one, the others being silence
    first = -((ahead + group - p.down) // group)
    spare = math.ceil((p.latency - p.to.half) * p.up / p.down) - p.back.half + 2
    to_clock, to_line = p.to.start(first * p.folds, 0, math.ceil(group / p.up) + 1, CHUNK)
    from_clock, from_line = p.back.start(-p.latency, first * p.folds, spare, most)
    to_clock[WAIT] = first * group + group - p.down + ahead
    to_clock[GROUP], to_clock[PER] = group, p.up
    return {
        "to_table": p.to.table(),
        "to_line": to_line,
        "to_clock": to_clock,
        "from_table": p.back.table(),
        "from_line": from_line,
        "from_clock": from_clock,
        "work": np.zeros(LANES + most, np.float32),
    }


@kernel
def to_model(x: Any, y: Any, table: Any, line: Any, clock: Any, work: Any) -> int:
    """Hear the host's 1 to 64 frames ``x``; return how many frames the model now has in ``y``.

    ``y`` is (oversampling, ``most_frames`` or more). There may be none, and up to ``most_frames``.
    """
    frames, folds = x.shape[0], y.shape[0]
    end = room(frames, table, line, clock)
    new = line[end : end + frames]
    for i in range(frames):
        new[i] = x[i]
    time = frames * clock[PER] - clock[WAIT]
    count = max(0, (time + clock[GROUP] - 1) // clock[GROUP])
    clock[WAIT] = count * clock[GROUP] - time
    inner = work[LANES:]
    run(inner, count * folds, table, line, clock, work)
    for m in range(folds):
        row = y[m]
        for i in range(count):
            row[i] = inner[i * folds + m]
    return count


@kernel
def from_model(y: Any, count: int, x: Any, table: Any, line: Any, clock: Any, work: Any) -> None:
    """Hear ``count`` frames of the model's rows ``y``, and fill the host's frames ``x``.

    ``x`` is as long as what ``to_model`` was given, and ``count`` what it returned.
    """
    folds = y.shape[0]
    end = room(count * folds, table, line, clock)
    new = line[end : end + count * folds]
    for m in range(folds):
        row = y[m]
        for i in range(count):
            new[i * folds + m] = row[i]
    run(x, x.shape[0], table, line, clock, work)


@kernel
def room(count: int, table: Any, line: Any, clock: Any) -> int:
    """Where ``count`` new frames belong in ``line``; what is still needed moves if it must."""
    end, history = clock[END], clock[HISTORY]
    if end + count + table.shape[1] // LANES > line.shape[0]:
        shift = end - history
        old = line[shift:end]
        for i in range(history):
            line[i] = old[i]
        clock[AT] -= shift
        end = history
    clock[END] = end + count
    return end


@kernel
def run(y: Any, count: int, table: Any, line: Any, clock: Any, sums: Any) -> None:
    """Make the next ``count`` outputs, in ``y``."""
    zero = np.float32(0.0)
    span = table.shape[1] // LANES
    block, lane, at = clock[BLOCK], clock[LANE], clock[AT]
    done = 0
    while done < count:
        weigh(table[block], line[at : at + span], sums)
        some = min(LANES - lane, count - done)
        out, made = y[done : done + some], sums[lane : lane + some]
        for i in range(some):
            out[i] = made[i] + zero  # never -0: weights of 0 meet frames not yet written
        done += some
        lane += some
        if lane == LANES:
            lane = 0
            at += clock[STEPS + block]
            block += 1
            if block == table.shape[0]:
                block = 0
    clock[BLOCK], clock[LANE], clock[AT] = block, lane, at


@kernel
def weigh(table: Any, x: Any, sums: Any) -> None:
    """The sixteen outputs of one run of inputs ``x``, eight inputs at a time."""
    zero = np.float32(0.0)
    for i in range(LANES):
        sums[i] = zero
    for k in range(0, x.shape[0], 8):
        v, w = x[k : k + 8], table[k * LANES : (k + 8) * LANES]
        a, b, c, d, e, f, g, h = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
        for i in range(LANES):
            left = (w[i] * a + w[i + 16] * b) + (w[i + 32] * c + w[i + 48] * d)
            right = (w[i + 64] * e + w[i + 80] * f) + (w[i + 96] * g + w[i + 112] * h)
            sums[i] += left + right
