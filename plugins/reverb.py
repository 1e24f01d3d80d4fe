"""Rooms and halls."""

from typing import Any

import numpy as np

from engine.dsp.approx import exp2
from engine.dsp.lines import (
    line_frames,
    put,
    share,
    share_per,
    sine,
    take,
    take_still,
    turns,
)
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, along, final
from engine.plugin import Plugin, Setup, State, zeros

LINES = 16
SHORTEST_MS, LONGEST_MS = 34.0, 121.0  # lines of a hall, size 1: more than a mode a hertz
SMALLEST = 0.2  # of a hall: size 0
UNEVEN = (0.0, 0.31, -0.22, 0.12, -0.35, 0.27, -0.08, 0.36, -0.29, 0.05, 0.33, -0.17, 0.21, -0.38)
LEAST = 70  # frames: a whole chunk is read before it is written, wherever the heads sway
PRE_DELAY_MS = 250.0
SWAY_MS = 0.3
SWAYS_HZ = (0.31, 0.43, 0.59, 0.83)  # two lines each, a quarter turn apart
DIFFUSERS_MS = ((4.77, 3.60, 12.73, 9.31), (4.53, 3.89, 11.97, 9.87))
DIFFUSION = (0.75, 0.75, 0.62, 0.62)  # after Dattorro, Effect design 1, JAES 45(9), 1997
DAMPING_HZ = 4000.0
SIXTY_DB = 9.965784284662087  # log2(1000)
EARLY = 0.35
LOUDNESS = 0.84  # so that at mix 1 the default is as loud as its input (measured, pink noise)


def line_lengths(rate: int) -> Any:
    """Frames of each line at size 1: a geometric row, made uneven so that no echoes coincide."""
    at = np.arange(LINES) + np.array([*UNEVEN, 0.14, 0.0])
    ms = SHORTEST_MS * (LONGEST_MS / SHORTEST_MS) ** (at / (LINES - 1))
    order = np.argsort(np.arange(LINES) * 7 % LINES)  # neighbours in length are not neighbours
    return (ms[order] * rate / 1000.0).astype(np.float32)


class Reverb(Plugin):
    """A smooth reverb, from a small room to an endless hall.

    Sixteen delay lines fed back through a Hadamard matrix, every line with the losses that give
    all frequencies their decay: Jot and Chaigne, Digital delay networks for designing artificial
    reverberators, AES 90, 1991. Half of the lines sway, so that no mode stands and rings.
    """

    decay_s = Param(
        2.2, 0.2, 20.0, "s", taper="log", smooth_ms=50.0, help="Time until it is 60 dB down"
    )
    size = Param(0.5, 0.0, 1.0, smooth_ms=500.0, help="How far the walls are")
    damping = Param(0.5, 0.0, 1.0, help="How much faster the highs die away")
    low_cut_hz = Param(120.0, 20.0, 1000.0, "Hz", taper="log", help="Keep what is below out of it")
    pre_delay_ms = Param(
        15.0, 0.0, PRE_DELAY_MS, "ms", smooth_ms=150.0, help="Silence before it begins"
    )
    modulation = Param(0.35, 0.0, 1.0, help="How much it shimmers")
    mix = Param(0.25, 0.0, 1.0, help="0 is dry, 1 is only reverb")

    tail = 0.4

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        lengths = line_lengths(rate)
        diffusers = np.array(DIFFUSERS_MS) * rate / 1000.0
        sway = SWAY_MS * rate / 1000.0
        return {
            "rate": float(rate),
            "per_ms": rate / 1000.0,
            "damping": 1.0 - 2.0 ** (-share_per(rate) * DAMPING_HZ),
            "per_hz": share_per(rate),
            "sways": np.array([f / rate * 2.0**32 for f in SWAYS_HZ], np.float32),
            "lengths": lengths,
            "least": (LEAST + sway + 3.0 * np.arange(LINES)).astype(np.float32),
            "lines": zeros(
                LINES, line_frames(max(float(lengths.max()), LEAST + 48.0) + 2.0 * sway)
            ),
            "clock": zeros(1, dtype=np.int64),
            "phases": zeros(len(SWAYS_HZ), dtype=np.int64),
            "keys": np.full(6, np.inf, np.float32),
            "gains": zeros(2, 3, LINES),  # at a cell's ends: of all, of the lows too; frames
            "level": zeros(2),
            "under": zeros(LINES),
            "rows": zeros(LINES, CELL),
            "low_rows": zeros(4, CELL),
            "signs": np.tile(np.repeat(np.array([0.25, -0.25], np.float32), 4), LINES // 8),
            "waves": zeros(2 * len(SWAYS_HZ), CELL),
            "turn": zeros(CELL),
            "heads": zeros(CELL),
            "wholes": zeros(CELL, dtype=np.int32),
            "parts": zeros(CELL),
            "before": zeros(2, line_frames(PRE_DELAY_MS * rate / 1000.0)),
            "low": zeros(2),
            "input": zeros(2, CELL),
            "old": zeros(CELL),
            "wet": zeros(2, CELL),
            "diffusers": np.maximum(diffusers, LEAST).astype(np.int64),
            "diffusion": np.array(DIFFUSION, np.float32),
            "spread": zeros(2, len(DIFFUSION), line_frames(max(LEAST, float(diffusers.max())))),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        now = state.clock[0]
        set_gains(knobs, state)
        for c in range(2):
            enter(audio[c], c, now, frames, knobs, state)
            diffuse(c, now, frames, state)
        read_lines(now, frames, knobs, state)
        listen(frames, state)
        damp(frames, knobs.decay_s.at, state)
        mix_rows(frames, state.rows)
        write_lines(now, frames, state)
        level, rise = state.level[0], (state.level[1] - state.level[0]) * np.float32(1.0 / CELL)
        for c in range(2):
            x, wet = audio[c], state.wet[c]
            for i in range(frames):
                gain = level + rise * np.float32(knobs.mix.at + i + 1)
                x[i] += along(knobs.mix, i) * (gain * wet[i] - x[i])
        state.clock[0] = now + frames


@kernel
def set_gains(knobs: Any, state: Any) -> None:
    """Work out the losses of the lines at both ends of the cell, if a knob has moved."""
    decay, size, damping, keys = knobs.decay_s, knobs.size, knobs.damping, state.keys
    if (
        keys[0] == decay.start
        and keys[1] == decay.step
        and keys[2] == size.start
        and keys[3] == size.step
        and keys[4] == damping.start
        and keys[5] == damping.step
    ):
        return
    keys[0], keys[1] = decay.start, decay.step
    keys[2], keys[3] = size.start, size.step
    keys[4], keys[5] = damping.start, damping.step
    set_end(0, decay.start, size.start, damping.start, state)
    set_end(1, final(decay), final(size), final(damping), state)


@kernel
def set_end(end: int, decay: float, size: float, damping: float, state: Any) -> None:
    """The losses of each line for a decay, a size and a damping."""
    one, all_db = np.float32(1.0), np.float32(SIXTY_DB / state.rate)
    quick = one / (one - np.float32(0.94) * damping) - one
    rows = state.gains[end]
    power = np.float32(0.0)
    scale = np.float32(SMALLEST) + np.float32(1.0 - SMALLEST) * size
    for k in range(LINES):
        frames = max(scale * state.lengths[k], state.least[k])
        fade = exp2(-frames * all_db / decay)
        high = exp2(-frames * all_db / decay * quick)
        rows[0, k] = np.float32(0.25) * fade * high  # a quarter: Hadamard's matrix is lossless
        rows[1, k] = np.float32(0.25) * fade * (one - high)
        rows[2, k] = frames
        power += one - fade * fade
    # half way between as loud a tail and as loud a strike for every decay
    state.level[end] = np.float32(LOUDNESS) * np.sqrt(np.sqrt(power * np.float32(1.0 / LINES)))


@kernel
def enter(x: Any, c: int, now: int, frames: int, knobs: Any, state: Any) -> None:
    """The input, later and without its lows."""
    pre, low, line, y = knobs.pre_delay_ms, knobs.low_cut_hz, state.before[c], state.input[c]
    zero, one, unit = np.float32(0.0), np.float32(1.0), np.float32(state.per_ms)
    put(line, now, x, frames)
    if pre.step == zero:
        take_still(line, now, max(one, pre.start * unit), y, frames)
    else:
        for i in range(frames):
            state.heads[i] = max(one, along(pre, i) * unit)
        take(line, now, state.heads, y, frames, state.wholes, state.parts)
    b = share(low.start, state.per_hz)
    db = zero
    if low.step != zero:
        db = (share(final(low), state.per_hz) - b) * np.float32(1.0 / CELL)
    under = state.low[c]
    for i in range(frames):
        bi = b + db * np.float32(low.at + i + 1)
        under = (one - bi) * under + bi * y[i]
        y[i] -= under
    state.low[c] = under


@kernel
def diffuse(c: int, now: int, frames: int, state: Any) -> None:
    """Four all-passes smear every onset."""
    x = state.input[c]
    for k in range(state.diffusion.shape[0]):
        line, g = state.spread[c, k], state.diffusion[k]
        size = line.shape[0] - 3
        first = (now - state.diffusers[c, k]) & (size - 1)
        part = min(frames, size - first)
        late = line[first : first + part]
        if part < frames:
            for i in range(part):
                state.old[i] = late[i]
            for i in range(part, frames):
                state.old[i] = line[i - part]
            late = state.old[:frames]
        for i in range(frames):
            x[i] -= g * late[i]
        put(line, now, x, frames)
        for i in range(frames):
            x[i] = late[i] + g * x[i]


@kernel
def read_lines(now: int, frames: int, knobs: Any, state: Any) -> None:
    """Read all lines into ``rows``; every other one sways."""
    depth, size, cell = knobs.modulation, knobs.size, np.float32(1.0 / CELL)
    zero = np.float32(0.0)
    still = depth.step == zero and depth.start == zero
    reach = np.float32(SWAY_MS) * np.float32(state.per_ms)
    for k in range(state.sways.shape[0]):
        turn = state.turn
        state.phases[k] = turns(state.phases[k], state.sways[k], zero, 0, turn, frames)
        a, b = state.waves[2 * k], state.waves[2 * k + 1]
        for i in range(frames):
            grow = along(depth, i) * reach
            a[i], b[i] = grow * sine(turn[i]), grow * sine(turn[i] + np.float32(0.25))
    for k in range(LINES):
        begin = state.gains[0, 2, k]
        rise = (state.gains[1, 2, k] - begin) * cell
        swaying = k % 2 == 1 and not still
        if size.step == zero and not swaying:
            take_still(state.lines[k], now, begin, state.rows[k], frames)
        else:
            heads, wave = state.heads, state.waves[k // 2]
            for i in range(frames):
                heads[i] = begin + rise * np.float32(size.at + i + 1)
            if swaying:
                for i in range(frames):
                    heads[i] += wave[i]
            take(state.lines[k], now, heads, state.rows[k], frames, state.wholes, state.parts)


@kernel
def listen(frames: int, state: Any) -> None:
    """What the two ears hear: all lines with signs that have nothing in common."""
    early = np.float32(EARLY)
    for c in range(2):
        wet, x = state.wet[c], state.input[c]
        for i in range(frames):
            wet[i] = early * x[i]
        for k in range(0, LINES, 4):
            p, q, r, s = state.rows[k], state.rows[k + 1], state.rows[k + 2], state.rows[k + 3]
            if c == 0:
                for i in range(frames):
                    wet[i] += (p[i] - q[i]) + (r[i] - s[i])
            else:
                for i in range(frames):
                    wet[i] += (p[i] + q[i]) - (r[i] + s[i])


@kernel
def damp(frames: int, at: int, state: Any) -> None:
    """Every line's loss: so much of the row, and so much of its lows alone."""
    cell, share_of = np.float32(1.0 / CELL), np.float32(state.damping)
    keep = np.float32(1.0) - share_of
    low = state.low_rows
    for k in range(0, LINES, 4):
        p, q, r, s = state.rows[k], state.rows[k + 1], state.rows[k + 2], state.rows[k + 3]
        pl, ql, rl, sl = state.under[k], state.under[k + 1], state.under[k + 2], state.under[k + 3]
        a, b, c, d = low[0], low[1], low[2], low[3]
        for i in range(frames):  # four at once: a recursion mostly waits for itself
            pl = keep * pl + share_of * p[i]
            ql = keep * ql + share_of * q[i]
            rl = keep * rl + share_of * r[i]
            sl = keep * sl + share_of * s[i]
            a[i], b[i], c[i], d[i] = pl, ql, rl, sl
        state.under[k], state.under[k + 1], state.under[k + 2], state.under[k + 3] = pl, ql, rl, sl
        for j in range(4):
            row, under = state.rows[k + j], low[j]
            whole, deep = state.gains[0, 0, k + j], state.gains[0, 1, k + j]
            rise = (state.gains[1, 0, k + j] - whole) * cell
            sink = (state.gains[1, 1, k + j] - deep) * cell
            for i in range(frames):
                t = np.float32(at + i + 1)
                row[i] = (whole + rise * t) * row[i] + (deep + sink * t) * under[i]


@kernel
def mix_rows(frames: int, rows: Any) -> None:
    """Hadamard's matrix of 16: of 4 within fours of rows, then of 4 across them."""
    for k in range(0, LINES, 4):
        mix_four(frames, rows[k], rows[k + 1], rows[k + 2], rows[k + 3])
    for k in range(4):
        mix_four(frames, rows[k], rows[k + 4], rows[k + 8], rows[k + 12])


@kernel
def mix_four(frames: int, p: Any, q: Any, r: Any, s: Any) -> None:
    """Hadamard's matrix of 4, not scaled."""
    for i in range(frames):
        a, b, c, d = p[i] + q[i], p[i] - q[i], r[i] + s[i], r[i] - s[i]
        p[i], q[i], r[i], s[i] = a + c, b + d, a - c, b - d


@kernel
def write_lines(now: int, frames: int, state: Any) -> None:
    """Give the lines their mixed rows and the input: left to some, right to the others."""
    for k in range(LINES):
        row, x = state.rows[k], state.input[(k // 2) % 2]
        sign = state.signs[k]
        for i in range(frames):
            row[i] += sign * x[i]
        put(state.lines[k], now, row, frames)
